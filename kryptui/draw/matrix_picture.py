"""A matrix as a picture: a cell for each value, names beside it, and the values themselves where there is room."""

from __future__ import annotations

import contextlib
import io
import math

from PIL import Image, ImageDraw, ImageFont

from kryptui.draw.words import clean, clip
from kryptui.figures import Matrix

_SIDE = 1600
"""About how many pixels a large matrix is wide."""

_SMALLEST, _LARGEST, _VALUED = 2, 48, 26  # pixels of a cell; from the last on it holds its value
_LEGIBLE = 8  # pixels of a cell that has room for a name beside it
_LONGEST = 32  # letters of a name
_PAD = 8
_PAPER, _INK, _UNKNOWN = (255, 255, 255), (30, 30, 30), (200, 200, 200)
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial.ttf")
_SCALE = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
"""Viridis (van der Walt and Smith 2015) at five places: as bright as the value is high, for every kind of eyes."""


def matrix_png(matrix: Matrix) -> bytes:
    """The matrix as a png file; values that are no numbers are grey. Raises ValueError for an empty one."""
    if not matrix.rows or not matrix.columns:
        raise ValueError(f"{matrix.title}: nothing to draw")
    cell = max(_SMALLEST, min(_LARGEST, _SIDE // max(len(matrix.rows), len(matrix.columns))))
    font = _font(max(8, min(14, cell - 2)), [matrix.title, *matrix.rows, *matrix.columns])
    is_named = cell >= _LEGIBLE
    rows = [clip(clean(name), _LONGEST) for name in matrix.rows] if is_named else []
    columns = [clip(clean(name), _LONGEST) for name in matrix.columns] if is_named else []
    left, top = (_PAD + max((_length(font, name) for name in names), default=0) for names in (rows, columns))
    title = _PAD + _height(font)
    wide = max(left + _PAD + cell * len(matrix.columns) + _PAD, _length(font, matrix.title) + 2 * _PAD)
    picture = Image.new("RGB", (wide, title + top + _PAD + cell * len(matrix.rows) + _PAD), _PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((_PAD, _PAD // 2), matrix.title, _INK, font)
    x0, y0 = left + _PAD, title + top + _PAD
    for row, name in enumerate(rows):
        draw.text((x0 - _PAD // 2, y0 + cell * row + cell // 2), name, _INK, font, anchor="rm")
    for column, name in enumerate(columns):
        _upwards(picture, name, font, x0 + cell * column, y0 - _PAD // 2, cell)
    finite = [value for values in matrix.values for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    for row, values in enumerate(matrix.values):
        for column, value in enumerate(values):
            x, y = x0 + cell * column, y0 + cell * row
            colour = _colour(value, low, high)
            draw.rectangle((x, y, x + cell - 1, y + cell - 1), colour)
            if cell >= _VALUED and math.isfinite(value):
                ink = _INK if sum(colour) > 380 else _PAPER
                draw.text((x + cell // 2, y + cell // 2), f"{round(value, 2) + 0.0:.2f}", ink, font, anchor="mm")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _font(size: int, texts: list[str]) -> _Font:
    """Pillow's own font, which looks alike everywhere; for letters that it lacks, one of the system's."""
    if not all(text.isascii() for text in texts):
        for name in _FONTS:
            with contextlib.suppress(OSError):
                return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)


def _length(font: _Font, text: str) -> int:
    return math.ceil(font.getlength(text))


def _height(font: _Font) -> int:
    return math.ceil(font.getbbox("Ag")[3]) + 2


def _upwards(picture: Image.Image, name: str, font: _Font, x: int, bottom: int, cell: int) -> None:
    """Writes a name upwards above the column that begins at x."""
    high = _height(font)
    label = Image.new("RGB", (max(1, _length(font, name)), high), _PAPER)
    ImageDraw.Draw(label).text((0, 0), name, _INK, font)
    turned = label.transpose(Image.Transpose.ROTATE_90)
    picture.paste(turned, (x + (cell - high) // 2, bottom - turned.height))


def _colour(value: float, low: float, high: float) -> tuple[int, int, int]:
    if not math.isfinite(value):
        return _UNKNOWN
    place = (value - low) / (high - low) * (len(_SCALE) - 1) if high > low else 0.0
    step = min(int(place), len(_SCALE) - 2)
    red, green, blue = (
        round(one + (other - one) * (place - step))
        for one, other in zip(_SCALE[step], _SCALE[step + 1], strict=True)
    )
    return red, green, blue
