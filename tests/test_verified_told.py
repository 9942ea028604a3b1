"""Compared faces in words: the verdict and what it rests on, chances, and what is unusual about a face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recognisers import GREEN, RED, TEMPLATE, colour_recogniser, write_faces

from kryptui.faces.comparing import Judge, Verified
from kryptui.faces.face import Face
from kryptui.faces.found import Found
from kryptui.faces.recognised import Crop
from kryptui.jobs.verifying import verify
from kryptui.metrics.calibration import Calibration
from kryptui.tell.verified import (
    NO_PROBABILITY,
    NO_THRESHOLD,
    chance,
    crop_lines,
    found_lines,
    verified_json,
    verified_lines,
    verified_table,
)


@pytest.mark.parametrize(
    ("probability", "words"),
    [(None, "n/a"), (0.0, "< 0.1 %"), (0.0004, "< 0.1 %"), (0.0006, "0.1 %"), (0.5, "50.0 %"), (1.0, "> 99.9 %")],
)
def test_no_chance_is_certain(probability: float | None, words: str) -> None:
    assert chance(probability) == words


def two(tmp_path: Path, judge: Judge) -> Verified:
    paths = [write_faces(tmp_path / f"{n}.png", [colour]) for n, colour in enumerate((RED, GREEN))]
    return verify(colour_recogniser(), [*paths, tmp_path / "gone.png"], judge)


def test_a_verdict_says_what_it_rests_on(tmp_path: Path) -> None:
    found = two(tmp_path, Judge(0.9, "checkpoint", Calibration(10.0, -9.0)))
    sentence, threshold = verified_lines(found)
    assert sentence.startswith("no match, similarity 0.2")
    assert threshold == "threshold 0.9000 (checkpoint)"
    assert verified_table(found).rows[0][3:] == ["0.2 %", "no match"]


def test_without_a_threshold_that_is_said_instead_of_a_verdict(tmp_path: Path) -> None:
    found = two(tmp_path, Judge())
    assert list(verified_lines(found))[1:] == [NO_THRESHOLD, NO_PROBABILITY]
    assert verified_table(found).rows[0][3:] == ["n/a", "n/a"]
    told = verified_json(found, "m")
    assert (told["threshold"], told["threshold_from"]) == (None, None)
    assert told["pairs"][0]["match"] is None
    assert [problem["path"] for problem in told["problems"]] == [str(tmp_path / "gone.png")]


def face(angle: float) -> Face:
    turn = np.deg2rad(angle)
    points = (TEMPLATE - 0.5) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * 50
    return Face((0.0, 0.0, 50.0, 50.0), points, 0.9)


def test_what_is_unusual_about_a_face_is_told() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    crops = [
        Crop(Path("a"), face(0), pixels),
        Crop(Path("b"), face(-170), pixels, 2),
        Crop(Path("c"), None, pixels),
    ]
    found = Verified(["a", "b", "c"], crops, [], [], Judge())
    assert list(crop_lines(found)) == [
        "b: 2 more faces in it; --which chooses",
        "b: the face is turned by -170 degrees",
    ]
    many = [Found.one(face(0), 1), Found.one(face(90), 3), Found(None, 0, "no face"), None]
    assert list(found_lines(many)) == [
        "several: 1 of 2 pictures show more faces than the one that counts",
        "turned: 1 of 2 faces by more than 45 degrees",
    ]
