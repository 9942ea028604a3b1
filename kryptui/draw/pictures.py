"""Image sheets: half blocks in two colours a cell, or names alone where there is no colour."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.style import Style
from rich.text import Text

from kryptui.draw.words import clip, clip_left, heading, line, nothing_here, pad
from kryptui.figures import ImageSheet

if TYPE_CHECKING:
    from PIL.Image import Image

# Cells of a picture, which is as many half blocks high. It grows from the wanted size to fill the line.
_WANTED, _WIDEST, _NARROWEST = 16, 24, 4
_GAP = 1
_GROUP_GAP = 3


def draw_images(sheet: ImageSheet, width: int) -> RenderableType:
    """Pictures in rows of `columns` with their captions, several rows side by side where there is room."""
    if not sheet.paths:
        return nothing_here(sheet.title, width)
    return _Sheet(sheet, width)


class _Sheet:
    """Decides by the console between pictures and names; decodes once, when it is first shown in colour."""

    def __init__(self, sheet: ImageSheet, width: int) -> None:
        self.sheet = sheet
        self.width = width
        self.columns = max(1, min(sheet.columns, (width + _GAP) // (_NARROWEST + _GAP)))
        wanted = self.columns * (_WANTED + _GAP) - _GAP
        self.groups = max(1, (width + _GROUP_GAP) // (wanted + _GROUP_GAP))
        group = (width + _GROUP_GAP) // self.groups - _GROUP_GAP
        self.size = min(_WIDEST, (group + _GAP) // self.columns - _GAP)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        coloured = console.color_system is not None and not console.no_color
        yield heading(self.sheet.title, "", self.width)
        yield from self._pictures if coloured else self._names()

    @cached_property
    def _pictures(self) -> list[Text]:
        group = self.columns * (self.size + _GAP) - _GAP
        tiles = [_tile(path, caption, self.size) for path, caption in _items(self.sheet)]
        rows = [tiles[start : start + self.columns] for start in range(0, len(tiles), self.columns)]
        lines: list[Text] = []
        for start in range(0, len(rows), self.groups):
            if lines:
                lines.append(line())
            lines += beside(
                [beside(row, self.size, _GAP) for row in rows[start : start + self.groups]],
                group,
                _GROUP_GAP,
            )
        return lines

    def _names(self) -> Iterator[Text]:
        items = _items(self.sheet)
        captions = min(max(cell_len(caption) for _, caption in items), self.width // 2)
        across = max(self.sheet.columns, 1)
        rows = len(str(-(-len(items) // across)))
        for index, (path, caption) in enumerate(items):
            row, place = divmod(index, across)
            start = f"{row + 1 if not place else '':>{rows}}  {pad(caption, captions)}  "
            yield line(start + clip_left(path, self.width - cell_len(start)))


def _items(sheet: ImageSheet) -> list[tuple[str, str]]:
    return list(zip_longest(sheet.paths, sheet.captions[: len(sheet.paths)], fillvalue=""))


def beside(blocks: list[list[Text]], width: int, gap: int) -> list[Text]:
    """Blocks of lines, each filled to `width` cells, `gap` cells between them."""
    lines = []
    for parts in zip_longest(*blocks):
        text = line()
        for index, part in enumerate(parts):
            text.append(" " * (index * (width + gap) - text.cell_len))
            if part is not None:
                text.append_text(part)
        lines.append(text)
    return lines


def _tile(path: str, caption: str, size: int) -> list[Text]:
    """A picture above its caption, `size` cells wide and half as many high."""
    from kryptui.data.decode import UNREADABLE, BrokenImage, decode

    height = (size + 1) // 2
    try:
        lines = half_blocks(decode(Path(path)), size)
    except (BrokenImage, ValueError) as error:
        # ValueError: a path that no file can have, such as one with a zero byte.
        lines = no_picture(path, error.reason if isinstance(error, BrokenImage) else UNREADABLE, size)
    return [*lines, *(line() for _ in range(height - len(lines))), line(clip(caption, size), "dim")]


def half_blocks(image: Image, size: int) -> list[Text]:
    """An RGB picture in at most `size` cells and half as many lines; it is made smaller in place."""
    image.thumbnail((size, size))
    width, rows = image.size
    pixels = image.tobytes()
    return [_half_blocks(pixels, width, rows, row) for row in range(0, rows, 2)]


def no_picture(path: str, reason: str, size: int) -> list[Text]:
    """What stands in place of a picture that a file does not give."""
    return [line(clip_left(Path(path).name, size)), line(clip(reason, size), "dim")][: (size + 1) // 2]


def _half_blocks(pixels: bytes, width: int, height: int, row: int) -> Text:
    """Two rows of RGB pixels as one line; the lower one may be missing."""
    text = line()
    for column in range(width):
        upper = 3 * (row * width + column)
        lower = upper + 3 * width
        below = pixels[lower : lower + 3] if row + 1 < height else None
        text.append("▀", _style(pixels[upper : upper + 3], below))
    return text


@lru_cache(maxsize=1 << 14)
def _style(upper: bytes, lower: bytes | None) -> Style:
    return Style(color=Color.from_rgb(*upper), bgcolor=None if lower is None else Color.from_rgb(*lower))
