"""Sheets of faces as they were found: the points drawn on the originals, many pictures to a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from kryptui.data.align import Points, moved
from kryptui.data.decode import BrokenImage, decode
from kryptui.faces.align_plan import write_picture
from kryptui.faces.choice import widened
from kryptui.faces.found import Found
from kryptui.faces.journal import in_order

_TILE, _CAPTION = 160, 12
_ACROSS, _DOWN = 8, 6
_ROOM = 0.35
"""What is shown round a face, as a share of its box."""

_COLOURS = ("#ff3030", "#30a0ff", "#ffe030", "#ff60ff", "#40ff60")
_FRAME = "#40ff60"


def write_sheets(
    names: Sequence[str], paths: Sequence[Path], found: Sequence[Found], folder: Path, threads: int = 1
) -> list[Path]:
    """Writes sheet-0001.jpg and so on: each picture round its face with box and points, or whole with the reason.

    Left eye red, right eye blue, nose yellow, left mouth pink, right mouth green; captions are `names`. Broken
    pictures are grey tiles. Raises as `write_picture` does.
    """
    rows = range(len(paths))
    tiles = in_order(lambda row: _tile(names[row], paths[row], found[row]), rows, threads)
    a_sheet = _ACROSS * _DOWN
    written: list[Path] = []
    sheet = _blank()
    for row, tile in tiles:
        place = row % a_sheet
        sheet.paste(tile, (place % _ACROSS * _TILE, place // _ACROSS * (_TILE + _CAPTION)))
        if place == a_sheet - 1 or row == len(paths) - 1:
            written.append(folder / f"sheet-{row // a_sheet + 1:04d}.jpg")
            write_picture(np.asarray(sheet), written[-1])
            sheet = _blank()
    return written


def _blank() -> Image.Image:
    return Image.new("RGB", (_ACROSS * _TILE, _DOWN * (_TILE + _CAPTION)), "#101010")


def _tile(name: str, path: Path, found: Found) -> Image.Image:
    tile = Image.new("RGB", (_TILE, _TILE + _CAPTION), "#404040")
    pen = ImageDraw.Draw(tile)
    try:
        picture = decode(path)
    except BrokenImage:
        picture = None
    if picture is not None:
        box = (-0.5, -0.5, float(picture.width), float(picture.height))
        if found.face is not None:
            box = widened(found.face.box, _ROOM)
        scale = _TILE / max(box[2:])
        shift = [_TILE / 2 - scale * (box[axis] + box[2 + axis] / 2) for axis in (0, 1)]
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        tile.paste(Image.fromarray(moved(picture, matrix, (_TILE, _TILE))), (0, 0))
        if found.face is not None:
            _draw(pen, found.face.points * scale + shift, found.face.box, scale, shift)
    text = name if found.face is not None else f"{found.problem}: {name}"
    pen.text((2, _TILE), text[-26:] if found.face is not None else text[:26], fill="white")
    return tile


def _draw(
    pen: ImageDraw.ImageDraw,
    points: Points,
    box: tuple[float, float, float, float],
    scale: float,
    shift: list[float],
) -> None:
    x, y = box[0] * scale + shift[0], box[1] * scale + shift[1]
    pen.rectangle((x, y, x + box[2] * scale, y + box[3] * scale), outline=_FRAME)
    for (across, down), colour in zip(points, _COLOURS, strict=True):
        pen.ellipse((across - 2, down - 2, across + 2, down + 2), fill=colour, outline="black")
