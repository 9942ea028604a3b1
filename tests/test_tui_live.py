"""The Live page: curves that grow, a log, and a run's controls."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from records import HOSTILE, add_run, pause, say
from screens import SIZES, Test, check_screen, make_app, play, still, text_of, toasts, until, until_shown
from sqlalchemy import update
from textual.pilot import Pilot

from kryptui.figures import Histogram, Table
from kryptui.runs import batch, blobs, commands, schema
from kryptui.runs.store import Store
from kryptui.tui.app import KryptuiApp
from kryptui.tui.live.reading import LiveReader
from kryptui.tui.pages import Goal
from kryptui.tui.widgets.log_view import LogView
from kryptui.tui.widgets.plot_view import PlotView

__all__ = ["still"]

DIRECTIONS: dict[str, Any] = {"eer": "lower", "eer_real": "lower", "eer_fake": "lower", "loss": "lower"}
CONFIG = {
    "stages": [{"name": "pretrain"}, {"name": "finetune"}],
    "model": {"backbone": "resnet10t"},
    "task": {"kind": "verification", "losses": [{"kind": "triplet"}]},
}
PROGRESS = {
    "stage": "finetune", "stages": 2, "epoch": 3, "epochs": 5, "step": 612, "total": 1004,
    "images_per_second": 1842.0, "seconds_left": 660.0,
    "usage": {"processor": 187.0, "cores": 2, "memory": 1_240_000_000, "memory_total": 24_000_000_000,
              "gpus": [{"name": "H100", "utilisation": 71, "used": 9_100_000_000, "total": 80_000_000_000}]},
}  # fmt: skip


def show(root: Path, test: Test, size: tuple[int, int] = (120, 30), run_id: str | None = None) -> None:
    """Runs the app on Live, and a test in it."""
    app = make_app(root, Goal("live", run_id))
    play(app, test, size)


def train(store: Store, name: str = "vitb16-two-stage", steps: int = 60) -> tuple[str, int]:
    """A run in progress in this process, with curves as training leaves them."""
    run_id = add_run(store, name, config=CONFIG, env={"device": "cuda:0 NVIDIA H100, bf16"})
    attempt = store.start_attempt(run_id)
    grow(store, run_id, attempt, 0, steps)
    return run_id, attempt


def grow(store: Store, run_id: str, attempt: int, first: int, steps: int, progress: Any = None) -> None:
    items: list[batch.Item] = []
    for step in range(first, first + steps):
        values = {"loss": 0.1 + math.exp(-step / 20) * (1 + 0.2 * math.sin(step)), "lr": 1e-4, "active": 0.5}
        values |= {"distance_ap": 0.4 + 0.3 * math.exp(-step / 15), "distance_an": 1 + step / 200}
        if step % 10 == 0:
            eer = 0.1 + 0.4 * math.exp(-step / 25)
            values |= {"eer": eer, "eer_real": eer * 0.7, "eer_fake": eer * 1.2}
        items.append(batch.Points(1_700_000_000.0 + 2 * step, step, step / 12, values))
    known = store.summaries(run_id)
    shown = PROGRESS if progress is None else progress
    store.append(run_id, attempt, [*items, batch.Progress(time.time(), shown)], shown, known, DIRECTIONS)


def fix(store: Store, run_id: str) -> None:
    """The run's moments are those of a clock that stands still."""
    moments = {"created": 1_700_001_000.0, "started": 1_700_001_140.0, "heartbeat": 1_700_003_600.0}
    with store.writing() as connection:
        changes = {**moments, "last_step_at": 1_700_003_599.0}
        connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(changes))


def plot(app: KryptuiApp, name: str) -> PlotView:
    return app.screen.query_one(f"#{name}", PlotView)


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_workspace_says_how_to_begin(tmp_path: Path, size: tuple[int, int]) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "no run to watch yet")
        check_screen(app, "live-empty")

    show(tmp_path, test, size)


