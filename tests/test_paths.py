"""Paths as they are typed in the app: what they mean, and how they may go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from kryptui.tui.paths import absolute, completions, short, shorten


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("data/test", "data/train", "data/.hidden"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data/labels.csv").touch()
    (tmp_path / "data/notes.txt").touch()
    return tmp_path


def test_a_text_means_a_path_in_the_workspace(root):
    assert absolute(" data/../data/test ", root) == root / "data/test"
    assert absolute("/etc", root) == Path("/etc")
    assert absolute("~", root) == Path.home()
    assert absolute("~nobody-here/x", root) == root / "~nobody-here/x"


def test_a_path_below_the_workspace_is_told_from_there(root):
    assert short(root / "data/test", root) == "data/test"
    assert short(Path("/etc"), root) == "/etc"
    assert shorten(f"{root}/data: is no test tree", root) == "data: is no test tree"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("da", ["data/"]),
        ("data/", ["data/test/", "data/train/"]),
        ("data/te", ["data/test/"]),
        ("data/.", ["data/.hidden/"]),
        ("nowhere/", []),
        ("data/labels.csv/", []),
    ],
)
def test_folders_are_offered_as_they_are_typed(root, text, found):
    assert completions(text, root) == found


def test_files_are_offered_by_their_ending(root):
    assert completions("data/", root, (".csv",)) == ["data/labels.csv", "data/test/", "data/train/"]


def test_an_absolute_path_stays_one(root):
    assert completions(f"{root}/da", Path("/")) == [f"{root}/data/"]


def test_a_name_that_could_drive_the_terminal_is_not_offered(root):
    (root / "data/te\x1b[2J").mkdir()
    assert completions("data/te", root) == ["data/test/"]
