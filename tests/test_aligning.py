"""An aligned copy of a dataset: the same names and labels, whatever fails and however often it is stopped."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from fake_detectors import BrightDetector
from PIL import Image

from kryptui.data.layouts import read_dataset, read_test_tree
from kryptui.data.manifest import LANDMARK_COLUMNS
from kryptui.data.pairs import read_pairs
from kryptui.data.prepare import prepare
from kryptui.errors import InputError, RunError
from kryptui.faces.align_plan import AlignPlan
from kryptui.faces.aligning import align_dataset
from kryptui.faces.finding import Finder
from kryptui.faces.points import read_points
from kryptui.preprocess import template_points

FINDER = Finder(BrightDetector)
PLAN = AlignPlan()


def save(path: Path, seed: int, bright: bool = True) -> None:
    """A picture of 64 pixels, another for each seed; the fake detector finds a face in a bright one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:64, :64]
    wave = 150 + 60 * np.sin(x / (5 + seed) + seed) * np.cos(y / 9)
    pixels = np.stack([wave, wave - 20, wave - 40], axis=2)
    pixels[0:16, 0:16] = 200 if bright else 0
    Image.fromarray(pixels.round().astype(np.uint8)).save(path)


def contest_tree(root: Path, dark: tuple[str, ...] = ()) -> Path:
    """Six people, padded folders, unpadded keys; `dark` names pictures without a face."""
    meta = {}
    for person, count in enumerate((4, 3, 3, 2, 2, 5), start=1):
        for number in range(count):
            key = f"{person}/{number}.jpg"
            save(root / f"images/{person:06d}/{number}.jpg", 10 * person + number, key not in dark)
            meta[key] = int(number == 2)
    (root / "meta.json").write_text(json.dumps(meta))
    return root


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_contest_tree_stays_one(tmp_path: Path):
    source = contest_tree(tmp_path / "in", dark=("2/1.jpg",))
    (source / "images/000003/0.jpg").write_bytes(b"")
    before = files(source)
    tally = align_dataset(source, tmp_path / "out", FINDER, PLAN, threads=2)
    assert (tally.images, tally.faces, tally.problems) == (19, 17, {"no face": 1, "zero bytes": 1})
    old, new = read_dataset(source).table, read_dataset(tmp_path / "out").table
    kept = old[~old["path"].isin(["images/000002/1.jpg", "images/000003/0.jpg"])].reset_index(drop=True)
    assert new.equals(kept)
    assert "2/1.jpg" not in json.loads((tmp_path / "out/meta.json").read_text())
    failed = rows_of(tmp_path / "out/failed.csv")
    assert [(row["path"], row["reason"]) for row in failed] == [
        ("images/000002/1.jpg", "no face"),
        ("images/000003/0.jpg", "zero bytes"),
    ]
    assert files(source) == before


def test_the_face_lies_on_the_template_and_the_csv_says_where_it_was(tmp_path: Path):
    source = contest_tree(tmp_path / "in")
    align_dataset(source, tmp_path / "out", FINDER, AlignPlan(size=(112, 96)))
    path = tmp_path / "out/images/000001/0.jpg"
    assert Image.open(path).size == (96, 112)
    points = read_points(tmp_path / "out/landmarks.csv").points_of([path])[0]
    np.testing.assert_allclose(points, template_points("arcface", (112, 96)), atol=0.01)
    row = rows_of(tmp_path / "out/landmarks.csv")[0]
    assert row["original"] == "images/000001/0.jpg"
    original = FINDER.points(Image.open(source / row["original"]))
    assert [float(row["original_nose_x"]), float(row["original_nose_y"])] == original[2].tolist()


def test_a_margin_leaves_room_round_the_template(tmp_path: Path):
    source = contest_tree(tmp_path / "in")
    align_dataset(source, tmp_path / "out", FINDER, AlignPlan(margin=0.5))
    points = read_points(tmp_path / "out/landmarks.csv").points[0]
    expected = 55.5 + (np.array(template_points("arcface", (112, 112))) - 55.5) / 2
    np.testing.assert_allclose(points, expected, atol=0.01)


