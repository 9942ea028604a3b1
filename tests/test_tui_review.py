"""The review of labels: examining, deciding by keys, overlays saved and taken up, leaving, shell commands."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fake_recogniser import FakeRecogniser
from PIL import Image
from screens import SIZES, check_screen, make_app, still, text_of, toasts, until, until_shown  # noqa: F401
from submissions import trained
from typer.main import get_command

from kryptui.cli.main import app as cli
from kryptui.data.layouts import read_dataset
from kryptui.data.overlay import Decision, read_overlay, write_overlay
from kryptui.errors import InputError
from kryptui.jobs.label_doctor import Finding, LabelReport
from kryptui.runs.store import Store
from kryptui.tui.dialogs import Ask, Confirm
from kryptui.tui.pages import Goal
from kryptui.tui.review import screen as review
from kryptui.tui.review.desk import Desk
from kryptui.tui.review.screen import ReviewScreen
from kryptui.tui.verify import bench
from kryptui.tui.work import Work

PEOPLE = ("ada", "ben", "cleo", "dana", "dana-b")


def finding(
    kind: Any, photo: str, other: str | None, certainty: float, suggestion: Decision, *, sure: bool
) -> Finding:
    identity = photo.partition("/")[0]
    medoid = None if other is None else f"{other}/1.png"
    return Finding(
        kind, photo, identity, f"{identity}/1.png", other, medoid, certainty,
        None if kind == "split" else 0.11, None if other is None else 0.74, sure, suggestion,
    )  # fmt: skip


FINDINGS = [
    finding("stranger", "ada/3.png", "ben", 0.998,
            Decision("move", "ada/3.png", "ada", "ben", "0.74 to ben, 0.11 to ada"), sure=True),
    finding("split", "dana-b/1.png", "dana", 0.97,
            Decision("merge", "", "dana-b", "dana", "their photos are alike"), sure=True),
    finding("stranger", "cleo/2.png", None, 0.81,
            Decision("drop", "cleo/2.png", "cleo", "", "like nobody here"), sure=False),
    finding("unsure", "ben/3.png", "ada", 0.55,
            Decision("keep", "ben/3.png", "ben", "ada", "the photos of ben disagree"), sure=False),
]  # fmt: skip


class Scene:
    """The review over a workspace, driven by keys."""

    def __init__(self, root: Path, app: Any, pilot: Any) -> None:
        self.root, self.app, self.pilot = root, app, pilot

    @property
    def screen(self) -> Any:
        return self.app.page

    @property
    def text(self) -> str:
        return text_of(self.app)

    @property
    def decided(self) -> list[str]:
        desk = self.screen._desk
        return [f"{desk.state(one)} {desk.decision(one).action}" for one in desk.findings]

    async def shown(self, *words: str) -> None:
        await until_shown(self.pilot, *words)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def examine(self) -> None:
        """Examines with the best run's model, and waits until all is drawn."""
        await until(self.pilot, lambda: self.screen._form.model is not None)
        await self.press("enter")
        await until(self.pilot, lambda: self.screen._desk is not None and self.screen._work is None)
        await self.pilot.pause()
        await until(self.pilot, lambda: self.screen._pane.pictures.is_ready)

    async def fill(self, text: str) -> None:
        """Answers a question with a line of text."""
        await until(self.pilot, lambda: isinstance(self.app.screen, Ask))
        self.app.screen.query_one("Input").value = text
        await self.press("enter")


def play(root: Path, act: Callable[[Scene], Awaitable[None]], size: tuple[int, int] = (160, 45)) -> None:
    async def go() -> None:
        app = make_app(root, Goal("data"))
        async with app.run_test(size=size) as pilot:
            app.push_screen(ReviewScreen(root / "faces", "faces", app.workspace))
            await until(pilot, lambda: isinstance(app.screen, ReviewScreen))
            await act(Scene(root, app, pilot))

    asyncio.run(go())


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with folders of five people, three photos each, on a terminal with all colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("kryptui.tui.work.clock", lambda: 0.0)
    for place, person in enumerate(PEOPLE):
        (tmp_path / "faces" / person).mkdir(parents=True)
        for number in (1, 2, 3):
            colour = (40 * place + 20, 60 * number, 90)
            Image.new("RGB", (24, 24), colour).save(tmp_path / f"faces/{person}/{number}.png")
    return tmp_path


