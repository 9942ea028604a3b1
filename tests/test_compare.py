"""Comparing runs: what differs, what is best, their curves, and how all of it fits a screen."""

from __future__ import annotations

import io
import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import add_run
from rich.cells import cell_len
from rich.console import Console, RenderableType

from kryptui.draw.grids import Grid, Label, draw_grid
from kryptui.errors import InputError
from kryptui.runs import batch, blobs, compare
from kryptui.runs.compare import Metric, Setting
from kryptui.runs.rows import RunRow
from kryptui.runs.store import Store
from kryptui.runs.summaries import Summary
from kryptui.tell import comparison


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "runs.db") as opened:
        yield opened


def add(store: Store, name: str, values: Mapping[str, Sequence[float]] | None = None, **facts: Any) -> RunRow:
    """A run as it is read; see `records.add_run`."""
    return store.get_run(add_run(store, name, values, **{"task": "toy", **facts}))


# Settings and surroundings


def test_settings_are_named_by_their_path() -> None:
    config = {"seed": 0, "stages": [{"lr": 0.1}, {"lr": 0.2, "set": {}}], "mean": [], "weights": None}
    assert compare.flatten(config) == {
        "seed": 0,
        "stages.0.lr": 0.1,
        "stages.1.lr": 0.2,
        "stages.1.set": {},
        "mean": [],
        "weights": None,
    }


values = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-1, 1) | st.sampled_from(["a", "1", ""])
trees = st.recursive(
    values,
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.sampled_from("abcd"), child, max_size=3),
    max_leaves=12,
)
configs = st.dictionaries(st.sampled_from("abcd"), trees, max_size=4)


@given(config=configs)
def test_a_configuration_does_not_differ_from_itself(config: dict[str, Any]) -> None:
    leaves = compare.flatten(config)
    assert compare._compared({"x": leaves, "y": dict(leaves)}, False) == []


@given(one=configs, other=configs)
def test_what_differs_is_there_in_one_order_and_nothing_else_is(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, second = compare.flatten(one), compare.flatten(other)
    found = compare._compared({"x": first, "y": second}, True)
    assert [setting.path for setting in found if setting.path in first] == list(first)
    assert {setting.path for setting in found} == first.keys() | second.keys()
    differing = {setting.path for setting in compare._compared({"x": first, "y": second}, False)}
    assert first.keys() ^ second.keys() <= differing


def test_only_settings_that_differ_are_listed_and_names_are_not(store: Store) -> None:
    one = add(store, "one", config={"name": "one", "seed": 0, "stages": [{"lr": 0.1}], "task": {"kind": "toy"}})
    two = add(
        store,
        "two",
        config={"name": "two", "seed": 0, "stages": [{"lr": 0.2}, {"lr": 1}], "task": {"kind": "toy"}},
    )
    assert compare.settings([one, two]) == [
        Setting("stages.0.lr", {one.id: 0.1, two.id: 0.2}),
        Setting("stages.1.lr", {two.id: 1}),
    ]


def test_all_settings_are_listed_if_wanted(store: Store) -> None:
    runs = [add(store, name, config={"seed": 0, "device": "cpu"}) for name in ("one", "two")]
    assert [setting.path for setting in compare.settings(runs, all_settings=True)] == ["seed", "device"]


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [(1, 1.0, False), (1, True, True), (1, "1", True), (None, "null", True), ([], {}, True), (0.1, 0.2, True)],
)
def test_equal_values_are_equal_whatever_their_type_but_text_and_truth_are_not_numbers(
    store: Store, one: Any, other: Any, differs: bool
) -> None:
    runs = [add(store, "one", config={"x": one}), add(store, "two", config={"x": other})]
    assert bool(compare.settings(runs)) is differs


def test_settings_of_runs_from_elsewhere_are_not_set_against_ours(store: Store) -> None:
    ours = [add(store, name, config={"seed": seed}) for seed, name in enumerate(("one", "two"))]
    theirs = [add(store, name, kind="import", config={"hparams": {"lr": k}}) for k, name in enumerate(("a", "b"))]
    assert compare.configured([*ours, *theirs]) == ours
    assert [setting.path for setting in compare.settings([*ours, *theirs])] == ["seed"]
    assert [setting.path for setting in compare.settings(theirs)] == ["hparams.lr"]


def test_what_runs_ran_on_is_compared_without_their_commands(store: Store) -> None:
    env = {"device": "cpu", "versions": {"torch": "2.6"}, "command": ["a"]}
    one = add(store, "one", env=env)
    two = add(store, "two", env={**env, "versions": {"torch": "2.7"}, "command": ["b"]})
    unknown = add(store, "from elsewhere")
    assert compare.surroundings([one, two, unknown]) == [Setting("versions.torch", {one.id: "2.6", two.id: "2.7"})]


