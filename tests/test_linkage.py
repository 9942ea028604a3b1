"""Average linkage against scipy's, and what it must keep apart."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kryptui.metrics.linkage import linked


def slow(similarities, threshold):
    """Average linkage by its definition: the most alike groups first, as long as they are alike enough."""
    groups = [[place] for place in range(len(similarities))]
    while len(groups) > 1:
        means = {
            (one, other): similarities[np.ix_(groups[one], groups[other])].mean()
            for one in range(len(groups))
            for other in range(one + 1, len(groups))
        }
        (one, other), best = max(means.items(), key=lambda item: item[1])
        if best < threshold:
            break
        groups[one] += groups.pop(other)
    return {frozenset(group) for group in groups}


def symmetric(seed, size):
    values = np.random.default_rng(seed).uniform(-1, 1, (size, size))
    return (values + values.T) / 2


@given(st.integers(0, 10_000), st.integers(1, 14), st.floats(-0.5, 0.8))
def test_the_groups_are_those_of_the_definition(seed, size, threshold):
    similarities = symmetric(seed, size)
    found = linked(similarities, threshold)
    groups = {frozenset(np.flatnonzero(found == number).tolist()) for number in set(found.tolist())}
    assert groups == slow(similarities, threshold)


@given(st.integers(0, 10_000), st.integers(1, 14))
def test_groups_are_numbered_by_size(seed, size):
    sizes = np.bincount(linked(symmetric(seed, size), 0.2))
    assert sizes.min() >= 1
    assert (np.diff(sizes) <= 0).all()


def test_one_chance_likeness_does_not_join_two_people():
    similarities = np.full((6, 6), 0.0)
    similarities[:3, :3] = similarities[3:, 3:] = 0.8
    similarities[2, 3] = similarities[3, 2] = 0.7
    assert linked(similarities, 0.3).tolist() == [0, 0, 0, 1, 1, 1]


def test_the_same_picture_many_times_is_one_group():
    assert linked(np.ones((5, 5)), 0.3).tolist() == [0] * 5
