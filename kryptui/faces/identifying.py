"""What stored embeddings of known people are worth: identification rate, searches of a gallery, neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kryptui.data.embeddings import Embeddings
from kryptui.errors import InputError
from kryptui.metrics.identification import Faces, IdentificationRate, faces, identification_rate
from kryptui.metrics.search import OpenSet, cmc, fnir_at_fpir, knn_accuracy, search

Fakes = Literal["drop", "distractors"]

RANKS = (1, 5, 10)
NEIGHBOURS = (1, 5)

_MADE_BY = ("weights_sha256", "contract")


@dataclass(frozen=True)
class Identified:
    """All measures, how many samples they rest on, and what a person should know of them.

    `cmc` and `knn` by rank and by number of neighbours, NaN or left out where the samples are too few.
    """

    fpr: float
    fpir: float
    samples: int
    people: int
    distractors: int
    rate: IdentificationRate
    cmc: dict[int, float]
    open_set: OpenSet
    knn: dict[int, float]
    notices: Sequence[str]


def identify(
    query: Embeddings,
    distractors: Embeddings | None = None,
    *,
    fpr: float = 1e-3,
    fpir: float = 1e-2,
    fakes: Fakes = "drop",
    resamples: int = 1000,
) -> Identified:
    """Measures embeddings of people against each other and against distractors, who are none of them.

    Pictures without an embedding are left out. Fakes are nobody's: they are left out, or count as distractors.
    Raises InputError for embeddings without identities, of other models, or rates that are not between 0 and 1.
    """
    for name, value in (("--fpr", fpr), ("--fpir", fpir)):
        if not 0 < value < 1:
            raise InputError(f"{name}: {value} does not lie between 0 and 1")
    if query.identities is None:
        raise InputError("the query names no people; embed a contest tree, class folders or a manifest")
    if distractors is not None:
        _check_alike(query, distractors)
    notices: list[str] = []
    people = np.unique(np.array(query.identities, dtype=str), return_inverse=True)[1].astype(np.int64)
    asked, fake = _whole(query, "query", notices), _fakes(query)
    strangers = (
        [] if distractors is None else [_distractors(distractors, int(people.max(initial=-1)) + 1, notices)]
    )
    if (asked & fake).any():
        told = "left out" if fakes == "drop" else "taken as distractors"
        notices.append(f"query: {int((asked & fake).sum())} of {len(fake)} are fakes, {told}")
        if fakes == "distractors":
            strangers.append((query.embeddings[asked & fake], people[asked & fake]))
    own = faces(query.embeddings[asked & ~fake], people[asked & ~fake])
    if len(own.people) < 2:
        raise InputError(
            f"the query has {len(own.people)} pictures with an embedding; two people with two each are needed"
        )
    others = None
    if strangers:
        vectors, numbers = (np.concatenate(parts) for parts in zip(*strangers, strict=True))
        others = faces(vectors, numbers) if len(vectors) else None
    return _measure(own, others, fpr, fpir, resamples, notices)


def _measure(
    own: Faces, others: Faces | None, fpr: float, fpir: float, resamples: int, notices: list[str]
) -> Identified:
    rate = identification_rate(own, others, fpr=fpr, resamples=resamples)
    found = search(own, others)
    shares = cmc(found, max(RANKS))
    open_set = fnir_at_fpir(found, fpir)
    if not rate.genuine:
        notices.append("nobody in the query has two pictures, so nobody can be found")
    elif np.isnan(rate.rate):
        notices.append(f"{rate.negatives} negatives show no FPR below {rate.resolution:.1e}; give a higher --fpr")
    if open_set.mated and np.isnan(open_set.fnir):
        notices.append(
            f"{open_set.nonmated} searches without a mate show no FPIR below {1 / max(open_set.nonmated, 1):.1e}; "
            "give a higher --fpir"
        )
    count = len(own.people)
    return Identified(
        fpr,
        fpir,
        count,
        len(np.unique(own.people)),
        0 if others is None else len(others.people),
        rate,
        {rank: float(shares[rank - 1]) for rank in RANKS},
        open_set,
        {k: knn_accuracy(own, k) for k in NEIGHBOURS if k < count},
        notices,
    )


def _check_alike(query: Embeddings, distractors: Embeddings) -> None:
    """Raises InputError where the two cannot have come from one model."""
    sizes = query.embeddings.shape[1], distractors.embeddings.shape[1]
    differing = [name for name in _MADE_BY if query.facts.get(name) != distractors.facts.get(name)]
    if sizes[0] != sizes[1] or differing:
        reason = f"sizes {sizes[0]} and {sizes[1]}" if sizes[0] != sizes[1] else f"{differing[0]} differs"
        raise InputError(f"query and distractors were embedded by two models ({reason}); embed both by one")


def _whole(found: Embeddings, what: str, notices: list[str]) -> NDArray[np.bool_]:
    whole: NDArray[np.bool_] = np.isfinite(found.embeddings).all(axis=1)
    if lost := int((~whole).sum()):
        notices.append(f"{what}: {lost} of {len(whole)} without an embedding, left out")
    return whole


def _fakes(found: Embeddings) -> NDArray[np.bool_]:
    flags = found.is_fake if found.is_fake is not None else [False] * len(found)
    return np.array([bool(flag) for flag in flags], dtype=bool)


def _distractors(
    found: Embeddings, first: int, notices: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Their embeddings and people, numbered from `first` on; without identities each is somebody else."""
    names = found.identities if found.identities is not None else list(found.paths)
    people = np.unique(np.array(names, dtype=str), return_inverse=True)[1].astype(np.int64) + first
    whole = _whole(found, "distractors", notices)
    return found.embeddings[whole], people[whole]