def test_other_data_and_another_task_are_warned_of(store: Store) -> None:
    one = add(store, "one", data_hash="d1")
    two = add(store, "two", data_hash="d2")
    unknown = add(store, "unknown")
    other = add(store, "other", task="landmarks", data_hash="d1")
    assert compare.warnings([one, unknown]) == []
    (data,) = compare.warnings([unknown, one, two])
    assert data.startswith(f"other data than one ({one.id}): two ({two.id}); not comparable")
    assert compare.warnings([one, other]) == [
        f"other task than one ({one.id}), toy: other ({other.id}), landmarks"
    ]


# Metrics


def test_headlines_and_their_parts_come_first_and_metrics_without_a_direction_last(store: Store) -> None:
    one = add(store, "one", {name: [0.5] for name in ("lr", "auc", "loss", "eer_real", "eer", "eerie")})
    names = [metric.name for metric in compare.metrics([one], ["eer", "loss"])]
    assert names == ["eer", "eer_real", "loss", "auc", "eerie", "lr"]


def test_a_metric_has_a_direction_only_if_the_runs_agree(store: Store) -> None:
    one = add(store, "one", {"auc": [0.5, 0.9]})
    store.append(one.id, 1, [batch.Points(0.0, 5, 0.0, {"kappa": 1.0})], {}, {}, {"kappa": "higher"})
    two = add(store, "two", {"auc": [0.6, 0.4], "kappa": [0.3]})
    found = {metric.name: metric for metric in compare.metrics([store.get_run(one.id), two])}
    assert (found["auc"].direction, found["kappa"].direction) == ("higher", None)
    assert found["auc"].value(one.id, "best") == 0.9
    assert found["auc"].value(two.id, "last") == 0.4
    assert found["auc"].winners("best") == {one.id}
    assert found["kappa"].winners("last") == set()


numbers = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(found=st.lists(numbers, min_size=1, max_size=6), direction=st.sampled_from(["lower", "higher"]))
def test_winners_are_all_that_nothing_beats_unless_all_are_equal(
    found: list[float | None], direction: Any
) -> None:
    summaries = {str(at): Summary("x", direction, 0.0, 0, value) for at, value in enumerate(found)}
    winners = Metric("x", direction, summaries).winners("best")
    finite = [value for value in found if value is not None and math.isfinite(value)]
    if len(set(finite)) < 2:
        assert winners == set()
    else:
        best = min(finite) if direction == "lower" else max(finite)
        assert winners == {str(at) for at, value in enumerate(found) if value == best}


def test_nobody_wins_where_neither_way_is_better() -> None:
    summaries = {"a": Summary("lr", None, 1.0, 0), "b": Summary("lr", None, 2.0, 0)}
    assert Metric("lr", None, summaries).winners("last") == set()


# Curves


def test_a_series_is_two_columns_without_what_is_no_number(target: str | Path) -> None:
    with Store.open(target) as store:
        run = add(store, "run", {"loss": [0.5, math.nan, 0.25], "eer": [0.1]})
        x, y = compare.series(store, run.id, "loss")
        assert (x.tolist(), y.tolist()) == ([0.0, 2.0], [0.5, 0.25])
        x, y = compare.series(store, run.id, "loss", "epoch")
        assert x.tolist() == [0.0, 0.2]
        x, y = compare.series(store, run.id, "nothing", "time")
        assert (x.tolist(), y.tolist()) == ([], [])


def test_time_counts_while_the_run_ran_and_from_its_first_point_of_all(target: str | Path) -> None:
    with Store.open(target) as store:
        run_id = add(store, "run").id
        for began, steps in ((1000.0, (0, 1, 2)), (5000.0, (3, 4))):
            attempt = store.start_attempt(run_id)
            points = [batch.Points(began + 10 * at, step, 0.0, {"loss": 1.0}) for at, step in enumerate(steps)]
            later = batch.Points(began + 10, steps[1], 0.0, {"eer": 0.5})
            store.append(run_id, attempt, [*points, later], {}, store.summaries(run_id), {})
            store.finish(run_id, "stopped")
        assert compare.series(store, run_id, "loss", "time")[0].tolist() == [0, 10, 20, 20, 30]
        assert compare.series(store, run_id, "eer", "time")[0].tolist() == [10, 30]


