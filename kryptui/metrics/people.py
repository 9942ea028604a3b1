"""Photos of people by identity: who agrees with whom, and each identity's template and medoid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kryptui.metrics.contrast import BINS, Contrast, Floats, NoContrast, count
from kryptui.metrics.linkage import Ints, linked

Vectors = NDArray[np.float32]

ONE_PICTURE: Final = 0.999
"""The cosine from which two embeddings are of the same picture, whatever file it is in."""

_ANCHORS = 2048
_ENOUGH = 20
_SORTED_BY = 8
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class Photos:
    """The photos that have a say, sorted by identity: `vectors` (N, D) of length one, `people` (N,) of 0 to P - 1.

    `rows` (N,) are their places among all that were given; `names` the P identities. Within an identity the
    embeddings decide the order, so that the order in which photos are given changes nothing.
    """

    vectors: Vectors
    people: Ints
    rows: Ints
    names: list[str]

    @classmethod
    def gather(cls, embeddings: ArrayLike, identities: ArrayLike, use: ArrayLike) -> Photos:
        """The rows of embeddings (N, D) where `use` is true and that are numbers; others have no say."""
        given = np.asarray(embeddings, dtype=np.float32)
        rows = np.flatnonzero(np.asarray(use) & np.isfinite(given).all(axis=1))
        names, people = np.unique(np.asarray(identities, dtype=str)[rows], return_inverse=True)
        vectors = given[rows]
        order = np.lexsort([*vectors.T[:_SORTED_BY][::-1], people])
        return cls(vectors[order], people[order], rows[order], names.tolist())

    @cached_property
    def starts(self) -> Ints:
        """Where each identity begins, and the end: (P + 1,)."""
        starts: Ints = np.searchsorted(self.people, np.arange(len(self.names) + 1))
        return starts

    def of(self, person: int) -> slice:
        """The places of one identity."""
        return slice(int(self.starts[person]), int(self.starts[person + 1]))

    def alike(self, person: int) -> Vectors:
        """The similarities of one identity's photos among each other."""
        own = self.vectors[self.of(person)]
        return own @ own.T

    def pair_contrast(self, threshold: float | None = None) -> Contrast:
        """What two photos of one label and of two tell, with their own threshold or a given one.

        Each photo counts as much as any other, however many share its identity. Raises NoContrast.
        """
        within, pairs = np.zeros(BINS), 0
        for person in range(len(self.names)):
            alike = self.alike(person)
            size = len(alike)
            if size > 1:
                within += count(alike[np.triu_indices(size, 1)]) / (size - 1)
                pairs += size * (size - 1) // 2
        between = _between(self.vectors, self.people, self.vectors, self.people)
        if threshold is not None:
            return Contrast.given(within, between, threshold)
        if pairs < _ENOUGH:
            raise NoContrast(f"only {pairs} pairs of photos have one identity, and {_ENOUGH} are needed")
        return Contrast.fit(within, between)