@pytest.mark.parametrize("size", SIZES)
def test_a_run_that_trains(tmp_path: Path, store: Store, still: None, size: tuple[int, int]) -> None:
    run_id, _ = train(store)
    fix(store, run_id)
    say(store, run_id, "stage finetune: 5 epochs of 200 steps, lr 1e-06", "step 600  eer 0.1234")
    say(store, run_id, "3 images left out (truncated): 000412/3.jpg", level="warning", at=1_700_000_100)
    fix(store, run_id)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "1,842 img/s", "61%", "left 11m", "187 %", "loss 0.1", "warning: 3 images")
        await until_shown(pilot, "1 running")
        check_screen(app, "live-running")

    show(tmp_path, test, size, run_id)


@pytest.mark.parametrize("size", SIZES)
def test_a_run_that_failed(tmp_path: Path, store: Store, still: None, size: tuple[int, int]) -> None:
    run_id, attempt = train(store)
    say(
        store,
        run_id,
        "Traceback (most recent call last):",
        '  File "task.py", line 3',
        "ZeroDivisionError",
        level="error",
    )
    store.finish(run_id, "failed", "ZeroDivisionError: division by zero", attempt=attempt)
    fix(store, run_id)
    with store.writing() as connection:
        changes = {"ended": 1_700_003_500.0}
        connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(changes))
        connection.execute(update(schema.log_lines).values(time=1_700_003_500.0))

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "✗ failed", "go on", "--resume", "ZeroDivisionError")
        await until(pilot, lambda: "Resume" in text_of(app))
        check_screen(app, "live-failed")

    show(tmp_path, test, size, run_id)


def test_the_latest_run_in_progress_is_watched_unasked(tmp_path: Path, store: Store) -> None:
    add_run(store, "old", {"loss": [1.0]})
    train(store, "going")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "going")

    show(tmp_path, test)


def test_curves_and_log_grow(tmp_path: Path, store: Store) -> None:
    run_id, attempt = train(store, steps=20)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(
            pilot, lambda: plot(app, "first").shown.lines and plot(app, "first").shown.lines[-1].x[-1] == 19
        )
        grow(store, run_id, attempt, 20, 21)
        say(store, run_id, "a new line")
        await until(pilot, lambda: plot(app, "first").shown.lines[-1].x[-1] == 40)
        await until_shown(pilot, "a new line")
        [star] = [line.star for line in plot(app, "second").shown.lines if line.name == "eer"]
        assert star is not None
        assert star[0] == 40

    show(tmp_path, test, run_id=run_id)


def test_a_run_that_went_back_to_a_checkpoint_is_drawn_anew(tmp_path: Path, store: Store) -> None:
    run_id, attempt = train(store, steps=30)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(
            pilot, lambda: plot(app, "first").shown.lines and plot(app, "first").shown.lines[-1].x[-1] == 29
        )
        store.finish(run_id, "stopped", attempt=attempt)
        store.queue_run(run_id, hold=True)
        again = store.start_attempt(run_id)
        store.delete_after(run_id, 9)
        grow(store, run_id, again, 10, 5)
        await until(pilot, lambda: plot(app, "first").shown.lines[-1].x.tolist() == list(range(15)))
        await until_shown(pilot, "attempt 2")

    show(tmp_path, test, run_id=run_id)


def test_the_axis_goes_round_steps_epochs_and_time(tmp_path: Path, store: Store) -> None:
    run_id, _ = train(store, steps=25)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        ends = lambda: plot(app, "first").shown.lines and float(plot(app, "first").shown.lines[-1].x[-1])  # noqa: E731
        await until(pilot, lambda: ends() == 24)
        await pilot.press("a")
        await until(pilot, lambda: ends() == 2)
        await pilot.press("a")
        await until(pilot, lambda: ends() == 48 and plot(app, "first").shown.x_label == "seconds")
        await pilot.press("a")
        await until(pilot, lambda: ends() == 24)

    show(tmp_path, test, run_id=run_id)


