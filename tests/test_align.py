"""Alignment: the least squares similarity, the picture that it moves, and the template at any size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from kryptui.data.align import aligned, moved, similarity
from kryptui.preprocess import Preprocessing, template_points

TEMPLATE = np.array(template_points("arcface", (112, 112)))
COORDINATE = st.floats(-200, 200, allow_subnormal=False)
FIVE = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=5, max_size=5).map(np.array)


def by_least_squares(points, target):
    """The four parameters from the plain system of linear equations."""
    rows, values = [], []
    for (x, y), (u, v) in zip(points, target, strict=True):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        values += [u, v]
    a, b, c, d = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d]])


@given(FIVE, FIVE)
def test_it_is_the_least_squares_similarity(points, target):
    assume(np.ptp(points, axis=0).max() > 1)
    np.testing.assert_allclose(similarity(points, target), by_least_squares(points, target), atol=1e-6)


@given(st.floats(-3, 3), st.floats(0.1, 8), COORDINATE, COORDINATE)
def test_a_turned_face_comes_back_onto_the_template(angle, scale, x, y):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = TEMPLATE @ turn.T + np.array([x, y])
    matrix = similarity(points, TEMPLATE)
    np.testing.assert_allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-6)


def test_a_mirrored_face_is_not_mirrored_back():
    matrix = similarity(TEMPLATE * [-1, 1], TEMPLATE)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_points_that_are_one_are_refused():
    with pytest.raises(ValueError, match="all points are one"):
        similarity(np.ones((5, 2)), TEMPLATE)


def smooth(width=160, height=120):
    y, x = np.mgrid[:height, :width]
    channels = [128 + 100 * np.sin(x / 17 + k) * np.cos(y / 23 - k) for k in range(3)]
    return np.stack(channels, axis=2).round().astype(np.uint8)


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.6])
def test_a_picture_is_moved_as_opencv_moves_it(scale):
    matrix = np.array([[0.9, -0.3, 20.0], [0.3, 0.9, -10.0]]) * scale
    pixels = smooth()
    found = moved(Image.fromarray(pixels), matrix, (90, 100))
    wanted = cv2.warpAffine(pixels, matrix, (100, 90), flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(np.full_like(pixels, 255), matrix, (100, 90), flags=cv2.INTER_LINEAR) == 255
    eroded = cv2.erode(inside.astype(np.uint8), np.ones((3, 3))) > 0
    assert np.abs(found.astype(int) - wanted)[eroded].max() <= 3


def test_nothing_moves_by_the_identity():
    pixels = smooth()
    assert np.array_equal(moved(Image.fromarray(pixels), np.eye(3)[:2], pixels.shape[:2]), pixels)


def test_fine_patterns_do_not_alias():
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::2] = 255
    found = moved(Image.fromarray(stripes), np.array([[0.1, 0, 0], [0, 0.1, 0]]), (112, 112))
    assert abs(found[5:100, 5:100].astype(float) - 127.5).max() < 2


@pytest.mark.parametrize("factor", [0.6, 1.0, 3.7, 9.3])
def test_the_points_of_a_face_land_on_the_template_whatever_its_size(factor):
    side = int(200 * factor)
    points = (TEMPLATE + np.array([30, 50])) * factor
    rows, columns = np.mgrid[:side, :side]
    spread = 2 * (1.5 * factor) ** 2
    spots = sum(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / spread) for x, y in points)
    grey = Image.fromarray((255 * np.clip(spots, 0, 1)).round().astype(np.uint8))
    found = aligned(grey.convert("RGB"), points, "arcface", (112, 112))[:, :, 0].astype(float)
    for x, y in TEMPLATE:
        left, top = round(x) - 8, round(y) - 8
        spot = found[top : top + 17, left : left + 17]
        rows, columns = np.mgrid[top : top + 17, left : left + 17]
        assert abs((columns * spot).sum() / spot.sum() - x) < 0.35
        assert abs((rows * spot).sum() / spot.sum() - y) < 0.35


def test_the_template_of_another_size():
    np.testing.assert_allclose(template_points("arcface", (224, 224)), 2 * TEMPLATE)
    np.testing.assert_allclose(template_points("arcface", (112, 96)), TEMPLATE - [8, 0])


def test_a_contract_without_a_template_is_read():
    contract = Preprocessing((112, 112), (0.5,) * 3, (0.5,) * 3, template="arcface")
    written = contract.to_json()
    assert Preprocessing.from_json(written, "x") == contract
    del written["template"]
    assert Preprocessing.from_json(written, "x").template is None
