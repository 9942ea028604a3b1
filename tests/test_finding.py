"""Finding the face that counts, and storing it for a whole dataset."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from fake_detectors import BrightDetector, face_at
from PIL import Image

from kryptui.errors import InputError
from kryptui.faces.finding import Finder
from kryptui.faces.landmarks import find_landmarks
from kryptui.faces.points import read_points

BRIGHT, DARK = (90, 90, 90), (9, 9, 9)


def picture(colour: tuple[int, int, int], size: int = 80, second: bool = False) -> Image.Image:
    image = Image.new("RGB", (size, size), colour)
    if second:
        image.putpixel((size - 1, size - 1), (255, 255, 255))
    return image


def finder(**options: object) -> Finder:
    return Finder(BrightDetector, **options)


def test_the_face_that_counts_comes_with_how_many_there_were():
    found = finder().look(picture(BRIGHT, second=True))
    assert found.faces == 2
    assert found.face.box == (20, 20, 40, 40)
    assert found.turned == 0


def test_no_face_and_a_tiny_one_are_told_apart():
    assert finder().look(picture(DARK)).problem == "no face"
    tiny = finder(least=50).look(picture(BRIGHT))
    assert (tiny.problem, tiny.detail, tiny.faces) == ("face too small", "40 pixels, below 50", 1)


def test_a_tiny_face_does_not_keep_a_larger_one_from_counting():
    found = finder(which="largest", least=30).look(picture(BRIGHT, second=True))
    assert found.face.box[2] == 40
    assert [face.box[2] for face in finder(which="all", least=1).faces(picture(BRIGHT, second=True))] == [40, 16]


def test_a_landmarker_replaces_the_points_and_is_named():
    class Shifted:
        name = "shifted 1"

        def place(self, pixels, box):
            return face_at(*box[:3]).points + 1

    found = finder(landmarker=Shifted())
    assert found.name == "bright 1, points by shifted 1"
    np.testing.assert_allclose(found.points(picture(BRIGHT)), finder().points(picture(BRIGHT)) + 1, atol=0.001)


@pytest.mark.parametrize("value", [7.0, float("nan"), float("inf")])
def test_a_landmarkers_points_that_say_nothing_leave_the_detectors(value: float):
    class Lost:
        name = "lost 1"

        def place(self, pixels, box):
            return np.full((5, 2), value)

    points = finder(landmarker=Lost()).points(picture(BRIGHT))
    np.testing.assert_array_equal(points, finder().points(picture(BRIGHT)))


def test_a_detector_is_made_for_each_thread():
    made: list[BrightDetector] = []

    def make() -> BrightDetector:
        made.append(BrightDetector())
        return made[-1]

    import threading

    shared = Finder(make)
    threads = [threading.Thread(target=shared.points, args=(picture(BRIGHT),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [detector.seen for detector in made] == [1, 1, 1]


def folder(root: Path) -> Path:
    root.mkdir()
    for number, colour in enumerate((BRIGHT, DARK, BRIGHT)):
        picture(colour, second=number == 2).save(root / f"{number}.png")
    (root / "3.png").write_bytes(b"")
    return root


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_picture_has_its_line(tmp_path: Path):
    tally = find_landmarks(folder(tmp_path / "in"), tmp_path / "points.csv", finder(), threads=2)
    rows = rows_of(tmp_path / "points.csv")
    assert [row["path"] for row in rows] == [f"in/{number}.png" for number in range(4)]
    assert [row["problem"] for row in rows] == ["", "no face", "", "zero bytes"]
    assert [row["faces"] for row in rows] == ["1", "0", "2", "0"]
    assert (tally.images, tally.faces, tally.several) == (4, 2, 1)
    assert tally.problems == {"no face": 1, "zero bytes": 1}
    stored = read_points(tmp_path / "points.csv")
    np.testing.assert_array_equal(stored.points_of([tmp_path / "in/0.png"])[0], finder().points(picture(BRIGHT)))


def test_stopped_and_started_again_it_writes_the_same(tmp_path: Path):
    source = folder(tmp_path / "in")
    find_landmarks(source, tmp_path / "whole.csv", finder())
    stopping = BrightDetector(stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        find_landmarks(source, tmp_path / "points.csv", Finder(lambda: stopping))
    assert not (tmp_path / "points.csv").exists()
    rest = BrightDetector()
    find_landmarks(source, tmp_path / "points.csv", Finder(lambda: rest))
    assert (tmp_path / "points.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert rest.seen == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "points.csv", "whole.csv"]


def test_another_choice_does_not_go_on_with_what_was_begun(tmp_path: Path):
    source = folder(tmp_path / "in")
    stopping = BrightDetector(stop_after=1)
    with pytest.raises(KeyboardInterrupt):
        find_landmarks(source, tmp_path / "points.csv", Finder(lambda: stopping))
    with pytest.raises(InputError, match="begun with which 'central', not 'largest'"):
        find_landmarks(source, tmp_path / "points.csv", finder(which="largest"))


def test_the_output_must_be_a_csv(tmp_path: Path):
    with pytest.raises(InputError, match="name of a csv"):
        find_landmarks(folder(tmp_path / "in"), tmp_path / "points", finder())