def test_without_a_face_a_picture_may_be_taken_as_it_is(tmp_path: Path):
    source = contest_tree(tmp_path / "in", dark=("2/1.jpg",))
    tally = align_dataset(source, tmp_path / "out", FINDER, AlignPlan(missing="as-is"))
    assert len(read_dataset(tmp_path / "out")) == 19
    assert Image.open(tmp_path / "out/images/000002/1.jpg").size == (112, 112)
    assert tally.problems == {"no face": 1}
    stored = read_points(tmp_path / "out/landmarks.csv")
    assert np.isnan(stored.points_of([tmp_path / "out/images/000002/1.jpg"])).all()


@pytest.mark.parametrize("stop_after", [0, 1, 7, 18])
def test_stopped_and_started_again_it_writes_the_same(tmp_path: Path, stop_after: int):
    source = contest_tree(tmp_path / "in", dark=("2/1.jpg",))
    align_dataset(source, tmp_path / "whole", FINDER, PLAN)
    stopping = BrightDetector(stop_after=stop_after)
    with pytest.raises(KeyboardInterrupt):
        align_dataset(source, tmp_path / "out", Finder(lambda: stopping), PLAN)
    assert not (tmp_path / "out/align.json").exists()
    rest = BrightDetector()
    align_dataset(source, tmp_path / "out", Finder(lambda: rest), PLAN, threads=2)
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert rest.seen == 19 - stop_after


def test_once_finished_it_only_tells_what_was_done(tmp_path: Path):
    source = contest_tree(tmp_path / "in")
    first = align_dataset(source, tmp_path / "out", FINDER, PLAN)
    idle = BrightDetector(stop_after=0)
    assert align_dataset(source, tmp_path / "out", Finder(lambda: idle), PLAN) == first


@pytest.mark.parametrize(
    ("plan", "changed", "complaint"),
    [
        (AlignPlan(size=(96, 96)), False, "size"),
        (AlignPlan(margin=0.1), False, "margin"),
        (PLAN, True, "pictures"),
    ],
)
def test_another_plan_or_a_changed_source_does_not_go_on(tmp_path: Path, plan, changed: bool, complaint: str):
    source = contest_tree(tmp_path / "in")
    align_dataset(source, tmp_path / "out", FINDER, PLAN)
    if changed:
        save(source / "images/000001/0.jpg", 99)
    with pytest.raises(InputError, match=f"begun with {complaint}"):
        align_dataset(source, tmp_path / "out", FINDER, plan)


@pytest.mark.parametrize("place", ["in", "in/images", "in/new/deep", "."])
def test_the_source_is_no_place_for_the_copy(tmp_path: Path, place: str):
    source = contest_tree(tmp_path / "in")
    with pytest.raises(InputError, match="the source, which is never changed"):
        align_dataset(source, tmp_path / place, FINDER, PLAN)