def desk_of(root: Path, findings: list[Finding] = FINDINGS) -> Desk:
    manifest = read_dataset(root / "faces")
    return Desk(LabelReport("faces", root / "faces", 15, 5, 0.4, 0.5, 0.1, findings), manifest)


@pytest.fixture
def record(root: Path) -> Any:
    with Store.open(root / "runs.db") as store:
        trained(store, root, "good", {20: 0.09, 28: 0.05}, [20, 28], best=28)
        yield store


@pytest.fixture
def found(root: Path, record: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor finds four suspects at once, by whatever model."""
    monkeypatch.setattr(review, "examine", lambda asked, workspace, record, work: desk_of(root))


# Examining


def test_the_data_page_opens_the_review_of_its_dataset(root, record):
    async def go() -> None:
        app = make_app(root, Goal("data"))
        async with app.run_test(size=(160, 45)) as pilot:
            app.data_source = root / "faces"
            app.page.on_screen_resume()
            await until(pilot, lambda: app.page._opened is not None)
            await pilot.press("d")
            await until_shown(pilot, "labels of faces", "✓ good")
            assert app.page._dataset == root / "faces"
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(app.screen, ReviewScreen))
            await pilot.press("1")
            await until(pilot, lambda: app.page.PAGE == "runs")

    asyncio.run(go())


def test_without_a_model_the_form_says_so(root):
    async def act(scene):
        await scene.shown("none yet: train one (3)")
        await scene.press("enter")
        await until(scene.pilot, lambda: "model: none yet" in toasts(scene.app))

    play(root, act)


def test_suspects_are_found_by_the_chosen_model(root, record, monkeypatch):
    folder = root / "faces"
    for person in PEOPLE:
        for photo in (folder / person).iterdir():
            photo.unlink()
        for number in range(10, 18):
            Image.new("RGB", (8, 8)).save(folder / person / f"{person.replace('-', '')}-{number}.png")
    Image.new("RGB", (8, 8)).save(folder / "ada/ben-91.png")
    monkeypatch.setattr(bench, "open_model", lambda asked, workspace, store: (FakeRecogniser(), {}))

    async def act(scene):
        await scene.examine()
        strangers = [one.photo for one in scene.screen._desk.findings if one.kind == "stranger"]
        assert strangers == ["ada/ben-91.png"]
        await scene.shown("ada/ben-91.png", "move to ben")

    play(root, act)


def test_an_examination_is_cancelled(root, record, monkeypatch):
    fake = FakeRecogniser(gate=threading.Event())
    monkeypatch.setattr(bench, "open_model", lambda asked, workspace, store: (fake, {}))

    async def act(scene):
        await until(scene.pilot, lambda: scene.screen._form.model is not None)
        await scene.press("enter", "c")
        await scene.shown("stopping …")
        fake.gate.set()
        await scene.shown("■ cancelled")
        assert scene.screen._desk is None

    play(root, act)


def test_leaving_stops_the_examination(root, record, monkeypatch):
    works: list[Work] = []
    monkeypatch.setattr(review, "examine", lambda asked, workspace, record, work: works.append(work))

    async def act(scene):
        await until(scene.pilot, lambda: scene.screen._form.model is not None)
        scene.screen._work = work = Work("embedding", lambda: None)
        await scene.press("escape")
        await until(scene.pilot, lambda: work.is_stopped)
        assert not isinstance(scene.app.screen, ReviewScreen)

    play(root, act)


# Deciding


@pytest.mark.usefixtures("found")
def test_what_is_sure_is_decided_and_all_else_undecided(root):
    async def act(scene):
        await scene.examine()
        assert scene.decided == ["sure move", "sure merge", "undecided keep", "undecided keep"]
        await scene.shown("4 suspects", "move 1, merge 1", "? 2 undecided")

    play(root, act)


@pytest.mark.usefixtures("found")
def test_each_suspect_is_beside_the_medoids(root):
    async def act(scene):
        await scene.examine()
        seen = []
        for _ in FINDINGS:
            seen.append([Path(sheet.paths[0]).relative_to(root / "faces").as_posix()
                         for sheet in scene.screen._pane.pictures.sheets])  # fmt: skip
            await scene.press("down")
        assert seen == [
            ["ada/3.png", "ada/1.png", "ben/1.png"],
            ["dana-b/1.png", "dana/1.png"],
            ["cleo/2.png", "cleo/1.png"],
            ["ben/3.png", "ben/1.png", "ada/1.png"],
        ]

    play(root, act)


@pytest.mark.usefixtures("found")
def test_keys_decide(root):
    async def act(scene):
        await scene.examine()
        await scene.press("d", "down", "space", "n", "a", "n", "m")
        await scene.fill("cleo")
        await until(scene.pilot, lambda: scene.decided[3] == "decided move")
        assert scene.decided == ["decided drop", "decided keep", "decided drop", "decided move"]
        assert scene.screen._desk.decision(FINDINGS[3]).into == "cleo"
        await scene.shown("drop 2, move 1, keep 1", "none undecided", "! not saved", "move to cleo")
        await scene.press("up", "up", "u")
        assert scene.decided[1] == "decided merge"

    play(root, act)


@pytest.mark.usefixtures("found")
def test_the_next_undecided_is_found_round_the_end(root):
    async def act(scene):
        await scene.examine()
        at = []
        for keys in (["n"], ["n"], ["n"], ["space", "n"], ["space", "n"]):
            await scene.press(*keys)
            at.append(scene.screen._pane.list.cursor)
        assert at == [2, 3, 2, 3, 3]
        assert "none is undecided" in toasts(scene.app)

    play(root, act)


@pytest.mark.usefixtures("found")
def test_a_photo_is_moved_to_no_identity_that_is_not_there(root):
    async def act(scene):
        await scene.examine()
        await scene.press("m")
        await scene.fill("bne")
        await scene.shown("there is no identity 'bne' in the dataset")
        await scene.press("escape")
        assert scene.decided[0] == "sure move"

    play(root, act)


@pytest.mark.usefixtures("found")
def test_a_photo_is_not_moved_to_where_it_is(root):
    async def act(scene):
        await scene.examine()
        await scene.press("m")
        await scene.fill("ada")
        await until(scene.pilot, lambda: "is filed under ada already" in toasts(scene.app))

    play(root, act)


@pytest.mark.usefixtures("found")
def test_keys_that_do_not_fit_the_suspect_do_nothing(root):
    async def act(scene):
        await scene.examine()
        await scene.press("u", "down", "d", "m")
        assert scene.decided[:2] == ["sure move", "sure merge"]
        assert not scene.screen._desk.unsaved

    play(root, act)


# Overlays


@pytest.mark.usefixtures("found")
def test_decisions_are_saved_and_applied(root):
    async def act(scene):
        await scene.examine()
        await scene.press("n", "a", "s")
        await scene.fill("fixed")
        await until(scene.pilot, lambda: "4 decisions" in toasts(scene.app))
        assert not scene.screen._desk.unsaved
        await scene.shown("--overlay fixed.csv")

    play(root, act)
    overlay = read_overlay(root / "fixed.csv")
    assert [row.action for row in overlay.decisions] == ["move", "merge", "drop", "keep"]
    corrected = overlay.apply(read_dataset(root / "faces")).table
    assert corrected.groupby("identity").size().to_dict() == {"ada": 2, "ben": 4, "cleo": 2, "dana": 6}


@pytest.mark.usefixtures("found")
def test_another_file_is_replaced_only_when_agreed(root):
    (root / "mine.csv").write_text("mine")

    async def act(scene):
        await scene.examine()
        await scene.press("s")
        await scene.fill("mine.csv")
        await scene.shown("Replace the file?")
        await scene.press("n")
        assert (root / "mine.csv").read_text() == "mine"
        await scene.press("s")
        await scene.fill("mine.csv")
        await scene.shown("Replace the file?")
        await scene.press("y")
        await until(scene.pilot, lambda: "written" in toasts(scene.app))

    play(root, act)
    assert len(read_overlay(root / "mine.csv").decisions) == 4


@pytest.mark.usefixtures("found")
def test_nothing_is_saved_into_the_dataset(root):
    async def act(scene):
        await scene.examine()
        await scene.press("s")
        await scene.fill("faces/labels.csv")
        await scene.shown("lies in the source")

    play(root, act)
    assert not (root / "faces/labels.csv").exists()


@pytest.mark.usefixtures("found")
def test_an_overlay_is_taken_up_and_saved_again(root):
    desk = desk_of(root)
    desk.decide(0, "keep")
    desk.decide(2, "keep")
    desk.save(root / "old.csv")
    rows = read_overlay(root / "old.csv").decisions
    other = Decision("drop", "dana/2.png", "dana", "", "blurred")
    write_overlay(root / "old.csv", [*rows, other])

    async def act(scene):
        await scene.examine()
        await scene.press("t")
        await scene.fill("old.csv")
        await until(scene.pilot, lambda: "4 decisions" in toasts(scene.app))
        assert scene.decided == ["decided keep", "decided merge", "decided keep", "undecided keep"]
        await scene.press("end", "d", "s", "enter")
        await until(scene.pilot, lambda: "old.csv: 5 decisions" in toasts(scene.app))

    play(root, act)
    assert read_overlay(root / "old.csv").decisions == (
        *rows[:3], Decision("drop", "ben/3.png", "ben", "", "the photos of ben disagree"), other,
    )  # fmt: skip


@pytest.mark.usefixtures("found")
def test_an_overlay_of_another_dataset_is_refused_in_a_line(root):
    write_overlay(root / "other.csv", [Decision("drop", "eve/1.png", "eve")])

    async def act(scene):
        await scene.examine()
        await scene.press("t")
        await scene.fill("other.csv")
        await until(scene.pilot, lambda: "other.csv, line 2: there is no image 'eve/1.png'" in toasts(scene.app))
        assert scene.decided[0] == "sure move"

    play(root, act)


# Leaving


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("key", ["escape", "q"])
def test_leaving_asks_where_decisions_are_unsaved(root, key):
    async def act(scene):
        await scene.examine()
        await scene.press("d", key)
        await until(scene.pilot, lambda: isinstance(scene.app.screen, Confirm))
        await scene.press("n")
        assert scene.decided[0] == "decided drop"
        await scene.press(key, "y")
        if key == "escape":
            await until(scene.pilot, lambda: not isinstance(scene.app.screen, ReviewScreen))

    play(root, act)


@pytest.mark.usefixtures("found")
def test_leaving_asks_nothing_where_all_is_saved(root):
    async def act(scene):
        await scene.examine()
        await scene.press("escape")
        await until(scene.pilot, lambda: not isinstance(scene.app.screen, ReviewScreen))

    play(root, act)


@pytest.mark.usefixtures("found")
def test_another_page_and_back_keeps_the_decisions(root):
    async def act(scene):
        await scene.examine()
        await scene.press("d", "1")
        await until(scene.pilot, lambda: scene.app.page.PAGE == "runs")
        await scene.press("2")
        await until(scene.pilot, lambda: isinstance(scene.app.screen, ReviewScreen))
        assert scene.decided[0] == "decided drop"

    play(root, act)


@pytest.mark.usefixtures("found")
def test_examining_anew_asks_where_decisions_are_unsaved(root):
    async def act(scene):
        await scene.examine()
        await scene.press("d", "f", "enter")
        await scene.shown("Examine anew?")
        await scene.press("n", "escape")
        assert scene.decided[0] == "decided drop"

    play(root, act)


@pytest.mark.usefixtures("found")
def test_an_examination_that_was_left_for_the_suspects_changes_nothing(root, monkeypatch):
    gate = threading.Event()

    async def act(scene):
        await scene.examine()
        first = scene.screen._desk

        def examine(*_: Any) -> Desk:
            gate.wait(20)
            return desk_of(root)

        monkeypatch.setattr(review, "examine", examine)
        await scene.press("f", "enter", "escape")
        await until(scene.pilot, lambda: scene.screen._is_reviewing)
        gate.set()
        await until(scene.pilot, lambda: scene.screen._work is None)
        assert scene.screen._desk is first

    play(root, act)


# Commands


@pytest.mark.usefixtures("found")
def test_the_commands_are_those_of_the_shell(root, record):
    copied: list[str] = []

    async def act(scene):
        scene.app.copy_to_clipboard = copied.append
        await scene.examine()
        await scene.press("y", "Y")

    play(root, act)
    data = get_command(cli).commands["data"].commands
    program, group, name, *rest = shlex.split(copied[0])
    assert (program, group, name) == ("kryptui", "data", "doctor")
    doctor = data[name].make_context(name, rest).params
    assert (str(doctor["source"]), doctor["model"]) == ("faces", record.resolve_run("good"))
    assert str(doctor["output"]) == "labels-faces.csv"
    _, _, name, *rest = shlex.split(copied[1])
    prepare = data[name].make_context(name, rest).params
    assert str(prepare["overlay"]) == "labels-faces.csv"


def test_the_screen_imports_nothing_heavy():
    code = (
        "import sys, kryptui.tui.review.screen\n"
        "print([name for name in ('torch', 'numpy', 'pandas', 'cv2', 'PIL', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Kept screens


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_without_a_record(root, size):
    async def act(scene):
        await scene.shown("none yet: train one (3)", "nothing examined yet")
        check_screen(scene.app, "review-empty")

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_with_an_examination_in_progress(root, record, monkeypatch, size):
    gate = threading.Event()

    def examine(asked: Any, workspace: Any, record: Any, work: Work) -> None:
        work.count("embedding", 5, 15)
        gate.wait(20)

    monkeypatch.setattr(review, "examine", examine)

    async def act(scene):
        await until(scene.pilot, lambda: scene.screen._form.model is not None)
        await scene.press("enter")
        await until(scene.pilot, lambda: scene.screen._work is not None and scene.screen._work.done)
        scene.screen._show_state()
        await scene.shown("5/15")
        check_screen(scene.app, "review-busy")
        gate.set()

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_after_a_failure(root, record, monkeypatch, size):
    def fail(*_: Any) -> None:
        raise InputError(f"{root}/faces: the photos are too few to learn from; give another model or a threshold")

    monkeypatch.setattr(review, "examine", fail)

    async def act(scene):
        await until(scene.pilot, lambda: scene.screen._form.model is not None)
        await scene.press("enter")
        await scene.shown("✗ ", "too few to learn from")
        check_screen(scene.app, "review-failed")

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still", "found")
def test_the_screen_with_suspects(root, size):
    async def act(scene):
        await scene.examine()
        await scene.press("n", "a", "home")
        await scene.shown("drop 1, move 1, merge 1")
        await until(scene.pilot, lambda: scene.screen._pane.pictures.is_ready)
        check_screen(scene.app, "review-full")

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("found")
def test_without_colours_names_stand_for_pictures(root, monkeypatch, size):
    monkeypatch.setenv("NO_COLOR", "1")

    async def act(scene):
        await scene.examine()
        await scene.shown("of ada", "of ben", "0.74 alike")

    play(root, act, size)
