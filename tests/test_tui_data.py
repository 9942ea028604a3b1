"""The Data page: choosing, looking, what remains, samples, preparing."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from screens import (
    SIZES,
    IdleLauncher,
    Test,
    check_screen,
    make_app,
    play,
    still,
    text_of,
    toasts,
    until,
    until_shown,
)
from textual.pilot import Pilot
from trees import noise, write_contest_tree

from kryptui.data import scan
from kryptui.figures import ImageSheet
from kryptui.tasks import registry
from kryptui.tui import work
from kryptui.tui.app import KryptuiApp
from kryptui.tui.data.findings_pane import FindingsPane
from kryptui.tui.data.remains_table import RemainsTable
from kryptui.tui.data.samples_pane import SamplesPane
from kryptui.tui.pages import Goal
from kryptui.tui.widgets.pictures_view import PicturesView, arrange, fitting_size

__all__ = ["still"]


WORKSPACE = Path("faces-workspace")
"""Relative, so that the kept screens name no place of this machine."""


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """A workspace with a flawed dataset in data/faces."""
    monkeypatch.chdir(tmp_path)
    people = {f"{number:03d}": "rrrff" for number in range(8)} | {"100": "r", "101": "f"}
    tree = write_contest_tree(WORKSPACE / "data/faces", people)
    images = tree / "images"
    (images / "000/0.jpg").write_bytes(b"")
    shutil.copy(images / "001/0.jpg", images / "002/0.jpg")
    noise(77, (64, 64)).save(images / "003/0.jpg", quality=95)
    noise(77, (64, 64)).save(images / "004/0.jpg", quality=50)
    return WORKSPACE


def show(
    test: Test,
    size: tuple[int, int] = (80, 24),
    source: str | None = "data/faces",
    launcher: Any = None,
    root: Path = WORKSPACE,
) -> KryptuiApp:
    """Runs the app on Data, a dataset open unless `source` is None, and a test in it."""
    app = make_app(root, Goal("data"), launcher)
    app.data_source = None if source is None else Path(source)
    return play(app, test, size)


async def inspected(app: KryptuiApp, pilot: Pilot[Any]) -> None:
    """Waits until all of the dataset was looked at, and what is seen is drawn."""
    await until_shown(pilot, "inspected:")
    await until(pilot, lambda: app.screen.query_one("#report").region.height > 0 or app.size.width < 120)
    await drawn(app, pilot)


async def drawn(app: KryptuiApp, pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: all(view.is_ready for view in app.screen.query(PicturesView)))


class Gate:
    """Holds the reading of images at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, row: int) -> None:
        self.open, look = threading.Event(), scan._look

        def held(at: int, *rest: Any) -> Any:
            if at == row:
                assert self.open.wait(20)
            return look(at, *rest)

        monkeypatch.setattr(scan, "_look", held)


# Choosing


@pytest.mark.parametrize("size", SIZES)
def test_a_workspace_without_datasets_says_how_to_begin(size, still, tmp_path):
    async def test(app, pilot):
        await until_shown(pilot, "no dataset here yet", "draw demo faces", "kryptui data get kryptonite")
        check_screen(app, "data-empty")

    Path("new-workspace").mkdir()
    show(test, size, None, root=Path("new-workspace"))


@pytest.mark.parametrize("size", SIZES)
def test_the_tree_marks_what_looks_like_a_dataset(size, still):
    async def test(app, pilot):
        await until_shown(pilot, "faces/  ◆ contest tree", "list.csv  ◆ manifest csv")
        check_screen(app, "data-choose")

    (WORKSPACE / "checkpoints").mkdir()
    (WORKSPACE / "data/list.csv").write_text("path,identity\n")
    (WORKSPACE / "data/[red]deep").mkdir()
    show(test, size, None)


def test_enter_opens_the_first_dataset_there_is():
    async def test(app, pilot):
        await until_shown(pilot, "◆ contest tree")
        await pilot.press("enter")
        await until_shown(pilot, "data/faces  contest tree", "identities")

    show(test, source=None)


def test_a_typed_path_is_completed_and_opened():
    async def test(app, pilot):
        await until_shown(pilot, "◆ contest tree")
        await pilot.press("slash", *"data/fa")
        field = app.screen.query_one("#path")
        await until(pilot, lambda: field._suggestion == "data/faces/")
        await pilot.press("tab", "enter")
        await until_shown(pilot, "data/faces  contest tree")

    show(test, source=None)


def test_letters_in_the_path_do_nothing_else():
    async def test(app, pilot):
        await until_shown(pilot, "◆ contest tree")
        await pilot.press("slash", *"dou")
        assert app.screen.query_one("#path").value == "dou"
        await pilot.press("escape")
        assert app.focused is app.screen.query_one("#folders")

    show(test, source=None)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_no_dataset_is_refused_in_one_line(size, still):
    async def test(app, pilot):
        await until_shown(pilot, "data/nothing holds no folders of images")
        check_screen(app, "data-refused")
        await pilot.press("slash", *"data/faces", "enter")
        await until_shown(pilot, "data/faces  contest tree")

    (WORKSPACE / "data/nothing").mkdir()
    show(test, size, "data/nothing")


