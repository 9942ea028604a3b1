"""Searching a gallery for a person: closed set (CMC), open set (FNIR at FPIR), and by a vote of neighbours.

Every sample of the query searches all others; a sample is never found for itself. Where others are as similar as
the right person, they are found first: a model that makes all faces one finds nobody.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kryptui.metrics.identification import Faces, Floats, People, Similarities, allowed_accepts, row_blocks


class Searches(NamedTuple):
    """What N searches of the query among its own people found, and D searches of distractors among these.

    `own` (N,): the similarity of the most similar other sample of the person, -inf where there is none. `rank`
    (N,): 1 if no other person is as similar, 0 where there is no other sample; `rank_with_distractors` (N,) the
    same in a gallery that holds them too. `other` (N,): the most similar somebody else of the query; `strange`
    (D,): the most similar person of the query to a distractor, or None.
    """

    own: Similarities
    rank: NDArray[np.int64]
    rank_with_distractors: NDArray[np.int64]
    other: Similarities
    strange: Similarities | None


class OpenSet(NamedTuple):
    """FNIR at a threshold: mated searches that fail; NaN where searches are too few to show such an FPIR."""

    fnir: float
    threshold: float
    mated: int
    nonmated: int


def search(query: Faces, distractors: Faces | None = None) -> Searches:
    """All searches, in blocks; a person is as similar as its most similar sample."""
    count = len(query.people)
    own, other = np.full((2, count), -np.inf, dtype=np.float32)
    rank, ahead = np.zeros((2, count), dtype=np.int64)
    gallery = _Gallery(query)
    for rows in row_blocks(count, count):
        at = np.arange(rows.stop - rows.start)
        best = gallery.best(query.embeddings[rows], without=np.arange(rows.start, rows.stop))
        person = gallery.person_of[rows]
        own[rows] = best[at, person]
        best[at, person] = -np.inf
        other[rows] = best.max(axis=1)
        rank[rows] = 1 + (best >= own[rows, None]).sum(axis=1)
    strange = None
    if distractors is not None and len(distractors.people):
        strangers = _Gallery(distractors)
        for rows in row_blocks(count, len(distractors.people)):
            ahead[rows] = (strangers.best(query.embeddings[rows]) >= own[rows, None]).sum(axis=1)
        strange = np.concatenate([
            gallery.best(distractors.embeddings[rows]).max(axis=1)
            for rows in row_blocks(len(distractors.people), count)
        ])  # fmt: skip
    has_own = np.isfinite(own)
    return Searches(own, rank * has_own, (rank + ahead) * has_own, other, strange)


def cmc(found: Searches, ranks: int) -> Floats:
    """The share of searches that find their person at rank 1 to `ranks`: (ranks,), NaN without any such search.

    Those without another sample of their person are left out; distractors, if there are any, are in the gallery.
    """
    rank = found.rank_with_distractors[found.rank_with_distractors > 0]
    if not len(rank):
        return np.full(ranks, np.nan)
    hits = np.bincount(np.minimum(rank, ranks + 1), minlength=ranks + 2)[1 : ranks + 1]
    shares: Floats = np.cumsum(hits) / len(rank)
    return shares


def fnir_at_fpir(found: Searches, fpir: float, rank: int = 1) -> OpenSet:
    """Mated searches whose person is not found at `rank` or better and above the threshold, which `fpir` sets.

    Searches without a mate are those of the distractors, or without any each sample's search for its person when
    nothing of it is enrolled. Raises ValueError for an FPIR that is not between 0 and 1.
    """
    if not 0 < fpir < 1:
        raise ValueError(f"fpir is {fpir}; it must lie between 0 and 1")
    mated = found.rank > 0
    nonmated = found.other if found.strange is None else found.strange
    nonmated = np.sort(nonmated[np.isfinite(nonmated)])[::-1]
    allowed = allowed_accepts(fpir, len(nonmated))
    if not allowed or not mated.any():
        return OpenSet(math.nan, math.nan, int(mated.sum()), len(nonmated))
    rejected = nonmated[allowed]
    hits = (found.rank[mated] <= rank) & (found.own[mated] > rejected)
    threshold = float(np.nextafter(rejected, np.float32(np.inf)))
    return OpenSet(1 - float(hits.mean()), threshold, int(mated.sum()), len(nonmated))


def knn_accuracy(query: Faces, k: int) -> float:
    """The share of samples whose `k` nearest others vote for their person; a tie goes to the nearer on average.

    Samples without another of their person are not counted, but vote. NaN where none is left. Raises ValueError
    where there are not k others.
    """
    count = len(query.people)
    if not 0 < k < count:
        raise ValueError(f"k is {k}; it must lie between 1 and {count - 1}, the others of {count} samples")
    sizes = np.bincount(query.people)
    counted = sizes[query.people] > 1
    right = np.zeros(count, dtype=bool)
    for rows in row_blocks(count, count):
        similar = query.embeddings[rows] @ query.embeddings.T
        similar[np.arange(len(similar)), np.arange(rows.start, rows.stop)] = -np.inf
        nearest = np.argpartition(-similar, k - 1, axis=1)[:, :k]
        voters = query.people[nearest]
        alike = voters[:, :, None] == voters[:, None, :]
        closeness = (alike * np.take_along_axis(similar, nearest, axis=1)[:, None, :]).sum(axis=2)
        winner = np.argmax(alike.sum(axis=2) + closeness / (2 * k + 1), axis=1)  # closeness is at most k
        right[rows] = voters[np.arange(len(voters)), winner] == query.people[rows]
    return float(right[counted].mean()) if counted.any() else math.nan


class _Gallery:
    """Samples ordered by person, so that the best of each is found by one reduction."""

    def __init__(self, faces: Faces) -> None:
        order = np.argsort(faces.people, kind="stable")
        self._embeddings = faces.embeddings[order]
        self._place_of = np.argsort(order)
        people, self._starts = np.unique(faces.people[order], return_index=True)
        self.person_of: People = np.searchsorted(people, faces.people).astype(np.int64)

    def best(self, embeddings: Similarities, without: NDArray[np.int64] | None = None) -> Similarities:
        """The most similar sample of each person: (rows, people); row i never sees sample `without[i]`."""
        similar = embeddings @ self._embeddings.T
        if without is not None:
            similar[np.arange(len(similar)), self._place_of[without]] = -np.inf
        best: Similarities = np.maximum.reduceat(similar, self._starts, axis=1)
        return best
