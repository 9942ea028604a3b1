"""Folders to choose a dataset from."""

from __future__ import annotations

import pytest
from trees import write_contest_tree

from kryptui.data.recognise import recognise
from kryptui.tui.data.folders import look


@pytest.fixture
def workspace(tmp_path):
    write_contest_tree(tmp_path / "data/faces/train", {"0": "rr", "1": "rf"})
    for folder in ("zeta", "alpha", "checkpoints/run", ".hidden"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "list.csv").write_text("path,identity\n")
    (tmp_path / "scores.csv").write_text("pair_id,similarity\n")
    (tmp_path / "notes.txt").write_text("")
    return tmp_path


def test_data_come_first_dull_folders_last_and_other_files_not_at_all(workspace):
    listing = look(workspace, recognise)
    assert [entry.path.name for entry in listing.entries] == ["data", "alpha", "list.csv", "zeta", "checkpoints"]
    assert [entry.kind for entry in listing.entries] == ["", "", "manifest csv", "", ""]


def test_a_dataset_some_levels_below_is_found_and_what_is_in_it_is_not_looked_at(workspace):
    data = look(workspace, recognise, 2).entries[0]
    assert data.inside is not None
    assert data.inside.has_dataset
    faces = data.inside.entries[0]
    assert faces.inside is not None
    assert [(entry.path.name, entry.kind, entry.inside) for entry in faces.inside.entries] == [
        ("train", "contest tree", None)
    ]
    inside = look(workspace / "data/faces/train/images", recognise)
    assert [entry.kind for entry in inside.entries] == ["", ""]


def test_a_long_folder_is_cut_and_says_how_much_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr("kryptui.tui.data.folders.MOST", 5)
    for number in range(8):
        (tmp_path / f"{number}").mkdir()
    listing = look(tmp_path, recognise)
    assert (len(listing.entries), listing.more) == (5, 3)


def test_a_folder_that_cannot_be_opened_says_why(tmp_path):
    assert look(tmp_path / "nowhere", recognise).problem == "No such file or directory"