def test_a_list_of_scattered_pictures_may_have_its_copy_beside_them(tmp_path: Path):
    for person in ("a", "b"):
        save(tmp_path / person / "0.jpg", 1)
    (tmp_path / "list.csv").write_text("path,identity\na/0.jpg,1\nb/0.jpg,2\n")
    with pytest.raises(InputError, match="lies in the source"):
        align_dataset(tmp_path / "list.csv", tmp_path / "a/out", FINDER, PLAN)
    align_dataset(tmp_path / "list.csv", tmp_path / "out", FINDER, PLAN)
    assert read_dataset(tmp_path / "out").table["path"].tolist() == ["a/0.jpg", "b/0.jpg"]


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path):
    source = contest_tree(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds other files \(notes.txt\)"):
        align_dataset(source, tmp_path / "out", FINDER, PLAN)
    assert files(tmp_path / "out") == {"notes.txt": b"mine"}


def test_the_people_with_the_most_pictures_may_be_kept_alone(tmp_path: Path):
    source = contest_tree(tmp_path / "in")
    align_dataset(source, tmp_path / "out", FINDER, PLAN, top=2)
    assert set(read_dataset(tmp_path / "out").table["identity"]) == {"1", "6"}


def test_a_prepared_folder_keeps_splits_and_the_pairs_whose_pictures_are_there(tmp_path: Path):
    contest_tree(tmp_path / "in", dark=("2/1.jpg",))
    prepare(tmp_path / "in", tmp_path / "prep", fraction=0.5, seed=0, pairs=10)
    align_dataset(tmp_path / "prep", tmp_path / "out", FINDER, PLAN)
    old, new = read_dataset(tmp_path / "prep").table, read_dataset(tmp_path / "out").table
    dark = old["path"].str.endswith("000002/1.jpg")
    assert sorted(new["split"]) == sorted(old[~dark]["split"])
    both = [read_pairs(tmp_path / place / "pairs.csv").table for place in ("prep", "out")]
    lost = both[0][["path1", "path2"]].apply(lambda pair: pair.str.endswith("000002/1.jpg")).any(axis=1)
    assert both[1]["kind"].tolist() == both[0][~lost]["kind"].tolist()


def test_a_manifest_with_landmarks_gets_those_of_the_aligned_faces(tmp_path: Path):
    contest_tree(tmp_path / "in")
    table = read_dataset(tmp_path / "in")
    path = tmp_path / "list.csv"
    table.write_csv(path)
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join([f"{lines[0]},{','.join(LANDMARK_COLUMNS)}", *(line + ",1" * 10 for line in lines[1:])]) + "\n"
    )
    align_dataset(path, tmp_path / "out", FINDER, PLAN)
    aligned = read_dataset(tmp_path / "out").table
    np.testing.assert_allclose(
        aligned[["nose_x", "nose_y"]], [template_points("arcface", (112, 112))[2]] * 19, atol=0.01
    )


def test_a_test_tree_keeps_all_its_pairs(tmp_path: Path):
    for pair in ("p1", "p2"):
        for side in (0, 1):
            save(tmp_path / f"in/{pair}/{side}.jpg", side, bright=(pair, side) != ("p2", 1))
    align_dataset(tmp_path / "in", tmp_path / "out", FINDER, PLAN)
    tree = read_test_tree(tmp_path / "out")
    assert [pair.pair_id for pair in tree.pairs] == ["p1", "p2"]
    assert tree.missing == []


def test_a_name_without_a_jpeg_ending_holds_a_lossless_picture(tmp_path: Path):
    save(tmp_path / "in/a.gif", 1)
    save(tmp_path / "in/b.jpg", 1)
    align_dataset(tmp_path / "in", tmp_path / "out", FINDER, PLAN)
    assert [Image.open(tmp_path / "out" / name).format for name in ("a.gif", "b.jpg")] == ["PNG", "JPEG"]


def test_sheets_show_every_picture(tmp_path: Path):
    source = contest_tree(tmp_path / "in", dark=("2/1.jpg",))
    (source / "images/000003/0.jpg").write_bytes(b"")
    align_dataset(source, tmp_path / "out", FINDER, PLAN, debug=tmp_path / "sheets")
    first = files(tmp_path / "sheets")
    assert list(first) == ["sheet-0001.jpg"]
    align_dataset(source, tmp_path / "out", FINDER, PLAN, debug=tmp_path / "sheets")
    assert files(tmp_path / "sheets") == first


def test_where_no_face_is_found_at_all_it_fails_and_says_why(tmp_path: Path):
    save(tmp_path / "in/a.jpg", 1, bright=False)
    with pytest.raises(RunError, match=r"could be aligned \(1 no face\)"):
        align_dataset(tmp_path / "in", tmp_path / "out", FINDER, PLAN)
    assert rows_of(tmp_path / "out/failed.csv")[0]["reason"] == "no face"


@pytest.mark.parametrize(
    "plan", [{"size": (4, 112)}, {"size": (112, 9999)}, {"margin": -0.1}, {"margin": float("nan")}]
)
def test_a_plan_that_makes_no_sense_is_refused(plan):
    with pytest.raises(InputError, match="must lie between"):
        AlignPlan(**plan)
