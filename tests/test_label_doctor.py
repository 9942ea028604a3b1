"""The label doctor over a dataset: names for suspects, decisions about them, and the command on real faces."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_suspects import People
from toys import kryptui
from trees import SHARED, write_image

from kryptui.data.layouts import read_dataset
from kryptui.data.manifest import Manifest, make_table
from kryptui.data.overlay import Decision, read_overlay
from kryptui.draw.sheet_file import write_sheets
from kryptui.errors import InputError
from kryptui.faces.recognised import Embedded, Problem
from kryptui.figures import ImageSheet, Table
from kryptui.jobs.label_doctor import LabelReport, Review, examine_labels

WEIGHTS = SHARED.parent / "weights"


class Known:
    """Gives embeddings that are known by path, in the place of a Recogniser."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.asked: list[Path] = []

    def embed(self, paths, progress=None, stop=None):
        self.asked = list(paths)
        rows = [int(path.stem) for path in paths]
        vectors = np.array([self.people.embeddings[row] for row in rows])
        problems = [
            Problem(path, "no face") for path, vector in zip(paths, vectors, strict=True) if np.isnan(vector).any()
        ]
        return Embedded(paths, vectors, [None] * len(rows), problems)


def dataset(people: People) -> Manifest:
    paths = [f"{identity}/{row}.jpg" for row, identity in enumerate(people.identities)]
    table = make_table(paths, people.identities, people.is_fake)
    return Manifest(table, Path("/faces"), Path("/faces"))


def examined(people: People, **options) -> LabelReport:
    return examine_labels(dataset(people), Known(people), **options)


@pytest.fixture
def ill() -> People:
    """A stranger in 1 (row 100), 15 in 5 (row 101), 7 also as `again`, a fake, two who disagree in `pair`."""
    people = People()
    people.add(1, people.face())
    people.add(5, people.faces[15])
    for _ in range(3):
        people.add("again", people.faces[7])
    people.add(2, people.faces[3], fake=True)
    for _ in range(2):
        people.add("pair", people.face())
    return people


def test_suspects_are_named_by_path(ill):
    report = examined(ill)
    by_kind = {"stranger": [], "split": [], "unsure": []}
    for finding in report.findings:
        by_kind[finding.kind].append(finding)
        assert finding.medoid.startswith(f"{finding.identity}/")
        assert finding.medoid != finding.photo or finding.kind == "split"
    strangers = {(f.photo, f.identity, f.other, f.suggestion.action) for f in by_kind["stranger"]}
    assert strangers == {("1/100.jpg", "1", None, "drop"), ("5/101.jpg", "5", "15", "move")}
    (split,) = by_kind["split"]
    assert (split.identity, split.other, split.suggestion.path) == ("again", "7", "")
    assert split.photo == split.medoid
    assert report.photos == len(ill.embeddings) - 1


def test_fakes_are_not_even_embedded_unless_they_count(ill):
    recogniser = Known(ill)
    examine_labels(dataset(ill), recogniser)
    assert Path("/faces/2/105.jpg") not in recogniser.asked
    examine_labels(dataset(ill), recogniser, include_fakes=True)
    assert Path("/faces/2/105.jpg") in recogniser.asked


def test_photos_without_an_embedding_are_told(ill):
    ill.embeddings[0] = np.full_like(ill.embeddings[0], np.nan)
    assert examined(ill).problems == [("0/0.jpg", "no face")]


def test_too_few_photos_are_an_input_error():
    with pytest.raises(InputError, match=r"/faces: only 3 pairs .*; give another model or a threshold"):
        examined(People(3, 2))


