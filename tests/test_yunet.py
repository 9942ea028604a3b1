"""YuNet on real faces: its points in our order, however a picture is turned, scaled or hurt."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from trees import SHARED

from kryptui.errors import InputError
from kryptui.faces.choice import turned
from kryptui.faces.yunet import YuNet

WEIGHTS = SHARED.parent / "weights/yunet_2026may.onnx"
needs_shared = pytest.mark.skipif(not WEIGHTS.exists(), reason="the shared faces and weights are not here")


@pytest.fixture(scope="module")
def yunet() -> YuNet:
    cv2.setNumThreads(1)
    return YuNet(WEIGHTS)


def photo(name: str = "00000000/0.jpg"):
    return np.array(Image.open(SHARED / "faces/train/images" / name).convert("RGB"))


@needs_shared
def test_points_come_in_our_order(yunet):
    points = yunet.find(photo())[0].points
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


@needs_shared
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_face_is_found_where_it_lies_in_the_turned_picture(yunet, quarters):
    upright, face = yunet.find(photo())[0], yunet.find(np.rot90(photo(), quarters))[0]
    # A quarter turn anticlockwise of a picture of side 192: (x, y) -> (y, 191 - x).
    points, box = upright.points, upright.box
    for _ in range(quarters):
        points = np.stack([points[:, 1], 191 - points[:, 0]], axis=1)
        box = (box[1], 191 - box[0] - box[2], box[3], box[2])
    np.testing.assert_allclose(face.points, points, atol=1e-3)
    np.testing.assert_allclose(face.box, box, atol=1e-3)
    assert (turned(face.points) - turned(upright.points) + 90 * quarters) % 360 == pytest.approx(0, abs=0.01)


@needs_shared
@pytest.mark.parametrize("scale", [0.25, 0.5, 3.0, 8.0])
def test_a_scaled_picture_has_its_face_at_the_scaled_place(yunet, scale):
    image = Image.fromarray(photo())
    plain = yunet.find(np.asarray(image))[0]
    side = round(192 * scale)
    found = yunet.find(np.asarray(image.resize((side, side), Image.Resampling.BICUBIC)))[0]
    off = np.abs(found.points - ((plain.points + 0.5) * scale - 0.5)).mean()
    assert off < 0.1 * scale * np.ptp(plain.points[:2, 0])


@needs_shared
def test_a_small_face_in_a_large_picture_is_looked_at_closely(yunet):
    scene = np.full((2400, 3200, 3), 128, np.uint8)
    scene[800:992, 1600:1792] = photo()
    alone = np.full((320, 320, 3), 128, np.uint8)
    alone[64:256, 64:256] = photo()
    off = yunet.find(scene)[0].points - [1600 - 64, 800 - 64] - yunet.find(alone)[0].points
    assert np.abs(off).mean() < 6


@needs_shared
def test_grey_pictures_have_faces(yunet):
    grey = np.asarray(Image.fromarray(photo()).convert("L").convert("RGB"))
    assert len(yunet.find(grey)) == 1


@needs_shared
def test_it_takes_rgb(yunet):
    right, wrong = (yunet.find(photo("00000027/17.jpg")[:, :, order])[0].score for order in ([0, 1, 2], [2, 1, 0]))
    assert right != wrong
    net = cv2.FaceDetectorYN.create(str(WEIGHTS), "", (192, 192), 0.6, 0.3)
    bgr = cv2.imread(str(SHARED / "faces/train/images/00000027/17.jpg"))
    assert right == pytest.approx(float(net.detect(bgr)[1][0, -1]), abs=0.02)


@needs_shared
@pytest.mark.parametrize("shape", [(1, 1), (10, 10), (2, 3000), (3000, 2), (31, 400), (300, 300)])
def test_there_is_no_face_in_a_plain_or_noisy_picture(yunet, shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    yunet.find(photo())  # what was looked at before must not show through
    assert yunet.find(np.zeros((*shape, 3), np.uint8)) == []
    assert yunet.find(noise) == []


@needs_shared
def test_another_detector_finds_the_same(yunet):
    other = YuNet(WEIGHTS)
    other.find(np.rot90(photo(), 1)[:100])
    first, second = yunet.find(photo())[0], other.find(photo())[0]
    assert first.box == second.box
    np.testing.assert_array_equal(first.points, second.points)


def test_what_is_no_model_is_refused(tmp_path: Path):
    (tmp_path / "a.onnx").write_text("no model")
    with pytest.raises(InputError, match="no YuNet model"):
        YuNet(tmp_path / "a.onnx")
    with pytest.raises(InputError, match="cannot be read"):
        YuNet(tmp_path / "b.onnx")
