"""Overlays: decisions about labels, read with their line numbers and applied to a manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from trees import write_contest_tree

from kryptui.data.layouts import read_dataset
from kryptui.data.manifest import Manifest, make_table
from kryptui.data.overlay import Decision, read_overlay, write_overlay
from kryptui.data.prepare import prepare
from kryptui.errors import InputError

ROWS = [("a/0.jpg", "a"), ("a/1.jpg", "a"), ("b/0.jpg", "b"), ("b/1.jpg", "b"), ("c/0.jpg", "c")]
FAKES = [False, False, False, True, False]
DATA = Manifest(make_table(*zip(*ROWS, strict=True), FAKES), Path("/data"), Path("/data"))


@pytest.fixture
def overlay(tmp_path):
    def read(*decisions: Decision):
        write_overlay(tmp_path / "overlay.csv", decisions)
        return read_overlay(tmp_path / "overlay.csv")

    return read


def identities(manifest: Manifest) -> dict[str, str]:
    return dict(zip(manifest.table["path"], manifest.table["identity"], strict=True))


def test_what_is_written_is_read(overlay):
    decisions = (
        Decision("drop", "a/0.jpg", "a", "", "0.1 alike, a stranger"),
        Decision("move", "a/1.jpg", "a", "b"),
        Decision("merge", "", "c", "b"),
        Decision("keep", "b/0.jpg", "b"),
        Decision("keep", "", "a", "c", "twins"),
    )
    assert overlay(*decisions).decisions == decisions
    assert overlay(*decisions).counts() == {"drop": 1, "move": 1, "merge": 1, "keep": 2}


def test_photos_are_dropped_moved_and_merged_with_their_fakes(overlay):
    corrected = overlay(
        Decision("drop", "a/0.jpg", reason="a stranger"),
        Decision("move", "a/1.jpg", into="c"),
        Decision("merge", "", "b", "c"),
    ).apply(DATA)
    assert identities(corrected) == {"a/1.jpg": "c", "b/0.jpg": "c", "b/1.jpg": "c", "c/0.jpg": "c"}
    assert [(item.path, item.detail) for item in corrected.left_out] == [("a/0.jpg", "a stranger")]
    assert identities(DATA) == dict(ROWS)


def test_merges_follow_one_another_whatever_their_order(overlay):
    chain = [Decision("merge", "", "a", "b"), Decision("merge", "", "b", "c")]
    for rows in (chain, chain[::-1]):
        assert set(identities(overlay(*rows).apply(DATA)).values()) == {"c"}


def test_a_photo_moved_into_a_merged_identity_goes_along(overlay):
    corrected = overlay(Decision("move", "a/0.jpg", into="b"), Decision("merge", "", "b", "c")).apply(DATA)
    assert identities(corrected)["a/0.jpg"] == "c"


def test_keeping_changes_nothing(overlay):
    found = overlay(Decision("keep", "a/0.jpg", "a", "b"), Decision("keep", "", "a", "b")).apply(DATA)
    assert found.digest() == DATA.digest()
    assert found.left_out == ()


def test_the_digest_is_of_what_is_decided(overlay):
    one, two = Decision("drop", "a/0.jpg", "a"), Decision("merge", "", "b", "c")
    digest = overlay(one, two).digest()
    assert (
        overlay(two, Decision("drop", "a/0.jpg", "a", "", "why"), Decision("keep", "c/0.jpg")).digest() == digest
    )
    assert overlay(one).digest() != digest


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        (Decision("drop", "a/7.jpg"), "line 2: there is no image 'a/7.jpg' in /data; did you mean"),
        (Decision("keep", "z.png"), "line 2: there is no image 'z.png'"),
        (Decision("move", "a/0.jpg", "a", "z"), "line 2: there is no identity 'z'"),
        (Decision("merge", "", "z", "a"), "line 2: there is no identity 'z'"),
        (Decision("drop", "a/0.jpg", "b"), "line 2: a/0.jpg is filed under a in /data, not under b"),
    ],
)
def test_a_stale_decision_is_refused_by_name(overlay, decision, says):
    with pytest.raises(InputError, match=r"overlay\.csv") as caught:
        overlay(decision).apply(DATA)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("delete,a/0.jpg,,", "line 2: action is 'delete'; it must be one of drop, move, merge, keep"),
        ("drop,,a,", "line 2: path is ''; it must be given: drop needs path"),
        ("move,a/0.jpg,a,", "line 2: into is ''; it must be given: move needs path and into"),
        ("merge,,a,", "line 2: into is ''"),
        ("merge,a/0.jpg,a,b", "line 2: path is 'a/0.jpg'; it must be empty"),
        ("drop,a/0.jpg,a,b", "line 2: into is 'b'; it must be empty"),
        ("merge,,a,a", "line 2: into is 'a'; it must be another identity than 'a'"),
        ("keep,,,", "line 2: path is ''; it must be given, or identity"),
        ("drop,a/0.jpg,a,\nkeep,a/0.jpg,a,", "line 3: a/0.jpg is decided in line 2 already"),
        ("merge,,a,b\nmerge,,a,c", "line 3: a is decided in line 2 already"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_with_its_line(tmp_path, row, says):
    path = tmp_path / "overlay.csv"
    path.write_text(f"action,path,identity,into\n{row}\n")
    with pytest.raises(InputError) as caught:
        read_overlay(path)
    assert says in str(caught.value)


def test_merges_in_a_circle_are_refused(overlay):
    with pytest.raises(InputError, match="circle"):
        overlay(Decision("merge", "", "a", "b"), Decision("merge", "", "b", "a")).apply(DATA)


# Preparing with an overlay


@pytest.fixture
def tree(tmp_path):
    return write_contest_tree(tmp_path / "tree", {f"{number:04d}": "rrf" for number in range(10)})


def test_a_preparation_carries_an_overlay_out_and_tells_of_it(tree, tmp_path):
    write_overlay(
        tmp_path / "overlay.csv",
        [Decision("drop", "images/0003/1.jpg", "3", "", "a stranger"), Decision("merge", "", "7", "8")],
    )
    summary = prepare(tree, tmp_path / "out", overlay=tmp_path / "overlay.csv")
    told = json.loads((tmp_path / "out" / "prepare.json").read_text())["overlay"]
    assert told == read_overlay(tmp_path / "overlay.csv").to_json()
    assert (told["drop"], told["move"], told["merge"], told["keep"]) == (1, 0, 1, 0)
    assert summary.left_out == [
        {"path": "images/0003/1.jpg", "reason": "dropped by the overlay", "detail": "a stranger"}
    ]
    prepared = read_dataset(tmp_path / "out").table
    assert len(prepared) == 29
    assert (prepared["identity"] == "8").sum() == 6
    assert len(read_dataset(tree)) == 30


def test_without_an_overlay_none_is_told_of(tree, tmp_path):
    assert prepare(tree, tmp_path / "out").overlay is None


def test_a_dropped_image_that_is_broken_is_left_out_once(tree, tmp_path):
    (tree / "images/0003/1.jpg").write_bytes(b"")
    write_overlay(tmp_path / "overlay.csv", [Decision("drop", "images/0003/1.jpg")])
    assert len(prepare(tree, tmp_path / "out", overlay=tmp_path / "overlay.csv").left_out) == 1


def test_copies_that_an_overlay_dropped_are_no_longer_noticed(tree, tmp_path):
    (tree / "images/0003/1.jpg").write_bytes((tree / "images/0004/1.jpg").read_bytes())
    write_overlay(tmp_path / "overlay.csv", [Decision("drop", "images/0003/1.jpg")])
    assert prepare(tree, tmp_path / "out", overlay=tmp_path / "overlay.csv").notices == []


def test_a_stale_overlay_leaves_nothing_behind(tree, tmp_path):
    write_overlay(tmp_path / "overlay.csv", [Decision("drop", "images/0099/1.jpg")])
    with pytest.raises(InputError, match=r"images/0099/1\.jpg"):
        prepare(tree, tmp_path / "out", overlay=tmp_path / "overlay.csv")
    assert not (tmp_path / "out").exists()
