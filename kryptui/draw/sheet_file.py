"""Image sheets as PNG files, to look at where a terminal shows too little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from kryptui.data.decode import UNREADABLE, BrokenImage, decode
from kryptui.data.new_folder import new_folder
from kryptui.draw.words import clip
from kryptui.figures import ImageSheet

TILE: Final = 168
_LINE, _GAP, _BETWEEN = 13, 4, 20
_LETTERS = 27  # of Pillow's own font in the width of a tile
_LINES = 3  # of a caption
_ACROSS, _DOWN = 8, 6  # pictures of a sheet
_PAPER, _INK = "white", "black"


def write_sheets(sheet: ImageSheet, folder: Path) -> list[Path]:
    """A new folder with sheet-0001.png and so on: rows of `columns` pictures, several rows side by side.

    Each has its caption of up to three lines; what cannot be read is told in its place. The paths of the sheets.
    Raises InputError where the folder holds something or cannot be written, RunError on a full disk.
    """
    columns = max(sheet.columns, 1)
    across = max(_ACROSS // columns, 1)
    names = []
    with new_folder(folder) as part:
        for number, rows in enumerate(_pages(sheet, columns, across * _DOWN), 1):
            names.append(f"sheet-{number:04d}.png")
            _page(rows, columns, across).save(part / names[-1], "PNG")
    return [folder / name for name in names]


def _pages(sheet: ImageSheet, columns: int, size: int) -> Iterator[list[list[tuple[str, str]]]]:
    items = list(zip(sheet.paths, sheet.captions, strict=True))
    rows = [items[start : start + columns] for start in range(0, len(items), columns)]
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _page(rows: list[list[tuple[str, str]]], columns: int, across: int) -> Image.Image:
    wide = columns * (TILE + _GAP) + _BETWEEN
    high = TILE + _LINES * _LINE + _GAP
    across = min(across, len(rows))
    page = Image.new("RGB", (across * wide, -(-len(rows) // across) * high), _PAPER)
    for place, row in enumerate(rows):
        for column, (path, caption) in enumerate(row):
            corner = (place % across * wide + column * (TILE + _GAP), place // across * high)
            _tile(page, corner, path, caption)
    return page


def _tile(page: Image.Image, corner: tuple[int, int], path: str, caption: str) -> None:
    pen = ImageDraw.Draw(page)
    left, top = corner
    try:
        picture = decode(Path(path))
        picture.thumbnail((TILE, TILE))
        page.paste(picture, (left + (TILE - picture.width) // 2, top + (TILE - picture.height) // 2))
    except (BrokenImage, ValueError) as error:
        # ValueError: a path that no file can have.
        pen.text((left, top), error.reason if isinstance(error, BrokenImage) else UNREADABLE, fill=_INK)
    for number, text in enumerate(caption.split("\n")[:_LINES]):
        pen.text((left, top + TILE + number * _LINE), clip(text, _LETTERS), fill=_INK)
