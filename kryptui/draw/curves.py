"""Curves: lines with a marker each, under a title and a legend of their last values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from kryptui.draw.lines import Best, Line, Points, drawable, looks, plot
from kryptui.draw.numerals import number, place
from kryptui.draw.words import STAR, clip, heading, line, nothing_here
from kryptui.figures import Curve, Series

_NAME = 40


def draw_curve(curve: Curve, width: int, height: int | None = None, best: Best | None = None) -> RenderableType:
    """Lines with a marker each and a legend of their last values.

    `best` puts a star on the lowest or highest point of each.
    Points that are not finite are left out, and points at or below zero on a logarithmic axis. `height` is that
    of the plot alone; without it the plot has the proportions of a wide screen.
    """
    lines = [_line(series, index, curve) for index, series in enumerate(curve.series)]
    if best:
        lines = [with_star(entry, best) for entry in lines]
    return draw_lines(curve, curve.title, lines, width, height)


def draw_lines(
    curve: Curve, title: str, lines: Sequence[Line], width: int, height: int | None = None
) -> RenderableType:
    """Lines on the axes of a curve under a title, with a legend; `height` as in `draw_curve`."""
    height = height or min(max(width // 6, 10), 20)
    drawn = plot(lines, width, height, x_label=curve.x_label, log_x=curve.log_x, log_y=curve.log_y)
    if drawn is None:
        return nothing_here(title, width)
    logs = [name for name, log in ((curve.x_label, curve.log_x), (curve.y_label, curve.log_y)) if log]
    notes = [curve.y_label] if curve.y_label != title else []
    if logs:
        notes.append("log-log" if len(logs) == 2 else f"log {logs[0]}")
    # What goes over a logarithmic x is a trade-off, whose last value says nothing.
    entries = [legend_entry(entry, with_last=not curve.log_x) for entry in lines]
    return Group(heading(title, " · ".join(notes), width), *_legend(entries, width), *drawn.rows, *drawn.axis)


def with_star(entry: Line, best: Best) -> Line:
    """The line with its lowest or highest point starred."""
    if not len(entry.x):
        return entry
    at = int(entry.y.argmin() if best == "min" else entry.y.argmax())
    return replace(entry, star=(float(entry.x[at]), float(entry.y[at])))


def legend_entry(entry: Line, *, with_last: bool = True) -> Text:
    """Marker, name, last value, and the best with where it is."""
    text = line(entry.marker, entry.colour).append(f" {entry.name} ", "default")
    if not len(entry.x):
        text.append("no data", "dim default")
    elif with_last:
        text.append(number(entry.last), "bold default")
    if entry.star is not None:
        text.append(f"  {STAR} {number(entry.star[1])} at {place(entry.star[0])}", "default")
    return text


def _line(series: Series, index: int, curve: Curve) -> Line:
    x: Points = np.asarray(series.x, dtype=np.float64)
    y: Points = np.asarray(series.y, dtype=np.float64)
    return Line(clip(series.name, _NAME), *looks(index), *drawable(x, y, curve.log_x, curve.log_y))


def _legend(entries: Sequence[Text], width: int) -> list[Text]:
    rows = [line(" ")]
    for text in entries:
        text.truncate(width - 1, overflow="ellipsis")
        if rows[-1].cell_len > 1 and rows[-1].cell_len + 3 + cell_len(text.plain) > width:
            rows.append(line(" "))
        rows[-1].append("   " if rows[-1].cell_len > 1 else "").append_text(text)
    return rows
