"""A comparison as people read it: a legend, what differs, a grid of metrics, and curves."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from kryptui.draw.axes import Scale
from kryptui.draw.console import Drawing
from kryptui.draw.grids import Grid, Label, draw_grid
from kryptui.draw.lines import thin
from kryptui.draw.numerals import NOTHING, column
from kryptui.draw.words import COLOURS, MARKERS, STAR, clean, clip, heading, line, pad
from kryptui.figures import Curve, Series
from kryptui.runs.compare import Axis, Metric, Points, Setting, Statistic, configured, warnings
from kryptui.runs.rows import RunRow
from kryptui.spans import duration
from kryptui.tell.run import STATUS_MARKS, epochs, seconds

_HASH = 10  # letters of a hash, such as a commit's, that tell it from others
_DIGITS = 10
_NAME = 24
_POINTS_A_CELL = 4


Interval = tuple[float, float]
Intervals = Mapping[tuple[str, str, Statistic], Interval]
"""By run id, metric and statistic: the low and the high end that a run recorded with a value."""


def report(
    runs: Sequence[RunRow],
    settings: Sequence[Setting],
    around: Sequence[Setting],
    metrics: Sequence[Metric],
    width: int,
) -> RenderableType:
    """Everything but the curves, at most `width` cells wide."""
    labels = run_labels(runs)
    blank = Text("")
    parts: list[RenderableType] = [heading(f"{len(runs)} runs", "", width, heavy=True)]
    parts += _legend(runs, labels, width)
    parts += warning_lines(runs)
    if settings:
        parts += [blank, draw_grid("settings", "", settings_grid(runs, labels, settings), width)]
    else:
        parts += [blank, heading("settings", "none that differ", width)]
    parts += alien_lines(runs)
    if around:
        parts += [blank, draw_grid("what they ran on", "", settings_grid(runs, labels, around), width)]
    if metrics:
        note = f"{STAR} best · differences to {labels[0].marker}"
        parts += [blank, draw_grid("metrics", note, metrics_grid(runs, labels, metrics), width)]
    else:
        parts += [blank, heading("metrics", "none in common", width)]
    return Drawing(Group(*parts))


def warning_lines(runs: Sequence[RunRow]) -> list[Text]:
    """Why the runs may not be comparable, a line each."""
    return [Text(f"warning: {clean(text)}", style="yellow") for text in warnings(runs)]


def alien_lines(runs: Sequence[RunRow]) -> list[Text]:
    """Whose settings are not compared with the others', in a line, if there are any."""
    ours = configured(runs)
    alien = [run.name for run in runs if run not in ours]
    words = f"left out, as their settings are not of our kind: {clean(', '.join(alien))}"
    return [Text(words, "dim")] if alien else []


def curve(
    name: str,
    runs: Sequence[RunRow],
    points: Sequence[tuple[Points, Points]],
    axis: Axis,
    smoothing: float,
    log_y: bool,
    width: int,
) -> Curve:
    """One line a run, also for those without points, so that each keeps its marker and colour in all curves."""
    longest = max((float(x[-1]) for x, _ in points if len(x)), default=0.0)
    unit, x_label = time_unit(longest) if axis == "time" else (1.0, axis)
    lines = []
    for label, (x, y) in zip(run_labels(runs), points, strict=True):
        drawable = np.isfinite(y) & (y > 0) if log_y else np.isfinite(y)
        x, y = x[drawable] / unit, y[drawable]
        if len(x):
            # As much as can be seen: a million points need not become a million Python numbers.
            x, y = thin(x, y, Scale.over(float(x[0]), float(x[-1])), _POINTS_A_CELL * width)
        lines.append(Series(label.name, x.tolist(), y.tolist()))
    return Curve(name, x_label, f"smoothed {smoothing:g}" if smoothing else name, lines, log_y=log_y)


def run_labels(runs: Sequence[RunRow]) -> list[Label]:
    """The runs' names, with the id where two have the same; markers and colours are those of the curves."""
    names = [clip(run.name, _NAME) for run in runs]
    return [
        Label(f"{name} {run.id}" if names.count(name) > 1 else name, MARKERS[place], COLOURS[place % len(COLOURS)])
        for place, (run, name) in enumerate(zip(runs, names, strict=True))
    ]


