"""Grids: texts by row and column that lose nothing; too wide ones are turned, or broken into blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from kryptui.draw.numerals import NOTHING
from kryptui.draw.words import STAR, clean, clip, heading, line, nothing_here, pad

_GAP = 2
_WIDEST = 32
_HEAD = 12  # to which the names of columns fold where room is short
_MOST_LINES = 8  # of one cell


@dataclass(frozen=True)
class Label:
    """The name of a row or a column, with the marker by which other drawings know it."""

    name: str
    marker: str = ""
    colour: str = ""


@dataclass(frozen=True)
class Grid:
    """`cells[row][column]`, each of one or more parts that line up with those above and below; numbers `right`.

    A cell with a star is the best of its kind.
    """

    rows: Sequence[Label]
    columns: Sequence[Label]
    cells: Sequence[Sequence[tuple[str, ...]]]
    right: bool = False

    def turned(self) -> Grid:
        """Rows as columns and columns as rows."""
        cells = [[row[place] for row in self.cells] for place in range(len(self.columns))]
        return Grid(self.columns, self.rows, cells, self.right)


def draw_grid(title: str | None, note: str, grid: Grid, width: int) -> RenderableType:
    """A grid under its title, if it has one, at most `width` cells wide.

    It stands as it is if that fits, else whichever way is shorter.
    """
    if not grid.rows or not grid.columns:
        return nothing_here(title or "", width)
    for head in (_WIDEST, _HEAD):
        blocks = _blocks(grid, width, head)
        if len(blocks) == 1:
            break
    else:
        blocks = min(
            blocks, _blocks(grid.turned(), width, _HEAD), key=lambda found: sum(map(len, found), len(found))
        )
    lines = [text for block in blocks for text in (line(), *block)][1:]
    return Group(*lines) if title is None else Group(heading(title, note, width), *lines)


def _blocks(grid: Grid, width: int, head: int) -> list[list[Text]]:
    """The lines of the grid in blocks, each of as many columns as fit beside the names of the rows."""
    names = [_name(label) for label in grid.rows]
    room = min(max(map(cell_len, names)), max(width // 3, 16))
    columns = [_Column.of(label, [row[at] for row in grid.cells], grid.right, width - room - _GAP, head)
               for at, label in enumerate(grid.columns)]  # fmt: skip
    taken: list[list[_Column]] = [[]]
    for column in columns:
        if taken[-1] and room + sum(_GAP + other.width for other in [*taken[-1], column]) > width:
            taken.append([])
        taken[-1].append(column)
    return [_block(grid, names, room, block) for block in taken]


@dataclass(frozen=True)
class _Column:
    label: Label
    width: int
    head: list[str]
    cells: list[list[str]]
    right: bool

    @classmethod
    def of(cls, label: Label, cells: Sequence[tuple[str, ...]], right: bool, most: int, head: int) -> _Column:
        texts = _aligned(cells, right)
        name = _name(label)
        content = max(map(cell_len, texts))
        width = max(1, min(max(content, min(cell_len(name), head)), most, max(_WIDEST, content if right else 0)))
        return cls(label, width, _fold(name, width), [_fold(text, width) for text in texts], right)


def _block(grid: Grid, names: list[str], room: int, columns: list[_Column]) -> list[Text]:
    height = max(len(column.head) for column in columns)
    lines = []
    for level in range(height):
        text = line(" " * room)
        for column in columns:
            at = level - height + len(column.head)
            _head(text, column, column.head[at] if at >= 0 else "", first=at == 0)
        lines.append(_trimmed(text))
    for place, name in enumerate(names):
        folded = _fold(name, room)
        for parts in zip_longest(folded, *(column.cells[place] for column in columns), fillvalue=""):
            text = line()
            _append(text, pad(parts[0], room), grid.rows[place], first=parts[0] == folded[0])
            for column, part in zip(columns, parts[1:], strict=True):
                style = "dim" if part.strip() == NOTHING else "bold" if STAR in part else ""
                text.append(" " * _GAP).append(pad(part, column.width, right=column.right), style)
            lines.append(_trimmed(text))
    return lines


def _head(text: Text, column: _Column, part: str, *, first: bool) -> None:
    text.append(" " * _GAP)
    _append(text, pad(part, column.width, right=column.right), column.label, first=first)


def _append(text: Text, part: str, label: Label, *, first: bool) -> None:
    """A part of a name; the marker at its beginning has its own colour."""
    if first and label.marker:
        before, marker, after = part.partition(label.marker)
        text.append(before).append(marker, label.colour).append(after)
    else:
        text.append(part, "" if label.marker else "dim")


def _name(label: Label) -> str:
    return f"{label.marker} {clean(label.name)}" if label.marker else clean(label.name)


def _aligned(cells: Sequence[tuple[str, ...]], right: bool) -> list[str]:
    """The cells of a column, each part as wide as its widest."""
    shown = [tuple(map(clean, cell)) for cell in cells]
    widths = [max(map(cell_len, parts)) for parts in zip(*shown, strict=True)]
    return [" ".join(pad(part, size, right=right) for part, size in zip(cell, widths, strict=True) if size)
            for cell in shown]  # fmt: skip


def _fold(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells, broken after blanks and the joints of names where it can be."""
    text = text if cell_len(text) <= width else text.strip()
    lines = [""]
    for piece in re.findall(r"[^\s._/-]*[\s._/-]+|[^\s._/-]+", text):
        while cell_len(lines[-1] + piece.rstrip()) > width:
            if lines[-1].strip():
                lines.append("")
            else:
                fitting = _fitting(piece, width)
                lines[-1] = piece[:fitting]
                lines.append("")
                piece = piece[fitting:]
        lines[-1] += piece
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], clip("".join(lines[_MOST_LINES - 1 :]), width)]
    return lines if cell_len(text) <= width else [part.rstrip() for part in lines]


def _fitting(text: str, width: int) -> int:
    """How many letters of a text fit; at least one, so that there is an end."""
    count = 1
    while count < len(text) and cell_len(text[: count + 1]) <= width:
        count += 1
    return count


def _trimmed(text: Text) -> Text:
    text.rstrip()
    return text
