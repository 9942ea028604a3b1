"""The Compare page: what it shows of marked runs, what its keys change, and what it takes out of the app."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from comparisons import MOMENT, curves, evaluate, figures, fill, put, record
from records import HOSTILE, add_run
from screens import NOW, SIZES, Test, check_screen, make_app, play, still, text_of, toasts, until, until_shown
from textual.pilot import Pilot
from toys import kryptui, toy_config

from kryptui.config import to_yaml
from kryptui.figures import Curve, ImageSheet, Matrix, Series
from kryptui.runs import compare, keeping
from kryptui.runs.store import Store
from kryptui.tui.app import KryptuiApp
from kryptui.tui.compare.curves import ComparisonCurves
from kryptui.tui.compare.run_legend import RunLegend
from kryptui.tui.pages import Goal
from kryptui.tui.widgets.drawn_view import DrawnView
from kryptui.tui.widgets.run_table import RunTable

__all__ = ["still"]


@pytest.fixture
def quiet(still: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything stands still, and no header names the device of the machine that runs the tests."""
    monkeypatch.setattr("kryptui.tui.feed._device_line", lambda: "")


WIDE, NARROW = (160, 45), (80, 24)


def show(root: Path, test: Test, marked: Sequence[str] = (), size: tuple[int, int] = WIDE) -> KryptuiApp:
    """Runs the app on the page with runs marked, and a test in it."""
    app = make_app(root, Goal("compare"))
    for run_id in marked:
        app.marks.toggle(run_id)
    return play(app, test, size)


async def until_drawn(pilot: Pilot[Any]) -> None:
    """Waits until every pane in sight shows what it is to show."""
    await until(pilot, lambda: _is_drawn(pilot.app))


def _is_drawn(app: Any) -> bool:
    views = list(app.screen.query(DrawnView))
    return bool(app.screen.query_one(RunLegend).run) and all(
        view.is_current for view in views if view.region.width
    )


def legend(app: KryptuiApp) -> list[str]:
    """The rows of the list of runs, the head first."""
    widget = app.screen.query_one(RunLegend)
    return [widget.render_line(y).text.rstrip() for y in range(widget.lines)]


def pane(app: KryptuiApp, name: str) -> str:
    """All that a pane holds, also what is out of sight."""
    drawn = app.screen.query_one(f"#{name}", DrawnView)._drawn
    assert drawn is not None
    return "\n".join(strip.text.rstrip() for strip in drawn.strips)


def plot(app: KryptuiApp) -> ComparisonCurves:
    return app.screen.query_one(ComparisonCurves)


# Screens that are kept


@pytest.mark.parametrize("size", SIZES)
def test_an_empty_workspace_says_how_to_begin(tmp_path: Path, quiet: None, size: tuple[int, int]) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "no runs on record yet")
        check_screen(app, "compare-empty")

    show(tmp_path, test, size=size)
    assert not (tmp_path / "runs.db").exists()


@pytest.mark.parametrize("size", SIZES)
def test_with_fewer_than_two_marks_runs_are_chosen_here(
    tmp_path: Path, store: Store, quiet: None, size: tuple[int, int]
) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "mark two runs or more", "1 marked", "vitb16-two-stage", "edgeface")
        check_screen(app, "compare-choosing")

    show(tmp_path, test, ids[:1], size)


@pytest.mark.parametrize("size", SIZES)
def test_three_evaluated_runs(tmp_path: Path, store: Store, quiet: None, size: tuple[int, int]) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        check_screen(app, "compare-full")
        for key, name in (("m", "metrics"), ("s", "settings"), ("e", "evaluation"), ("p", "pictures")):
            await pilot.press(key, *([key] if size == WIDE else []))
            await until_drawn(pilot)
            check_screen(app, f"compare-{name}")
            await pilot.press(*(["f"] if size == WIDE else []))

    show(tmp_path, test, ids, size)


def start(store: Store, name: str, values: dict[str, list[float]], **facts: Any) -> str:
    """A run that this process runs."""
    run_id = add_run(store, name, **facts)
    store.start_attempt(run_id)
    record(store, run_id, *((step, {name: row[step] for name, row in values.items()}) for step in range(4)))
    put(store, run_id, started=NOW - 60, heartbeat=NOW, last_step_at=NOW,
        progress='{"stage": "train", "epoch": 1, "epochs": 3}')  # fmt: skip
    return run_id