def test_the_cursor_reads_values_and_zoom_looks_closer(tmp_path: Path, store: Store) -> None:
    run_id, _ = train(store, steps=50)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: len(plot(app, "first").shown.lines) == 2)
        await pilot.press("left")
        await until_shown(pilot, "step 49")
        await pilot.press("left")
        shown = plot(app, "first").shown
        assert shown.cursor is not None
        assert 40 < shown.cursor < 49
        await pilot.press("z")
        window = plot(app, "second").shown.window
        assert window is not None
        assert window[1] - window[0] == pytest.approx(49 / 2)
        await pilot.press("escape")
        assert plot(app, "first").shown.window is None
        assert plot(app, "first").shown.cursor is None

    show(tmp_path, test, run_id=run_id)


def test_smoothing_and_log_scale(tmp_path: Path, store: Store) -> None:
    run_id, _ = train(store, steps=50)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: len(plot(app, "first").shown.lines) == 2)
        await pilot.press("minus", "minus", "minus")
        await until(pilot, lambda: len(plot(app, "first").shown.lines) == 1)
        await pilot.press("l")
        await until(pilot, lambda: plot(app, "first").shown.log_y)

    show(tmp_path, test, run_id=run_id)


def test_other_metrics_stand_in_the_third_plot(tmp_path: Path, store: Store) -> None:
    run_id, _ = train(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(
            pilot, lambda: [line.name for line in plot(app, "third").shown.lines if line.marker] == ["an", "ap"]
        )
        await pilot.press("m")
        await until(
            pilot, lambda: [line.name for line in plot(app, "third").shown.lines if line.marker] == ["active"]
        )
        await pilot.press("m")
        await until(pilot, lambda: [line.name for line in plot(app, "third").shown.lines if line.marker] == ["lr"])
        await pilot.press("M", "M")
        await until(pilot, lambda: plot(app, "third").shown.lines[-1].name == "ap")

    show(tmp_path, test, run_id=run_id)


@pytest.mark.parametrize(("key", "command"), [("p", "pause"), ("k", "checkpoint"), ("e", "evaluate")])
def test_a_key_sends_a_command_through_the_record(tmp_path: Path, store: Store, key: str, command: str) -> None:
    run_id, _ = train(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "▶ running")
        await pilot.press(key)
        await until(pilot, lambda: [sent.command for sent in commands.of_run(store, run_id)] == [command])
        [sent] = commands.of_run(store, run_id)
        handled = batch.Handled(time.time(), sent.id, "does so after this batch")
        store.append(run_id, 1, [handled], {}, {}, {})
        await until(pilot, lambda: "does so after this batch" in toasts(app))

    show(tmp_path, test, run_id=run_id)


def test_a_key_typed_ahead_acts_on_the_run_that_is_opened(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, _ = train(store)
    read = threading.Event()
    monkeypatch.setattr(LiveReader, "read", lambda reader, store: read.wait(20) and None)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "vitb16-two-stage")
        await pilot.press("enter", "p")
        await until(pilot, lambda: [sent.command for sent in commands.of_run(store, run_id)] == ["pause"])
        read.set()

    play(make_app(tmp_path), test, (120, 30))


def test_stop_asks_first(tmp_path: Path, store: Store) -> None:
    run_id, _ = train(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "▶ running")
        await pilot.press("s")
        await until_shown(pilot, "Stop vitb16-two-stage?")
        await pilot.press("escape")
        assert commands.of_run(store, run_id) == []
        await pilot.press("s", "y")
        await until(pilot, lambda: [sent.command for sent in commands.of_run(store, run_id)] == ["stop"])

    show(tmp_path, test, run_id=run_id)


def test_only_keys_that_have_a_meaning_are_offered(tmp_path: Path, store: Store) -> None:
    run_id, attempt = train(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "p Pause", "k Checkpoint")
        pause(store, run_id, True)
        await until(pilot, lambda: "p Pause" not in text_of(app) and "r Resume" in text_of(app))
        store.finish(run_id, "finished", attempt=attempt)
        await until(pilot, lambda: "r Resume" not in text_of(app) and "k Checkpoint" not in text_of(app))

    show(tmp_path, test, run_id=run_id)


def test_one_switches_between_the_runs_in_progress(tmp_path: Path, store: Store) -> None:
    first, _ = train(store, "first-run")
    train(store, "second-run", steps=5)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "first-run")
        await pilot.press("right_square_bracket")
        await until_shown(pilot, "second-run")
        await until(
            pilot, lambda: plot(app, "first").shown.lines and plot(app, "first").shown.lines[-1].x[-1] == 4
        )
        await pilot.press("left_square_bracket")
        await until_shown(pilot, "first-run")

    show(tmp_path, test, run_id=first)


