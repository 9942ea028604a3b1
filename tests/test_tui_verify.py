"""The Verify page: what is chosen and compared, the matrix and its cursor, files, the command for a shell."""

from __future__ import annotations

import asyncio
import csv
import shlex
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_recogniser import FakeRecogniser
from PIL import Image
from screens import SIZES, check_screen, make_app, still, text_of, toasts, until, until_shown  # noqa: F401
from submissions import trained

from kryptui.errors import InputError, RunError
from kryptui.faces.comparing import Judge
from kryptui.jobs import verifying
from kryptui.metrics.calibration import Calibration
from kryptui.runs.store import Store
from kryptui.tui.dialogs import Ask, Confirm
from kryptui.tui.pages import Goal
from kryptui.tui.verify import bench, words
from kryptui.tui.verify.matrix_view import block

SHARED = Path(__file__).resolve().parents[2] / "shared"
WEIGHTS = SHARED / "weights/edgeface_xs.pt"
DETECTOR = SHARED / "weights/yunet_2026may.onnx"
FACES = SHARED / "data/faces/train/images"

PEOPLE = ("ada", "ben", "cleo", "dana")


class Scene:
    """The page over a workspace, driven by keys."""

    def __init__(self, root: Path, app: Any, pilot: Any) -> None:
        self.root, self.app, self.pilot = root, app, pilot

    @property
    def page(self) -> Any:
        return self.app.page

    @property
    def form(self) -> Any:
        return self.page._form

    @property
    def text(self) -> str:
        return text_of(self.app)

    async def shown(self, *words: str) -> None:
        await until_shown(self.pilot, *words)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def put(self, field: str, text: str) -> None:
        """Puts a text into a field, as if it were typed, and waits until it was looked at."""
        self.page.query_one(f"#{field}").value = text
        await self.pilot.pause()
        await until(self.pilot, lambda: self.page._timer is None)

    async def with_model(self) -> None:
        await until(self.pilot, lambda: self.form.model is not None)

    async def compare(self, pictures: str) -> None:
        """Compares, with the best run's model, and waits until all is drawn."""
        await self.with_model()
        await self.put("pictures", pictures)
        self.form.go_to("model")
        await self.press("enter")
        await until(self.pilot, lambda: self.page._work is None and self.page._result.shown is not None)
        views = self.page.query("CropsView")
        await until(self.pilot, lambda: all(view.is_ready for view in views if view.display))

    async def matrix(self) -> Any:
        await self.compare("faces")
        await until(self.pilot, lambda: self.page._pair._crops.sheets)
        return self.page._result.matrix


def play(root: Path, act: Callable[[Scene], Awaitable[None]], size: tuple[int, int] = (160, 45)) -> None:
    async def go() -> None:
        app = make_app(root, Goal("verify"))
        async with app.run_test(size=size) as pilot:
            await act(Scene(root, app, pilot))

    asyncio.run(go())


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with pictures of four people, on a terminal with all colours; nothing takes any time."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(bench, "clock", lambda: 0.0)
    monkeypatch.setattr("kryptui.tui.work.clock", lambda: 0.0)
    (tmp_path / "faces").mkdir()
    for person in PEOPLE:
        for number in (1, 2, 3):
            picture(tmp_path / f"faces/{person}-{number}.png")
    return tmp_path


@pytest.fixture
def record(root: Path) -> Iterator[Store]:
    with Store.open(root / "runs.db") as store:
        trained(store, root, "good", {20: 0.09, 28: 0.05, 32: 0.07}, [20, 28, 32], best=28)
        trained(store, root, "worse", {10: 0.2}, [10])
        yield store


@pytest.fixture
def fake(record: Store, monkeypatch: pytest.MonkeyPatch) -> FakeRecogniser:
    """A recogniser in place of any model, with a threshold and a calibration."""
    recogniser = FakeRecogniser()
    monkeypatch.setattr(bench, "open_model", lambda asked, workspace, store: (recogniser, {"run": None}))

    def judge(model: Any, origin: Any, store: Any, threshold: float | None = None) -> Judge:
        source = "checkpoint" if threshold is None else "--threshold"
        return Judge(0.5 if threshold is None else threshold, source, Calibration(10.0, -5.0))

    monkeypatch.setattr(verifying, "judge_of", judge)
    return recogniser


def picture(path: Path) -> Path:
    Image.new("RGB", (24, 24), (120, 90, 60)).save(path)
    return path


# What is chosen


