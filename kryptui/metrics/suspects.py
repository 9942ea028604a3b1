"""Wrong labels: photos that are not the person they are filed under, and people with two identities.

Photos of an identity that are alike on average form a group; the largest is its core, and their mean its template.
A photo is suspect where its cosines, to its own template and to the nearest other one, are better explained by a
stranger than by the person; two identities are suspect of being one person where their templates are as alike as
those of the halves of one identity. What is likely comes from the data's own similarities within and between
identities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kryptui.metrics.contrast import Contrast, Floats
from kryptui.metrics.linkage import Ints
from kryptui.metrics.people import ONE_PICTURE, Cores, Photos, Vectors, blocks, unit

Kind = Literal["stranger", "unsure", "split"]
Suggestion = Literal["drop", "move", "merge", "keep"]

SURE: Final = 0.9
"""From this certainty on a suggestion may be followed unseen."""

_KNOWN = 0.5  # the share of strangers whose person has a folder of their own
_BLOCK = 512
_EDGES = 2


@dataclass(frozen=True)
class Suspect:
    """A finding about one photo (`stranger`, `unsure`), or about two identities (`split`).

    `row` is the photo, for a split the medoid of `identity`; `medoid` the row that stands for the identity, or one
    that `row` disagrees with where nobody does; `other` the identity that it fits instead, with its medoid. `own`
    and `near` are the cosines to the two templates. `log_odds` of being right sorts.
    """

    kind: Kind
    row: int
    identity: str
    medoid: int
    other: str | None
    other_medoid: int | None
    own: float | None
    near: float | None
    log_odds: float
    suggestion: Suggestion
    reason: str

    @property
    def certainty(self) -> float:
        """How likely the finding is right, from 0 to 1."""
        return float(1 / (1 + np.exp(-np.clip(self.log_odds, -50, 50))))

    @property
    def sure(self) -> bool:
        """Whether the suggestion may be followed unseen."""
        return self.certainty >= SURE and self.suggestion != "keep"


@dataclass(frozen=True)
class Suspects:
    """What was found, the surest first, and what it was judged by.

    `pairs` tells of two photos, `templates` of a photo and a template. `medoids` are rows by identity.
    """

    found: list[Suspect]
    pairs: Contrast
    templates: Contrast
    medoids: dict[str, int]
    photos: int


def find_suspects(
    embeddings: ArrayLike,
    identities: ArrayLike,
    is_fake: ArrayLike,
    *,
    include_fakes: bool = False,
    threshold: float | None = None,
    certainty: float = 0.5,
    progress: Callable[[int, int], None] | None = None,
) -> Suspects:
    """Suspects of at least `certainty`, from embeddings (N, D) of length one or NaN, identities and is_fake (N,).

    Fakes show another face than the person they are filed under, so they have no say unless `include_fakes`. A
    given `threshold` is the cosine at which two photos are as likely of one person as of two. The order of the
    rows changes nothing. Memory: a block of photos against all identities at a time. Raises NoContrast where the
    data are too few to learn from, or the embeddings do not tell people apart.
    """
    use = (
        np.ones(len(np.asarray(identities)), dtype=np.bool_) if include_fakes else ~np.asarray(is_fake, dtype=bool)
    )
    photos = Photos.gather(embeddings, identities, use)
    pairs = photos.pair_contrast(threshold)
    cores = Cores.find(photos, pairs)
    templates = pairs if threshold is not None else cores.template_contrast(pairs)
    people = pairs if threshold is not None else cores.people_contrast(templates)
    cores, unsure = _settle(_Search(cores, pairs, templates))
    search = _Search(cores, pairs, templates)
    found = [suspect for suspect in unsure if suspect.certainty >= certainty]
    found += search.tell_apart_no_more(_splits(search, people, certainty))
    found += search.tell_apart_no_more(_lone_splits(search, certainty))
    found += _strangers(search, certainty, progress)
    found.sort(key=lambda suspect: (-suspect.log_odds, suspect.identity, suspect.row))
    medoids = {photos.names[person]: search.row(person) for person in np.flatnonzero(cores.sizes).tolist()}
    return Suspects(found, pairs, templates, medoids, len(photos.rows))


@dataclass(frozen=True, eq=False)
class _Nearest:
    """For each of M vectors the identity whose template it fits best: its number, cosine and log ratio (M,).

    What speaks for one person speaks against all others: the log ratio is less by that of the next best person, if
    that one is a fit at all. `poor` (M,) tells where two people are equally good finds: dark, cut or blurred
    pictures fit one another, and so several people.
    """

    person: Ints
    cosine: Vectors
    log_ratio: Floats
    poor: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Search:
    """Compares photos and groups of them with the templates of all identities.

    `one_person` names for an identity those that are the same person: they are no evidence against each other.
    """

    cores: Cores
    pairs: Contrast
    templates: Contrast
    one_person: dict[int, set[int]] = field(default_factory=dict)

    @property
    def photos(self) -> Photos:
        return self.cores.photos

    def log_ratio(self, cosine: ArrayLike, sizes: ArrayLike) -> Floats:
        """Of cosines to templates of so many photos; a template of one photo is that photo."""
        return np.where(np.asarray(sizes) > 1, self.templates.log_ratio(cosine), self.pairs.log_ratio(cosine))

    def nearest(self, vectors: Vectors, people: Ints) -> _Nearest:
        """The best fit of vectors (M, D) of identities (M,) among the templates of other people."""
        cosine = vectors @ self.cores.templates.T
        ratio = self.log_ratio(cosine, self.cores.sizes)
        ratio[:, self.cores.sizes == 0] = -np.inf
        for row, person in enumerate(people.tolist()):
            ratio[row, [person, *self.one_person.get(person, ())]] = -np.inf
        rows = np.arange(len(vectors))
        best = np.argmax(ratio, axis=1)
        first = ratio[rows, best]
        for row, person in enumerate(best.tolist()):
            ratio[row, [person, *self.one_person.get(person, ())]] = -np.inf
        second = ratio.max(axis=1)
        stands_out = first - np.maximum(second, 0)
        poor = (second > self.many) & (stands_out <= self.many)
        return _Nearest(best, cosine[rows, best], stands_out, poor)

    def elsewhere(self, log_ratio: ArrayLike) -> Floats:
        """The log of how much better a stranger explains the best fit elsewhere than the identity's person does.

        A stranger is somebody unknown or one of the other identities; only one of these can be right, so a fit
        must outweigh their number.
        """
        sum_: Floats = np.logaddexp(np.log(1 - _KNOWN), self._known(log_ratio))
        return sum_

    def is_other(self, log_ratio: float) -> bool:
        """Whether a stranger is rather the person of the best fit than somebody unknown."""
        return bool(self._known(log_ratio) > np.log(1 - _KNOWN))

    def _known(self, log_ratio: ArrayLike) -> Floats:
        known: Floats = np.log(_KNOWN) + np.asarray(log_ratio) - self.many
        return known

    @property
    def many(self) -> float:
        """The log of the number of other identities."""
        return float(np.log(max(len(self.photos.names) - 1, 1)))

    def tell_apart_no_more(self, splits: Iterable[tuple[int, int, Suspect]]) -> Iterator[Suspect]:
        """The suspects, while each two identities become one person."""
        for one, other, split in splits:
            self.one_person.setdefault(one, set()).add(other)
            self.one_person.setdefault(other, set()).add(one)
            yield split

    def row(self, person: int) -> int:
        """The row of an identity's medoid; the identity has a core."""
        return int(self.photos.rows[self.cores.medoid(person)])

    def same_picture(self, place: int, person: int) -> bool:
        """Whether the picture itself is also among an identity's photos."""
        others = self.photos.vectors[self.photos.of(person)]
        return bool((others @ self.photos.vectors[place] >= ONE_PICTURE).any())


