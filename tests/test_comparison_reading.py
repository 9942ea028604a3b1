"""What the Compare page reads: curves that grow, evaluations, and nothing twice."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from comparisons import evaluate, figures, put, record
from hypothesis import given, settings
from hypothesis import strategies as st
from records import add_run
from sqlalchemy import update

from kryptui.runs import batch, compare, schema
from kryptui.runs.compare import AXES, Axis
from kryptui.runs.store import Store
from kryptui.tui.compare.reading import Compared, ComparisonReader, Track
from kryptui.tui.compare.wish import Wish


def read(reader: ComparisonReader, store: Store, wish: Wish) -> Compared:
    found = reader.read(store, wish)
    assert found is not None
    return found


def begun(store: Store, name: str = "run") -> str:
    run_id = add_run(store, name)
    store.start_attempt(run_id)
    return run_id


def test_what_has_not_changed_is_not_told_again(store: Store) -> None:
    ids = (add_run(store, "one", {"eer": [0.1]}), begun(store))
    reader, wish = ComparisonReader(), Wish(ids)
    assert reader.read(store, wish) is not None
    assert reader.read(store, wish) is None
    assert reader.read(store, Wish(ids, look=1)) is not None
    record(store, ids[1], (0, {"eer": 0.3}))
    assert read(reader, store, Wish(ids, look=1)).tracks[ids[1]].value.tolist() == [0.3]


def test_runs_keep_the_order_that_is_wished_and_deleted_ones_are_told(store: Store) -> None:
    ids = [add_run(store, name) for name in ("one", "two")]
    found = read(ComparisonReader(), store, Wish((ids[1], "gonegone", ids[0])))
    assert [run.name for run in found.runs] == ["two", "one"]
    assert found.gone == ("gonegone",)


parts = st.lists(st.lists(st.floats(-10, 10), min_size=1, max_size=6), min_size=1, max_size=5)


@pytest.mark.parametrize("axis", AXES)
@given(parts=parts)
@settings(max_examples=15)
def test_a_curve_read_in_parts_is_the_curve_read_at_once(
    tmp_path_factory: pytest.TempPathFactory, axis: Axis, parts: list[list[float]]
) -> None:
    with Store.open(tmp_path_factory.mktemp("record") / "runs.db") as store:
        run_id, step = begun(store), 0
        reader, wish = ComparisonReader(), Wish((run_id,), axis=axis)
        for part in parts:
            record(store, run_id, *((step + at, {"loss": value}) for at, value in enumerate(part)))
            step += len(part)
            grown = read(reader, store, wish).tracks[run_id]
        whole = read(ComparisonReader(), store, wish).tracks[run_id]
        x, y = compare.series(store, run_id, "loss", axis)
    assert grown.at == pytest.approx(x)
    assert grown.value.tolist() == y.tolist()
    assert (grown.at.tolist(), grown.value.tolist()) == (whole.at.tolist(), whole.value.tolist())
    assert grown.star == whole.star


@pytest.mark.parametrize("axis", AXES)
def test_a_resumed_run_loses_what_it_took_back(store: Store, axis: Axis) -> None:
    run_id = begun(store)
    record(store, run_id, *((at, {"loss": 1.0 + at}) for at in range(6)))
    reader, wish = ComparisonReader(), Wish((run_id,), axis=axis)
    read(reader, store, wish)
    put(store, run_id, status="stopped")
    store.start_attempt(run_id)
    # Read between the two steps of a resume, when the rows that will go are still there.
    reader.read(store, wish)
    store.delete_after(run_id, 2)
    record(store, run_id, (3, {"loss": 9.0}), (4, {"loss": 8.0}))
    track = read(reader, store, wish).tracks[run_id]
    assert track.value.tolist() == [1.0, 2.0, 3.0, 9.0, 8.0]
    assert track.at == pytest.approx(compare.series(store, run_id, "loss", axis)[0])


def test_the_best_is_starred_where_it_was_reached_on_every_axis(store: Store) -> None:
    run_id = add_run(store, "run", {"eer": [0.4, 0.1, 0.2]})
    places = {axis: read(ComparisonReader(), store, Wish((run_id,), axis=axis)).tracks[run_id] for axis in AXES}
    assert {axis: track.star for axis, track in places.items()} == {
        "step": (1.0, 0.1),
        "epoch": (0.1, 0.1),
        "time": (2.0, 0.1),
    }


def test_a_long_curve_stays_small_and_keeps_its_extremes(store: Store) -> None:
    run_id = begun(store)
    noise = np.random.default_rng(0).normal(size=30_000)
    items = [batch.Points(float(at), at, 0.0, {"loss": value}) for at, value in enumerate(noise.tolist())]
    store.append(run_id, 1, items, {}, {}, {})
    track = read(ComparisonReader(), store, Wish((run_id,))).tracks[run_id]
    assert len(track.y) <= 4096
    assert (track.y.min(), track.y.max()) == (noise.min(), noise.max())


def test_values_are_read_within_a_curve_and_not_beyond_it() -> None:
    at, value = np.array([0.0, 10.0, 20.0]), np.array([3.0, 2.0, 1.0])
    track = Track(at, value, at, value, value)
    assert [track.near(x) for x in (-1.0, 0.0, 4.0, 6.0, 20.0, 21.0)] == [None, 3.0, 3.0, 2.0, 1.0, None]


def test_time_is_counted_in_a_unit_that_fits_the_longest_run(store: Store) -> None:
    ids = begun(store, "short"), begun(store, "long")
    for run_id, seconds in zip(ids, (60.0, 7200.0), strict=True):
        items = [batch.Points(at * seconds, at, 0.0, {"loss": 1.0}) for at in range(2)]
        store.append(run_id, 1, items, {}, {}, {})
    found = read(ComparisonReader(), store, Wish(ids, axis="time"))
    assert found.x_label == "minutes"
    assert [found.tracks[run_id].at.tolist() for run_id in ids] == [[0.0, 1.0], [0.0, 120.0]]


def test_the_best_evaluation_is_that_of_the_best_step(store: Store) -> None:
    run_id = add_run(store, "run", {"eer": [0.4, 0.1, 0.2]})
    for step in range(3):
        evaluate(store, run_id, step, figures(step))
    reader = ComparisonReader()
    best = read(reader, store, Wish((run_id,))).evaluations[run_id]
    last = read(reader, store, Wish((run_id,), which="last")).evaluations[run_id]
    assert (best.words, last.words) == ("step 1, best of 3", "step 2, last of 3")
    assert best.row is not None
    assert best.row.figures == figures(1)


def test_an_evaluation_that_cannot_be_read_is_told_and_the_others_are_shown(store: Store) -> None:
    ids = tuple(add_run(store, name, {"eer": [0.4]}) for name in ("one", "two"))
    for run_id in ids:
        evaluate(store, run_id, 0, figures(1))
    table = schema.evaluations
    with store.writing() as connection:
        connection.execute(update(table).where(table.c.run_id == ids[0]).values(figures=b"no figures"))
    found = read(ComparisonReader(), store, Wish(ids)).evaluations
    assert found[ids[0]].row is None
    assert "its evaluation of step 0 cannot be read" in found[ids[0]].words
    assert found[ids[1]].row is not None


def test_intervals_are_those_of_the_value_that_is_shown(store: Store) -> None:
    values = {"eer": [0.1, 0.2], "eer_low": [0.05, 0.15], "eer_high": [0.15, 0.25]}
    run_id = add_run(store, "run", values)
    for step in range(2):
        evaluate(store, run_id, step, [], {name: row[step] for name, row in values.items()})
    found = read(ComparisonReader(), store, Wish((run_id,)))
    assert found.intervals == {(run_id, "eer", "best"): (0.05, 0.15), (run_id, "eer", "last"): (0.15, 0.25)}
    assert [metric.name for metric in found.metrics] == ["eer"]


def test_nothing_at_all_is_told_as_it_is(store: Store, tmp_path: Path) -> None:
    ids = (add_run(store, "queued"), add_run(store, "not a number", {"eer": [math.nan]}))
    found = read(ComparisonReader(), store, Wish(ids))
    assert found.metric is not None
    assert len(found.tracks[ids[1]].at) == 0
    assert found.evaluations[ids[0]].words == "no evaluation on record"
