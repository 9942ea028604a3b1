"""From files to embeddings: which face, why none, what is kept, and what is asked of the model again."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from recognisers import BLUE, GREEN, RED, ColourTask, Patches, colour_model, colour_recogniser, write_faces

from kryptui.data.align import aligned
from kryptui.data.decode import decode
from kryptui.errors import InputError
from kryptui.faces.recognised import Problem
from kryptui.jobs import recogniser as room
from kryptui.jobs.embedding_cache import EmbeddingCache
from kryptui.jobs.recogniser import NOT_A_NUMBER, Recogniser, open_recogniser


def hue(colour):
    return np.array(colour) / np.linalg.norm(colour)


def test_a_row_a_picture_in_their_order_and_why_one_has_none(tmp_path: Path) -> None:
    paths = [write_faces(tmp_path / f"{n}.png", [colour]) for n, colour in enumerate((RED, GREEN, BLUE))]
    write_faces(tmp_path / "nobody.png", [])
    (tmp_path / "broken.png").write_bytes(paths[0].read_bytes()[:60])
    wanted = [
        paths[2],
        tmp_path / "nobody.png",
        paths[0],
        tmp_path / "broken.png",
        tmp_path / "none.png",
        paths[1],
    ]
    found = colour_recogniser().embed(wanted)
    assert found.whole.tolist() == [True, False, True, False, False, True]
    np.testing.assert_allclose(found.embeddings[[0, 2, 5]], [hue(BLUE), hue(RED), hue(GREEN)], atol=0.03)
    why = {problem.path.name: problem.why for problem in found.problems}
    assert list(why) == ["nobody.png", "broken.png", "none.png"]
    assert why["nobody.png"] == "no face (in 20 x 80 pixels)"
    assert "No such file" in why["none.png"]


def test_the_face_that_counts_is_the_one_chosen(tmp_path: Path) -> None:
    picture = write_faces(tmp_path / "three.png", [RED, GREEN, BLUE], [60, 30, 40])
    (largest,) = colour_recogniser("largest").embed([picture]).embeddings
    (central,) = colour_recogniser("central").embed([picture]).embeddings
    np.testing.assert_allclose([largest, central], [hue(RED), hue(GREEN)], atol=0.03)
    crops = colour_recogniser("all").crops(picture)
    assert [crop.pixels[8, 8].argmax() for crop in crops] == [0, 2, 1]
    assert [crop.others for crop in crops] == [0, 0, 0]
    (crop,) = colour_recogniser("largest").crops(picture)
    assert crop.others == 2


def test_the_model_sees_the_face_on_its_template(tmp_path: Path) -> None:
    picture = write_faces(tmp_path / "one.png", [RED])
    (crop,) = colour_recogniser().crops(picture)
    wanted = aligned(decode(picture), crop.face.points, "arcface", (16, 16))
    assert np.array_equal(crop.pixels, wanted)


def test_without_a_finder_a_picture_is_taken_as_it_is(tmp_path: Path) -> None:
    picture = write_faces(tmp_path / "one.png", [RED])
    whole = Recogniser(colour_model(ColourTask(None)), None)
    (crop,) = whole.crops(picture)
    assert crop.face is None
    assert (crop.pixels.reshape(-1, 3).max(axis=1) < 50).any()  # the black beside the patch
    assert whole.embed([picture]).found == [None]


def test_a_margin_shows_the_box_and_as_much_more(tmp_path: Path) -> None:
    picture = write_faces(tmp_path / "one.png", [RED], [40])
    colours = []
    for margin in (0.0, 0.5):
        recogniser = colour_recogniser(task=ColourTask(None))
        recogniser.margin = margin
        (crop,) = recogniser.crops(picture)
        colours.append((crop.pixels[:, :, 0] > 100).mean())
    assert colours[0] > 0.85
    assert colours[1] == pytest.approx(0.25, abs=0.05)


def test_an_embedding_that_is_no_number_is_a_problem(tmp_path: Path) -> None:
    black = write_faces(tmp_path / "black.png", [])
    found = Recogniser(colour_model(ColourTask(None)), None).embed([black])
    assert found.problems == [Problem(black, NOT_A_NUMBER)]


def test_what_was_made_of_a_picture_is_not_made_again(tmp_path: Path) -> None:
    pictures = [write_faces(tmp_path / "a.png", [RED]), write_faces(tmp_path / "nobody.png", [])]
    copy = write_faces(tmp_path / "elsewhere" / "b.png", [RED])
    task, detector = ColourTask(), Patches()
    cache = EmbeddingCache("key", tmp_path / "cache")
    recogniser = colour_recogniser(task=task, cache=cache, detector=detector)
    first = recogniser.embed(pictures)
    looks = detector.looks
    again = recogniser.embed([*pictures, copy])
    assert (task.seen, detector.looks) == (1, looks)
    np.testing.assert_array_equal(again.embeddings[:2], first.embeddings)
    np.testing.assert_array_equal(again.embeddings[2], first.embeddings[0])
    assert [problem.why for problem in again.problems] == [problem.why for problem in first.problems]
    np.testing.assert_array_equal(again.found[0].face.points, first.found[0].face.points)
    write_faces(pictures[0], [BLUE])
    np.testing.assert_allclose(recogniser.embed(pictures[:1]).embeddings[0], hue(BLUE), atol=0.03)


def test_another_choice_contract_or_model_has_another_key() -> None:
    keys = {colour_recogniser(which).key for which in ("largest", "central")}
    keys.add(colour_recogniser(task=ColourTask(None)).key)
    other = colour_recogniser()
    other.margin = 0.1
    assert len(keys | {other.key}) == 4
    assert colour_recogniser().key in keys


def test_a_cache_that_cannot_be_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddingCache("key", tmp_path / "file")
    picture = write_faces(tmp_path / "a.png", [RED])
    recogniser = colour_recogniser(cache=cache)
    assert recogniser.embed([picture, picture]).whole.all()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "key.sqlite").write_bytes(b"no database" * 1000)
    assert colour_recogniser(cache=EmbeddingCache("key", tmp_path / "damaged")).embed([picture]).whole.all()


def test_batches_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write_faces(tmp_path / f"{n}.png", [(100 + 9 * n, 120, 30)]) for n in range(7)]
    whole = colour_recogniser().embed(paths).embeddings
    monkeypatch.setattr(room, "_BATCH", 2)
    told = []
    parts = colour_recogniser().embed(paths, lambda done, total: told.append((done, total))).embeddings
    np.testing.assert_array_equal(parts, whole)
    assert told == [(n, 7) for n in range(1, 8)]


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    paths = [write_faces(tmp_path / f"{n}.png", [RED]) for n in range(3)]
    stop = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        colour_recogniser().embed(paths, lambda done, total: stop.set(), stop)


def test_nothing_at_all_is_no_error() -> None:
    assert colour_recogniser().embed([]).embeddings.shape == (0, 1)


def test_a_model_without_embeddings_is_refused() -> None:
    with pytest.raises(InputError, match="makes no embeddings"):
        open_recogniser(colour_model(object()))


@pytest.mark.parametrize("is_aligned", [True, False])
def test_a_margin_that_is_of_no_use_is_refused(is_aligned: bool) -> None:
    with pytest.raises(InputError, match="--margin"):
        open_recogniser(colour_model(), margin=0.2, is_aligned=is_aligned)


def test_no_detector_is_opened_where_none_is_needed() -> None:
    assert open_recogniser(colour_model(), is_aligned=True, cached=False).finder is None
    assert open_recogniser(colour_model(ColourTask(None)), cached=False).finder is None
    with pytest.raises(InputError):
        open_recogniser(colour_model(), detector=Path("not-there.onnx"), cached=False)


def test_pictures_of_any_size_and_mode_are_taken(tmp_path: Path) -> None:
    Image.new("L", (3, 2), 200).save(tmp_path / "grey.png")
    assert Recogniser(colour_model(ColourTask(None)), None).embed([tmp_path / "grey.png"]).whole.all()