def test_a_report_shows_each_suspect_beside_its_medoid(ill):
    report = examined(ill)
    table, sheet = report.to_report().figures
    assert isinstance(table, Table)
    assert isinstance(sheet, ImageSheet)
    assert len(table.rows) == len(report.findings)
    pairs = list(zip(sheet.paths[::2], sheet.paths[1::2], strict=True))
    for finding in report.findings:
        if finding.kind != "split":
            assert (f"/faces/{finding.photo}", f"/faces/{finding.medoid}") in pairs
        if finding.other_medoid is not None:
            assert (f"/faces/{finding.photo}", f"/faces/{finding.other_medoid}") in pairs
    assert json.loads(json.dumps(report.to_json()))["photos"] == report.photos


# The review


def test_a_review_begins_with_what_is_sure(ill, tmp_path):
    review = Review(examined(ill, certainty=0.3))
    review.save(tmp_path / "overlay.csv")
    found = {(d.action, d.path, d.identity, d.into) for d in read_overlay(tmp_path / "overlay.csv").decisions}
    assert found == {
        ("drop", "1/100.jpg", "1", ""),
        ("move", "5/101.jpg", "5", "15"),
        ("merge", "", "again", "7"),
        ("keep", "pair/106.jpg", "pair", ""),
        ("keep", "pair/107.jpg", "pair", ""),
    }


def test_what_is_decided_is_saved_and_taken_up_again(ill, tmp_path):
    report = examined(ill)
    review = Review(report)
    stranger, split = (next(f for f in report.findings if f.kind == kind) for kind in ("stranger", "split"))
    review.decide(stranger, "move", "9")
    review.decide(split, "keep")
    review.save(tmp_path / "overlay.csv")
    again = Review(report)
    assert again.take_up(read_overlay(tmp_path / "overlay.csv")) == len(report.findings)
    assert again.decisions() == review.decisions()
    assert again.decision(stranger).into == "9"
    assert again.decision(split).action == "keep"


def test_an_overlay_of_the_doctor_mends_the_dataset(ill, tmp_path):
    Review(examined(ill)).save(tmp_path / "overlay.csv")
    mended = read_overlay(tmp_path / "overlay.csv").apply(dataset(ill))
    identity = dict(zip(mended.table["path"], mended.table["identity"], strict=True))
    assert "1/100.jpg" not in identity
    assert identity["5/101.jpg"] == "15"
    assert identity["again/102.jpg"] == "7"


def test_three_labels_of_one_person_end_in_one(tmp_path):
    people = People()
    for name in ("b", "c"):
        for _ in range(4):
            people.add(name, people.faces[7])
    review = Review(examined(people))
    assert sorted(decision.action for decision in review.decisions()) == ["keep", "merge", "merge"]
    review.save(tmp_path / "overlay.csv")
    mended = read_overlay(tmp_path / "overlay.csv").apply(dataset(people)).table
    assert len(set(mended["identity"]) & {"7", "b", "c"}) == 1


@pytest.mark.parametrize(
    ("kind", "action", "says"),
    [("stranger", "merge", "say drop, move or keep"), ("split", "drop", "say merge or keep")],
)
def test_a_decision_that_does_not_fit_is_refused(ill, kind, action, says):
    report = examined(ill)
    finding = next(finding for finding in report.findings if finding.kind == kind)
    with pytest.raises(InputError, match=says):
        Review(report).decide(finding, action)


def test_a_move_to_nobody_is_refused(ill):
    report = examined(ill)
    finding = next(finding for finding in report.findings if finding.suggestion.action == "drop")
    with pytest.raises(InputError, match="move needs an identity"):
        Review(report).decide(finding, "move")
    assert Review(report).decision(finding) == Decision("drop", "1/100.jpg", "1", "", finding.suggestion.reason)


# Sheets


def test_sheets_hold_every_picture_and_tell_of_broken_ones(tmp_path):
    paths = [str(write_image(tmp_path / f"{number}.png", number, (80, 60))) for number in range(50)]
    paths[3] = str(tmp_path / "gone.png")
    sheet = ImageSheet("faces", paths, [f"name {number}\nof one: 0.12" for number in range(50)], columns=2)
    written = write_sheets(sheet, tmp_path / "sheets")
    assert [path.name for path in written] == ["sheet-0001.png", "sheet-0002.png"]
    with Image.open(written[0]) as first, Image.open(written[1]) as second:
        assert first.height > second.height
        assert len(first.getcolors(1 << 20) or []) > 100


