"""What the curves of a run have gained since they were last read: plain columns by metric, a part at a time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from kryptui.runs.schema import metrics
from kryptui.runs.store import Store

Points = NDArray[np.float64]

ROWS = 40_000
"""Values that are read at once: about a tenth of a second's work."""


@dataclass(frozen=True)
class Gained:
    """Values beyond a cursor, each metric's in the order in which they were recorded.

    `seq` is the new cursor, `more` whether there is more to read. Not-a-number stays.
    """

    seq: int
    values: dict[str, tuple[Points, Points]]
    """By metric: steps (N,) and values (N,)."""
    steps: Points
    epochs: Points
    times: Points
    attempts: Points
    """Where the values of all metrics lie (M,): step, epoch, seconds since 1970, attempt; each step once."""
    more: bool


def gained(store: Store, run_id: str, after_seq: int, rows: int = ROWS) -> Gained:
    """Reads at most `rows` values of a run beyond a cursor."""
    names = ("seq", "name", "step", "epoch", "time", "attempt", "value")
    selected = (
        select(*(metrics.c[name] for name in names))
        .where(metrics.c.run_id == run_id, metrics.c.seq > after_seq)
        .order_by(metrics.c.seq)
        .limit(rows)
    )
    steps_of: dict[str, list[float]] = defaultdict(list)
    values_of: dict[str, list[float]] = defaultdict(list)
    places: dict[int, tuple[float, float, int]] = {}
    seq, count = after_seq, 0
    with store.reading() as connection:
        for row in connection.execute(selected):
            seq, name, step, epoch, moment, attempt, value = row
            count += 1
            steps_of[name].append(step)
            values_of[name].append(np.nan if value is None else value)
            places[step] = epoch, moment, attempt
    values = {name: (np.array(steps_of[name], float), np.array(values_of[name], float)) for name in steps_of}
    where = np.array([(step, *places[step]) for step in sorted(places)], float).reshape(-1, 4)
    steps, epochs, times, attempts = where.T
    return Gained(seq, values, steps, epochs, times, attempts, count == rows)


def nothing(seq: int) -> Gained:
    """Where nothing was gained."""
    none = np.empty(0)
    return Gained(seq, {}, none, none, none, none, more=False)
