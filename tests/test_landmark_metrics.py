"""The errors of points, by hand and against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kryptui.metrics import landmarks as metrics

FACE = np.array([[10.0, 10], [30, 10], [20, 20], [12, 30], [28, 30]])  # the eyes 20 pixels apart
ERRORS = st.lists(st.floats(0, 0.5), min_size=1, max_size=20).map(np.array)


def test_an_error_counts_in_distances_between_the_eyes():
    found = FACE + np.array([[3, 4], [0, 0], [0, 2], [-6, 8], [0, 0]])
    errors = metrics.point_errors(found[None], FACE[None])
    np.testing.assert_allclose(errors, [[5 / 20, 0, 2 / 20, 10 / 20, 0]])
    np.testing.assert_allclose(metrics.face_errors(found[None], FACE[None]), [17 / 20 / 5])


def test_it_is_the_true_eyes_that_count():
    found = FACE.copy()
    found[1] = [10, 10]
    np.testing.assert_allclose(metrics.point_errors(found[None], FACE[None])[0], [0, 1, 0, 0, 0])


def test_a_face_counts_alike_whatever_its_size():
    found = FACE + 2
    one = metrics.face_errors(found[None], FACE[None])
    np.testing.assert_allclose(metrics.face_errors(7 * found[None], 7 * FACE[None]), one)


def test_eyes_at_one_place_are_refused():
    with pytest.raises(ValueError, match="the eyes of a face are at one place"):
        metrics.point_errors(FACE[None], np.ones((1, 5, 2)))


def test_rates_by_hand():
    faces = np.array([0.02, 0.1, 0.12, 0.4])
    assert metrics.nme(faces) == pytest.approx(0.16)
    assert metrics.failure_rate(faces) == 0.5  # 0.1 itself is no failure
    assert metrics.failure_rate(faces, 0.2) == 0.25
    assert metrics.curve_area(faces) == pytest.approx((0.8 + 0 + 0 + 0) / 4)
    np.testing.assert_allclose(
        metrics.cumulative(faces, np.array([0, 0.02, 0.1, 0.11, 1])), [0, 0.25, 0.5, 0.5, 1]
    )


@given(ERRORS)
def test_the_area_is_that_under_the_curve(faces):
    limits = np.linspace(0, metrics.FAILURE, 20_001)
    below = [float(np.mean(faces <= limit)) for limit in limits[::40]]
    np.testing.assert_allclose(metrics.cumulative(faces, limits)[::40], below)
    middles = (limits[1:] + limits[:-1]) / 2
    assert metrics.curve_area(faces) == pytest.approx(metrics.cumulative(faces, middles).mean(), abs=1e-4)


def test_what_is_no_number_has_failed():
    faces = np.array([0.05, math.nan])
    assert metrics.failure_rate(faces) == 0.5
    assert metrics.cumulative(faces, np.array([1.0])).tolist() == [0.5]
    assert metrics.curve_area(faces) == pytest.approx(0.25)
    assert math.isnan(metrics.nme(faces))


def test_of_no_faces_nothing_is_known():
    none = np.zeros(0)
    assert all(math.isnan(of(none)) for of in (metrics.nme, metrics.failure_rate, metrics.curve_area))
