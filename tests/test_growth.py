"""Curves are read on from a cursor, each value once, whatever the size of the parts."""

from __future__ import annotations

import time

import numpy as np
import pytest
from records import DIRECTIONS, add_run

from kryptui.runs import batch, growth
from kryptui.runs.store import Store


def read_all(store: Store, run_id: str, rows: int) -> list[growth.Gained]:
    parts, seq = [], 0
    while True:
        parts.append(growth.gained(store, run_id, seq, rows))
        seq = parts[-1].seq
        if not parts[-1].more:
            return parts


@pytest.mark.parametrize("rows", [1, 3, 4, 1000])
def test_all_parts_together_are_the_curve(store: Store, rows: int) -> None:
    run_id = add_run(store, "run", {"loss": [0.5, 0.4, 0.3], "eer": [0.2, 0.1]})
    parts = read_all(store, run_id, rows)
    values = np.concatenate([part.values["loss"][1] for part in parts if "loss" in part.values])
    steps = np.concatenate([part.values["loss"][0] for part in parts if "loss" in part.values])
    assert (steps.tolist(), values.tolist()) == ([0, 1, 2], [0.5, 0.4, 0.3])


def test_places_tell_epoch_time_and_attempt_of_each_step(store: Store) -> None:
    run_id = add_run(store, "run", {"loss": [0.5, 0.4]})
    found = growth.gained(store, run_id, 0)
    assert found.steps.tolist() == [0, 1]
    assert found.epochs.tolist() == [0.0, 0.1]
    assert found.times.tolist() == [1000.0, 1002.0]
    assert found.attempts.tolist() == [1.0, 1.0]


def test_nothing_is_read_twice(store: Store) -> None:
    run_id = add_run(store, "run", {"loss": [0.5]})
    first = growth.gained(store, run_id, 0)
    assert growth.gained(store, run_id, first.seq).values == {}


def test_not_a_number_stays_one(store: Store) -> None:
    run_id = add_run(store, "run")
    attempt = store.start_attempt(run_id)
    points = batch.Points(time.time(), 0, 0.0, {"loss": float("nan")})
    store.append(run_id, attempt, [points], {}, {}, DIRECTIONS)
    assert np.isnan(growth.gained(store, run_id, 0).values["loss"][1]).all()
