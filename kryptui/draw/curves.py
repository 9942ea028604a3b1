"""Curves: plotext sets the dots, at most two points a column; axes, markers and legend are our own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from plotext._figure import _figure_class
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from kryptui.draw.axes import LARGEST, Scale, below, beside
from kryptui.draw.numerals import number, tick_labels
from kryptui.draw.words import COLOURS, MARKERS, STAR, clip, heading, line, nothing_here
from kryptui.figures import Curve, Series

Best = Literal["min", "max"]
Points = NDArray[np.float64]

_GRID = "┈"
_MARKS = 5  # markers along a line that has too many points to mark each
_NAME = 40
_DOTS_ACROSS, _DOTS_DOWN = 2, 4  # of a cell of braille


@dataclass(frozen=True)
class _Line:
    """The points of a series that can be drawn, by x; `x` and `y` in units of the axes once scaled."""

    name: str
    marker: str
    colour: str
    x: Points
    y: Points
    last: float


def draw_curve(curve: Curve, width: int, height: int | None = None, best: Best | None = None) -> RenderableType:
    """Lines with a marker each and a legend of their last values.

    `best` puts a star on the lowest or highest point of each.
    Points that are not finite are left out, and points at or below zero on a logarithmic axis. `height` is that
    of the plot alone; without it the plot has the proportions of a wide screen.
    """
    height = height or min(max(width // 6, 10), 20)
    lines = [_drawable(series, index, curve) for index, series in enumerate(curve.series)]
    drawn = [entry for entry in lines if len(entry.x)]
    if not drawn:
        return nothing_here(curve.title, width)
    x_scale = _scale([entry.x for entry in drawn], curve.log_x)
    about = max(2, height // 3)
    y_scale = _scale([entry.y for entry in drawn], curve.log_y).rounded(about)
    y_ticks = y_scale.ticks(about)
    # Rows are counted from the top.
    rows = [height - 1 - _cell(y_scale.place(tick), height, _DOTS_DOWN) for tick in y_ticks]
    labels = dict(zip(rows, tick_labels(y_ticks), strict=True))
    indent = max(map(len, labels.values()), default=0) + 1
    room = max(width - indent, 4)
    x_ticks = x_scale.ticks(max(2, room // 12))
    columns = [_cell(x_scale.place(tick), room, _DOTS_ACROSS) for tick in x_ticks]
    raster = _raster(drawn, x_scale, y_scale, room, height, best)
    framed = beside([_with_grid(row) if i in labels else row for i, row in enumerate(raster)], labels)
    axis = below(room, dict(zip(columns, tick_labels(x_ticks), strict=True)), curve.x_label, indent)
    logs = [name for name, log in ((curve.x_label, curve.log_x), (curve.y_label, curve.log_y)) if log]
    notes = [curve.y_label] if curve.y_label != curve.title else []
    if logs:
        notes.append("log-log" if len(logs) == 2 else f"log {logs[0]}")
    return Group(
        heading(curve.title, " · ".join(notes), width), *_legend(curve, lines, best, width), *framed, *axis
    )


def thin(x: Points, y: Points, scale: Scale, columns: int) -> tuple[Points, Points]:
    """At most two points for each column of the plot: the lowest and the highest value that fall into it.

    `x` (N,) must not decrease and lie on the scale. Values are exact; within a column, x is that of its ends.
    """
    if len(x) <= 2 * columns:
        return x, y
    column = np.minimum((_units(x, scale) * columns).astype(np.intp), columns - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], len(x)) - 1
    low, high = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    rising = y[starts] <= y[ends]
    two_x = np.stack([x[starts], x[ends]], axis=1)  # (columns, 2)
    two_y = np.stack([np.where(rising, low, high), np.where(rising, high, low)], axis=1)
    kept = np.stack([np.ones(len(starts), dtype=bool), starts != ends], axis=1)
    return two_x[kept], two_y[kept]


def _drawable(series: Series, index: int, curve: Curve) -> _Line:
    x, y = np.asarray(series.x, dtype=np.float64), np.asarray(series.y, dtype=np.float64)
    kept = np.isfinite(x) & np.isfinite(y)
    if curve.log_x:
        kept &= x > 0
    if curve.log_y:
        kept &= y > 0
    if not kept.all():
        x, y = x[kept], y[kept]
    x, y = x.clip(-LARGEST, LARGEST), y.clip(-LARGEST, LARGEST)
    last = float(y[-1]) if len(y) else float("nan")
    if len(x) and x[0] > x[-1]:
        x, y = x[::-1], y[::-1]
    if np.any(x[1:] < x[:-1]):
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    name = clip(series.name, _NAME)
    return _Line(name, MARKERS[index % len(MARKERS)], COLOURS[index % len(COLOURS)], x, y, last)


def _scale(groups: list[Points], log: bool) -> Scale:
    return Scale.over(float(min(g.min() for g in groups)), float(max(g.max() for g in groups)), log)


def _units(values: Points, scale: Scale) -> Points:
    placed: Points = ((np.log10(values) if scale.log else values) - scale.start) / scale.span
    return placed.clip(0, 1)


def _raster(
    lines: list[_Line], x_scale: Scale, y_scale: Scale, width: int, height: int, best: Best | None
) -> list[Text]:
    """The plot without axes, `height` rows of `width` cells.

    plotext gets points between 0 and 1 only: its own logarithms and ticks fail on zeros and huge values.
    """
    plot: Any = _figure_class()
    plot._limit_size(False, False)  # or it would shrink to the terminal, also where there is none
    plot.theme("clear")
    plot.plot_size(width, height)
    plot.xaxes(False, False)
    plot.yaxes(False, False)
    plot.xticks([])
    plot.yticks([])
    plot.xlim(0, 1)
    plot.ylim(0, 1)
    stars = []
    marks = []
    for index, entry in enumerate(lines):
        x, y = thin(entry.x, entry.y, x_scale, width)
        x, y = _units(x, x_scale), _units(y, y_scale)
        plot.plot(x.tolist(), y.tolist(), marker="braille", color=entry.colour)
        marks += [(x[i], y[i], entry.marker, entry.colour) for i in _marked(x, width, index, len(lines))]
        if best:
            at = _best(entry, best)
            star_x, star_y = _units(entry.x[[at]], x_scale)[0], _units(entry.y[[at]], y_scale)[0]
            stars.append((star_x, star_y, STAR, entry.colour))
    # Markers lie above all lines, and stars above all markers.
    for across, up, marker, colour in marks + stars:
        column, row = _cell(across, width, _DOTS_ACROSS), _cell(up, height, _DOTS_DOWN)
        plot.scatter([column / max(width - 1, 1)], [row / max(height - 1, 1)], marker=marker, color=colour)
    built = plot.build().split("\n")[:height]
    return [_row(text) for text in built]


def _cell(place: float, cells: int, dots: int) -> int:
    """The cell in which braille has its dot for a place from 0 to 1; plotext rounds whole cells differently."""
    return round(min(max(place, 0.0), 1.0) * (cells * dots - 1)) // dots


def _row(ansi: str) -> Text:
    row = Text.from_ansi(ansi, no_wrap=True, overflow="crop")
    row.end = ""
    return row


def _marked(x: Points, width: int, index: int, lines: int) -> list[int]:
    """The points of a line to put its marker on: all if few, else some where no other line has its own."""
    if len(x) * 6 <= width:
        return list(range(len(x)))
    if lines == 1:
        return []
    wanted = [(mark + (index + 0.5) / lines) / _MARKS for mark in range(_MARKS)]
    return sorted({int(np.abs(x - place).argmin()) for place in wanted})


def _best(entry: _Line, best: Best) -> int:
    return int(entry.y.argmin() if best == "min" else entry.y.argmax())


def _with_grid(row: Text) -> Text:
    """The row with a faint line where it is blank, only in runs, so that no dot seems to belong to it."""
    grid = row.copy()
    grid.plain = re.sub(r"(?<= ) (?= )", _GRID, row.plain)
    place = 0
    for is_grid, run in groupby(grid.plain, key=_GRID.__eq__):
        size = len(list(run))
        if is_grid:
            grid.stylize("dim", place, place + size)
        place += size
    return grid


def _legend(curve: Curve, lines: list[_Line], best: Best | None, width: int) -> list[Text]:
    entries = []
    for entry in lines:
        text = line(entry.marker, entry.colour).append(f" {entry.name} ", "default")
        if not len(entry.x):
            text.append("no data", "dim default")
        elif not curve.log_x:
            # What goes over a logarithmic x is a trade-off, whose last value says nothing.
            text.append(number(entry.last), "bold default")
        if best and len(entry.x):
            at = _best(entry, best)
            text.append(f"  {STAR} {number(float(entry.y[at]))} at {number(float(entry.x[at]))}", "default")
        text.truncate(width - 1, overflow="ellipsis")
        entries.append(text)
    rows = [line(" ")]
    for text in entries:
        if rows[-1].cell_len > 1 and rows[-1].cell_len + 3 + cell_len(text.plain) > width:
            rows.append(line(" "))
        rows[-1].append("   " if rows[-1].cell_len > 1 else "").append_text(text)
    return rows
