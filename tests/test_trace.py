"""A trace keeps a growing curve in bounded memory and loses no extreme."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kryptui.draw.trace import Trace
from kryptui.runs.compare import smooth

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400)


def filled(values: list[float], capacity: int, part: int = 7) -> Trace:
    trace = Trace(capacity)
    y = np.array(values)
    for start in range(0, len(y), part):
        trace.extend(np.arange(start, min(start + part, len(y)), dtype=float), y[start : start + part])
    return trace


@given(VALUES, st.integers(1, 50))
def test_it_is_exact_until_it_is_full(values: list[float], part: int) -> None:
    trace = filled(values, 512, part)
    assert trace.is_exact
    x, y = trace.outline()
    assert x.tolist() == list(range(len(values)))
    assert y.tolist() == values


@given(VALUES, st.integers(4, 40), st.integers(1, 90))
def test_it_holds_every_extreme_in_its_capacity(values: list[float], capacity: int, part: int) -> None:
    trace = filled(values, capacity, part)
    assert len(trace) <= capacity
    _, y = trace.outline()
    assert (y.min(), y.max()) == (min(values), max(values))
    assert trace.last == values[-1]
    assert trace.x[-1] == len(values) - 1


@given(VALUES, st.integers(4, 40))
def test_buckets_hold_the_mean_of_their_points(values: list[float], capacity: int) -> None:
    trace = filled(values, capacity)
    ends = [-1, *trace.x.astype(int)]
    for place, (first, last) in enumerate(pairwise(ends)):
        part = values[first + 1 : last + 1]
        assert trace.mean[place] == pytest.approx(np.mean(part), rel=1e-9, abs=1e-6)


@given(VALUES, st.sampled_from([0.0, 0.3, 0.9, 0.99]))
def test_smoothing_is_that_of_comparisons(values: list[float], weight: float) -> None:
    trace = filled(values, 512)
    np.testing.assert_allclose(trace.smoothed(weight), smooth(np.array(values), weight), rtol=1e-9, atol=1e-6)


def test_merged_buckets_are_smoothed_nearly_as_their_points_are() -> None:
    y = np.exp(-np.arange(4000) / 700) + 0.02 * np.sin(np.arange(4000))
    trace = filled(y.tolist(), 512, part=100)
    exact = smooth(y, 0.98)[trace.x.astype(int)]
    assert not trace.is_exact
    np.testing.assert_allclose(trace.smoothed(0.98)[5:], exact[5:], atol=0.01)


def test_what_is_not_finite_is_left_out() -> None:
    trace = Trace(8)
    trace.extend(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, np.nan, np.inf, 2.0]))
    assert trace.x.tolist() == [0, 3]


@pytest.mark.parametrize(("x", "at"), [(-5, 0), (0.4, 0), (0.6, 1), (2.5, 2), (99, 3)])
def test_the_nearest_point_is_found(x: float, at: int) -> None:
    trace = filled([5.0, 6.0, 7.0, 8.0], 8)
    assert trace.near(x) == (at, 5.0 + at, 5.0 + at, 5.0 + at)


def test_an_empty_trace_has_nothing() -> None:
    trace = filled([1.0], 8)
    before = trace.revision
    trace.clear()
    assert (len(trace), trace.near(0.0), trace.revision) == (0, None, before + 1)
    assert np.isnan(trace.last)