def _settle(search: _Search) -> tuple[Cores, list[Suspect]]:
    """The cores, with those of identities whose largest groups are of one size where other identities decide.

    The group that fits nobody else is the person; where that is no answer, all their photos are unsure.
    """
    photos, cores = search.photos, search.cores
    chosen = np.zeros(len(photos.rows), dtype=np.bool_)
    unsure: list[Suspect] = []
    for person in np.flatnonzero(cores.sizes == 0).tolist():
        own = photos.of(person)
        group, vectors = cores.group[own], photos.vectors[own]
        sums = np.zeros((group.max() + 1, vectors.shape[1]), dtype=np.float32)
        np.add.at(sums, group, vectors)
        nearest = search.nearest(unit(sums), np.full(len(sums), person))
        # Only a group that is as large as any can be the person's.
        largest = np.unique(group[cores.largest[own]])
        right = np.full(len(sums), -np.inf)
        right[largest] = -search.elsewhere(nearest.log_ratio[largest])
        share = np.exp(right - np.logaddexp.reduce(right))
        if share.max() >= SURE:
            chosen[own] = group == np.argmax(share)
            continue
        alike = float((vectors[group == 0] @ vectors[group == 1].T).mean())
        apart = _log_odds(search.pairs.wrong) - float(search.pairs.log_ratio(alike))
        for place, part in enumerate(group.tolist()):
            # Wrong where there are two people here and this is not the one.
            wrong = np.exp(-np.logaddexp(0, -apart)) * (1 - share[part])
            other = int(nearest.person[part]) if search.is_other(nearest.log_ratio[part]) else None
            unsure.append(
                Suspect(
                    kind="unsure",
                    row=int(photos.rows[own.start + place]),
                    identity=photos.names[person],
                    medoid=int(photos.rows[own.start + np.flatnonzero(group == int(part == 0))[0]]),
                    other=None if other is None else photos.names[other],
                    other_medoid=None if other is None else search.row(other),
                    own=alike,
                    near=float(nearest.cosine[part]),
                    log_odds=_log_odds(wrong),
                    suggestion="keep",
                    reason=f"the photos here are {alike:.2f} alike, as of two people; who is right is not known",
                )
            )
    return cores.with_core(chosen), unsure