@dataclass(frozen=True, eq=False)
class Cores:
    """The groups of alike photos within each identity, and the one that stands for it.

    `group` (N,) numbers the groups of an identity and `largest` (N,) tells whose is as large as any there; `core`
    (N,) are those that stand for their identity: nobody where two groups are equally large. `sums` (P, D) add up
    the core's vectors, `sizes` (P,) count them.
    """

    photos: Photos
    group: Ints
    largest: NDArray[np.bool_]
    core: NDArray[np.bool_]
    sums: Vectors
    sizes: Ints

    @classmethod
    def find(cls, photos: Photos, contrast: Contrast) -> Cores:
        """Groups by average linkage at the contrast's threshold; the same picture counts once for its group."""
        group = np.zeros(len(photos.vectors), dtype=np.int64)
        largest, core = np.zeros((2, len(photos.vectors)), dtype=np.bool_)
        for person in range(len(photos.names)):
            own = photos.of(person)
            alike = photos.alike(person)
            found = linked(alike, contrast.threshold)
            repeats = np.triu(alike >= ONE_PICTURE, 1).any(axis=0)
            sizes = np.bincount(found[~repeats], minlength=found.max() + 1)
            as_large = sizes == sizes.max()
            group[own] = found
            largest[own] = as_large[found]
            core[own] = as_large[found] & (as_large.sum() == 1)
        return cls._of(photos, group, largest, core)

    @classmethod
    def _of(cls, photos: Photos, group: Ints, largest: NDArray[np.bool_], core: NDArray[np.bool_]) -> Cores:
        sums = np.zeros((len(photos.names), photos.vectors.shape[1]), dtype=np.float32)
        np.add.at(sums, photos.people[core], photos.vectors[core])
        sizes = np.bincount(photos.people[core], minlength=len(photos.names))
        return cls(photos, group, largest, core, sums, sizes)

    def with_core(self, chosen: NDArray[np.bool_]) -> Cores:
        """The same with further photos that stand for their identity."""
        return self._of(self.photos, self.group, self.largest, self.core | chosen)

    @cached_property
    def templates(self) -> Vectors:
        """The direction of each core, (P, D) of length one; zeros where an identity has none."""
        return unit(self.sums)

    @cached_property
    def others(self) -> Ints:
        """How many photos of its core each photo can be compared with, itself left out: (N,)."""
        others: Ints = self.sizes[self.photos.people] - self.core
        return others

    @cached_property
    def own(self) -> Vectors:
        """The cosine of each photo to the rest of its core, (N,); NaN where there is no rest.

        Photos beside the core that agree with each other are told by their mean: they stand or fall together.
        """
        photos = self.photos
        _, part = np.unique(photos.people * (self.group.max() + 1) + self.group, return_inverse=True)
        sums = np.zeros((part.max() + 1, photos.vectors.shape[1]), dtype=np.float32)
        np.add.at(sums, part, photos.vectors)
        vectors = np.where(self.core[:, None], photos.vectors, unit(sums)[part])
        rest = self.sums[photos.people] - np.where(self.core[:, None], photos.vectors, 0)
        values: Vectors = np.einsum("nd,nd->n", unit(rest), vectors)
        values[self.others == 0] = np.nan
        return values

    def members(self, person: int) -> Ints:
        """The places of the photos in an identity's core."""
        own = self.photos.of(person)
        places: Ints = own.start + np.flatnonzero(self.core[own])
        return places

    def medoid(self, person: int) -> int:
        """The place of the photo that is nearest to its core's template; the identity has a core."""
        members = self.members(person)
        return int(members[np.argmax(self.photos.vectors[members] @ self.templates[person])])

    def template_contrast(self, pairs: Contrast) -> Contrast:
        """What a photo's cosine to a template of two photos and more tells; `pairs` where they are too few."""
        several = self.others > 1
        if several.sum() < _ENOUGH:
            return pairs
        whole = np.flatnonzero(self.sizes > 0)
        between = _between(self.photos.vectors, self.photos.people, self.templates[whole], whole)
        try:
            return Contrast.fit(count(self.own[several]), between)
        except NoContrast:
            return pairs

    def people_contrast(self, templates: Contrast) -> Contrast:
        """What the cosine of two templates tells, from cores cut in halves; `templates` where they are too few."""
        vectors, whole = self.photos.vectors, np.flatnonzero(self.sizes > 1)
        halves = []
        for person in np.flatnonzero(self.sizes >= 4).tolist():
            members = self.members(person)
            first, second = unit(np.stack([vectors[members[start::2]].sum(axis=0) for start in (0, 1)]))
            halves.append(float(first @ second))
        if len(halves) < _ENOUGH:
            return templates
        several = self.templates[whole]
        try:
            return Contrast.fit(count(halves), _between(several, whole, several, whole))
        except NoContrast:
            return templates


def unit(vectors: Vectors) -> Vectors:
    """Rows (N, D) brought to length one; zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-6)
    return scaled


def blocks(places: Ints, size: int) -> Iterator[Ints]:
    """The places in parts of at most `size`."""
    for start in range(0, len(places), size):
        yield places[start : start + size]


def _between(vectors: Vectors, people: Ints, others: Vectors, their_people: Ints) -> Floats:
    """Counts (BINS,) of the similarities of vectors, or some of them evenly spread, to those of other people."""
    counts = np.zeros(BINS)
    chosen = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), _ANCHORS)).astype(np.int64))
    for places in blocks(chosen, _BLOCK):
        values = vectors[places] @ others.T
        counts += count(values[people[places][:, None] != their_people[None]])
    return counts
