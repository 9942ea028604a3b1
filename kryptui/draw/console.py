"""Figures and reports as rich renderables, for the command line and for screens."""

from __future__ import annotations

from itertools import groupby

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from kryptui.draw.numerals import number
from kryptui.draw.side_by_side import SideBySide
from kryptui.draw.words import clip, heading, line
from kryptui.figures import Curve, Figure, Histogram, ImageSheet, Matrix, Report, Table

MIN_WIDTH = 20
"""The narrowest drawing in cells; in a narrower place its lines are cropped."""

_GAP = 3  # between columns of scalars
_HALF = 64  # cells that a figure needs to stand beside another
_BETWEEN = 4


class Drawing:
    """A renderable that is free of all escape codes where colour is unwanted (NO_COLOR) or impossible (a pipe)."""

    def __init__(self, content: RenderableType) -> None:
        self.content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        segments = console.render(self.content, options)
        yield from Segment.strip_styles(segments) if console.no_color else segments


def render(figure: Figure, width: int) -> RenderableType:
    """A figure under its title, no line wider than `width` cells (at least `MIN_WIDTH`).

    Pictures are read when the result is printed, and only where there is colour; nothing else is.
    """
    return Drawing(_draw(figure, max(width, MIN_WIDTH)))


def render_report(report: Report, width: int) -> RenderableType:
    """A report: its title if it has one, its scalars in as many columns as `width` cells hold, then its figures.

    Where two figures fit side by side, they stand so.
    """
    width = max(width, MIN_WIDTH)
    parts: list[RenderableType] = [heading(report.title, "", width, heavy=True)] if report.title else []
    if report.scalars:
        parts.append(_scalars({name: number(value) for name, value in report.scalars.items()}, width))
    half = (width - _BETWEEN) // 2
    for fits, run in groupby(report.figures, lambda figure: half >= _HALF and _fits(figure, half)):
        figures = list(run)
        if fits and len(figures) > 1:
            drawings = [_draw(figure, half) for figure in figures]
            parts += [Text(""), SideBySide(drawings, half, _BETWEEN)]
        else:
            for figure in figures:
                parts += [Text(""), _draw(figure, width)]
    return Drawing(Group(*parts))


def _fits(figure: Figure, width: int) -> bool:
    """Whether a figure loses nothing in that width."""
    match figure:
        case Table():
            from kryptui.draw.tables import natural_width

            return natural_width(figure) <= width
        case ImageSheet() | Matrix():
            return False
        case _:
            return True


def _draw(figure: Figure, width: int) -> RenderableType:
    # Each kind is imported when the first of it is drawn: plotext, numpy and Pillow cost more than all of rich.
    match figure:
        case Curve():
            from kryptui.draw.curves import draw_curve

            return draw_curve(figure, width)
        case Histogram():
            from kryptui.draw.histograms import draw_histogram

            return draw_histogram(figure, width)
        case Matrix():
            from kryptui.draw.matrices import draw_matrix

            return draw_matrix(figure, width)
        case Table():
            from kryptui.draw.tables import draw_table

            return draw_table(figure, width)
        case ImageSheet():
            from kryptui.draw.pictures import draw_images

            return draw_images(figure, width)


def _scalars(scalars: dict[str, str], width: int) -> RenderableType:
    # Read down, then right, each column as wide as its own names and values, as `ls` does it.
    items = [(clip(name, width // 2), clip(value, width // 2 - _GAP)) for name, value in scalars.items()]
    for columns in range(len(items), 0, -1):
        height = -(-len(items) // columns)
        blocks = [items[start : start + height] for start in range(0, len(items), height)]
        sizes = [
            (max(cell_len(name) for name, _ in block), max(cell_len(value) for _, value in block))
            for block in blocks
        ]
        if sum(name + 2 + value for name, value in sizes) + _GAP * (len(blocks) - 1) <= width or columns == 1:
            break
    rows = []
    for row in range(height):
        text = line()
        for block, (names, values) in zip(blocks, sizes, strict=True):
            if row < len(block):
                name, value = block[row]
                text.append(" " * _GAP if text else "")
                text.append(name + " " * (names - cell_len(name) + 2 + values - cell_len(value)), "dim")
                text.append(value, "bold")
        rows.append(text)
    return Group(*rows)