def test_sheets_go_to_a_new_folder_only(tmp_path):
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "mine").touch()
    with pytest.raises(InputError, match="not empty"):
        write_sheets(ImageSheet("faces", [], []), tmp_path / "sheets")


# The command

CONFIG = """\
name: mobilefacenet
device: cpu
threads: 1
model: {backbone: mobilefacenet}
stages: [{name: one, epochs: 1, lr: 1.0e-3}]
task:
  kind: verification
  train: nowhere
  align: {template: arcface}
  losses: [{kind: triplet}]
"""


@pytest.fixture
def flawed(tmp_path, monkeypatch) -> list[str | Path]:
    """Two dozen labels of the flawed set, eight with a stranger, two pairs of one person each; the command."""
    if not (SHARED / "faces-flawed").is_dir() or not WEIGHTS.is_dir():
        pytest.skip("the shared faces or weights are not here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    names = [f"{number:06d}" for number in (*range(20), *range(70, 74))]
    for name in names:
        shutil.copytree(SHARED / "faces-flawed/images" / name, tmp_path / "faces/images" / name)
    meta = json.loads((SHARED / "faces-flawed/meta.json").read_text())
    chosen = {key: flag for key, flag in meta.items() if f"{int(key.split('/')[0]):06d}" in names}
    (tmp_path / "faces/meta.json").write_text(json.dumps(chosen))
    (tmp_path / "cfg.yaml").write_text(CONFIG)
    weights, detector = WEIGHTS / "mobilefacenet_casia.ckpt", WEIGHTS / "yunet_2026may.onnx"
    return ["data", "doctor", "faces", "--model", weights, "--config", "cfg.yaml", "--detector", detector]


def planted() -> tuple[set[str], set[tuple[str, str]]]:
    with (SHARED / "faces-flawed/defects.csv").open(newline="") as file:
        defects = list(csv.DictReader(file))
    wrong = {f"images/{row['first']}" for row in defects if row["defect"] == "wrong label"}
    people = [row for row in defects if row["defect"] == "one person, two labels"]
    return wrong, {(str(int(row["first"])), str(int(row["second"]))) for row in people}


def test_the_command_finds_what_was_planted_among_real_faces(flawed, tmp_path):
    done = kryptui(*flawed, "-o", "overlay.csv", "--sheets", "sheets", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    wrong, people = planted()
    sure = [finding for finding in told["findings"] if finding["is_sure"]]
    assert {finding["photo"] for finding in sure if finding["kind"] == "stranger"} == wrong
    splits = {tuple(sorted((each["identity"], each["other"]))) for each in sure if each["kind"] == "split"}
    assert splits == people
    assert all((tmp_path / path).exists() for path in [told["overlay"], *told["sheets"]])

    done = kryptui(
        "data", "prepare", "faces", "--overlay", "overlay.csv", "-o", "out", "--pairs", "10", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "overlay    8 drop, 0 move, 2 merge" in done.stdout
    assert len(set(read_dataset(tmp_path / "out").table["identity"])) == 22


def test_the_command_replaces_no_decisions_and_writes_nothing_into_the_source(flawed, tmp_path):
    (tmp_path / "mine.csv").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    for option, place, says in (
        ("-o", "mine.csv", "--overwrite"),
        ("-o", "faces/overlay.csv", "lies in the source"),
        ("--sheets", "full", "is not empty"),
        ("--sheets", "faces/sheets", "lies in the source"),
    ):
        done = kryptui(*flawed, option, place, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr
    assert (tmp_path / "mine.csv").read_text() == "mine"
