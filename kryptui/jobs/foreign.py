"""A run that another tool recorded, in neutral form: its points by columns, its settings, its text."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LATEST = 253_402_300_800.0
"""The end of the year 9999 in seconds since 1970: what is beyond is no time."""

STEPS = range(-(2**63), 2**63)
"""The steps that the record can hold."""

_LONGEST_NAME = 250


class Points:
    """Values of metrics by columns: the metric's number, step, epoch, time (seconds since 1970) and value.

    An epoch or a time that the source does not tell is not-a-number. 36 to 40 bytes a point.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.metric = array("q")
        self.step = array("q")
        self.epoch = array("d")
        self.time = array("d")
        self.value = array("d")
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[tuple[str, int, float, float, float]]:
        """Name, step, epoch, time and value of each point."""
        names = map(self.names.__getitem__, self.metric)
        return zip(names, self.step, self.epoch, self.time, self.value, strict=True)

    def add(self, name: str, step: int, epoch: float, time: float, value: float) -> None:
        """One more point; raises OverflowError for a step beyond `STEPS`."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(storable_name(name))
        self.step.append(step)
        self.metric.append(number)
        self.epoch.append(epoch)
        self.time.append(time)
        self.value.append(value)

    def times(self) -> tuple[float, float] | None:
        """The first and the last time that the source tells, or None."""
        import numpy as np

        times = np.asarray(self.time)
        told = times[~np.isnan(times)]
        return (float(told.min()), float(told.max())) if len(told) else None

    def settled(self, restarts: Sequence[tuple[int, int]] = ()) -> Points:
        """The points in the order of their steps, each step once a metric: of several values the last stands.

        A restart (n, step) takes back those of the first n points that are of `step` or later.
        """
        import numpy as np

        metric, step = np.asarray(self.metric), np.asarray(self.step)
        index = np.arange(len(self))
        if restarts:
            taken_back = np.full(len(self) + 1, STEPS[-1], dtype=np.int64)
            for count, at in restarts:
                taken_back[count] = min(taken_back[count], at)
            # A point is taken back by the lowest restart after it.
            lowest = np.minimum.accumulate(taken_back[::-1])[::-1][1:]
            index = index[(step < lowest) | (lowest == STEPS[-1])]
        index = index[np.lexsort((index, step[index], metric[index]))]
        same = (metric[index][1:] == metric[index][:-1]) & (step[index][1:] == step[index][:-1])
        index = index[np.append(~same, True)] if len(index) else index
        index = index[np.lexsort((index, step[index]))]
        kept = Points()
        kept.names, kept._numbers = self.names, self._numbers
        for column in ("metric", "step", "epoch", "time", "value"):
            values = getattr(self, column)
            setattr(kept, column, array(values.typecode, np.asarray(values)[index].tobytes()))
        return kept


@dataclass
class ForeignRun:
    """One run from elsewhere. `remarks` say, a line each, what of its source is not in it."""

    name: str
    source: Path
    """The file or folder, as it was named."""
    written: float
    """When that was last written, in seconds since 1970."""
    tool: str
    label: str = ""
    """Which of the several runs of one file this is."""
    points: Points = field(default_factory=Points)
    hparams: dict[str, Any] = field(default_factory=dict)
    lines: list[tuple[float, str]] = field(default_factory=list)
    """Time and text of what the tool logged for people to read."""
    remarks: list[str] = field(default_factory=list)

    def digest(self) -> str:
        """A hash of what the run consists of, wherever it lies and whatever it is called."""
        points = self.points
        told = json.dumps([self.label, self.hparams, self.lines, points.names], sort_keys=True)
        content = hashlib.sha256(told.encode())
        for column in (points.metric, points.step, points.epoch, points.time, points.value):
            content.update(column)
        return content.hexdigest()


def storable_name(text: str) -> str:
    """A name that every database and terminal takes: what is not printable spelt out, a very long one cut.

    The end of a long one is replaced by a hash of it, so that two of them stay two.
    """
    name = _printable(text.strip()) or "unnamed"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 10]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def storable_lines(text: str) -> list[str]:
    """The lines of a text with what is not printable spelt out; empty ones are left out."""
    lines = [_printable(line.rstrip()) for line in text.expandtabs(4).splitlines()]
    return [line for line in lines if line]


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