def test_the_folder_above_can_be_looked_into():
    async def test(app, pilot):
        await until_shown(pilot, "◆ contest tree")
        await pilot.press("u")
        await until_shown(pilot, "faces-workspace/")

    show(test, source=None)


def test_another_dataset_is_chosen_and_escape_goes_back():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("o")
        await until_shown(pilot, "◆ contest tree", "esc Back")
        await pilot.press("escape")
        await until_shown(pilot, "v overview")

    show(test)


# Looking


@pytest.mark.parametrize("size", SIZES)
def test_a_dataset_in_whole(size, still):
    async def test(app, pilot):
        await inspected(app, pilot)
        check_screen(app, "data-full")

    show(test, size)


@pytest.mark.parametrize("size", SIZES)
def test_counts_are_there_while_images_are_read(size, still, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(work, "clock", lambda: now[0])
    monkeypatch.setattr(work, "TELL_SECONDS", 0)
    monkeypatch.setattr("kryptui.tui.data.opened.cores", lambda: 2)
    gate = Gate(monkeypatch, 20)

    async def test(app, pilot):
        await until(pilot, lambda: app.screen._work is not None and app.screen._work.done == 20)
        now[0] = 4.0
        app.screen._show_state()
        await until_shown(pilot, "20/42 · 5/s · 4s")
        if size == SIZES[1]:
            await until_shown(pilot, "broken images  1 so far", "… near copies, other identity  not looked yet")
        await drawn(app, pilot)
        check_screen(app, "data-busy")
        gate.open.set()
        await until_shown(pilot, "inspected: 3 findings")

    show(test, size)


def test_cancel_stops_and_the_counts_stay(monkeypatch):
    gate = Gate(monkeypatch, 20)

    async def test(app, pilot):
        await until_shown(pilot, "c Cancel")
        await pilot.press("c")
        gate.open.set()
        await until_shown(pilot, "stopped after", "of 42; i begins anew", "identities")
        await pilot.press("i")
        await until_shown(pilot, "inspected: 3 findings")

    show(test)


def test_a_training_run_here_is_not_disturbed_unasked():
    launcher = IdleLauncher()
    launcher.training = "r0000001"

    async def test(app, pilot):
        await until_shown(pilot, "a run is training here; i inspects nevertheless")
        await pilot.press("i")
        await until_shown(pilot, "inspected:")

    show(test, launcher=launcher)


def test_an_end_that_nobody_looks_at_is_told(monkeypatch):
    gate = Gate(monkeypatch, 20)

    async def test(app, pilot):
        await until_shown(pilot, "c Cancel")
        await pilot.press("question_mark")
        gate.open.set()
        await until(pilot, lambda: "data/faces 3 findings" in toasts(app))

    show(test)


@pytest.mark.parametrize("size", SIZES)
def test_findings_show_both_pictures(size, still):
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("f", *["down"] * 6)
        await drawn(app, pilot)
        pane = app.screen.query_one(FindingsPane)
        assert pane.here[1].what == "images/001/0.jpg  =  images/002/0.jpg"
        assert len(app.screen.query_one("#finding-pictures").sheets) == 2
        check_screen(app, "data-findings")

    show(test, size)


def test_a_finding_can_be_seen_alone_and_the_list_walked_meanwhile():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("f", "down", "enter")
        await until(pilot, lambda: "✗ broken images" not in text_of(app))
        assert "zero bytes" in text_of(app)
        await pilot.press("down", "escape")
        await until_shown(pilot, "✓ files without a key  none")

    show(test)


def test_findings_fold_and_notes_are_folded_at_first():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("f")
        assert "images/000/0.jpg" in text_of(app)
        await pilot.press("left")
        await until_shown(pilot, "✗ broken images  1  ▸")
        assert "images/000/0.jpg" not in text_of(app)
        await pilot.press("enter")
        await until_shown(pilot, "images/000/0.jpg")

    show(test)


def test_a_finding_leads_to_all_samples_of_its_group():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("f", *["down"] * 6, "e")
        await until_shown(pilot, "‹ 1 ›  3 real, 2 fake")
        assert app.focused is app.screen.query_one("#group-pictures")

    show(test)


def test_hostile_names_drive_nothing():
    async def test(app, pilot):
        await until_shown(pilot, "inspected:")
        await pilot.press("f")
        await until_shown(pilot, "[red]x[b]�")

    folder = WORKSPACE / "data/faces/images/[red]x[b]\x1b"
    folder.mkdir()
    noise(1).save(folder / "0.jpg")
    show(test)


# What remains


@pytest.mark.parametrize("size", SIZES)
def test_options_are_changed_by_keys_and_show_the_difference(size, still):
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("r")
        await until_shown(pilot, "the defaults, of all 41 images")
        await pilot.press("right", "down", "left", "down")
        assert app.screen.query_one(RemainsTable).chosen == {"fakes": "negatives", "min_real": 3, "min_class": 1}
        await drawn(app, pilot)
        check_screen(app, "data-remains")
        await pilot.press("0")
        await until_shown(pilot, "the defaults")

    show(test, size)


def test_a_step_is_shown_without_waiting():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("r")
        opened = app.screen._opened
        await until(pilot, lambda: opened.left(app.screen.query_one(RemainsTable).chosen) is not None)
        table = app.screen.query_one(RemainsTable)
        for by in (1, 1, -1, -1):
            table.action_step(by)
            assert all(opened.left(chosen) is not None for chosen in table.wanted())

    show(test)


def test_a_choice_that_leaves_nothing_says_so(workspace):
    async def test(app, pilot):
        await until_shown(pilot, "inspected:")
        await pilot.press("r", "right", *["down"] * 4)
        await until_shown(pilot, "nothing is left to train on")

    show(test)


def test_chosen_options_go_on_to_configure(monkeypatch):
    async def test(app, pilot):
        await inspected(app, pilot)
        monkeypatch.setattr(app, "action_go", lambda page: went.append(page))
        await pilot.press("r", "right", "up", "g")
        assert (app.configure_data, went) == ("data/faces", ["configure"])
        assert app.configure_overrides == ["task.fakes=own-class", "task.min_real=1", "task.min_class=1"]

    went: list[str] = []
    show(test)


# Samples


@pytest.mark.parametrize("size", SIZES)
def test_samples_stand_real_beside_fake(size, still):
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("s", "n")
        await until(pilot, lambda: len(app.screen.query_one("#group-pictures").sheets) == 2)
        if size == SIZES[1]:
            await pilot.press("z")
            await until_shown(pilot, "100")
        await until(pilot, lambda: "0.jpg" in text_of(app))
        await drawn(app, pilot)
        check_screen(app, "data-samples")

    show(test, size)


def test_groups_are_walked_and_found_by_name():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("s", "right", "right", "left")
        await until_shown(pilot, "‹ 1 ›  3 real, 2 fake  2 of 10")
        await pilot.press("slash", *"101", "enter")
        await until_shown(pilot, "‹ 101 ›  0 real, 1 fake  10 of 10")
        await pilot.press("slash", *"999", "enter")
        await until(pilot, lambda: "'999' is not there" in toasts(app))

    show(test)


def test_groups_with_findings_come_first_if_asked():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("s", "x")
        pane = app.screen.query_one(SamplesPane)
        names = []
        for _ in range(6):
            names.append(pane.group.name)
            pane.action_go(1)
        assert names == ["0", "1", "2", "3", "4", "5"]
        assert "broken images" in pane._concerned["0"]
        assert "5" not in pane._concerned

    show(test)


def test_pictures_grow_and_shrink():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("s", "n")
        view = app.screen.query_one("#group-pictures")
        await until(pilot, lambda: len(view.sheets) == 2 and view.is_ready)
        before = view._laid_out.size
        await pilot.press("minus")
        assert view._laid_out.size == before - 4
        await pilot.press("plus", "plus")
        assert view._laid_out.size == before + 4

    show(test)


def test_without_colour_names_stand_for_pictures(monkeypatch):
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("s", "n")
        await until_shown(pilot, "3 real", "images/001/0.jpg", "2 fake")
        assert "▀" not in text_of(app)

    monkeypatch.setenv("NO_COLOR", "1")
    show(test)


def test_a_picture_that_is_broken_says_why():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("s")
        await until_shown(pilot, "zero bytes")

    show(test)


def test_pictures_of_sheets_stand_in_blocks_beside_each_other():
    blocks, places = arrange([5, 2], 70, 10, 1)
    assert blocks == [(0, 43), (45, 21)]
    assert [(place.sheet, place.x, place.y) for place in places][-3:] == [(0, 0, 7), (1, 45, 1), (1, 56, 1)]


def test_pictures_are_as_large_as_lets_all_be_seen():
    assert fitting_size([1, 1], 80, 40) == 38
    assert fitting_size([2, 2], 80, 9) == 16
    assert fitting_size([400], 80, 20) == 16
    assert fitting_size([1], 6, 20) == 8


def test_more_pictures_than_fit_are_scrolled_by_rows(tmp_path):
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("s")
        view = app.screen.query_one("#group-pictures")
        paths = [str(noise(n).save(tmp_path / f"{n}.png") or tmp_path / f"{n}.png") for n in range(40)]
        view.sheets = [ImageSheet("40 real", paths, [Path(path).name for path in paths])]
        await until_shown(pilot, "0.png")
        await pilot.press("down")
        await until(pilot, lambda: " 0.png" not in text_of(app))
        await drawn(app, pilot)
        assert " 4.png " in text_of(app).splitlines()[12]

    show(test)


# Preparing


@pytest.mark.parametrize("size", SIZES)
def test_a_preparation_is_asked_about_with_its_command(size, still):
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("a")
        await until_shown(pilot, "kryptui data prepare data/faces -o data/prepared")
        await pilot.press("tab", *["backspace"] * 3, *"2")
        await until_shown(pilot, "must be less than 1")
        check_screen(app, "data-prepare")
        await pilot.press("backspace", *"0.4")
        await until_shown(pilot, "--identities 0.4")
        await pilot.press("escape")
        assert not (WORKSPACE / "data/prepared").exists()

    show(test, size)


async def prepare(pilot: Pilot[Any], *share: str) -> None:
    await pilot.press("a")
    await until_shown(pilot, "kryptui data prepare")
    await pilot.press("tab", *["backspace"] * 3, *share, "enter")


def test_a_preparation_is_written_and_leads_to_configure(monkeypatch):
    async def test(app, pilot):
        await inspected(app, pilot)
        await prepare(pilot, *"0.4")
        await until_shown(pilot, "data/prepared is written", "configure a run on it", "genuine")
        monkeypatch.setattr(app, "action_go", lambda page: went.append(page))
        await pilot.press("enter")
        assert (app.configure_data, went) == ("data/prepared", ["configure"])

    went: list[str] = []
    show(test)
    assert (WORKSPACE / "data/prepared/prepare.json").is_file()


def test_what_was_prepared_can_be_looked_at():
    async def test(app, pilot):
        await inspected(app, pilot)
        await prepare(pilot, *"0.4")
        await until_shown(pilot, "is written")
        await pilot.press("2")
        await until_shown(pilot, "data/prepared  prepared folder", "inspected:")
        assert "a Prepare" not in text_of(app)
        await pilot.press("r")
        await until_shown(pilot, "of the training split")

    show(test)


def test_another_preparation_is_replaced_only_after_asking():
    async def test(app, pilot):
        await inspected(app, pilot)
        await prepare(pilot, *"0.4")
        await until_shown(pilot, "is written")
        await pilot.press("escape")
        first = record.read_text()
        await prepare(pilot, *"0.3")
        await until_shown(pilot, "data/prepared holds another preparation")
        await pilot.press("n")
        assert record.read_text() == first
        await prepare(pilot, *"0.3")
        await until_shown(pilot, "data/prepared holds another preparation")
        await pilot.press("y")
        await until_shown(pilot, "is written")
        assert record.read_text() != first

    record = WORKSPACE / "data/prepared/prepare.json"
    show(test)


def test_a_preparation_that_cannot_be_is_one_line():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("a")
        await until_shown(pilot, "kryptui data prepare")
        await pilot.press(*["backspace"] * 20, *"data/faces/x", "enter")
        await until_shown(pilot, "lies in the source, which is never changed")

    show(test, (160, 45))


# Any task


@pytest.mark.parametrize("size", SIZES)
def test_the_toy_task_opens_its_own_dataset(size, still):
    async def test(app, pilot):
        await until_shown(pilot, "◆ contest tree")
        names = {name: act for name, _, act in app.screen.page_commands()}
        names["Look at data as toy does"]()
        await until_shown(pilot, "rows.csv  ◆ rows of numbers")
        await pilot.press("enter")
        await until_shown(pilot, "inspected: 1 finding")
        check_screen(app, "data-toy")
        await pilot.press("s")
        await until_shown(pilot, "there are no samples to show")

    (WORKSPACE / "data/rows.csv").write_text("x0,y\n1,1\n1,2\n1,2\n1,\n")
    show(test, size, None)


def test_a_task_without_datasets_says_so(monkeypatch):
    async def test(app, pilot):
        await until_shown(pilot, "the task toy tells nothing of datasets")

    monkeypatch.setattr(registry, "_OWN", {})
    monkeypatch.setattr(registry, "datasets", lambda kind: None)
    show(test)


def test_demo_faces_drawn_from_here_are_opened(monkeypatch):
    async def test(app, pilot):
        await until_shown(pilot, "◆ contest tree")
        await pilot.press("d")
        await until_shown(pilot, "data/faces/train  contest tree")

    write_contest_tree(WORKSPACE / "data/faces/train", {"0": "rr", "1": "rf"})
    show(test, source=None)


def test_the_command_is_copied():
    async def test(app, pilot):
        await inspected(app, pilot)
        await pilot.press("y")
        assert app.clipboard == "kryptui data inspect data/faces"

    show(test)