def test_the_log_is_searched(tmp_path: Path, store: Store) -> None:
    run_id, _ = train(store)
    say(store, run_id, *(f"line {number} of many" for number in range(200)), "needle here", *["more"] * 60)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "more")
        assert "needle" not in text_of(app)
        await pilot.press("slash", *"needle")
        await until_shown(pilot, "needle here", "1 line found")
        await pilot.press("enter", "G")
        await until(pilot, lambda: "needle here" not in text_of(app))
        await pilot.press("n")
        await until_shown(pilot, "needle here")

    show(tmp_path, test, run_id=run_id)


def test_whoever_reads_above_is_not_torn_away(tmp_path: Path, store: Store) -> None:
    run_id, _ = train(store)
    say(store, run_id, *(f"line {number}" for number in range(100)))

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "line 99")
        app.screen.query_one(LogView).focus()
        await pilot.press("home")
        await until_shown(pilot, "line 0")
        say(store, run_id, "the newest")
        await until(
            pilot, lambda: any(text == "the newest" for _, _, text in app.screen.query_one(LogView)._lines)
        )
        assert "the newest" not in text_of(app)
        await pilot.press("end")
        await until_shown(pilot, "the newest")

    show(tmp_path, test, run_id=run_id)


def test_the_last_evaluation_is_shown_whatever_the_task(tmp_path: Path, store: Store) -> None:
    run_id, attempt = train(store)
    figures = [Histogram("scores", "similarity", [0, 0.5, 1], {"genuine": [1, 4]}), Table("worst", ["row"], [[7]])]
    packed = batch.Evaluation(time.time(), 60, '{"rmse": 0.25}', blobs.pack_figures(figures), None)
    store.append(run_id, attempt, [packed], {}, {}, {})

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "▶ running")
        await pilot.press("v")
        await until_shown(pilot, "evaluation at step 60", "rmse", "scores", "worst")
        await pilot.press("v")
        await until(pilot, lambda: "evaluation at step" not in text_of(app))

    show(tmp_path, test, run_id=run_id)


def test_a_run_of_an_unknown_task_with_a_hostile_log_is_shown(tmp_path: Path, store: Store) -> None:
    run_id = add_run(store, HOSTILE, {"[red]x": [1.0, 2.0]}, task="elsewhere", config={"stages": 3})
    say(store, run_id, HOSTILE, "[bold]no markup[/bold]")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "no markup", "finished")
        assert all(letter.isprintable() or letter == "\n" for letter in text_of(app))

    show(tmp_path, test, run_id=run_id)


def test_a_run_that_is_gone_says_so(tmp_path: Path, store: Store) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "is on record no more")

    show(tmp_path, test, run_id="abcdefgh")


def test_every_pane_has_room_at_any_size(tmp_path: Path, store: Store) -> None:
    run_id, _ = train(store)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "▶ running")
        for size in [(60, 16), (61, 17), (100, 20), (119, 33), (120, 34), (200, 60), (80, 24)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()
            lines = text_of(app).splitlines()
            assert len(lines) == size[1]
            assert max(map(len, lines)) <= size[0]
        await pilot.resize_terminal(40, 12)
        await until_shown(pilot, "40x12 is too small")

    show(tmp_path, test, run_id=run_id)
