"""The identification rate of embeddings: the TPR at the threshold that a chosen FPR sets, with an interval.

Similarities are cosines in float32. They are swept in blocks, twice: first counted, then only those that matter
are kept, so that memory does not grow with the number of pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Similarities = NDArray[np.float32]
People = NDArray[np.int64]

BLOCK = 1 << 22
"""Similarities that are held at once."""

_BINS = 1 << 16
_LEAST_KEPT, _MOST_KEPT = 1 << 15, 1 << 18  # negatives that the bootstrap sees
_REACH = 8  # times as many as are accepted: a resample's threshold may lie that much lower
_LEVEL = 95


class Faces(NamedTuple):
    """Embeddings of length one, float32 (N, D), and whose they are: (N,), numbers from 0 on."""

    embeddings: Similarities
    people: People


class IdentificationRate(NamedTuple):
    """The TPR at a threshold; NaN where the pairs are too few to show such an FPR, or none are genuine.

    `low` and `high` bound it in 95 of 100 samples of people. A pair is accepted from the threshold on.
    """

    rate: float
    low: float
    high: float
    threshold: float
    genuine: int
    negatives: int

    @property
    def resolution(self) -> float:
        """The smallest FPR that so many negatives can show."""
        return 1 / self.negatives if self.negatives else math.nan


def faces(embeddings: ArrayLike, people: ArrayLike) -> Faces:
    """Embeddings scaled to length one; raises ValueError for shapes that do not fit, NaN, or a length of zero."""
    vectors = np.asarray(embeddings, dtype=np.float32)
    numbers = np.asarray(people, dtype=np.int64)
    if vectors.ndim != 2 or numbers.shape != (len(vectors),):
        raise ValueError(f"embeddings {vectors.shape} and people {numbers.shape} do not fit together")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ValueError("an embedding is not finite, or of length zero")
    return Faces(vectors / lengths, numbers)


def identification_rate(
    query: Faces, distractors: Faces | None = None, *, fpr: float, resamples: int = 1000, seed: int = 0
) -> IdentificationRate:
    """The share of the query's genuine pairs above the similarity that `fpr` of the negatives exceed (seed 3).

    Genuine are two samples of one person, negatives two of two people, and each sample with each distractor; no
    sample is compared with itself. The interval is a percentile bootstrap over people, those of the query and
    other distractors apart: a pair of two people weighs the product of their weights, a pair of one person its
    weight. Raises ValueError for an FPR that is not between 0 and 1.
    """
    if not 0 < fpr < 1:
        raise ValueError(f"fpr is {fpr}; it must lie between 0 and 1")
    genuine, negatives = _pair_counts(query, distractors, np.ones(_people(query, distractors), dtype=np.int64))
    allowed = allowed_accepts(fpr, negatives)
    if not allowed or not genuine:
        return IdentificationRate(math.nan, math.nan, math.nan, math.nan, genuine, negatives)
    rejected, kept = _highest(query, distractors, allowed, negatives, np.random.default_rng([seed, 0]))
    weights = _weights(query, distractors, resamples, np.random.default_rng([seed, 1]))
    totals = np.array([_pair_counts(query, distractors, weight) for weight in weights]).reshape(-1, 2)
    limits = [kept.threshold(weight, fpr * total) for weight, total in zip(weights, totals[:, 1], strict=True)]
    above = _genuine_above(query, np.array([rejected, *limits], dtype=np.float32))
    rate = float(above[:, 0].sum() / genuine)
    with np.errstate(invalid="ignore"):
        found = np.einsum("rp,pr->r", weights[:, : len(above)], above[:, 1:]) / totals[:, 0]
    found = found[np.isfinite(found)]
    tail = (100 - _LEVEL) / 2
    low, high = np.percentile(found, [tail, 100 - tail]) if len(found) else (math.nan, math.nan)
    threshold = float(np.nextafter(rejected, np.float32(np.inf)))
    return IdentificationRate(rate, float(low), float(high), threshold, genuine, negatives)


def allowed_accepts(rate: float, total: int) -> int:
    """The most accepts whose share of `total`, as a float, is at most `rate`."""
    if not total:
        return 0
    allowed = math.floor(rate * total)
    allowed += (allowed + 1) / total <= rate  # the product may be rounded to the wrong side of an integer
    return allowed - (allowed / total > rate)


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows, so that a block of similarities to that many columns is held at once."""
    step = max(1, BLOCK // max(columns, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


class _Kept(NamedTuple):
    """The highest negatives in falling order, with their people; each stands for `each` of them."""

    scores: Similarities
    first: People
    second: People
    each: float

    def threshold(self, weight: People, limit: float) -> float:
        """The highest score that must be rejected, so that the weight of the accepted is at most `limit`."""
        one = weight[self.first]
        weights = np.where(self.first == self.second, one, one * weight[self.second])
        place = int(np.searchsorted(np.cumsum(weights) * self.each, limit, side="right"))
        return float(self.scores[min(place, len(self.scores) - 1)])


def _people(query: Faces, distractors: Faces | None) -> int:
    groups = [query.people] if distractors is None else [query.people, distractors.people]
    return 1 + max((int(group.max()) for group in groups if len(group)), default=-1)


def _weights(query: Faces, distractors: Faces | None, resamples: int, rng: np.random.Generator) -> People:
    """How often each person is drawn, in each resample: (R, P)."""
    weights = np.zeros((resamples, _people(query, distractors)), dtype=np.int64)
    asked = np.unique(query.people)
    others = np.empty(0, dtype=np.int64) if distractors is None else np.setdiff1d(distractors.people, asked)
    for group in (asked, others):
        if len(group):
            weights[:, group] = rng.multinomial(len(group), np.full(len(group), 1 / len(group)), resamples)
    return weights


def _pair_counts(query: Faces, distractors: Faces | None, weight: People) -> tuple[int, int]:
    """Genuine and negative pairs, each counted by its weight."""
    images = np.bincount(query.people, minlength=len(weight))
    genuine = int((weight * (images * (images - 1) // 2)).sum())
    each = weight * images
    negatives = (int(each.sum()) ** 2 - int((each**2).sum())) // 2
    if distractors is not None:
        others = np.bincount(distractors.people, minlength=len(weight))
        negatives += int(each.sum()) * int((weight * others).sum())
        negatives += int(((weight - weight**2) * images * others).sum())  # a fake, say, of a person of the query
    return genuine, negatives


def _negatives(query: Faces, distractors: Faces | None) -> Iterator[tuple[Similarities, People, People]]:
    """Negative pairs in blocks: their similarities, and the two rows of people that they stand between."""
    for rows in row_blocks(len(query.people), len(query.people)):
        similar = query.embeddings[rows] @ query.embeddings[rows.start :].T
        mine, theirs = query.people[rows], query.people[rows.start :]
        # A pair of two different people stands once: the upper triangle alone.
        row, column = np.nonzero(np.triu(mine[:, None] != theirs, 1))
        yield similar[row, column], mine[row], theirs[column]
    if distractors is None:
        return
    for rows in row_blocks(len(query.people), len(distractors.people)):
        similar = query.embeddings[rows] @ distractors.embeddings.T
        mine, theirs = np.broadcast_arrays(query.people[rows, None], distractors.people)
        yield similar.ravel(), mine.reshape(-1), theirs.reshape(-1)


def _keys(scores: Similarities) -> NDArray[np.int32]:
    """Integers in the order of the floats."""
    bits = scores.view(np.int32)
    keys: NDArray[np.int32] = bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
    return keys


def _highest(
    query: Faces, distractors: Faces | None, allowed: int, total: int, rng: np.random.Generator
) -> tuple[float, _Kept]:
    """The highest negative beyond the `allowed`, exactly, and as many of the highest as a bootstrap needs.

    The upper 16 bits of a float tell in one sweep where it lies; the lower ones, in a second, which it is.
    """
    upper = np.zeros(_BINS, dtype=np.int64)
    for scores, _, _ in _negatives(query, distractors):
        upper += np.bincount((_keys(scores) >> 16) + (_BINS >> 1), minlength=_BINS)
    from_top = np.cumsum(upper[::-1])
    place = int(np.searchsorted(from_top, allowed, side="right"))
    floor = int(np.searchsorted(from_top, min(total, max(_REACH * allowed, _LEAST_KEPT))))
    share = min(1.0, _MOST_KEPT / int(from_top[floor]))

    lower = np.zeros(_BINS, dtype=np.int64)
    parts = []
    for scores, mine, theirs in _negatives(query, distractors):
        keys = _keys(scores)
        bins = (_BINS >> 1) - 1 - (keys >> 16)  # from the top
        lower += np.bincount(keys[bins == place] & (_BINS - 1), minlength=_BINS)
        chosen = np.flatnonzero(bins <= floor)
        if share < 1:
            chosen = chosen[rng.random(len(chosen)) < share]
        parts.append((scores[chosen], mine[chosen], theirs[chosen]))
    rank = allowed - (int(from_top[place - 1]) if place else 0)
    low = _BINS - 1 - int(np.searchsorted(np.cumsum(lower[::-1]), rank, side="right"))
    key = np.array([((_BINS >> 1) - 1 - place) << 16 | low], dtype=np.int32)
    rejected = float((key ^ ((key >> 31) & np.int32(0x7FFFFFFF))).view(np.float32)[0])

    scores, mine, theirs = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(-scores, kind="stable")
    return rejected, _Kept(scores[order], mine[order], theirs[order], 1 / share)


def _genuine_above(query: Faces, limits: Similarities) -> NDArray[np.int64]:
    """How many genuine pairs of each person lie above each limit: (people, limits)."""
    order = np.argsort(query.people, kind="stable")
    people, starts = np.unique(query.people[order], return_index=True)
    above = np.zeros((1 + int(query.people.max()), len(limits)), dtype=np.int64)
    for person, rows in zip(people, np.split(order, starts[1:]), strict=True):
        own = query.embeddings[rows]
        for block in row_blocks(len(own), len(own)):
            similar = own[block] @ own[block.start :].T
            scores = np.sort(similar[np.triu(np.ones(similar.shape, dtype=bool), 1)])
            above[person] += len(scores) - np.searchsorted(scores, limits, side="right")
    return above