def _splits(search: _Search, people: Contrast, certainty: float) -> list[tuple[int, int, Suspect]]:
    """Two identities, of two photos or more each, whose templates are as alike as those of one person's halves."""
    cores = search.cores
    several = np.flatnonzero(cores.sizes > 1)
    found = []
    for places in blocks(several, _BLOCK):
        cosine = cores.templates[places] @ cores.templates[several].T
        ratio = people.log_ratio(cosine)
        alike = (ratio - search.many >= _log_odds(certainty)) & (places[:, None] < several[None])
        for first, second in zip(*np.nonzero(alike), strict=True):
            one, other = int(places[first]), int(several[second])
            split = _split(search, one, other, float(ratio[first, second]), float(cosine[first, second]))
            found.append((one, other, split))
    return found


def _lone_splits(search: _Search, certainty: float) -> list[tuple[int, int, Suspect]]:
    """Identities with one photo to go by that fit another identity, and no third."""
    cores = search.cores
    people = np.flatnonzero(cores.sizes == 1)
    fits: dict[int, tuple[int, float, float]] = {}
    for places in blocks(people, _BLOCK):
        nearest = search.nearest(cores.templates[places], places)
        values = zip(nearest.person.tolist(), nearest.log_ratio.tolist(), nearest.cosine.tolist(), strict=True)
        fits.update(zip(places.tolist(), values, strict=True))
    found = []
    for one, (other, log_ratio, cosine) in fits.items():
        if other in fits:
            # Two lone photos: each must be the nearest of the other, and they are told once.
            if fits[other][0] != one or other < one:
                continue
            log_ratio = min(log_ratio, fits[other][1])
        split = _split(search, one, other, log_ratio, cosine)
        found += [(one, other, split)] if split.certainty >= certainty else []
    return found


