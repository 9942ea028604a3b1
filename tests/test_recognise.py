"""What looks like a dataset, by names alone."""

from __future__ import annotations

import pytest
from trees import SHARED, write_contest_tree, write_image

from kryptui.data.recognise import recognise


def test_a_contest_tree_is_recognised_and_its_images_folder_is_part_of_it(tmp_path):
    tree = write_contest_tree(tmp_path / "tree", {"0": "rr", "1": "rf"})
    assert (recognise(tree), recognise(tree / "images")) == ("contest tree", "")


def test_class_folders_are_recognised_also_below_images(tmp_path):
    for name in ("ann", "bob"):
        write_image(tmp_path / "people" / name / "7.jpg", 1)
        write_image(tmp_path / "deep/images" / name / "7.jpg", 1)
    assert (recognise(tmp_path / "people"), recognise(tmp_path / "deep")) == ("class folders", "class folders")


def test_a_test_tree_of_pairs_is_no_dataset(tmp_path):
    for pair in ("0001", "0002"):
        for side in ("0", "1"):
            write_image(tmp_path / pair / f"{side}.jpg", 1)
    assert recognise(tmp_path) == ""


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("path,identity,is_fake,split\n", "manifest csv"),
        ("\ufeffidentity,path\n", "manifest csv"),
        ("label,path,split\n", "manifest csv"),
        ("path1,path2,kind\n", ""),
        ("pair_id,label\n", ""),
        ("", ""),
    ],
)
def test_a_csv_file_is_known_by_its_head(tmp_path, head, kind):
    file = tmp_path / "list.csv"
    file.write_text(head, encoding="utf-8")
    assert recognise(file) == kind


def test_a_prepared_folder_is_known_by_its_record(tmp_path):
    (tmp_path / "manifest.csv").write_text("path,identity\n")
    assert recognise(tmp_path) == "manifest csv"
    (tmp_path / "prepare.json").write_text("{}")
    assert recognise(tmp_path) == "prepared folder"


def test_what_is_not_there_or_holds_no_images_is_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert [recognise(tmp_path / name) for name in ("", "a", "nowhere", "nowhere.csv")] == [""] * 4


def test_a_large_folder_is_not_read_to_its_end(tmp_path, monkeypatch):
    for number in range(50):
        write_image(tmp_path / f"{number:03}" / "7.jpg", 1)
    looked_into = []
    monkeypatch.setattr("kryptui.data.recognise._images", lambda path: looked_into.append(path) or ["7.jpg"])
    assert recognise(tmp_path) == "class folders"
    assert len(looked_into) < 10


@pytest.mark.skipif(not SHARED.exists(), reason="the shared face data is not here")
def test_the_shared_data_are_recognised():
    names = ["faces/train", "faces/test_public", "faces-flawed", "landmarks/landmarks.csv"]
    assert [recognise(SHARED / name) for name in names] == ["contest tree", "", "contest tree", "manifest csv"]
