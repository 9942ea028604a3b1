"""Readers of faces with points: csv files, CelebA's lists, what is left out and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from trees import write_image

from kryptui.data.landmark_data import (
    NO_POINTS,
    ONE_PLACE,
    digest,
    points_of,
    read_landmarks,
    split_people,
)
from kryptui.data.layouts import NOT_THERE
from kryptui.data.manifest import LANDMARK_COLUMNS
from kryptui.errors import InputError

FACE = (7, 8, 16, 8, 12, 12, 8, 17, 15, 17)


def write_csv(root: Path, rows: list[list[object]], extra: tuple[str, ...] = ()) -> Path:
    path = root / "landmarks.csv"
    lines = [",".join(map(str, row)) for row in [("path", *extra, *LANDMARK_COLUMNS), *rows]]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_faces(root: Path, count: int, **columns: list[str]) -> Path:
    for number in range(count):
        write_image(root / f"{number}.jpg", number)
    rows = [
        [f"{number}.jpg", *(values[number] for values in columns.values()), *(value + number for value in FACE)]
        for number in range(count)
    ]
    return write_csv(root, rows, tuple(columns))


def test_a_csv_gives_its_points_people_and_splits(tmp_path):
    write_faces(tmp_path, 3, identity=["a", "b", "b"], split=["train", "val", "test"])
    faces = read_landmarks(tmp_path)
    assert faces.table["identity"].tolist() == ["a", "b", "b"]
    assert faces.table["split"].tolist() == ["train", "validation", "test"]
    np.testing.assert_array_equal(points_of(faces)[1], np.reshape(FACE, (5, 2)) + 1)
    assert [path.name for path in faces.absolute_paths()] == ["0.jpg", "1.jpg", "2.jpg"]


def test_people_and_splits_may_be_unknown(tmp_path):
    faces = read_landmarks(write_faces(tmp_path, 2))
    assert faces.table[["identity", "split"]].eq("").all(axis=None)


def test_faces_without_points_and_pictures_that_are_gone_are_left_out(tmp_path):
    write_faces(tmp_path, 1)
    write_image(tmp_path / "1.jpg", 1)
    write_image(tmp_path / "2.jpg", 2)
    one = [5, 5, 5, 5, *FACE[4:]]
    write_csv(tmp_path, [["0.jpg", *FACE], ["1.jpg", *[""] * 10], ["2.jpg", *one], ["3.jpg", *FACE]])
    faces = read_landmarks(tmp_path)
    assert faces.table["path"].tolist() == ["0.jpg"]
    assert [(item.path, item.reason) for item in faces.left_out] == [
        ("3.jpg", NOT_THERE),
        ("1.jpg", NO_POINTS),
        ("2.jpg", ONE_PLACE),
    ]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["0.jpg", *FACE[:9], "x"]], "line 2: right_mouth_y is 'x'; it must be a number of pixels"),
        ([["0.jpg", *FACE[:9], "inf"]], "line 2: right_mouth_y is 'inf'"),
        ([["0.jpg", *FACE[:9], ""]], "right_mouth_y is ''; it must be a number of pixels, as other points"),
        ([["0.jpg", *FACE], ["0.jpg", *FACE]], "line 3: path is '0.jpg'; it must be the path of a picture"),
        ([["0.jpg", *[""] * 10]], "has no picture with landmarks"),
        ([["9.jpg", *FACE]], "none of its 1 pictures exists; '9.jpg' was looked for in"),
    ],
)
def test_a_malformed_csv_is_refused_with_its_place(tmp_path, rows, says):
    write_image(tmp_path / "0.jpg", 0)
    with pytest.raises(InputError, match=says):
        read_landmarks(write_csv(tmp_path, rows))


def test_a_missing_column_and_a_missing_source_are_named(tmp_path):
    (tmp_path / "other.csv").write_text("path,left_eye_x\n0.jpg,1\n")
    with pytest.raises(InputError, match="has no column 'left_eye_y'"):
        read_landmarks(tmp_path / "other.csv")
    with pytest.raises(InputError, match=r"holds none of landmarks\.csv"):
        read_landmarks(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_landmarks(tmp_path / "nowhere")


# CelebA

HEADER = (
    "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
)


def write_celeba(
    root: Path, annotations: str = "", images: str = "", listed: str = "list_landmarks_align_celeba.txt"
):
    folder = root / images / ("img_align_celeba" if "align" in listed else "img_celeba")
    for number in (1, 2, 3):
        write_image(folder / f"00000{number}.jpg", number)
    notes = root / annotations
    notes.mkdir(exist_ok=True)
    faces = [f"00000{number}.jpg  {'  '.join(map(str, FACE))} " for number in (1, 2, 3, 4)]
    (notes / listed).write_text("\n".join(["4", HEADER, *faces]) + "\n")
    (notes / "identity_CelebA.txt").write_text("".join(f"00000{n}.jpg {100 + n // 2}\n" for n in (1, 2, 3, 4)))
    parts = root / ("Eval" if annotations else "")
    parts.mkdir(exist_ok=True)
    (parts / "list_eval_partition.txt").write_text("".join(f"00000{n}.jpg {n - 1}\n" for n in (1, 2, 3)))


@pytest.mark.parametrize(("annotations", "images"), [("", ""), ("Anno", "Img")])
def test_celeba_is_read_as_it_is_published(tmp_path, annotations, images):
    write_celeba(tmp_path, annotations, images)
    faces = read_landmarks(tmp_path)
    assert faces.table["split"].tolist() == ["train", "validation", "test"]
    assert faces.table["identity"].tolist() == ["100", "101", "101"]
    np.testing.assert_array_equal(points_of(faces)[2], np.reshape(FACE, (5, 2)))
    assert all(path.is_file() for path in faces.absolute_paths())
    assert [(item.path.rpartition("/")[2], item.reason) for item in faces.left_out] == [("000004.jpg", NOT_THERE)]


def test_of_celebas_two_lists_the_one_with_pictures_is_read(tmp_path):
    write_celeba(tmp_path, listed="list_landmarks_celeba.txt")
    (tmp_path / "list_landmarks_align_celeba.txt").write_text("no pictures beside it")
    assert "img_celeba/" in read_landmarks(tmp_path).table["path"][0]
    assert len(read_landmarks(tmp_path / "list_landmarks_celeba.txt")) == 3


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "list_landmarks_align_celeba.txt",
            "1\npath x y\n1.jpg 1 2\n",
            "is no list of CelebA's: it begins with",
        ),
        (
            "list_landmarks_align_celeba.txt",
            f"1\n{HEADER}\n000001.jpg 1 2\n",
            "line 3: must be the name of a pict",
        ),
        (
            "list_landmarks_align_celeba.txt",
            f"1\n{HEADER}\n9.jpg {'1 ' * 10}\n",
            "none of its 1 pictures, such as 9",
        ),
        ("list_eval_partition.txt", "000001.jpg 7\n", "holds '7'; it must be 0, 1 or 2"),
        ("identity_CelebA.txt", "000001.jpg\n", "line 1: must be the name of a picture and one word"),
    ],
)
def test_a_malformed_list_of_celeba_is_refused(tmp_path, name, text, says):
    write_celeba(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=says):
        read_landmarks(tmp_path)


def test_a_list_of_celeba_without_its_pictures_says_where_they_belong(tmp_path):
    (tmp_path / "list_landmarks_align_celeba.txt").write_text(f"1\n{HEADER}\n1.jpg {'1 ' * 10}\n")
    with pytest.raises(InputError, match="has no folder img_align_celeba or img_align_celeba_png"):
        read_landmarks(tmp_path)


# Digest and split


def test_the_digest_tells_points_and_not_places(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_faces(tmp_path / name, 3)
    one = read_landmarks(tmp_path / "a")
    assert digest(one) == digest(read_landmarks(tmp_path / "b"))
    turned = one.table.iloc[::-1].reset_index(drop=True)
    assert digest(type(one)(turned, one.root, one.source)) == digest(one)
    moved = one.table.assign(nose_x=one.table["nose_x"] + 0.5)
    assert digest(type(one)(moved, one.root, one.source)) != digest(one)


def test_a_split_keeps_people_apart_and_does_not_depend_on_the_order(tmp_path):
    people = [str(number // 3) for number in range(30)]
    faces = read_landmarks(write_faces(tmp_path, 30, identity=people))
    train, held_out = split_people(faces, 0.2, seed=3)
    assert held_out.table["identity"].nunique() == 2
    assert not set(train.table["identity"]) & set(held_out.table["identity"])
    assert len(train) + len(held_out) == 30
    turned = type(faces)(faces.table.iloc[::-1].reset_index(drop=True), faces.root, faces.source)
    assert set(split_people(turned, 0.2, seed=3)[1].table["path"]) == set(held_out.table["path"])
    assert set(split_people(faces, 0.2, seed=4)[1].table["path"]) != set(held_out.table["path"])


def test_pictures_of_nobody_are_people_of_their_own(tmp_path):
    faces = read_landmarks(write_faces(tmp_path, 10))
    assert len(split_people(faces, 0.3, seed=0)[1]) == 3


def test_one_person_cannot_be_split(tmp_path):
    faces = read_landmarks(write_faces(tmp_path, 3, identity=["a"] * 3))
    with pytest.raises(InputError, match="holds one person only"):
        split_people(faces, 0.5, seed=0)
