"""Stored landmarks: written, read back by path, and read in the forms that others wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_detectors import face_at
from trees import SHARED, write_image

from kryptui.data.manifest import LANDMARK_COLUMNS
from kryptui.errors import InputError
from kryptui.faces.found import NO_FACE, Found
from kryptui.faces.points import COLUMNS, csv_text, read_points, row_of

FACE = Found.one(face_at(1.23456, 2, 30), 2)
HEADER = "path," + ",".join(LANDMARK_COLUMNS)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_what_is_written_is_read_back_exactly(tmp_path: Path):
    image, other = write_image(tmp_path / "a/0.jpg", 0), write_image(tmp_path / "a/1.jpg", 1)
    rows = [row_of("a/0.jpg", FACE), row_of("a/1.jpg", Found(None, 0, NO_FACE))]
    stored = read_points(write(tmp_path / "points.csv", csv_text(COLUMNS, rows)))
    np.testing.assert_array_equal(stored.points[0], FACE.face.points)
    known = stored.by_path()
    np.testing.assert_array_equal(known[str(image.resolve())], FACE.face.points)
    assert known[str(other.resolve())] is None


def test_points_are_given_in_the_order_asked_for_and_nan_where_there_are_none(tmp_path: Path):
    images = [write_image(tmp_path / f"{number}.jpg", number) for number in range(3)]
    rows = [row_of("2.jpg", FACE), row_of("0.jpg", Found(None, 0, NO_FACE))]
    stored = read_points(write(tmp_path / "points.csv", csv_text(COLUMNS, rows)))
    points = stored.points_of([images[2], images[1], images[0]])
    assert points.shape == (3, 5, 2)
    np.testing.assert_array_equal(points[0], FACE.face.points)
    assert np.isnan(points[1:]).all()


def test_paths_are_met_through_links(tmp_path: Path):
    write_image(tmp_path / "real/0.jpg", 0)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    stored = read_points(write(tmp_path / "p.csv", csv_text(COLUMNS, [row_of("link/0.jpg", FACE)])))
    assert np.isfinite(stored.points_of([tmp_path / "real/0.jpg"])).all()


@pytest.mark.parametrize("columns", ["img_index", "folder,image"])
@pytest.mark.parametrize("place", ["images", "data/train/images"])
def test_the_csv_of_seed_1_is_read_whatever_the_padding_of_the_folders(tmp_path: Path, columns: str, place: str):
    image = write_image(tmp_path / place / "000007/3.jpg", 0)
    key = "7/3.jpg" if columns == "img_index" else "7,3.jpg"
    numbers = ",".join(str(number) for number in range(10))
    stored = read_points(write(tmp_path / "p.csv", f"{columns},{','.join(LANDMARK_COLUMNS)}\n{key},{numbers}\n"))
    np.testing.assert_array_equal(stored.points_of([image])[0], np.arange(10).reshape(5, 2))


def test_the_csv_of_seed_1_must_lie_beside_its_pictures(tmp_path: Path):
    text = f"img_index,{','.join(LANDMARK_COLUMNS)}\n7/3.jpg{',1' * 10}\n"
    with pytest.raises(InputError, match="put it beside"):
        read_points(write(tmp_path / "p.csv", text))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("path,left_eye_x\na.jpg,1\n", "no column"),
        (f"{HEADER}\na.jpg{',1' * 9},x\n", "right_mouth_y is 'x'"),
        (f"{HEADER}\na.jpg{',1' * 9},inf\n", "right_mouth_y is 'inf'"),
        (f"{HEADER}\na.jpg{',1' * 9},\n", "line 2: right_mouth_y is ''"),
        (f"{HEADER}\na.jpg{',1' * 10}\n./a.jpg{',1' * 10}\n", "line 3: path .* line 2"),
        ("", "is empty"),
    ],
)
def test_a_malformed_file_is_refused_by_line(tmp_path: Path, text: str, complaint: str):
    with pytest.raises(InputError, match=complaint):
        read_points(write(tmp_path / "p.csv", text))


@pytest.mark.skipif(not SHARED.exists(), reason="the shared landmarks are not here")
def test_the_shared_landmarks_are_read():
    stored = read_points(SHARED / "landmarks/landmarks.csv")
    assert np.isfinite(stored.points).all()
    np.testing.assert_array_equal(stored.points_of([SHARED / "landmarks/images/00000.jpg"])[0, 0], [57.33, 98.17])
