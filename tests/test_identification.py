"""The identification rate against a slow loop, its threshold, its interval, and its memory."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kryptui.metrics import identification
from kryptui.metrics.identification import Faces, faces, identification_rate


def drawn(people: int, photos: int, seed: int, *, first: int = 0, spread: float = 1.0, size: int = 16) -> Faces:
    rng = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(people), photos)
    centres = rng.normal(size=(people, size))
    return faces(centres[numbers] + spread * rng.normal(size=(len(numbers), size)), numbers + first)


def by_loop(query: Faces, distractors: Faces | None, fpr: float) -> tuple[float, int, int]:
    """TPR with the lowest threshold whose share of accepted negatives is at most `fpr`."""
    genuine, negatives = [], []
    for i in range(len(query.people)):
        for j in range(i + 1, len(query.people)):
            group = genuine if query.people[i] == query.people[j] else negatives
            group.append(float(query.embeddings[i] @ query.embeddings[j]))
        for one in range(0 if distractors is None else len(distractors.people)):
            negatives.append(float(query.embeddings[i] @ distractors.embeddings[one]))
    best = math.nan
    for threshold in sorted(negatives):
        if sum(score > threshold for score in negatives) / len(negatives) <= fpr:
            # Fewer accepts than the resolution are no measurement.
            best = sum(score > threshold for score in genuine) / len(genuine) if genuine else math.nan
            break
    return (math.nan if fpr < 1 / len(negatives) else best), len(genuine), len(negatives)


@given(
    people=st.integers(2, 6),
    photos=st.integers(1, 4),
    others=st.integers(0, 5),
    fpr=st.floats(0.005, 0.95),
    block=st.sampled_from([1, 7, 1 << 22]),
    seed=st.integers(0, 999),
)
def test_it_is_what_a_loop_over_all_pairs_finds(people, photos, others, fpr, block, seed):
    query = drawn(people, photos, seed)
    distractors = drawn(others, 2, seed + 1, first=people) if others else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identification, "BLOCK", block)
        found = identification_rate(query, distractors, fpr=fpr, resamples=2)
    rate, genuine, negatives = by_loop(query, distractors, fpr)
    assert (found.genuine, found.negatives) == (genuine, negatives)
    assert found.rate == pytest.approx(rate, nan_ok=True)


def test_a_sample_is_never_compared_with_itself():
    alone = faces(np.eye(3), [0, 1, 2])
    found = identification_rate(alone, fpr=0.5, resamples=2)
    assert (found.genuine, found.negatives) == (0, 3)
    assert math.isnan(found.rate)


def test_fewer_negatives_than_the_rate_needs_give_no_number():
    query = drawn(4, 3, 0)
    negatives = 4 * 3 // 2 * 9
    few, enough = (identification_rate(query, fpr=fpr, resamples=9) for fpr in (0.99 / negatives, 1 / negatives))
    assert math.isnan(few.rate)
    assert math.isnan(few.low)
    assert few.resolution == 1 / negatives
    assert 0 <= enough.low <= enough.rate <= enough.high <= 1


def test_the_threshold_is_just_above_what_it_rejects():
    query = faces([[1, 0], [1, 0.1], [0, 1], [0.5, 1]], [0, 0, 1, 1])
    scores = sorted(
        (float(query.embeddings[i] @ query.embeddings[j]) for i in (0, 1) for j in (2, 3)), reverse=True
    )
    found = identification_rate(query, fpr=0.25, resamples=2)
    assert found.threshold == pytest.approx(scores[1], abs=1e-6)
    assert found.threshold > scores[1]


def test_all_as_one_find_nobody():
    query = faces(np.ones((12, 4)), np.repeat(np.arange(4), 3))
    assert identification_rate(query, fpr=0.1, resamples=2).rate == 0


@pytest.mark.parametrize("fpr", [0.0, 1.0, -1, math.nan])
def test_a_rate_that_is_none_is_refused(fpr):
    with pytest.raises(ValueError, match="between 0 and 1"):
        identification_rate(drawn(3, 2, 0), fpr=fpr)


@pytest.mark.parametrize("bad", [[[1.0, math.nan]], [[0.0, 0.0]]])
def test_an_embedding_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="not finite, or of length zero"):
        faces(bad, [0])


def weighted_by_loop(query, distractors, weight, fpr):
    genuine, negatives = [], []
    for i, mine in enumerate(query.people):
        for j in range(i + 1, len(query.people)):
            score, theirs = float(query.embeddings[i] @ query.embeddings[j]), query.people[j]
            (genuine if mine == theirs else negatives).append(
                (score, weight[mine] if mine == theirs else weight[mine] * weight[theirs])
            )
        for j, theirs in enumerate(distractors.people):
            score = float(query.embeddings[i] @ distractors.embeddings[j])
            negatives.append((score, weight[mine] if mine == theirs else weight[mine] * weight[theirs]))
    limit, accepted = fpr * sum(each for _, each in negatives), 0
    for rejected, each in sorted(negatives, reverse=True):  # noqa: B007 - the last one is meant
        accepted += each
        if accepted > limit:
            break
    above = sum(each for score, each in genuine if score > rejected)
    return above / sum(each for _, each in genuine)


def test_a_pair_weighs_the_product_of_its_two_people_in_the_interval(monkeypatch):
    query, distractors = drawn(6, 3, 3), drawn(5, 2, 4, first=5)  # one person is in both
    resamples = identification._weights(query, distractors, 200, np.random.default_rng([8, 1]))
    assert (resamples[:, :6].sum(axis=1) == 6).all()
    assert (resamples[:, 6:].sum(axis=1) == 4).all()
    rates = [weighted_by_loop(query, distractors, weight, 0.1) for weight in resamples]
    found = identification_rate(query, distractors, fpr=0.1, resamples=200, seed=8)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(rates, [2.5, 97.5])))


def test_thinned_negatives_give_the_same_threshold_and_nearly_the_interval(monkeypatch):
    query = drawn(60, 5, 0)
    whole = identification_rate(query, fpr=0.1, resamples=300)
    monkeypatch.setattr(identification, "_MOST_KEPT", 8000)
    thinned = identification_rate(query, fpr=0.1, resamples=300)
    assert thinned[:1] + thinned[3:] == whole[:1] + whole[3:]
    assert (thinned.low, thinned.high) == pytest.approx((whole.low, whole.high), abs=0.02)


def test_memory_does_not_grow_with_the_pairs(monkeypatch):
    monkeypatch.setattr(identification, "BLOCK", 1 << 16)
    query, distractors = drawn(500, 2, 0), drawn(3000, 1, 1, first=500)
    tracemalloc.start()
    found = identification_rate(query, distractors, fpr=1e-3, resamples=5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.negatives == 1000 * 999 // 2 - 500 + 3_000_000
    assert peak < 2 * found.negatives  # the similarities alone would take four bytes each