def _split(search: _Search, one: int, other: int, log_ratio: float, cosine: float) -> Suspect:
    cores, names = search.cores, search.photos.names
    if cores.sizes[one] > cores.sizes[other]:
        one, other = other, one  # the smaller joins the larger
    vectors = search.photos.vectors
    between = vectors[cores.members(one)] @ vectors[cores.members(other)].T
    # A picture that is in both folders ties them by itself: it does not count.
    edges = int(((between >= search.pairs.threshold) & (between < ONE_PICTURE)).sum())
    several = edges >= _EDGES
    return Suspect(
        kind="split",
        row=search.row(one),
        identity=names[one],
        medoid=search.row(one),
        other=names[other],
        other_medoid=search.row(other),
        own=None,
        near=cosine,
        log_odds=log_ratio - search.many,
        suggestion="merge" if several else "keep",
        reason=f"{cosine:.2f} alike to {names[other]}, {edges} of {between.size} pairs of photos agree"
        + ("" if several else ": too few to go by"),
    )


def _strangers(
    search: _Search, certainty: float, progress: Callable[[int, int], None] | None
) -> Iterator[Suspect]:
    """Photos whose own template explains them worse than a stranger would."""
    photos, cores = search.photos, search.cores
    compared = np.flatnonzero(cores.others > 0)
    prior = _log_odds(search.templates.wrong)
    done = 0
    for places in blocks(compared, _BLOCK):
        sizes = cores.others[places]
        own = cores.own[places]
        fit = search.log_ratio(own, sizes)
        # Under another label of the same person a photo is at home as well.
        for k, person in enumerate(photos.people[places].tolist()):
            for twin in search.one_person.get(person, ()):
                cosine = photos.vectors[places[k]] @ cores.templates[twin]
                fit[k] = max(fit[k], search.log_ratio(cosine, cores.sizes[twin]))
        nearest = search.nearest(photos.vectors[places], photos.people[places])
        odds = prior - fit + search.elsewhere(nearest.log_ratio)
        for k in np.flatnonzero(odds >= _log_odds(certainty)).tolist():
            yield _stranger(search, int(places[k]), float(odds[k]), float(own[k]), int(sizes[k]), k, nearest)
        done += len(places)
        if progress is not None:
            progress(done, len(compared))


def _stranger(
    search: _Search, place: int, log_odds: float, own: float, size: int, k: int, nearest: _Nearest
) -> Suspect:
    photos = search.photos
    person, other = int(photos.people[place]), int(nearest.person[k])
    usual = search.templates.genuine if size > 1 else search.pairs.genuine
    reason = f"{own:.2f} alike to the {size} that agree, where {usual:.2f} is usual"
    moves = search.is_other(float(nearest.log_ratio[k]))
    suggestion: Suggestion = "drop"
    if nearest.poor[k]:
        suggestion = "keep"
        reason += "; it fits several people, as poor pictures do"
    elif moves:
        suggestion = "move"
        reason += f"; {nearest.cosine[k]:.2f} alike to {photos.names[other]}"
        if search.same_picture(place, other):
            suggestion = "drop"
            reason += ", where the same picture is already"
    return Suspect(
        kind="stranger",
        row=int(photos.rows[place]),
        identity=photos.names[person],
        medoid=search.row(person),
        other=photos.names[other] if moves else None,
        other_medoid=search.row(other) if moves else None,
        own=own,
        near=float(nearest.cosine[k]),
        log_odds=log_odds,
        suggestion=suggestion,
        reason=reason,
    )


def _log_odds(share: float) -> float:
    with np.errstate(divide="ignore"):
        return float(np.log(share) - np.log1p(-share))
