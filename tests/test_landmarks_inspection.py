"""What landmarks tells of a dataset: how it is recognised, its report, and what is found in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from landmark_faces import SIZE, write_faces

from kryptui.figures import Histogram, Table
from kryptui.tasks import registry
from kryptui.tasks.landmarks.inspection import LandmarkDataset

SPLITS = {"ann": "train", "bob": "test"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_faces(tmp_path, {"ann": 3, "bob": 2}, SPLITS)


def test_it_is_recognised_by_its_header(source):
    datasets = registry.datasets("landmarks")
    assert datasets is not None
    assert datasets.recognise(source) == datasets.recognise(source.parent) == "faces with points"
    (source.parent / "other.csv").write_text("path,identity\n")
    assert datasets.recognise(source.parent / "other.csv") == ""
    assert datasets.recognise(source.parent / "ann-0.png") == ""
    (source.parent / "Anno").mkdir()
    (source.parent / "Anno/list_landmarks_celeba.txt").write_text("")
    source.unlink()
    assert datasets.recognise(source.parent) == "CelebA"


def test_the_report_counts_faces_and_people(source):
    dataset = LandmarkDataset(source, "faces")
    report = dataset.report()
    assert report.scalars == {"faces": 5, "people": 2, "left out": 0}
    histogram, splits = report.figures
    assert isinstance(histogram, Histogram)
    assert sum(histogram.counts["faces"]) == 5
    assert isinstance(splits, Table)
    assert splits.rows == [["test", 2, 1], ["train", 3, 1]]
    assert dataset.remains({}).counts == {"faces": 3}
    assert [group.name for group in dataset.groups] == ["ann", "bob"]
    assert len(dataset.samples("ann")[0].paths) == 3


def concerns(dataset: LandmarkDataset) -> dict[str, list[str] | None]:
    return {
        concern.title: None if concern.findings is None else [finding.what for finding in concern.findings]
        for concern in dataset.concerns()
    }


def test_what_is_wrong_is_found_in_the_list_and_then_in_the_pictures(source):
    lines = source.read_text().splitlines()
    cells = lines[1].split(",")
    cells[3:7] = cells[5:7] + cells[3:5]  # the eyes change sides
    lines[1] = ",".join(cells)
    lines[2] = ",".join([*lines[2].split(",")[:-1], str(SIZE + 5)])
    lines[4] = lines[4].replace("bob,test", "ann,test")
    source.write_text("\n".join(lines) + "\n")
    (source.parent / "bob-1.png").write_bytes(b"")
    dataset = LandmarkDataset(source, "faces")
    before = concerns(dataset)
    assert before["broken images"] is before["points outside the picture"] is None
    assert before["people in two splits"] == ["ann"]
    assert before["eyes that changed sides"] == ["ann-0.png"]
    told = []
    dataset.inspect(
        threads=1, count=lambda *_: None, found=lambda title, _: told.append(title), stop=lambda: False
    )
    after = concerns(dataset)
    assert after["broken images"] == ["bob-1.png"]
    assert after["points outside the picture"] == ["ann-1.png"]
    assert sorted(told) == ["broken images", "points outside the picture"]


def test_a_look_that_is_stopped_leaves_what_was_known(source):
    dataset = LandmarkDataset(source, "faces")
    dataset.inspect(threads=1, count=lambda *_: None, found=lambda *_: None, stop=lambda: True)
    assert concerns(dataset)["broken images"] is None
