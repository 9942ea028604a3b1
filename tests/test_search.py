"""Searches of a gallery against loops: ranks, open sets, neighbours; nobody is found for itself."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_identification import drawn

from kryptui.metrics import identification
from kryptui.metrics.identification import Faces, faces
from kryptui.metrics.search import cmc, fnir_at_fpir, knn_accuracy, search


def best_of(query: Faces, probe: np.ndarray, leave_out: int | None = None) -> dict[int, float]:
    """The most similar sample of each person."""
    best: dict[int, float] = {}
    for row, person in enumerate(query.people.tolist()):
        if row != leave_out:
            best[person] = max(best.get(person, -math.inf), float(probe @ query.embeddings[row]))
    return best


def ranks_by_loop(query: Faces, distractors: Faces | None) -> list[int]:
    ranks = []
    for row, person in enumerate(query.people.tolist()):
        best = best_of(query, query.embeddings[row], row)
        if person in best:
            own = best.pop(person)
            strangers = {} if distractors is None else best_of(distractors, query.embeddings[row])
            ranks.append(1 + sum(score >= own for score in [*best.values(), *strangers.values()]))
    return ranks


BLOCKS = st.sampled_from([1, 5, 1 << 22])


@given(people=st.integers(1, 6), photos=st.integers(1, 4), others=st.integers(0, 4), block=BLOCKS,
       seed=st.integers(0, 999))  # fmt: skip
def test_the_cmc_is_that_of_a_loop(people, photos, others, block, seed):
    query = drawn(people, photos, seed)
    distractors = drawn(others, 2, seed + 1) if others else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identification, "BLOCK", block)
        found = cmc(search(query, distractors), 5)
    ranks = ranks_by_loop(query, distractors)
    wanted = [np.mean([rank <= k for rank in ranks]) if ranks else math.nan for k in range(1, 6)]
    np.testing.assert_allclose(found, wanted)


@given(people=st.integers(2, 6), photos=st.integers(1, 4), others=st.integers(0, 9),
       fpir=st.floats(0.02, 0.9), rank=st.integers(1, 3), seed=st.integers(0, 999))  # fmt: skip
def test_the_fnir_is_that_of_a_loop(people, photos, others, fpir, rank, seed):
    query = drawn(people, photos, seed)
    distractors = drawn(others, 1, seed + 1) if others else None
    found = fnir_at_fpir(search(query, distractors), fpir, rank)
    mated, nonmated = [], []
    for row, person in enumerate(query.people.tolist()):
        best = best_of(query, query.embeddings[row], row)
        own = best.pop(person, None)
        if distractors is None:
            nonmated.append(max(best.values()))
        if own is not None:
            mated.append((1 + sum(score >= own for score in best.values()), own))
    if distractors is not None:
        nonmated = [max(best_of(query, probe).values()) for probe in distractors.embeddings]
    assert (found.mated, found.nonmated) == (len(mated), len(nonmated))
    if not mated or fpir < 1 / len(nonmated):
        assert math.isnan(found.fnir)
        return
    rejected = min(t for t in nonmated if np.mean([score > t for score in nonmated]) <= fpir)
    missed = [not (place <= rank and own > rejected + 1e-7) for place, own in mated]
    assert found.fnir == pytest.approx(np.mean(missed))


@given(people=st.integers(2, 5), photos=st.integers(1, 4), k=st.integers(1, 4), block=BLOCKS,
       seed=st.integers(0, 999))  # fmt: skip
def test_the_vote_of_neighbours_is_that_of_a_loop(people, photos, k, block, seed):
    query = drawn(people, photos, seed, spread=2)
    count = len(query.people)
    k = min(k, count - 1)
    right = []
    for row, person in enumerate(query.people.tolist()):
        others = [(float(query.embeddings[row] @ query.embeddings[j]), int(query.people[j]))
                  for j in range(count) if j != row]  # fmt: skip
        nearest = sorted(others, reverse=True)[:k]
        votes = Counter(whose for _, whose in nearest)
        near = {whose: sum(score for score, other in nearest if other == whose) for whose in votes}
        winner = max(votes, key=lambda whose: (votes[whose], near[whose]))
        if photos > 1:
            right.append(winner == person)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identification, "BLOCK", block)
        assert knn_accuracy(query, k) == pytest.approx(np.mean(right) if right else math.nan, nan_ok=True)


def test_a_sample_is_not_its_own_neighbour_but_its_copy_is():
    # Each stands beside a copy of itself under another name: whoever finds itself would be right.
    copied = faces([[1, 0], [0, 1], [1, 0], [0, 1]], [0, 0, 1, 1])
    assert knn_accuracy(copied, 1) == 0
    assert cmc(search(copied), 1)[0] == 0


def test_all_as_one_are_never_found_first():
    same = faces(np.ones((6, 3)), [0, 0, 1, 1, 2, 2])
    assert cmc(search(same), 3).tolist() == [0, 0, 1]
    assert fnir_at_fpir(search(same), 0.5).fnir == 1


def test_people_with_one_photo_are_searched_for_by_nobody_and_yet_found():
    query = faces([[1, 0], [0.8, 0.6], [0.9, 0.4359]], [0, 0, 7])
    assert search(query).rank.tolist() == [2, 2, 0]
    assert knn_accuracy(query, 1) == 0


@pytest.mark.parametrize("k", [0, 3])
def test_more_neighbours_than_there_are_others_are_refused(k):
    with pytest.raises(ValueError, match="between 1 and 2"):
        knn_accuracy(drawn(3, 1, 0), k)
