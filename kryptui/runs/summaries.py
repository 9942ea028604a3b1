"""What a run's list shows of a metric: its last and its best value, kept up to date as values arrive."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from typing import Literal, NamedTuple

Direction = Literal["lower", "higher"]


def direction_of(name: str, directions: Mapping[str, Direction]) -> Direction | None:
    """Which way a metric is better: as the task says, else lower for losses and error rates, else unknown."""
    if name in directions:
        return directions[name]
    return "lower" if name.startswith(("loss", "eer")) else None


class Summary(NamedTuple):
    """One metric of one run. `best` is None without a direction, or while no value was finite."""

    name: str
    direction: Direction | None
    last: float
    last_step: int
    best: float | None = None
    best_step: int | None = None

    @property
    def headline(self) -> float:
        """The best value where the metric has a direction, else the last one."""
        return self.last if self.best is None else self.best


def summarise(
    summary: Summary | None,
    name: str,
    direction: Direction | None,
    points: Sequence[tuple[int, float]],
    wished: Container[int] = (),
) -> Summary:
    """The summary after one or more (step, value) points; of equal values the first is the best.

    Those at the steps `wished` were measured because somebody asked: they are never the best, as no checkpoint is.
    """
    best = None if summary is None else summary.best
    best_step = None if summary is None else summary.best_step
    if direction is not None:
        for step, value in points:
            if step in wished or not math.isfinite(value):
                continue
            if best is None or (value < best if direction == "lower" else value > best):
                best, best_step = value, step
    last_step, last = points[-1]
    return Summary(name, direction, last, last_step, best, best_step)