def test_the_best_run_and_its_best_checkpoint_are_chosen_first(root, record):
    async def act(scene):
        await scene.shown("✓ good  eer 0.0500", "best  step 28", "‹ 1/5 ›")

    play(root, act)


def test_a_run_whose_models_make_no_embeddings_is_not_offered(root, record):
    config = {"name": "marks-only", "task": {"kind": "toy"}}
    run_id = record.create_run("train", "marks-only", "toy", config, "h", "d", {}, str(root))
    record.start_attempt(run_id)
    record.finish(run_id, "finished")

    async def act(scene):
        await scene.shown("✓ good")
        await scene.press("slash")
        await scene.shown("Which model compares?", "✓ worse")
        assert "marks-only" not in scene.text

    play(root, act)


def test_runs_are_narrowed_by_the_language_of_filters(root, record):
    async def act(scene):
        await scene.shown("✓ good")
        await scene.press("slash", *"eer>0.1", "enter")
        await scene.shown("✓ worse  eer 0.2000")

    play(root, act)


def test_weights_ask_for_their_configuration(root):
    (root / "face.pt").write_bytes(b"weights")

    async def act(scene):
        await scene.press("slash", *"./face.pt", "enter")
        await scene.shown("configuration or preset of these")
        assert scene.app.focused.id == "config"
        await scene.put("config", "faces-aligned")
        await scene.put("pictures", "faces")
        await scene.shown("kryptui matrix faces --model face.pt --config", "faces-aligned")

    play(root, act)


def test_the_last_of_several_paths_is_completed(root, record):
    async def act(scene):
        await scene.press("p", *"faces/ada-1.png fac")
        await until(scene.pilot, lambda: scene.page.query_one("#pictures")._suggestion == "faces/ada-1.png faces/")

    play(root, act)


def test_pictures_can_be_added_from_a_list(root, record):
    async def act(scene):
        await scene.press("p", *"faces/ada-1.png ", "ctrl+o")
        await scene.shown("Which one?")
        await scene.press(*"faces/ben-2", "enter")
        await until(
            scene.pilot, lambda: scene.form.paths() == [root / "faces/ada-1.png", root / "faces/ben-2.png"]
        )
        await scene.shown("✓ faces/ben-2.png  a picture")

    play(root, act)