@pytest.mark.parametrize("size", SIZES)
def test_runs_in_progress_on_other_data(tmp_path: Path, store: Store, quiet: None, size: tuple[int, int]) -> None:
    ids = [
        start(store, "now", curves(0.05), data_hash="a", config={"seed": 1}),
        start(store, "also now", curves(0.1), data_hash="b", config={"seed": 2}),
    ]

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await until_shown(pilot, "2 running" if size == WIDE else "▶", "compare with care")
        check_screen(app, "compare-busy")

    show(tmp_path, test, ids, size)


@pytest.mark.parametrize("size", SIZES)
def test_runs_that_failed_before_they_measured_anything(
    tmp_path: Path, store: Store, quiet: None, size: tuple[int, int]
) -> None:
    ids = [
        add_run(store, "out of memory", {}, config={"seed": 1}),
        add_run(store, HOSTILE, {}, config={"seed": 2}),
    ]
    for run_id in ids:
        put(store, run_id, status="failed", error="no memory", started=MOMENT, ended=MOMENT + 3, created=MOMENT)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        check_screen(app, "compare-failed")

    show(tmp_path, test, ids, size)


def test_a_record_that_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_text("this is no database, but some text of another kind\n")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "not a database")

    show(tmp_path, test)


# Which runs


def test_runs_are_marked_and_compared_by_keys(tmp_path: Path, store: Store) -> None:
    fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: len(app.screen.query_one(RunTable).runs) == 3)
        await pilot.press("enter")
        await until(pilot, lambda: "mark two runs or more" in toasts(app))
        await pilot.press("space", "space", "enter")
        await until_drawn(pilot)
        assert [row.split()[1] for row in legend(app)[2:]] == ["quick-hard"]

    show(tmp_path, test)


def test_runs_to_choose_from_are_filtered(tmp_path: Path, store: Store) -> None:
    fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: len(app.screen.query_one(RunTable).runs) == 3)
        await pilot.press("slash", *"edge", "enter")
        await until(pilot, lambda: [run.name for run in app.screen.query_one(RunTable).runs] == ["edgeface"])
        await pilot.press("space")
        assert len(app.marks) == 1

    show(tmp_path, test)


def test_a_filter_without_meaning_is_said(tmp_path: Path, store: Store) -> None:
    fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "edgeface")
        await pilot.press("slash", *"status:runing")
        await until_shown(pilot, "did you mean", "running")

    show(tmp_path, test)


