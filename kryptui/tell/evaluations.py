"""The evaluations of several runs as people compare them: figures of one title over each other or beside."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from kryptui.draw.console import Drawing, render, render_report
from kryptui.draw.curves import draw_lines
from kryptui.draw.grids import Label
from kryptui.draw.histograms import draw_histograms
from kryptui.draw.lines import Line, drawable
from kryptui.draw.side_by_side import SideBySide
from kryptui.draw.words import clean, clip, heading, line
from kryptui.figures import Curve, Figure, Histogram, ImageSheet, Report

_HALF = 64  # cells that a plot needs to stand beside another
_GAP = 3
_NAME = 28
_PICTURES = 34  # cells that a sheet of pictures needs to stand beside another


@dataclass(frozen=True)
class Told:
    """The evaluation of one run: which it is, in words, its figures, the folder that their paths count from.

    `host` is the machine that the files are on, where it is another.
    """

    label: Label
    words: str
    figures: Sequence[Figure] = ()
    folder: str = ""
    host: str = ""


def draw_figures(evaluations: Sequence[Told], width: int) -> RenderableType:
    """All figures but pictures: curves of one title over each other, histograms over one axis, else one a run."""
    parts: list[RenderableType] = list(_heads(evaluations, width))
    plots: list[RenderableType] = []
    half = (width - _GAP) // 2
    room = half if half >= _HALF else width
    for key, found in _grouped(evaluations).items():
        plots += _draw_group(str(key[1]), found, room)
    if not plots:
        return Drawing(Group(*parts))
    if room < width and len(plots) > 1:
        parts += [Text(""), SideBySide(plots, half, _GAP)]
    else:
        parts += [part for plot in plots for part in (Text(""), plot)]
    return Drawing(Group(*parts))


def sheet_titles(evaluations: Sequence[Told]) -> list[str]:
    """The titles of all sheets of pictures, in their order."""
    sheets = (one for told in evaluations for one in told.figures if isinstance(one, ImageSheet))
    return list(dict.fromkeys(sheet.title for sheet in sheets if sheet.paths))


def draw_sheets(evaluations: Sequence[Told], title: str, width: int, head: str = "") -> RenderableType:
    """The pictures of one title under a line, of as many runs beside each other as there is room for.

    Pictures are read when the result is printed.
    """
    found = [(told, sheet) for told in evaluations if (sheet := _sheet_of(told, title)) is not None]
    lacking = [told.label for told in evaluations if _sheet_of(told, title) is None]
    columns = max(1, min(len(found), (width + _GAP) // (_PICTURES + _GAP)))
    room = (width + _GAP) // columns - _GAP
    parts: list[RenderableType] = [line(clip(head, width), "dim")] if head else []
    if lacking:
        parts.append(Text(f"none of {', '.join(map(_named, lacking))}", "dim"))
    drawings = []
    for told, sheet in found:
        paths = [str(Path(told.folder, path)) for path in sheet.paths]
        if told.host and not all(map(os.path.exists, paths)):
            parts.append(Text(f"{_named(told.label)}: its files are on {clean(told.host)}", "dim"))
        drawings.append(render(replace(sheet, title=f"{_named(told.label)}  {told.words}", paths=paths), room))
    for start in range(0, len(drawings), columns):
        parts += [_Row(drawings[start : start + columns], room), Text("")]
    return Drawing(Group(*parts))


def _named(label: Label) -> str:
    return f"{label.marker} {clip(label.name, _NAME)}"


def _sheet_of(told: Told, title: str) -> ImageSheet | None:
    sheets = (one for one in told.figures if isinstance(one, ImageSheet))
    return next((sheet for sheet in sheets if sheet.title == title and sheet.paths), None)


@dataclass(frozen=True)
class _Row:
    """Drawings beside each other, each `width` cells wide."""

    drawings: Sequence[RenderableType]
    width: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        narrow = options.update(width=self.width, height=None)
        columns = [console.render_lines(drawing, narrow, pad=True) for drawing in self.drawings]
        blank = [Segment(" " * self.width)]
        for parts in zip_longest(*columns, fillvalue=blank):
            for place, part in enumerate(parts):
                if place:
                    yield Segment(" " * _GAP)
                yield from part
            yield Segment.line()


def _heads(evaluations: Sequence[Told], width: int) -> list[Text]:
    """Which evaluation of each run is meant, as many in a line as fit."""
    rows: list[Text] = []
    for told in evaluations:
        text = (
            line().append(told.label.marker, told.label.colour).append(f" {clip(told.label.name, _NAME)}", "bold")
        )
        text.append(f"  {clean(told.words)}", "dim")
        text.truncate(width, overflow="ellipsis")
        if rows and rows[-1].cell_len + _GAP + text.cell_len <= width:
            rows[-1].append(" " * _GAP).append_text(text)
        else:
            rows.append(text)
    return rows


Found = Sequence[tuple[Told, Figure]]


def _grouped(evaluations: Sequence[Told]) -> Mapping[tuple[Hashable, ...], Found]:
    """The figures that can be drawn together, those that are laid over each other first; without pictures."""
    groups: dict[tuple[Hashable, ...], list[tuple[Told, Figure]]] = {}
    for told in evaluations:
        for figure in told.figures:
            match figure:
                case ImageSheet():
                    continue
                case Curve():
                    axes = (figure.x_label, figure.y_label, figure.log_x, figure.log_y)
                    groups.setdefault((figure.kind, figure.title, *axes), []).append((told, figure))
                case Histogram():
                    groups.setdefault((figure.kind, figure.title, figure.x_label), []).append((told, figure))
                case _:
                    groups.setdefault((figure.kind, figure.title), []).append((told, figure))
    return dict(sorted(groups.items(), key=lambda group: group[0][0] != Curve.kind))


def _draw_group(title: str, found: Found, width: int) -> Iterator[RenderableType]:
    match found[0][1]:
        case Curve():
            yield from _draw_curves(title, [(told, one) for told, one in found if isinstance(one, Curve)], width)
        case Histogram():
            named = [(told.label, one) for told, one in found if isinstance(one, Histogram)]
            yield draw_histograms(title, named, width)
        case _:
            named_by_run = [replace(figure, title=_named(told.label)) for told, figure in found]
            yield render_report(Report(title, {}, named_by_run), width)


def _draw_curves(title: str, found: Sequence[tuple[Told, Curve]], width: int) -> Iterator[RenderableType]:
    """A plot for each name of a series, with one line a run."""
    names = list(dict.fromkeys(series.name for _, curve in found for series in curve.series))
    for name in names:
        lines = []
        for told, curve in found:
            series = next((one for one in curve.series if one.name == name), None)
            if series is not None:
                x, y = (np.asarray(values, dtype=np.float64) for values in (series.x, series.y))
                points = drawable(x, y, curve.log_x, curve.log_y)
                lines.append(Line(clip(told.label.name, _NAME), told.label.marker, told.label.colour, *points))
        yield draw_lines(found[0][1], title if len(names) == 1 else f"{title}: {name}", lines, width)
    if not names:
        yield heading(title, "no data", width)
