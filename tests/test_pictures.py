"""Which pictures a source holds, in any layout."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import write_contest_tree, write_image

from kryptui.data.layouts import read_dataset
from kryptui.errors import InputError
from kryptui.faces.pictures import read_pictures


def write_images(root: Path, names: list[str]) -> Path:
    for seed, name in enumerate(names):
        write_image(root / name, seed)
    return root


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (["ann/a.jpg", "ann/b.jpg", "bob/a.jpg"], "class folders"),
        (["images/ann/a.jpg", "images/bob/a.jpg"], "class folders"),
        (["p1/0.jpg", "p1/1.jpg", "p2/0.jpg"], "test tree"),
        (["a.jpg", "deep/er/b.png"], "folder"),
        (["ann/a.jpg", "b.jpg"], "folder"),
    ],
)
def test_a_folder_is_what_its_names_tell(tmp_path: Path, names: list[str], layout: str):
    pictures = read_pictures(write_images(tmp_path, names))
    assert pictures.layout == layout
    assert pictures.names == sorted(names)
    assert (pictures.identities is not None) == (layout == "class folders")


def test_a_contest_tree_keeps_its_manifest_in_the_order_of_the_names(tmp_path: Path):
    pictures = read_pictures(write_contest_tree(tmp_path, {"000010": "rf", "000002": "rr"}))
    assert pictures.layout == "contest tree"
    assert pictures.names == sorted(pictures.names)
    assert pictures.manifest is not None
    assert pictures.manifest.table["path"].tolist() == pictures.names
    assert pictures.identities == ["2", "2", "10", "10"]


def test_a_manifest_that_leads_upward_gets_names_that_do_not(tmp_path: Path):
    write_contest_tree(tmp_path / "data", {"000001": "rr", "000002": "rf"})
    (tmp_path / "prep").mkdir()
    read_dataset(tmp_path / "data").write_csv(tmp_path / "prep/manifest.csv")
    pictures = read_pictures(tmp_path / "prep")
    assert pictures.layout == "manifest"
    assert pictures.names == ["000001/0.jpg", "000001/1.jpg", "000002/0.jpg", "000002/1.jpg"]
    assert all(path.is_file() for path in pictures.paths)


def test_the_top_people_are_those_with_the_most_pictures_and_equals_go_by_name(tmp_path: Path):
    pictures = read_pictures(write_contest_tree(tmp_path, {"3": "rr", "1": "rr", "2": "rfr", "4": "r"}))
    top = pictures.top(2)
    assert set(top.identities) == {"2", "1"}
    assert top.manifest.table["identity"].tolist() == top.identities


def test_a_folder_without_people_has_no_top(tmp_path: Path):
    with pytest.raises(InputError, match="names no people"):
        read_pictures(write_images(tmp_path, ["a.jpg"])).top(1)


def test_a_link_out_of_the_folder_is_left_out(tmp_path: Path):
    write_image(tmp_path / "outside.jpg", 0)
    root = write_images(tmp_path / "in", ["a.jpg"])
    (root / "b.jpg").symlink_to(tmp_path / "outside.jpg")
    pictures = read_pictures(root)
    assert pictures.names == ["a.jpg"]
    assert [item.path for item in pictures.left_out] == ["b.jpg"]


def test_nothing_is_an_error(tmp_path: Path):
    with pytest.raises(InputError, match="does not exist"):
        read_pictures(tmp_path / "none")
    with pytest.raises(InputError, match="holds no images"):
        read_pictures(tmp_path)