def test_a_series_is_in_the_order_of_its_axis(store: Store) -> None:
    run_id = add(store, "run").id
    points = [batch.Points(0.0, step, 0.0, {"loss": float(step)}) for step in (3, 1, 2)]
    store.append(run_id, store.start_attempt(run_id), points, {}, {}, {})
    x, y = compare.series(store, run_id, "loss")
    assert x.tolist() == y.tolist() == [1, 2, 3]


def test_what_was_recorded_is_read_between_two_cursors(store: Store) -> None:
    run = add(store, "run", {"loss": [0.5, math.nan, 0.25], "eer": [0.1]})
    middle = store.metrics(run.id, ["loss"])[0].seq
    assert compare.recorded(store, run.id, "loss", ["step", "value"], 0, middle).tolist() == [[0], [0.5]]
    fields = ["attempt", "step", "epoch", "time", "value"]
    later = compare.recorded(store, run.id, "loss", fields, middle, run.last_seq)
    assert later.tolist() == [[1], [2], [0.2], [1004], [0.25]]


# Evaluations


def evaluate(store: Store, run_id: str, step: int, *, wished: bool = False) -> None:
    item = batch.Evaluation(0.0, step, '{"eer": 0.1}', blobs.pack_figures([]), None, wished)
    store.append(run_id, store.get_run(run_id).attempt, [item], {}, {}, {})


def test_the_best_evaluation_is_the_latest_of_its_step_that_nobody_wished_for(store: Store) -> None:
    run = add(store, "run", {"eer": [0.4, 0.1, 0.2]})
    for step, wished in ((1, False), (1, False), (1, True), (2, False)):
        evaluate(store, run.id, step, wished=wished)
    found = compare.evaluated(store, run.id)
    assert compare.chosen(found, "best", 1) == found[1]
    assert compare.chosen(found, "last", 1) == found[3]
    assert compare.chosen(found, "best", 0) is compare.chosen(found, "best", None) is None
    assert compare.chosen([], "last", 1) is None


def test_an_evaluation_is_read_alone(store: Store) -> None:
    run = add(store, "run", {"eer": [0.4]})
    evaluate(store, run.id, 0)
    (one,) = compare.evaluated(store, run.id)
    row = compare.evaluation(store, run.id, one.seq)
    assert row is not None
    assert (row.step, row.scalars, row.figures) == (0, {"eer": 0.1}, [])
    assert compare.evaluation(store, run.id, one.seq + 1) is None


@pytest.mark.parametrize("figures", [b"none", zlib.compress(b"[{}]"), zlib.compress(b'[{"kind": "hologram"}]')])
def test_an_evaluation_that_cannot_be_read_is_refused(store: Store, figures: bytes) -> None:
    run = add(store, "run", {"eer": [0.4]})
    item = batch.Evaluation(0.0, 3, "{}", figures, None)
    store.append(run.id, run.attempt, [item], {}, {}, {})
    with pytest.raises(InputError, match="evaluation of step 3 cannot be read"):
        compare.evaluation(store, run.id, compare.evaluated(store, run.id)[0].seq)


def test_metrics_with_both_ends_of_an_interval_are_bounded() -> None:
    metrics = [Metric(name, None, {}) for name in ("eer", "eer_low", "eer_high", "auc", "auc_low")]
    assert compare.bounded(metrics) == {"eer": ("eer_low", "eer_high")}


finite = st.floats(-1e6, 1e6)


@given(values=st.lists(finite, max_size=30), weight=st.floats(0, 0.99))
def test_smoothing_is_the_weighted_mean_of_what_came_before(values: list[float], weight: float) -> None:
    smoothed = compare.smooth(np.array(values, dtype=np.float64), weight)
    for at in range(len(values)):
        weights = [weight ** (at - earlier) for earlier in range(at + 1)]
        expected = sum(w * value for w, value in zip(weights, values, strict=False)) / sum(weights)
        assert smoothed[at] == pytest.approx(expected, abs=1e-6, rel=1e-9)


def test_smoothing_passes_over_what_is_not_finite() -> None:
    smoothed = compare.smooth(np.array([1.0, math.inf, 1.0, math.nan, 1.0]), 0.9)
    assert smoothed[[0, 2, 4]] == pytest.approx([1, 1, 1])
    assert math.isinf(smoothed[1])
    assert math.isnan(smoothed[3])


def test_each_run_keeps_its_marker_in_every_curve_also_without_points(store: Store) -> None:
    runs = [add(store, "one", {"loss": [1.0, 0.5]}), add(store, "queued"), add(store, "two", {"loss": [0.4]})]
    points = [compare.series(store, run.id, "loss") for run in runs]
    drawn = comparison.curve("loss", runs, points, "step", 0.0, False, 80)
    assert [series.name for series in drawn.series] == ["one", "queued", "two"]
    assert [series.y for series in drawn.series] == [[1.0, 0.5], [], [0.4]]
    assert [label.marker for label in comparison.run_labels(runs)] == ["●", "▲", "■"]


