"""Squares around faces: where points go and come back from, and pictures that move with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from trees import write_image

from kryptui.data.crop_loading import CropLoader
from kryptui.data.crops import (
    MIRRORED,
    Shake,
    boxes_around,
    crop_matrix,
    mirrored,
    move_back,
    move_points,
)
from kryptui.preprocess import POINTS, Preprocessing

FACE = np.array([[38.0, 52], [74, 52], [56, 72], [42, 92], [71, 92]])
PLAIN = Shake.none(1)


def matrix_of(box, side=64, margin=1.0, shake=PLAIN, picture=(200, 100)):
    matrix = crop_matrix(np.array(box, dtype=float), picture, side, margin, shake, 0)
    return mirrored(matrix, side) if shake.mirror[0] else matrix


def test_a_square_box_fills_the_crop_from_border_to_border():
    matrix = matrix_of((20, 10, 32, 32))
    corners = np.array([[19.5, 9.5], [51.5, 41.5]])  # 0 is amid the first pixel
    np.testing.assert_allclose(corners @ matrix[:, :2].T + matrix[:, 2], [[-0.5, -0.5], [63.5, 63.5]], atol=1e-9)


def test_a_margin_and_a_long_box_keep_the_centre_and_the_area():
    matrix = matrix_of((20, 10, 18, 32), margin=2)
    centre = np.array([20 + 9 - 0.5, 10 + 16 - 0.5])
    np.testing.assert_allclose(matrix[:, :2] @ centre + matrix[:, 2], [31.5, 31.5])
    assert matrix[0, 0] == pytest.approx(64 / (2 * 24))


def test_without_a_box_it_is_the_whole_picture():
    matrix = matrix_of([np.nan] * 4, margin=3)
    corners = np.array([[-0.5, -0.5], [199.5, 99.5]])
    np.testing.assert_allclose(corners @ matrix[:, :2].T + matrix[:, 2], [[-0.5, 15.5], [63.5, 47.5]])


def test_boxes_grow_and_move_with_their_faces():
    (box,) = boxes_around(FACE[None])
    (other,) = boxes_around(3 * FACE[None] + [10, 20])
    np.testing.assert_allclose(other, 3 * box + [10, 20, 0, 0])
    assert (box[:2] < FACE.min(axis=0)).all()
    assert (box[:2] + box[2:] > FACE.max(axis=0)).all()


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_points_come_back_from_where_they_went(seed, mirror):
    rng = np.random.default_rng(seed)
    shake = Shake.draw(rng, 1, jitter=0.2, zoom=0.3, turn=180, mirror=float(mirror))
    matrices = matrix_of((20, 10, 40, 60), shake=shake)[None]
    points = rng.uniform(-50, 250, (1, 5, 2))
    np.testing.assert_allclose(move_back(move_points(points, matrices), matrices), points, atol=1e-8)


def test_the_points_of_a_mirrored_face_change_sides():
    shake = Shake(np.zeros(1), np.ones(1), np.zeros((1, 2)), np.ones(1, dtype=bool))
    box = boxes_around(FACE[None])[0]
    plain, turned = (move_points(FACE[None], matrix_of(box, shake=how)[None])[0] for how in (PLAIN, shake))
    np.testing.assert_allclose(turned, (plain * [-1, 1] + [63, 0])[list(MIRRORED)])
    assert turned[0, 0] < turned[1, 0]
    assert turned[3, 0] < turned[4, 0]
    names = [
        POINTS[place].replace("left", "?").replace("right", "left").replace("?", "right") for place in MIRRORED
    ]
    assert names == list(POINTS)


def test_one_property_of_a_shake_does_not_change_the_others():
    def draw(**how):
        return Shake.draw(
            np.random.default_rng(0), 50, **{"jitter": 0.1, "zoom": 0.2, "turn": 9, "mirror": 0.5, **how}
        )

    plain, other = draw(), draw(turn=0, mirror=0)
    assert np.array_equal(plain.zoom, other.zoom)
    assert np.array_equal(plain.shift, other.shift)
    assert not other.turn.any()
    assert not other.mirror.any()
    assert 10 < plain.mirror.sum() < 40
    assert np.abs(plain.shift).max() <= 0.1
    assert draw(mirror=1).mirror.all()


def spots(path: Path, points, size=(180, 150)):
    rows, columns = np.mgrid[: size[1], : size[0]]
    grey = sum(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8) for x, y in points)
    Image.fromarray((255 * np.clip(grey, 0, 1)).astype(np.uint8)).save(path)


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_pictures_move_as_their_points_do(tmp_path, mirror):
    points = FACE + np.array([20, 15])
    spots(tmp_path / "face.png", points)
    shake = Shake.draw(np.random.default_rng(4), 1, jitter=0.05, zoom=0.1, turn=25, mirror=mirror)
    contract = Preprocessing((128, 128), (0.5,) * 3, (0.5,) * 3)
    loader = CropLoader(
        [tmp_path / "face.png"],
        contract,
        1,
        10**6,
        boxes=boxes_around(points[None]),
        margin=1.3,
        shake=shake,
    )
    ((images, rows),) = loader.batches([np.array([0])])
    (moved,) = move_points(points[None], loader.matrices[rows])
    picture = images[0, 0].numpy().astype(float)
    for x, y in moved:
        left, top = round(x) - 5, round(y) - 5
        spot = picture[top : top + 11, left : left + 11]
        rows_at, columns_at = np.mgrid[top : top + 11, left : left + 11]
        assert abs((columns_at * spot).sum() / spot.sum() - x) < 0.3
        assert abs((rows_at * spot).sum() / spot.sum() - y) < 0.3


def test_a_broken_picture_is_left_out_and_known_to_loaders_made_from_it(tmp_path):
    paths = [write_image(tmp_path / "0.jpg", 1), tmp_path / "1.jpg"]
    paths[1].write_bytes(b"")
    contract = Preprocessing((16, 16), (0.5,) * 3, (0.5,) * 3)
    boxes = np.full((2, 4), np.nan)
    loader = CropLoader(paths, contract, 1, 10**6, boxes=boxes, margin=1.0, shake=Shake.none(2))
    shaken = loader.shaken(Shake.none(2))
    ((images, rows),) = shaken.batches([np.array([0, 1])])
    assert images.shape == (1, 3, 16, 16)
    assert rows.tolist() == [0]
    assert loader.broken.keys() == {1}
    assert np.isnan(loader.matrices).all()