def test_a_run_keeps_its_marker_when_another_is_unmarked(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("space")
        await until(pilot, lambda: len(legend(app)) == 3)
        assert [row.split()[:3] for row in legend(app)[1:]] == [["▸", "▲", "quick-hard"], ["■", "edgeface", "✓"]]
        assert ids[0] not in app.marks

    show(tmp_path, test, ids)


def test_the_last_but_one_unmarked_leads_back_to_choosing(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("space")
        await until_shown(pilot, "mark two runs or more", "1 marked")
        await until(pilot, lambda: len(app.screen.query_one(RunTable).runs) == 3)

    show(tmp_path, test, ids[:2])


def test_other_runs_are_chosen_beside_those_that_are_compared(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("o")
        await until(pilot, lambda: len(app.screen.query_one(RunTable).runs) == 3)
        await pilot.press("end", "space", "enter")
        await until(pilot, lambda: len(legend(app)) == 4)

    show(tmp_path, test, ids[:2])


def test_the_order_changes_and_the_markers_do_not(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("J")
        await until(pilot, lambda: legend(app)[1].split()[:2] == ["▲", "quick-hard"])
        assert legend(app)[2].split()[:3] == ["▸", "●", "vitb16-two-stage"]
        await until(pilot, lambda: "▲ quick-hard  ● vitb16-two-stage" in pane(app, "metrics"))

    show(tmp_path, test, ids)


def test_differences_are_measured_against_the_chosen_baseline(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        assert "baseline" in legend(app)[1]
        assert "+0.0500" in legend(app)[2]
        await pilot.press("down", "b")
        await until_drawn(pilot)
        assert "-0.0500" in legend(app)[1]
        assert "baseline" in legend(app)[2]
        assert "differences to ▲ quick-hard" in pane(app, "metrics")

    show(tmp_path, test, ids)


def test_a_deleted_run_vanishes_and_its_mark_with_it(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        keeping.delete_run(store, ids[1])
        await until(pilot, lambda: len(legend(app)) == 3)
        assert list(app.marks) == [ids[0], ids[2]]
        assert "1 marked run is not on record any more" in toasts(app)

    show(tmp_path, test, ids)


def test_marks_of_other_pages_are_followed(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("1")
        await until_shown(pilot, "2 marked")
        app.marks.toggle(ids[2])
        await pilot.press("5")
        await until(pilot, lambda: len(legend(app)) == 4)

    show(tmp_path, test, ids[:2])


def test_enter_watches_a_run_on_live(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.current_mode == "live")
        assert app.run_id == ids[1]

    show(tmp_path, test, ids)


@pytest.mark.parametrize("size", SIZES)
def test_as_many_runs_as_there_are_markers(tmp_path: Path, store: Store, size: tuple[int, int]) -> None:
    ids = [add_run(store, f"sweep-{at}", {"eer": [0.5, 0.1 + at / 100]}, config={"seed": at}) for at in range(34)]

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        assert [row[2] for row in legend(app)[1:]] == [*"●▲■◆○△□◇abcdefghijklmnopqrstuvwxyz"]
        await pilot.press("end")
        await until_shown(pilot, "▸ z sweep-33")
        await pilot.press("m")
        await until_drawn(pilot)
        assert pane(app, "metrics").count("eer best") >= 1

    show(tmp_path, test, ids, size)


# Curves


def test_the_headline_comes_first_and_keys_go_through_all_metrics(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        seen = []
        for _ in range(5):
            seen.append(str(plot(app).border_title).split(" ")[0])
            await pilot.press("right_square_bracket")
            await until(pilot, lambda: not str(plot(app).border_title).startswith(f"{seen[-1]} "))
        assert seen == ["eer", "eer_fake", "eer_real", "loss", "lr"]
        await pilot.press(*["left_square_bracket"] * 2)
        await until(pilot, lambda: str(plot(app).border_title).startswith("loss "))

    show(tmp_path, test, ids)


def test_a_metric_is_chosen_from_a_list(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("v")
        await until_shown(pilot, "Draw which metric?", "4 loss  lower is better")
        await pilot.press("4")
        await until(pilot, lambda: str(plot(app).border_title).startswith("loss "))
        assert app.current_mode == "compare"

    show(tmp_path, test, ids)


def test_curves_go_over_steps_epochs_and_time(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        for label, last in (("step", 11.0), ("epoch", 1.1), ("seconds", 22.0), ("step", 11.0)):
            await until(pilot, lambda label=label: plot(app).shown.x_label == label)
            assert plot(app).shown.lines[0].x[-1] == pytest.approx(last)
            assert plot(app).shown.lines[0].star[0] == pytest.approx(8 / 11 * last)
            await pilot.press("a")

    show(tmp_path, test, ids)


def test_a_logarithmic_scale_leaves_out_what_is_not_above_zero(tmp_path: Path, store: Store) -> None:
    ids = [add_run(store, name, {"loss": [1.0, 0.0, 0.1]}) for name in ("one", "two")]

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("l")
        assert plot(app).shown.log_y
        assert [line.y.tolist() for line in plot(app).shown.lines] == [[1.0, 0.1]] * 2
        assert plot(app).shown.lines[0].star is None
        assert "log" in str(plot(app).border_title)

    show(tmp_path, test, ids)


def test_smoothing_draws_the_raw_curves_faintly_behind(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        raw = plot(app).shown.lines[0].y
        await pilot.press("plus", "plus", "minus")
        await until_shown(pilot, "smoothed 0.3")
        assert [line.marker for line in plot(app).shown.lines] == ["", "●", "", "▲", "", "■"]
        assert plot(app).shown.lines[0].y.tolist() == raw.tolist()
        assert plot(app).shown.lines[1].y == pytest.approx(compare.smooth(raw, 0.3))

    show(tmp_path, test, ids)


def test_the_cursor_reads_all_runs_and_escape_ends_it(tmp_path: Path, store: Store) -> None:
    ids = [add_run(store, "long", {"eer": [0.4, 0.3, 0.2]}), add_run(store, "short", {"eer": [0.5, 0.1]})]

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("right")
        await until_shown(pilot, "at step 2", "● 0.2000", "▲ –")
        await pilot.press("left")
        await until_shown(pilot, "at step 1", "● 0.3000", "▲ 0.1000")
        assert legend(app)[0].split()[-4:-2] == ["at", "step"] or "at step 1" in legend(app)[0]
        await pilot.press("escape")
        await until(pilot, lambda: "at step 1" not in text_of(app))

    show(tmp_path, test, ids)


def test_zooming_shows_a_part_about_the_cursor(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("z")
        assert plot(app).shown.window == (5.5, 11.0)
        await pilot.press("Z")
        assert plot(app).shown.window is None

    show(tmp_path, test, ids)


def test_a_run_in_progress_goes_on_growing(tmp_path: Path, store: Store) -> None:
    ids = [add_run(store, "done", {"eer": [0.4, 0.3]}), add_run(store, "now")]
    store.start_attempt(ids[1])
    record(store, ids[1], (0, {"eer": 0.5}))

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        record(store, ids[1], (1, {"eer": 0.45}), (2, {"eer": 0.0123}))
        await until(pilot, lambda: "0.0123 ★" in legend(app)[2])
        assert plot(app).shown.lines[1].y.tolist() == [0.5, 0.45, 0.0123]
        await until(pilot, lambda: "0.0123" in pane(app, "metrics"))

    show(tmp_path, test, ids)


# Metrics and settings


def test_intervals_stand_beside_the_values_that_they_belong_to(tmp_path: Path, store: Store) -> None:
    values = {"eer": [0.4, 0.2], "eer_low": [0.3, 0.15], "eer_high": [0.5, 0.25]}
    ids = [add_run(store, "with", values), add_run(store, "without", {"eer": [0.3, 0.3]})]
    evaluate(store, ids[0], 1, [], {"eer": 0.2, "eer_low": 0.15, "eer_high": 0.25})

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        rows = {line.split("  ")[0]: line for line in pane(app, "metrics").splitlines()}
        assert "0.2 ★ [0.15, 0.25]" in rows["eer best"]
        assert "[0.15, 0.25]" in legend(app)[1]
        assert not any(name.startswith(("eer_low", "eer_high")) for name in rows)

    show(tmp_path, test, ids)


def test_settings_that_differ_alone_then_all_then_what_they_ran_on(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        assert "stages.0.lr" in pane(app, "settings")
        assert "backbone" not in pane(app, "settings")
        await pilot.press("d")
        await until(pilot, lambda: "backbone" in pane(app, "settings"))
        await pilot.press("h")
        await until(pilot, lambda: "versions.torch" in pane(app, "settings"))

    show(tmp_path, test, ids)


def test_runs_that_may_not_be_comparable_are_warned_of(tmp_path: Path, store: Store) -> None:
    ids = [
        add_run(store, "faces", {"eer": [0.1]}, data_hash="a"),
        add_run(store, "numbers", {"rmse": [0.1]}, task="toy", data_hash="b"),
        add_run(store, "theirs", {"eer": [0.2]}, kind="import", task="import", config={"source": "x"}),
    ]

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        assert "! compare with care" in text_of(app)
        told = " ".join(pane(app, "settings").split())
        assert "other task than faces" in told
        assert "other data than faces" in told
        assert [line.name for line in plot(app).shown.lines] == ["faces", "theirs"]

    show(tmp_path, test, ids)


# Evaluations and pictures


def test_the_best_evaluation_is_shown_and_the_last_on_demand(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        assert "● vitb16-two-stage  step 8, best of 2" in pane(app, "figures")
        await pilot.press("t")
        await until(pilot, lambda: "● vitb16-two-stage  step 11, last of 2" in pane(app, "figures"))

    show(tmp_path, test, ids)


def test_an_evaluation_that_was_wished_for_is_not_the_best(tmp_path: Path, store: Store) -> None:
    ids = [add_run(store, name, {"eer": [0.4, 0.2]}) for name in ("one", "two")]
    evaluate(store, ids[0], 1, figures(1), wished=True)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        assert "step 1, last of 1, best unknown" in pane(app, "figures")
        assert "▲ two  no evaluation on record" in pane(app, "figures")

    show(tmp_path, test, ids)


def test_curves_of_one_title_are_laid_over_each_other_and_histograms_over_one_axis(
    tmp_path: Path, store: Store
) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        told = pane(app, "figures")
        assert told.count("detection error trade-off: genuine against impostor") == 1
        assert told.count("─ similarity of pairs ─") == 1
        assert told.count("cosine similarity") == 1
        assert told.count("impostor") >= 3
        assert told.index("detection error") < told.index("similarity of pairs")

    show(tmp_path, test, ids, (200, 60))


def test_pictures_are_thumbnails_and_missing_files_are_said(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)
    (tmp_path / "faces/1.png").unlink()

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("p", "p")
        await until(pilot, lambda: "▀▀▀▀▀▀▀▀" in pane(app, "pictures"))
        await until_drawn(pilot)
        told = pane(app, "pictures")
        assert "1.png" in told
        assert "cannot be read" in told
        assert "● vitb16-two-stage" in told
        assert "genuine 0.3" in told
        await pilot.press("n")
        await until(pilot, lambda: "fake 0.3" in pane(app, "pictures"))

    show(tmp_path, test, ids)


def test_pictures_are_named_where_there_is_no_colour(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(store, tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("p", "p")
        await until_drawn(pilot)
        told = pane(app, "pictures")
        assert "▀" not in told
        assert "faces/0.png" in told

    show(tmp_path, test, ids)


def test_pictures_on_another_machine_are_told_to_be_there(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)
    put(store, ids[0], host="far-away", workspace="/far/away")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("p", "p")
        await until(pilot, lambda: "● vitb16-two-stage: its files are on far-away" in pane(app, "pictures"))

    show(tmp_path, test, ids)


def test_a_task_that_nobody_knows_here_shows_its_figures(tmp_path: Path, store: Store) -> None:
    ids = [add_run(store, name, {"f1": [0.1, 0.2]}, task="elsewhere") for name in ("one", "two")]
    for place, run_id in enumerate(ids):
        matrix = Matrix("confusion", ["cat", "dog"], ["cat", "dog"], [[0.9, 0.1], [0.2, 0.7 + place / 10]])
        evaluate(store, run_id, 1, [matrix, Curve("roc", "fpr", "tpr", [Series("a", [0.0, 1.0], [0.0, 1.0])]),
                                    ImageSheet("worst", ["/nowhere/1.png"], ["caption"], 1)])  # fmt: skip

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        told = pane(app, "figures")
        assert "confusion" in told
        assert "0.8" in told
        await pilot.press("p", "p")
        await until(pilot, lambda: "1.png" in pane(app, "pictures"))

    show(tmp_path, test, ids)


def test_the_toy_task_of_another_package_is_compared(tmp_path: Path) -> None:
    for seed in (0, 1):
        (tmp_path / "cfg.yaml").write_text(to_yaml(toy_config(name=f"toy-{seed}", seed=seed)))
        done = kryptui("run", "--headless", "cfg.yaml", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    with Store.open(tmp_path / "runs.db", create=False) as store:
        ids = [run.id for run in store.list_runs(sort="created")]

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        assert str(plot(app).border_title).startswith("rmse · lower is better")
        assert "seed" in pane(app, "settings")
        told = pane(app, "figures")
        for title in ("answers", "errors", "first rows", "worst"):
            assert title in told
        assert "no pictures on record" in pane(app, "pictures")

    show(tmp_path, test, ids)


# Sections


def test_at_80_columns_a_section_is_seen_at_a_time_and_has_its_own_keys(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        assert "a Axis" in text_of(app)
        await pilot.press("s")
        await until_shown(pilot, "stages.0.lr", "d All", "h Ran on")
        assert "a Axis" not in text_of(app)
        await pilot.press("l")
        assert not plot(app).log_scale
        await pilot.press("c")
        await until_shown(pilot, "lower is better")

    show(tmp_path, test, ids, NARROW)


def test_a_section_is_scrolled_by_keys(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("e")
        await until_drawn(pilot)
        view = app.screen.query_one("#figures", DrawnView)
        await pilot.press("down", "down")
        assert view.scroll_offset.y == 2
        await pilot.press("end")
        await until_shown(pilot, "hardest pairs")
        await pilot.press("home")
        assert view.scroll_offset.y == 0

    show(tmp_path, test, ids, NARROW)


def test_a_pane_is_shown_alone_and_all_again(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("m", "m")
        await until_drawn(pilot)
        assert app.screen.query_one("#metrics").region.width > 150
        assert not app.screen.query_one("#settings").region.width
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.query_one("#settings").region.width > 0)

    show(tmp_path, test, ids)


def test_resizing_keeps_everything(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("right")
        for width, height in (NARROW, (100, 40), (60, 16), (40, 12), WIDE):
            await pilot.resize_terminal(width, height)
            await until_drawn(pilot)
        await until_shown(pilot, "at step 11", "vitb16-two-stage")

    show(tmp_path, test, ids)


@pytest.mark.parametrize("marked", [0, 3])
def test_a_terminal_that_is_too_small_shows_nothing_else(tmp_path: Path, store: Store, marked: int) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "is too small")
        assert "vitb16" not in text_of(app)
        assert "mark" not in text_of(app)

    show(tmp_path, test, ids[:marked], (40, 12))


def test_every_key_is_in_the_help_and_metrics_are_in_the_palette(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        assert "Draw eer_fake" in [name for name, _, _ in app.page.page_commands()]
        await pilot.press("question_mark")
        await until_shown(pilot, "Compare", "measured against", "draw the next metric")

    show(tmp_path, test, ids)


# Taking it along


def test_the_comparison_is_written_as_a_table(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("x", "1")
        await until_shown(pilot, "comparison.csv")
        await pilot.press("enter")
        await until(pilot, lambda: "comparison.csv: 3 runs" in toasts(app))

    show(tmp_path, test, ids)
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["vitb16-two-stage", "quick-hard", "edgeface"]
    assert [row["cfg.seed"] for row in rows] == ["0", "1", "2"]
    assert "cfg.model.backbone" not in rows[0]
    assert float(rows[1]["eer.best.difference"]) == pytest.approx(0.05)
    assert rows[0]["eer.best.difference"] == ""


def test_a_file_is_replaced_only_after_asking(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)
    mine = tmp_path / "curves-eer.csv"
    mine.write_text("mine")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        for answer in ("n", "y"):
            await pilot.press("x", "2")
            await until_shown(pilot, "Write the curves")
            await pilot.press("enter")
            await until_shown(pilot, "Replace curves-eer.csv?")
            assert mine.read_text() == "mine"
            await pilot.press(answer)
        await until(pilot, lambda: "curves-eer.csv: 36 points" in toasts(app))

    show(tmp_path, test, ids)
    with mine.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["metric"] for row in rows} == {"eer"}
    assert [float(row["value"]) for row in rows[:12]] == curves(0.04)["eer"]


def test_the_screen_is_written_as_a_picture_without_the_question(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("x", "3")
        await until_shown(pilot, "Write the screen")
        await pilot.press(*["backspace"] * 20, *"no.txt", "enter")
        await until_shown(pilot, "end it in .svg")
        await pilot.press(*["backspace"] * 3, *"svg", "enter")
        await until(pilot, lambda: "no.svg" in toasts(app))

    show(tmp_path, test, ids)
    svg = (tmp_path / "no.svg").read_text()
    assert svg.startswith("<svg")
    assert "vitb16-two-stage" in svg
    assert "picture" not in svg


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, store: Store) -> None:
    ids = fill(store, tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_drawn(pilot)
        await pilot.press("x", "1")
        await until_shown(pilot, "Write the comparison")
        await pilot.press("home", *"nowhere/", "enter")
        await until(pilot, lambda: "its folder does not exist" in toasts(app))

    show(tmp_path, test, ids)
