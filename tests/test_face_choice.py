"""Which face counts: by size, by place, and the same one whatever the order."""

from __future__ import annotations

import numpy as np
import pytest
from fake_detectors import face_at
from hypothesis import given
from hypothesis import strategies as st

from kryptui.faces.choice import choose, is_tiny, overlap, turned, widened
from kryptui.preprocess import template_points

TEMPLATE = np.array(template_points("arcface", (112, 112)))
LARGE, CENTRAL, SMALL = face_at(0, 0, 50), face_at(80, 80, 40), face_at(160, 10, 30)
SIZE = (200, 200)

BOX = st.tuples(*[st.floats(-50, 50)] * 2, *[st.floats(1, 60)] * 2)


def test_the_largest_is_the_one_with_the_largest_box():
    assert choose([SMALL, CENTRAL, LARGE], SIZE, "largest") == [LARGE]


def test_the_central_one_is_nearest_to_the_middle():
    assert choose([SMALL, LARGE, CENTRAL], SIZE, "central") == [CENTRAL]


def test_all_are_given_from_the_largest_down():
    assert choose([SMALL, CENTRAL, LARGE], SIZE, "all") == [LARGE, CENTRAL, SMALL]


def test_of_no_face_none_counts():
    assert choose([], SIZE, "central") == []


@given(st.permutations([face_at(10, 10, 40), face_at(150, 150, 40), face_at(10, 150, 40, 0.8)]))
def test_what_is_equal_is_settled_whatever_the_order(faces):
    assert choose(faces, SIZE, "largest")[0].box == (10, 10, 40, 40)


def test_a_narrow_face_is_tiny_however_high():
    assert is_tiny(face_at(0, 0, 15.9), 16)
    assert not is_tiny(face_at(0, 0, 16), 16)


def test_a_margin_grows_a_box_about_its_centre():
    assert widened((10, 20, 40, 60), 0.25) == (0, 5, 60, 90)


@given(st.floats(-179, 179), st.floats(0.1, 10))
def test_a_face_is_turned_as_far_as_it_was_turned_clockwise(degrees, scale):
    angle = np.radians(degrees)
    # Clockwise as seen: y grows downward.
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert turned(scale * TEMPLATE @ turn.T) == pytest.approx(degrees, abs=1e-6)


def test_the_overlap_of_boxes_is_their_intersection_over_their_union():
    assert overlap((0, 0, 10, 10), (5, 5, 10, 10)) == pytest.approx(25 / 175)
    assert overlap((0, 0, 10, 10), (10, 0, 5, 5)) == 0
    assert overlap((0, 0, 4, 4), (1, 1, 2, 2)) == pytest.approx(4 / 16)


@given(BOX, BOX)
def test_the_overlap_does_not_depend_on_the_order(first, second):
    assert overlap(first, second) == pytest.approx(overlap(second, first))
    assert 0 <= overlap(first, second) <= 1 + 1e-9
