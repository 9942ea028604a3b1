"""Lines on a raster that plotext builds: at most two points a column, with axes, markers and stars of our own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from plotext._figure import _figure_class
from rich.text import Text

from kryptui.draw.axes import LARGEST, Scale, below, beside
from kryptui.draw.dots import ACROSS, UP, cell, polyline
from kryptui.draw.numerals import tick_labels
from kryptui.draw.words import COLOURS, MARKERS, STAR

Best = Literal["min", "max"]
Points = NDArray[np.float64]

_GRID = "┈"
_PLOTEXT = {"yellow": "orange"}
"""What plotext calls a colour of the palette where not by its name; unknown ones it draws without colour."""

_MARKS = 5  # markers along a line that has too many points to mark each


@dataclass(frozen=True, eq=False)
class Line:
    """What is drawn as one line: points by x (N,) that are finite, and its looks.

    A line without a marker is faint: it lies behind the others. `star` is the point that is best. Only itself is
    equal to it: arrays do not compare.
    """

    name: str
    marker: str
    colour: str
    x: Points
    y: Points
    star: tuple[float, float] | None = None

    @property
    def last(self) -> float:
        """The value of the last point, or not-a-number."""
        return float(self.y[-1]) if len(self.y) else float("nan")


@dataclass(frozen=True)
class Plot:
    """A plot without title and legend: its rows, the lines of its axis, and where things lie on it.

    `indent` is the width of what stands left of the plot; `room` the columns of the plot itself.
    """

    rows: list[Text]
    axis: list[Text]
    x_scale: Scale
    indent: int
    room: int


def looks(place: int) -> tuple[str, str]:
    """The marker and the colour of the line at a place."""
    return MARKERS[place % len(MARKERS)], COLOURS[place % len(COLOURS)]


def drawable(x: Points, y: Points, log_x: bool = False, log_y: bool = False) -> tuple[Points, Points]:
    """The points (N,) that can be drawn, by x: finite ones, and above zero on a logarithmic axis."""
    kept = np.isfinite(x) & np.isfinite(y)
    if log_x:
        kept &= x > 0
    if log_y:
        kept &= y > 0
    if not kept.all():
        x, y = x[kept], y[kept]
    x, y = x.clip(-LARGEST, LARGEST), y.clip(-LARGEST, LARGEST)
    if len(x) and x[0] > x[-1]:
        x, y = x[::-1], y[::-1]
    if np.any(x[1:] < x[:-1]):
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return x, y


def plot(
    lines: Sequence[Line],
    width: int,
    height: int,
    *,
    x_label: str = "",
    log_x: bool = False,
    log_y: bool = False,
    window: tuple[float, float] | None = None,
    cursor: float | None = None,
) -> Plot | None:
    """Lines on a common raster of `height` rows, with both axes `width` cells wide; None where none has a point.

    `window` are the ends of the x axis, by default those of the lines; `cursor` is an x marked by a vertical line.
    """
    if window is not None:
        lines = [_within(entry, *window) for entry in lines]
    drawn = [entry for entry in lines if len(entry.x)]
    if not drawn:
        return None
    x_scale = Scale.over(*window, log_x) if window is not None else _scale([entry.x for entry in drawn], log_x)
    about = max(3, height // 3)
    y_scale = _scale([entry.y for entry in drawn], log_y).rounded(about)
    y_ticks = y_scale.ticks(about)
    # Rows are counted from the top.
    rows = [height - 1 - cell(y_scale.place(tick), height, UP) for tick in y_ticks]
    labels = dict(zip(rows, tick_labels(y_ticks), strict=True))
    indent = max(map(len, labels.values()), default=0) + 1
    room = max(width - indent, 4)
    x_ticks = x_scale.ticks(max(2, room // 12))
    columns = [cell(x_scale.place(tick), room, ACROSS) for tick in x_ticks]
    raster = _raster(drawn, x_scale, y_scale, room, height)
    raster = [_with_grid(row) if i in labels else row for i, row in enumerate(raster)]
    if cursor is not None:
        column = cell(float(_units(np.array([cursor]), x_scale)[0]), room, ACROSS)
        raster = [_with_cursor(row, column) for row in raster]
    framed = beside(raster, labels)
    axis = below(room, dict(zip(columns, tick_labels(x_ticks), strict=True)), x_label, indent)
    return Plot(framed, axis, x_scale, indent, room)


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


def _scale(groups: list[Points], log: bool) -> Scale:
    return Scale.over(float(min(g.min() for g in groups)), float(max(g.max() for g in groups)), log)


def _units(values: Points, scale: Scale) -> Points:
    placed: Points = ((np.log10(values) if scale.log else values) - scale.start) / scale.span
    return placed.clip(0, 1)


def _raster(lines: Sequence[Line], x_scale: Scale, y_scale: Scale, width: int, height: int) -> list[Text]:
    """The plot without axes, `height` rows of `width` cells.

    plotext gets whole cells: its own logarithms and ticks fail on zeros and huge values, and its lines take time.
    """
    cells: dict[tuple[int, int], tuple[str, str]] = {}
    stars = []
    marks = []
    marked = [entry for entry in lines if entry.marker]
    for entry in sorted(lines, key=lambda entry: bool(entry.marker)):
        x, y = thin(entry.x, entry.y, x_scale, width)
        x, y = _units(x, x_scale), _units(y, y_scale)
        colour = _PLOTEXT.get(entry.colour, entry.colour)
        cells |= {place: (dots, colour) for place, dots in polyline(x, y, width, height).items()}
        if entry.marker:
            places = _marked(x, width, marked.index(entry), len(marked))
            marks += [(x[i], y[i], entry.marker, colour) for i in places]
        if entry.star is not None:
            star_x, star_y = (np.array([value]) for value in entry.star)
            stars.append((_units(star_x, x_scale)[0], _units(star_y, y_scale)[0], STAR, colour))
    # Markers lie above all lines, and stars above all markers.
    for across, up, marker, colour in marks + stars:
        cells[cell(across, width, ACROSS), cell(up, height, UP)] = marker, colour
    return _built(cells, width, height)


def _built(cells: Mapping[tuple[int, int], tuple[str, str]], width: int, height: int) -> list[Text]:
    """Rows of plotext's, with a character and a colour in some cells: column, row from below."""
    figure: Any = _figure_class()
    figure._limit_size(False, False)  # or it would shrink to the terminal, also where there is none
    figure.theme("clear")
    figure.plot_size(width, height)
    figure.xaxes(False, False)
    figure.yaxes(False, False)
    figure.xticks([])
    figure.yticks([])
    figure.xlim(0, 1)
    figure.ylim(0, 1)
    x = [column / max(width - 1, 1) for column, _ in cells]
    y = [row / max(height - 1, 1) for _, row in cells]
    characters, colours = zip(*cells.values(), strict=True)
    figure.scatter(x, y, marker=list(characters), color=list(colours))
    return [_row(text) for text in figure.build().split("\n")[:height]]


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


def _within(entry: Line, first: float, last: float) -> Line:
    """The line between two places on the x axis, with the points just beyond, so that it reaches the edges."""
    start = max(0, int(np.searchsorted(entry.x, first)) - 1)
    end = int(np.searchsorted(entry.x, last, side="right")) + 1
    x, y = entry.x[start:end].clip(first, last), entry.y[start:end]
    star = entry.star if entry.star is not None and first <= entry.star[0] <= last else None
    return replace(entry, x=x, y=y, star=star)


def _with_cursor(row: Text, column: int) -> Text:
    """The row with a vertical line through its blank cells, and what is drawn there turned round."""
    here = row.plain[column : column + 1]
    if here in (" ", _GRID):
        marked = row[:column].append("│", "bold").append_text(row[column + 1 :])
        marked.no_wrap, marked.overflow, marked.end = True, "crop", ""
        return marked
    row = row.copy()
    row.stylize("reverse", column, column + 1)
    return row


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