def _legend(runs: Sequence[RunRow], labels: Sequence[Label], width: int) -> list[Text]:
    """One line a run: marker, name, id, and how it stands."""
    rows = []
    for run in runs:
        took = seconds(run)
        status = f"{STATUS_MARKS[run.status]} {run.status}"
        kind = "" if run.kind == "train" else run.kind
        rows.append([run.id, status, epochs(run), "" if took is None else duration(took), kind])
    sizes = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    room = width - 2 - sum(size + 2 for size in sizes if size)
    longest = max(len(run.name) for run in runs)
    lines = []
    for run, label, row in zip(runs, labels, rows, strict=True):
        text = line().append(label.marker, label.colour).append(f" {pad(run.name, min(longest, max(room, 12)))}")
        text.append("".join(f"  {cell:<{size}}" for cell, size in zip(row, sizes, strict=True) if size), "dim")
        text.rstrip()
        lines.append(text)
    return lines


def settings_grid(runs: Sequence[RunRow], labels: Sequence[Label], settings: Sequence[Setting]) -> Grid:
    """A row a setting and a column a run."""
    cells = []
    for setting in settings:
        values = list(setting.values.values())
        exact = list(map(json.dumps, values))
        short = [_spelt(value) for value in values]
        # Short, unless that would hide that they differ: 1 and "1", or the last digits.
        texts = dict(zip(setting.values, short if len(set(short)) == len(set(exact)) else exact, strict=True))
        cells.append([(texts.get(run.id, NOTHING),) for run in runs])
    return Grid([Label(setting.path) for setting in settings], labels, cells)


def _spelt(value: Any) -> str:
    """A setting as people write it."""
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    if isinstance(value, str) and value:
        return value[:_HASH] if re.fullmatch(r"[0-9a-f]{40,}", value) else value
    return json.dumps(value)


def metrics_grid(
    runs: Sequence[RunRow],
    labels: Sequence[Label],
    metrics: Sequence[Metric],
    baseline: int = 0,
    intervals: Intervals | None = None,
) -> Grid:
    """A row for the best and one for the last of each metric; where neither way is better, for the last alone.

    A cell has the value, a star if it is the best, its interval if there is one, and the difference to the run at
    the place `baseline`.
    """
    rows: list[tuple[Metric, Statistic]] = []
    for metric in metrics:
        rows += [(metric, "best"), (metric, "last")] if metric.direction else [(metric, "last")]
    names = [Label(f"{metric.name} {which}") for metric, which in rows]
    cells = [_metric_cells(runs, metric, which, baseline, intervals or {}) for metric, which in rows]
    return Grid(names, labels, cells, right=True)


def _metric_cells(
    runs: Sequence[RunRow], metric: Metric, which: Statistic, baseline: int, intervals: Intervals
) -> list[tuple[str, ...]]:
    values = [metric.value(run.id, which) for run in runs]
    texts = column(values)
    winners = metric.winners(which)
    return [
        (
            texts[at],
            STAR if run.id in winners else "",
            interval(intervals.get((run.id, metric.name, which))),
            "" if at == baseline else difference(values[at], values[baseline], texts[at]),
        )
        for at, run in enumerate(runs)
    ]


def interval(found: Interval | None) -> str:
    """The ends of an interval, such as `[0.0362, 0.0481]`."""
    return "" if found is None else f"[{', '.join(column(found))}]"


def difference(value: float | None, first: float | None, text: str) -> str:
    """A value's difference to the first, with as many decimals as its `text`, unless that would make it zero."""
    if value is None or first is None or not (math.isfinite(value) and math.isfinite(first)):
        return ""
    change = value - first
    decimals = len(text.partition(".")[2])
    if not change:
        return "="
    return f"{change:+.1e}" if "e" in text or not round(change, decimals) else f"{change:+,.{decimals}f}"


def time_unit(seconds: float) -> tuple[float, str]:
    """What seconds of running are counted in: its seconds, and its name."""
    return (1.0, "seconds") if seconds < 300 else (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")
