"""The Runs page: what it shows, and what its keys do to runs."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from records import HOSTILE, add_run, say, tag
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
from sqlalchemy import update
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from kryptui import config as configuration
from kryptui.runs import schema
from kryptui.runs.store import Store
from kryptui.tasks import registry
from kryptui.tui.app import KryptuiApp
from kryptui.tui.widgets.run_table import RunTable

__all__ = ["still"]


def show(root: Path, test: Test, size: tuple[int, int] = (120, 30), launcher: Any = None) -> KryptuiApp:
    """Runs the app on its first page, and a test in it."""
    app = make_app(root, launcher=launcher)
    return play(app, test, size)


def config_of(preset: str, *overrides: str) -> dict[str, Any]:
    config = configuration.load(configuration.preset_path(preset), registry.settings_of, overrides)
    return configuration.to_plain(config)


def fill(store: Store, moment: float = 1_700_000_000.0) -> list[str]:
    """Four runs as a day of work leaves them, at fixed times."""
    facts: dict[str, Any] = {"env": {"device": "cuda:0 NVIDIA H100, bf16"}}
    curves = {
        "eer": [0.4, 0.3, 0.21],
        "eer_real": [0.3, 0.2, 0.1],
        "eer_fake": [0.5, 0.4, 0.3],
        "loss": [1, 0.5, 0.2],
    }
    first = add_run(store, "vitb16-two-stage", curves, config=config_of("devail"), **facts)
    second = add_run(store, "quick-hard", curves, config=config_of("quickstart", "seed=3"), **facts)
    third = add_run(store, "waits", config=config_of("faces-cpu"), **facts)
    failed = add_run(store, "too-hot", {"loss": [1, 9]}, config=config_of("quickstart"), **facts)
    tag(store, first, "baseline", "contest")
    tag(store, second, "baseline")
    say(store, first, "stage pretrain: 10 epochs of 64 steps, lr 0.0001")
    changes = {"created": moment, "started": moment, "ended": moment + 754, "heartbeat": moment + 754}
    rows = {
        first: {**changes, "progress": '{"stage": "finetune", "epoch": 5, "epochs": 5}'},
        second: {**changes, "created": moment - 60, "progress": '{"stage": "train", "epoch": 90, "epochs": 90}'},
        third: {"created": moment - 120, "queued": moment - 120, "host": None, "process": None},
        failed: {**changes, "created": moment - 180, "status": "failed", "error": "the loss is not a number"},
    }  # fmt: skip
    with store.writing() as connection:
        for run_id, values in rows.items():
            connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(values))
    return [first, second, third, failed]


def names(app: KryptuiApp) -> list[str]:
    return [run.name for run in app.screen.query_one(RunTable).runs]


def at(app: KryptuiApp) -> str | None:
    run = app.screen.query_one(RunTable).run
    return None if run is None else run.name


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_workspace_says_how_to_begin(tmp_path: Path, size: tuple[int, int]) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "no runs on record yet")
        check_screen(app, "runs-empty")

    show(tmp_path, test, size)
    assert not (tmp_path / "runs.db").exists()


@pytest.mark.parametrize("size", SIZES)
def test_a_record_with_runs(tmp_path: Path, store: Store, still: None, size: tuple[int, int]) -> None:
    first, second, *_ = fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        app.marks.toggle(first)
        app.marks.toggle(second)
        await until_shown(pilot, "vitb16-two-stage", "2 marked", "at step 2", "1 queued" if size[0] > 80 else "")
        await until(pilot, lambda: size[0] == 80 or "eer of 2 marked runs" in text_of(app))
        check_screen(app, "runs-full")

    show(tmp_path, test, size)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_that_is_no_record_is_said_in_one_line(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "runs.db").write_text("this is no database, but some text of another kind\n")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "not a database")
        assert "Traceback" not in text_of(app)

    show(tmp_path, test, size)


def test_the_newest_stands_first_and_keys_sort(tmp_path: Path, store: Store) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: names(app) == ["vitb16-two-stage", "quick-hard", "waits", "too-hot"])
        await pilot.press("greater_than_sign", "greater_than_sign")  # past status to name
        await until(pilot, lambda: names(app) == ["quick-hard", "too-hot", "vitb16-two-stage", "waits"])
        await pilot.press("o")
        await until(pilot, lambda: names(app) == ["waits", "vitb16-two-stage", "too-hot", "quick-hard"])
        await pilot.press("greater_than_sign")  # model, which the database does not know
        await until(pilot, lambda: names(app)[0] == "waits")

    show(tmp_path, test)


@pytest.mark.parametrize(
    ("filter", "left"),
    [
        ("status:queued", ["waits"]),
        ("tag:baseline -tag:contest", ["quick-hard"]),
        ("cfg.seed=3", ["quick-hard"]),
        ("eer<0.3", ["vitb16-two-stage", "quick-hard"]),
    ],
)
def test_a_filter_is_that_of_the_command_line(tmp_path: Path, store: Store, filter: str, left: list[str]) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("slash")
        app.screen.query_one("#filter", Input).value = filter
        await until(pilot, lambda: names(app) == left)
        assert f"{len(left)} of 4 runs" in text_of(app)

    show(tmp_path, test)


def test_a_filter_that_means_nothing_says_so_and_keeps_the_list(tmp_path: Path, store: Store) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        app.screen.query_one("#filter", Input).value = "status:runing"
        await until_shown(pilot, "did you mean 'running'")
        assert len(names(app)) == 4

    show(tmp_path, test)


def test_what_is_typed_is_completed(tmp_path: Path, store: Store) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("slash", *"tag:con")
        line = app.screen.query_one("#filter", Input)
        await until(pilot, lambda: line._suggestion == "tag:contest")
        await pilot.press("tab")
        assert line.value == "tag:contest"
        await pilot.press("escape")
        assert app.focused is app.screen.query_one(RunTable)

    show(tmp_path, test)


def test_marks_stay_with_their_runs(tmp_path: Path, store: Store) -> None:
    first, second, *_ = fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("space", "space")
        assert list(app.marks) == [first, second]
        await until_shown(pilot, "2 marked")
        await pilot.press("U")
        await until(pilot, lambda: "marked" not in text_of(app))

    show(tmp_path, test)


def test_a_new_run_appears_and_the_cursor_stays_on_its_run(tmp_path: Path, store: Store) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("down")
        assert at(app) == "quick-hard"
        add_run(store, "brand-new")
        await until_shown(pilot, "brand-new")
        assert at(app) == "quick-hard"

    show(tmp_path, test)


def tags_of(store: Store, run_id: str) -> tuple[str, ...]:
    return store.get_run(run_id).tags


def test_a_run_is_tagged_and_untagged(tmp_path: Path, store: Store) -> None:
    first, *_ = fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("t", *"new", "space", "minus", *"contest", "enter")
        await until(pilot, lambda: tags_of(store, first) == ("baseline", "new"))
        await until_shown(pilot, "baseline new")

    show(tmp_path, test)


def test_a_tag_that_cannot_be_is_refused_as_it_is_typed(tmp_path: Path, store: Store) -> None:
    first, *_ = fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("t", *"a,b")
        await until_shown(pilot, "must be 1 to 64")
        await pilot.press("enter", "escape")
        assert tags_of(store, first) == ("baseline", "contest")

    show(tmp_path, test)


def test_a_run_is_renamed_and_noted(tmp_path: Path, store: Store) -> None:
    first, *_ = fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("N")
        app.screen.query_one(Input).value = "better"
        await pilot.press("enter")
        await until(pilot, lambda: store.get_run(first).name == "better")
        await pilot.press("m", *"why", "enter")
        await until(pilot, lambda: store.get_run(first).note == "why")

    show(tmp_path, test)


@pytest.mark.parametrize(("answer", "left"), [("n", 4), ("escape", 4), ("y", 3)])
def test_nothing_is_deleted_unless_it_is_agreed_to(tmp_path: Path, store: Store, answer: str, left: int) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("d")
        await until_shown(pilot, "Delete vitb16-two-stage?", "go for good")
        await pilot.press(answer)
        await until(pilot, lambda: "go for good" not in text_of(app))
        await until_shown(pilot, f"{left} runs")

    show(tmp_path, test)
    assert len(store.list_runs()) == left


def test_a_deleted_run_loses_its_mark(tmp_path: Path, store: Store) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("space", "d")
        await until_shown(pilot, "4 runs · 1 marked", "go for good")
        await pilot.press("y")
        await until_shown(pilot, "3 runs")
        await until(pilot, lambda: "marked" not in text_of(app))

    show(tmp_path, test)


def test_a_run_that_waits_is_not_deleted(tmp_path: Path, store: Store) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("down", "down", "d")
        await until(pilot, lambda: "waits in the queue" in toasts(app))

    show(tmp_path, test)
    assert len(store.list_runs()) == 4


def test_a_queued_run_is_taken_off_the_queue(tmp_path: Path, store: Store) -> None:
    *_, third, _ = fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("down", "down", "s")
        await until_shown(pilot, "Stop waits?")
        await pilot.press("y")
        await until(pilot, lambda: store.get_run(third).status == "stopped")

    show(tmp_path, test)


def test_resuming_a_run_makes_the_app_work_on_the_queue(tmp_path: Path, store: Store) -> None:
    *_, failed = fill(store)
    launcher = IdleLauncher()

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("end", "r")
        await until(pilot, lambda: store.get_run(failed).status == "queued")
        await until(pilot, lambda: ("work", ()) in launcher.calls)

    show(tmp_path, test, launcher=launcher)


def test_the_table_is_written_to_a_file(tmp_path: Path, store: Store) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("x")
        app.screen.query_one(Input).value = "out.csv"
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "out.csv").is_file())

    show(tmp_path, test)
    with (tmp_path / "out.csv").open() as file:
        assert [row["name"] for row in csv.DictReader(file)] == [
            "vitb16-two-stage",
            "quick-hard",
            "waits",
            "too-hot",
        ]


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path, store: Store) -> None:
    fill(store)
    (tmp_path / "out.csv").write_text("mine")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("x")
        app.screen.query_one(Input).value = "out.csv"
        await pilot.press("enter")
        await until_shown(pilot, "is there already")

    show(tmp_path, test)
    assert (tmp_path / "out.csv").read_text() == "mine"


@pytest.mark.parametrize("size", SIZES)
def test_a_hostile_name_drives_no_terminal(tmp_path: Path, store: Store, size: tuple[int, int]) -> None:
    add_run(store, HOSTILE, {"eer": [0.1]}, note=HOSTILE)
    tag(store, store.list_runs()[0].id, "[red]x[/]")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "1 run", "evil")
        assert all(letter.isprintable() or letter == "\n" for letter in text_of(app))
        await pilot.press("t")
        await until_shown(pilot, "Tag evil")

    show(tmp_path, test, size)


def test_the_pane_says_how_a_run_differs_from_the_nearest_preset(tmp_path: Path, store: Store) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "as preset devail")
        await pilot.press("down")
        await until_shown(pilot, "differs from preset quickstart", "seed 0 → 3")

    show(tmp_path, test, (160, 45))


def test_ten_thousand_runs_are_drawn_as_far_as_they_are_seen(tmp_path: Path, store: Store) -> None:
    fill(store)
    drawn = 0

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        nonlocal drawn
        await until_shown(pilot, "4 runs")
        table = app.screen.query_one(RunTable)
        row = table.runs[0]
        original = table._row

        def counted(*arguments: Any) -> Any:
            nonlocal drawn
            drawn += 1
            return original(*arguments)

        table._row = counted  # type: ignore[method-assign]
        table.show([replace(row, id=f"r{index:07}") for index in range(10_000)], ["eer"], "-created")
        await pilot.pause()
        await pilot.press("end")
        await until(pilot, lambda: at(app) is not None and table.run is not None and table.run.id == "r0009999")

    show(tmp_path, test)
    assert 0 < drawn < 200


def test_ids_are_copied_to_the_clipboard(tmp_path: Path, store: Store) -> None:
    first, *_ = fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == first)
        await pilot.press("Y")
        await until(pilot, lambda: "backbone: vit_base_patch16_224.dino" in app.clipboard)

    show(tmp_path, test)


def test_what_is_typed_in_one_burst_goes_where_it_is_meant(tmp_path: Path, store: Store) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        for key in ("slash", *"sdnt"):
            character = "/" if key == "slash" else key
            app.post_message(events.Key(key, character))
        await until(pilot, lambda: app.screen.query_one("#filter", Input).value == "sdnt")
        assert app.page is app.screen

    show(tmp_path, test)


def test_keys_after_a_page_key_act_on_that_page(tmp_path: Path, store: Store) -> None:
    fill(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "4 runs")
        for key in ("4", "d"):
            app.post_message(events.Key(key, key))
        await until(pilot, lambda: app.current_mode == "live")
        await pilot.pause()
        assert "go for good" not in text_of(app)

    show(tmp_path, test)