def test_a_long_curve_is_thinned_to_what_can_be_seen_and_keeps_its_extremes(store: Store) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=50_000)
    points = [(np.arange(50_000, dtype=np.float64), y)]
    drawn = comparison.curve("loss", [add(store, "run")], points, "step", 0.0, False, 80)
    assert len(drawn.series[0].x) <= 8 * 80
    assert (min(drawn.series[0].y), max(drawn.series[0].y)) == (y.min(), y.max())


@pytest.mark.parametrize(
    ("longest", "label", "last"), [(200.0, "seconds", 200), (3600.0, "minutes", 60), (7 * 3600.0, "hours", 7)]
)
def test_time_is_counted_in_fitting_units(store: Store, longest: float, label: str, last: float) -> None:
    points = [(np.array([0.0, longest]), np.array([1.0, 0.5]))]
    drawn = comparison.curve("loss", [add(store, "run")], points, "time", 0.0, False, 80)
    assert (drawn.x_label, drawn.series[0].x[-1]) == (label, last)


def test_runs_of_one_name_are_told_apart_by_their_ids(store: Store) -> None:
    one, two = add(store, "same"), add(store, "same")
    assert [label.name for label in comparison.run_labels([one, two])] == [f"same {one.id}", f"same {two.id}"]


# Grids


def lines_of(drawing: RenderableType) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=400).print(drawing)
    return file.getvalue().splitlines()


def grid_of(rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[str]], **options: Any) -> Grid:
    return Grid(
        [Label(name) for name in rows],
        [Label(name, "●") for name in columns],
        [[(cell,) for cell in row] for row in cells],
        **options,
    )


def test_a_grid_that_fits_is_one_block() -> None:
    grid = grid_of(["seed", "stages.0.lr"], ["one", "two"], [["0", "1"], ["0.1", "–"]])
    assert lines_of(draw_grid("settings", "", grid, 40))[1:] == [
        "             ● one  ● two",
        "seed         0      1",
        "stages.0.lr  0.1    –",
    ]


def test_parts_of_cells_line_up() -> None:
    grid = Grid(
        [Label("a"), Label("b")], [Label("x")], [[("1.50", "★", "-10")], [("12.25", "", "+1")]], right=True
    )
    assert lines_of(draw_grid("", "", grid, 40))[2:] == ["a   1.50 ★ -10", "b  12.25    +1"]


def test_a_grid_of_many_runs_is_turned_where_that_is_shorter() -> None:
    names = [f"run-{number}" for number in range(12)]
    lines = lines_of(draw_grid("settings", "", grid_of(["seed", "lr", "rows"], names, [["7"] * 12] * 3), 40))
    assert len(lines) == 14
    assert lines[1].split() == ["seed", "lr", "rows"]
    assert lines[2].split() == ["●", "run-0", "7", "7", "7"]


def test_a_grid_that_fits_neither_way_is_broken_into_blocks_that_each_name_their_rows() -> None:
    columns = [f"run-{number}" for number in range(6)]
    grid = grid_of(["seed", "lr", "rows"], columns, [[str(number) * 6 for number in range(6)]] * 3)
    lines = lines_of(draw_grid("settings", "", grid, 30))
    assert [line.split()[0] for line in lines[2:5]] == ["seed", "lr", "rows"]
    assert sum(line.startswith("seed") for line in lines) == lines.count("") + 1 == 3


words = st.text("ab. -_/日\x1b", max_size=60)


@given(
    rows=st.lists(words, min_size=1, max_size=4),
    columns=st.lists(words, min_size=1, max_size=5),
    data=st.data(),
    width=st.integers(20, 100),
    right=st.booleans(),
)
@settings(max_examples=100)
def test_no_line_of_a_grid_is_too_wide_and_no_text_is_lost(
    rows: list[str], columns: list[str], data: st.DataObject, width: int, right: bool
) -> None:
    cells = [[data.draw(words) for _ in columns] for _ in rows]
    lines = lines_of(draw_grid("title", "", grid_of(rows, columns, cells, right=right), width))
    assert max(map(cell_len, lines)) <= width
    shown = "".join(lines)
    if "…" not in shown:
        for letter in "ab日":
            least = sum(text.count(letter) for row in cells for text in row)
            assert re.sub("title", "", shown).count(letter) >= least
