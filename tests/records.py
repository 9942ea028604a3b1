"""Helpers for tests that look at a record: runs with values and log lines, without training."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert

from kryptui.runs import batch, schema
from kryptui.runs.store import Store

DIRECTIONS: dict[str, Any] = {"eer": "lower", "auc": "higher", "loss": "lower"}

HOSTILE = "evil\x1b]0;title\x07\x1b[2J[red]name[/]\r\n\x9b2Jend\u202e"
"""Text that would drive a terminal, or the library that writes to it."""


def add_run(store: Store, name: str, values: Mapping[str, Sequence[float]] | None = None, **facts: Any) -> str:
    """A run, finished with values at steps 0, 1, 2, ..., a tenth of an epoch and two seconds apart; or queued."""
    given: dict[str, Any] = {
        "kind": "train",
        "task": "verification",
        "config": {},
        "env": {},
        "data_hash": None,
        **facts,
    }
    run_id = store.create_run(name=name, config_hash="h", workspace="/", **given)
    if values is not None:
        attempt = store.start_attempt(run_id)
        points = [
            batch.Points(1000.0 + 2 * step, step, step / 10, {metric: value})
            for metric, series in values.items()
            for step, value in enumerate(series)
        ]
        store.append(run_id, attempt, points, {}, {}, DIRECTIONS)
        store.finish(run_id, "finished")
    return run_id


def say(store: Store, run_id: str, *lines: str, level: str = "info", at: float = 1_700_000_000.0) -> None:
    """Log lines of the run's attempt, a second apart."""
    items = [batch.LogLine(at + place, level, line) for place, line in enumerate(lines)]
    store.append(run_id, store.get_run(run_id).attempt, items, {}, {}, {})


def pause(store: Store, run_id: str, paused: bool) -> None:
    """The run pauses or goes on, as its loop would have it."""
    progress = {"paused": paused}
    item = batch.Progress(time.time(), progress)
    store.append(run_id, store.get_run(run_id).attempt, [item], progress, {}, {})


def tag(store: Store, run_id: str, *tags: str) -> None:
    """Tags the run, also with what no command would let through."""
    with store.writing() as connection:
        connection.execute(insert(schema.tags), [{"run_id": run_id, "tag": tag} for tag in dict.fromkeys(tags)])