@pytest.mark.parametrize(
    ("pictures", "said", "field"),
    [
        ("", "none chosen", "pictures"),
        ("faces/ada-1.png", "one alone", "pictures"),
        ("faces/ada-1.png faces/gone.png", "faces/gone.png: is not there", "pictures"),
        ("faces faces/ada-1.png", "faces: is a folder: name it alone", "pictures"),
        ("'faces/ada-1.png", "quotation", "pictures"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(root, fake, pictures, said, field):
    async def act(scene):
        await scene.with_model()
        await scene.put("pictures", pictures)
        scene.form.go_to("model")
        await scene.press("enter")
        await until(scene.pilot, lambda: said in toasts(scene.app))
        assert scene.app.focused.id == field
        assert fake.looked == []

    play(root, act)


def test_a_threshold_that_is_no_number_is_said_in_a_line(root, fake):
    async def act(scene):
        await scene.with_model()
        await scene.put("pictures", "faces")
        await scene.put("threshold", "much")
        scene.form.go_to("model")
        await scene.press("enter")
        await until(scene.pilot, lambda: "'much' is not a finite number" in toasts(scene.app))
        assert scene.app.focused.id == "threshold"

    play(root, act)


# Some pictures


def test_each_two_pictures_are_compared(root, fake):
    async def act(scene):
        await scene.compare("faces/ada-1.png faces/ada-2.png faces/cleo-1.png")
        await scene.shown(
            "3 faces, 3 pairs", "✓ match     ada-1.png and ada-2.png", "✗ no match  ada-1.png and cleo-1.png"
        )
        await scene.shown("a match from 0.5000 on (the checkpoint's own)")

    play(root, act)


def test_a_typed_threshold_decides(root, fake):
    async def act(scene):
        await scene.put("threshold", "-1")
        await scene.compare("faces/ada-1.png faces/cleo-1.png")
        await scene.shown("✓ match     ada-1.png and cleo-1.png", "a match from -1.0000 on (typed)")

    play(root, act)


def test_a_picture_without_a_face_is_left_out_and_named(root, fake):
    picture(root / "nobody.png")

    async def act(scene):
        await scene.compare("faces/ada-1.png nobody.png faces/ada-2.png")
        await scene.shown("2 faces, 1 pair, 1 left out", "left out: nobody.png: no face was found")

    play(root, act)


def test_all_faces_of_one_picture_are_compared(root, fake):
    picture(root / "two.png")

    async def act(scene):
        await scene.with_model()
        scene.form.go_to("faces")
        await scene.press("right", "right")
        await scene.shown("all of each picture")
        await scene.compare("two.png")
        await scene.shown("two.png #1 and two.png #2")

    play(root, act)


def test_too_few_faces_are_an_error_in_a_line(root, fake):
    picture(root / "nobody.png")

    async def act(scene):
        await scene.with_model()
        await scene.put("pictures", "faces/ada-1.png nobody.png")
        scene.form.go_to("model")
        await scene.press("enter")
        await scene.shown("✗ only one face was found, in faces/ada-1.png")

    play(root, act)


def test_a_model_is_opened_once(root, fake, monkeypatch):
    opened: list[Any] = []
    monkeypatch.setattr(bench, "open_model", lambda asked, *_: opened.append(asked) or (fake, {}))

    async def act(scene):
        await scene.compare("faces/ada-1.png faces/ada-2.png")
        await scene.compare("faces/ada-1.png faces/cleo-1.png")
        await scene.shown("✗ no match")
        assert len(opened) == 1
        scene.form.go_to("checkpoint")
        await scene.press("right")
        await scene.compare("faces/ada-1.png faces/cleo-1.png")
        assert [asked.checkpoint for asked in opened] == ["best", "last"]

    play(root, act)


# Progress


def test_a_comparison_can_be_cancelled(root, fake):
    fake.gate = threading.Event()

    async def act(scene):
        await scene.with_model()
        await scene.put("pictures", "faces")
        scene.form.go_to("model")
        await scene.press("enter")
        await scene.shown("opening the model", "c Cancel")
        await scene.press("c")
        await scene.shown("stopping")
        fake.gate.set()
        await scene.shown("■ cancelled")
        assert scene.page._result.shown is None

    play(root, act)


def test_an_error_of_the_program_is_a_line_and_its_traceback_is_kept(root, fake):
    def fail() -> None:
        raise ZeroDivisionError("one\ntwo")

    fake.fail = fail

    async def act(scene):
        await scene.with_model()
        await scene.put("pictures", "faces")
        scene.form.go_to("model")
        await scene.press("enter")
        await scene.shown("✗ an error of the program: ZeroDivisionError: one two; see Messages")
        assert any("Traceback" in text for text in scene.app.launcher.messages)

    play(root, act)


# A folder


def test_the_cursor_starts_at_the_pair_most_likely_wrong_and_names_it(root, fake):
    picture(root / "faces/ada-9.png")

    async def act(scene):
        matrix = await scene.matrix()
        assert "ada-9.png" in {scene.page._matrix.matrix.names[place] for place in matrix.cursor}
        await scene.shown("13 faces, 78 pairs", "✗ no match  one person by name")

    play(root, act)


def test_arrows_move_the_cursor_and_show_the_faces_of_the_pair(root, fake):
    async def act(scene):
        matrix = await scene.matrix()
        await scene.press(*["up"] * 12, "home")
        assert matrix.cursor == (0, 0)
        await scene.press("down", "end")
        assert matrix.cursor == (1, 11)
        await scene.shown("a ada-2.png", "b dana-3.png", "two people by name")
        await until(scene.pilot, lambda: scene.page._pair._crops.sheets[0].paths == ["ada-2.png", "dana-3.png"])

    play(root, act)


def test_n_goes_through_the_pairs_that_look_wrong(root, fake):
    async def act(scene):
        matrix = await scene.matrix()
        suspects = scene.page._matrix.suspects
        seen = [matrix.cursor]
        for _ in suspects[1:]:
            await scene.press("n")
            await scene.pilot.pause()
            seen.append(matrix.cursor)
        assert seen == [(pair.first, pair.second) for pair in suspects]
        await scene.press("N")
        await scene.pilot.pause()
        assert matrix.cursor == seen[-2]
        await scene.press("left", "n")
        await scene.pilot.pause()
        assert matrix.cursor == seen[-2]

    play(root, act)


def test_the_list_leads_to_its_pairs(root, fake):
    async def act(scene):
        matrix = await scene.matrix()
        await scene.press("w")
        await until(scene.pilot, lambda: scene.app.focused.id == "suspects")
        await scene.press("down", "down")
        await scene.pilot.pause()
        third = scene.page._matrix.suspects[2]
        assert matrix.cursor == (third.first, third.second)

    play(root, act)


def test_values_are_seen_without_colours(root, fake, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def act(scene):
        await scene.matrix()
        await scene.shown("ada-1.png   1.00")
        assert "▀" not in scene.text
        await scene.press("minus", "minus")
        await scene.shown("██")

    play(root, act)


def test_small_blocks_have_densities_where_colours_are_few(root, fake, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLORTERM")

    async def act(scene):
        await scene.matrix()
        await scene.press("minus", "minus", "minus")
        await scene.shown("█", "░")

    play(root, act)


@pytest.mark.parametrize(
    ("value", "zoom", "text"),
    [
        (1.0, 6, " 1.00 "),
        (-0.417, 6, " -.42 "),
        (-0.001, 6, "  .00 "),
        (0.834, 3, " 83"),
        (-0.12, 3, "-12"),
        (1.0, 3, "100"),
    ],
)
def test_a_block_holds_its_value_where_it_has_room(value, zoom, text):
    assert block(value, 0.5, zoom, densities=False) == text


def test_a_matrix_that_is_wider_than_the_screen_scrolls_by_whole_blocks(root, fake):
    for number in range(40):
        picture(root / f"faces/eve-{number:02}.png")

    async def act(scene):
        matrix = await scene.matrix()
        await scene.press("plus", "plus", "plus", "end", *["pagedown"] * 4)
        assert matrix.cursor == (51, 51)
        assert matrix.scroll_offset.x % 6 == 0
        await scene.shown("eve-39.png ", "[1.00]")

    play(root, act)


# Files


@pytest.mark.parametrize("answer", ["y", "n"])
def test_the_matrix_is_saved_and_a_file_replaced_only_after_asking(root, fake, answer):
    (root / "mine.csv").write_text("old")

    async def act(scene):
        await scene.matrix()
        await scene.press("s")
        await until(scene.pilot, lambda: isinstance(scene.app.screen, Ask))
        scene.app.screen.query_one("Input").value = "mine"
        await scene.press("enter")
        await until(scene.pilot, lambda: isinstance(scene.app.screen, Confirm))
        await scene.press(answer)
        await until(scene.pilot, lambda: scene.app.screen is scene.page)
        if answer == "y":
            await until(scene.pilot, lambda: "mine.csv" in toasts(scene.app))
            assert "--csv mine.csv" in scene.page._command()

    play(root, act)
    rows = list(csv.reader((root / "mine.csv").read_text().splitlines()))
    if answer == "n":
        assert rows == [["old"]]
        return
    assert rows[0] == ["name", *(f"{person}-{number}.png" for person in PEOPLE for number in (1, 2, 3))]
    values = np.array([[float(value) for value in row[1:]] for row in rows[1:]])
    assert np.allclose(values, values.T)
    assert np.allclose(np.diag(values), 1, atol=1e-5)


def test_the_matrix_is_drawn_into_a_file(root, fake):
    async def act(scene):
        await scene.matrix()
        await scene.press("S")
        await until(scene.pilot, lambda: isinstance(scene.app.screen, Ask))
        await scene.press("enter")
        await until(scene.pilot, lambda: "matrix-faces.png" in toasts(scene.app))

    play(root, act)
    with Image.open(root / "matrix-faces.png") as image:
        assert image.format == "PNG"


def test_a_file_that_cannot_be_written_is_said_in_a_line(root, fake, monkeypatch):
    def full(path: Path, text: str) -> None:
        raise RunError(f"{path}: No space left on device")

    monkeypatch.setattr("kryptui.data.manifest.write_atomic", full)

    async def act(scene):
        await scene.matrix()
        await scene.press("s")
        await until(scene.pilot, lambda: isinstance(scene.app.screen, Ask))
        await scene.press("enter")
        await until(scene.pilot, lambda: "No space left on device" in toasts(scene.app))

    play(root, act)


# The command


@pytest.mark.parametrize("pictures", ["faces", "faces/ada-1.png 'a b.png'"])
def test_the_command_for_a_shell_is_one_that_the_program_takes(root, record, pictures):
    picture(root / "a b.png")

    async def act(scene):
        await scene.with_model()
        await scene.put("pictures", pictures)
        await scene.put("threshold", "0.31")
        await scene.put("detector", "yunet.onnx")
        scene.form.go_to("faces")
        await scene.press("right")
        scene.form.go_to("checkpoint")
        await scene.press("right", "y")
        await until(scene.pilot, lambda: scene.app.clipboard)
        copied.append(scene.app.clipboard)

    copied: list[str] = []
    play(root, act)
    from typer.main import get_command

    from kryptui.cli.main import app

    program, name, *rest = shlex.split(copied[0])
    assert (program, name) == ("kryptui", "matrix" if pictures == "faces" else "verify")
    found = get_command(app).commands[name].make_context(name, rest).params
    assert found["model"] == record.resolve_run("good")
    assert (found["checkpoint"], found["threshold"], found["which"].value) == ("last", 0.31, "largest")
    assert str(found["detector"]) == "yunet.onnx"
    if pictures != "faces":
        assert [str(path) for path in found["pictures"]] == ["faces/ada-1.png", "a b.png"]


def test_pictures_in_a_line_are_split_as_a_shell_does():
    assert words.split(r"a.png 'b c.png' d\ e.png") == ["a.png", "b c.png", "d e.png"]
    assert words.split(words.join(["a b.png", "it's.png", 'q".png', "~/x.png"])) == [
        "a b.png", "it's.png", 'q".png', "~/x.png",
    ]  # fmt: skip
    assert words.last(r"a.png d\ e") == ("a.png ", "d e")
    assert words.last("a.png ") == ("a.png ", "")
    with pytest.raises(InputError, match="no closing quotation"):
        words.split("a 'b")


def test_the_page_can_be_the_first_frame():
    code = (
        "import sys, kryptui.tui.verify.page\n"
        "print([name for name in ('torch', 'numpy', 'pandas', 'cv2', 'PIL', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# The real thing


@pytest.mark.skipif(not (WEIGHTS.exists() and FACES.exists()), reason="the shared faces and weights are not here")
def test_real_faces_are_compared_by_real_weights(root, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    one, other = sorted(folder for folder in FACES.iterdir() if len(list(folder.iterdir())) >= 4)[:2]
    pictures = [*sorted(one.iterdir())[:2], *sorted(other.iterdir())[:1]]

    async def act(scene):
        scene.form._picked_model(str(WEIGHTS))
        await until(scene.pilot, lambda: scene.form.is_weights)
        await scene.put("config", "faces-aligned")
        await scene.put("detector", str(DETECTOR))
        await scene.put("threshold", "0.3")
        await scene.put("pictures", " ".join(map(str, pictures)))
        scene.form.go_to("model")
        await scene.press("enter")
        await until(scene.pilot, lambda: scene.page._work is None, 120)
        verified = scene.page._result.shown.verified
        assert [crop.pixels.shape for crop in verified.crops] == [(112, 112, 3)] * 3
        assert all(-1 <= pair.similarity <= 1 for pair in verified.pairs)

    play(root, act)


# Kept screens


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_without_a_record(root, size):
    async def act(scene):
        await scene.shown("none yet: train one (3)", "nothing compared yet")
        check_screen(scene.app, "verify-empty")

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_with_pairs(root, fake, size):
    async def act(scene):
        await scene.compare("faces/ada-1.png faces/ada-2.png faces/cleo-1.png")
        check_screen(scene.app, "verify-pairs")

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_with_a_matrix(root, fake, size):
    picture(root / "faces/cleo-9.png")
    picture(root / "faces/nobody.png")

    async def act(scene):
        await scene.matrix()
        await scene.shown("left out: faces/nobody.png")
        check_screen(scene.app, "verify-matrix")

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_with_one_in_progress(root, fake, size):
    async def act(scene):
        await scene.compare("faces/ada-1.png faces/ada-2.png")
        fake.gate = threading.Event()
        await scene.put("pictures", "faces")
        await scene.press("f", "enter")
        await until(scene.pilot, lambda: scene.page._work is not None)
        scene.page._work.count("embedding", 5, 12)
        scene.page._show_progress()
        await scene.shown("5/12", "✓ faces  a folder")
        check_screen(scene.app, "verify-busy")
        fake.gate.set()

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_after_a_failure(root, fake, size):
    def fail() -> None:
        raise InputError("detector: no weights of yunet here; fetch them by kryptui weights get yunet")

    fake.fail = fail

    async def act(scene):
        await scene.with_model()
        await scene.put("pictures", "faces/ada-1.png faces/cleo-1.png")
        scene.form.go_to("model")
        await scene.press("enter")
        await scene.shown("✗ detector: no weights of yunet here")
        check_screen(scene.app, "verify-failed")

    play(root, act, size)
