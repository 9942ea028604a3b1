"""Matrices: values in shaded cells where they fit, else hundredths, else blocks of colour or of four densities."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.style import Style
from rich.text import Text

from kryptui.draw.axes import LARGEST
from kryptui.draw.numerals import column, number
from kryptui.draw.words import clip, heading, line, nothing_here, pad
from kryptui.figures import Matrix

_BLOCKS = " ░▒▓█"
_UNKNOWN = "?"
_MOST_ROWS = 40
_MOST_VALUED_ROWS = 24
_NAME_ROWS = 8
_HUNDREDTHS = 3  # cells for -1 to 1 in hundredths
_SHORTEST_NAME = 8
_DARK, _LIGHT = (22, 30, 44), (126, 217, 140)


def draw_matrix(matrix: Matrix, width: int) -> RenderableType:
    """A matrix with its names; without colour the values themselves, or the blocks, say all."""
    if not matrix.rows or not matrix.columns:
        return nothing_here(matrix.title, width)
    texts = _formatted(matrix.values)
    longest = max(len(text) for row in texts for text in row)
    names = min(max(map(cell_len, matrix.rows)), width // 4)
    room = width - names - 1
    cell = min(max(longest, min(max(map(cell_len, matrix.columns)), 12)) + 2, room // len(matrix.columns))
    if longest + 2 <= cell and len(matrix.rows) <= _MOST_VALUED_ROWS:
        return Group(heading(matrix.title, "", width), *_valued(matrix, texts, names, cell))
    return _Dense(matrix, width, names)


class _Dense:
    """Decides by the console: hundredths or plain blocks of colour, or blocks of four densities without any."""

    def __init__(self, matrix: Matrix, width: int, names: int) -> None:
        self.matrix, self.width, self.names = matrix, width, names

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        coloured = console.color_system is not None and not console.no_color
        names = min(self.names, self.width - 1 - _HUNDREDTHS * len(self.matrix.columns))
        if coloured and names >= min(self.names, _SHORTEST_NAME) and _are_shares(self.matrix):
            yield _in_hundredths(self.matrix, self.width, names)
        else:
            yield _blocks(self.matrix, self.width, self.names, coloured=coloured)


def _are_shares(matrix: Matrix) -> bool:
    """Whether the values are few, and tell enough in hundredths: similarities, correlations, shares."""
    values = [value for row in matrix.values for value in row if math.isfinite(value)]
    return len(matrix.rows) <= _MOST_ROWS and all(-1.0005 < value < 1.0005 for value in values)


def _in_hundredths(matrix: Matrix, width: int, names: int) -> RenderableType:
    low, high = _range(matrix.values)
    cell = max(_HUNDREDTHS, min((width - names - 1) // len(matrix.columns), _HUNDREDTHS + 1))
    lines = _column_names(matrix.columns, names, cell)
    for name, values in zip(matrix.rows, matrix.values, strict=True):
        text = line().append(pad(name, names) + " ", "dim")
        for value in values:
            shown = str(round(100 * value)) if math.isfinite(value) else _UNKNOWN
            text.append(shown.rjust(cell), _shade(_level(value, low, high)))
        lines.append(text)
    return Group(heading(matrix.title, "in hundredths", width), *lines)


def _formatted(values: list[list[float]]) -> list[list[str]]:
    flat = column([float(value) for row in values for value in row])
    rest = iter(flat)
    return [[next(rest) for _ in row] for row in values]


def _valued(matrix: Matrix, texts: list[list[str]], names: int, cell: int) -> list[Text]:
    low, high = _range(matrix.values)
    head = line(" " * (names + 1))
    for name in matrix.columns:
        head.append(pad(clip(name, cell - 1), cell - 1, right=True) + " ", "dim")
    lines = [head]
    for name, values, row in zip(matrix.rows, matrix.values, texts, strict=True):
        text = line().append(pad(name, names) + " ", "dim")
        for value, shown in zip(values, row, strict=True):
            text.append(shown.rjust(cell - 1) + " ", _shade(_level(value, low, high)))
        lines.append(text)
    return lines


def _blocks(matrix: Matrix, width: int, names: int, *, coloured: bool) -> RenderableType:
    room = width - names - 1
    across = -(-len(matrix.columns) // room)
    down = -(-len(matrix.rows) // _MOST_ROWS)
    means = _pooled(matrix.values, down, across)
    low, high = _range(means)
    cell = 2 if len(means[0]) * 2 <= room else 1
    lines = _column_names(matrix.columns, names, cell) if across == 1 else []
    for name, values in zip(matrix.rows[::down], means, strict=True):
        text = line().append(pad(name, names) + " ", "dim")
        for value in values:
            level = _level(value, low, high)
            if level is None:
                text.append(_UNKNOWN * cell, "dim")
            elif coloured:
                text.append(" " * cell, _shade(level))
            else:
                text.append(_BLOCKS[round(level * (len(_BLOCKS) - 1))] * cell)
        lines.append(text)
    if down * across > 1:
        size = f"{len(matrix.rows)} x {len(matrix.columns)} values; each block is the mean of {down} x {across}"
        lines.append(line(clip(size, width), "dim"))
    scale = "to" if coloured else _BLOCKS[1:]
    return Group(heading(matrix.title, f"{number(low)} {scale} {number(high)}", width), *lines)


def _column_names(columns: Sequence[str], indent: int, cell: int) -> list[Text]:
    """Names written downwards, ending at the matrix."""
    clipped = [clip(name, _NAME_ROWS) for name in columns]
    height = max(map(len, clipped))
    lead = max(cell - 2, 0)  # above the digits of hundredths
    before = " " * (indent + 1)
    rows = [[" " * lead + set_cell_size(name.rjust(height)[row], cell - lead) for name in clipped]
            for row in range(height)]  # fmt: skip
    return [line(before + "".join(row), "dim") for row in rows]


def _pooled(values: list[list[float]], down: int, across: int) -> list[list[float]]:
    if down * across == 1:
        return values
    return [
        [_mean([v for row in values[top : top + down] for v in row[left : left + across]])
         for left in range(0, len(values[0]), across)]
        for top in range(0, len(values), down)
    ]  # fmt: skip


def _mean(values: list[float]) -> float:
    finite = [min(max(value, -LARGEST), LARGEST) for value in values if math.isfinite(value)]
    return sum(value / len(finite) for value in finite) if finite else math.nan


def _range(values: list[list[float]]) -> tuple[float, float]:
    finite = [value for row in values for value in row if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (math.nan, math.nan)


def _level(value: float, low: float, high: float) -> float | None:
    """Where a value lies between the lowest, 0, and the highest, 1; None if it is not a number."""
    if not math.isfinite(value):
        return None
    # Halves, as the difference of two huge numbers overflows.
    span = high / 2 - low / 2
    return (value / 2 - low / 2) / span if span else 0.0


def _shade(level: float | None) -> Style:
    if level is None:
        return Style(dim=True)
    red, green, blue = (dark + (light - dark) * level for dark, light in zip(_DARK, _LIGHT, strict=True))
    ink = "black" if level > 0.5 else "white"
    return Style(color=ink, bgcolor=Color.from_rgb(red, green, blue))
