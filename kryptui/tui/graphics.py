"""Pictures in full: whether a terminal can show them, asked before the screen begins, and what it is sent.

Kitty's way, and sixels by the package textual-image, which the extra `kryptui[images]` brings. Without it nobody
is asked, and pictures are half blocks.
"""

from __future__ import annotations

import array
import fcntl
import os
import re
import select
import termios
import time
import tty
from base64 import b64encode
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from itertools import count
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

ANSWER_SECONDS = 1.0
"""How long a terminal may take to answer; every one answers the last question, so that hardly any takes it all."""

LARGEST = 64
"""Columns and lines that a picture may have: kitty's way numbers both by signs."""

# In one go: a picture of one pixel, not to be shown; the size of a cell; what the terminal is.
_QUESTIONS = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c"
_KITTY = re.compile(rb"\x1b_Gi=31;OK\x1b\\")
_CELL = re.compile(rb"\x1b\[6;(\d{1,4});(\d{1,4})t")
_DEVICE = re.compile(rb"\x1b\[\?([0-9;]*)c")
_SIXEL = b"4"

_CHUNK = 4096
_PLACEHOLDER = chr(0x10EEEE)
_SIGNS = [
    0x0305, 0x030D, 0x030E, 0x0310, 0x0312, 0x033D, 0x033E, 0x033F, 0x0346, 0x034A, 0x034B, 0x034C, 0x0350, 0x0351,
    0x0352, 0x0357, 0x035B, 0x0363, 0x0364, 0x0365, 0x0366, 0x0367, 0x0368, 0x0369, 0x036A, 0x036B, 0x036C, 0x036D,
    0x036E, 0x036F, 0x0483, 0x0484, 0x0485, 0x0486, 0x0487, 0x0592, 0x0593, 0x0594, 0x0595, 0x0597, 0x0598, 0x0599,
    0x059C, 0x059D, 0x059E, 0x059F, 0x05A0, 0x05A1, 0x05A8, 0x05A9, 0x05AB, 0x05AC, 0x05AF, 0x05C4, 0x0610, 0x0611,
    0x0612, 0x0613, 0x0614, 0x0615, 0x0616, 0x0617, 0x0657, 0x0658,
]  # fmt: skip
_numbers = count(0x4B5401)  # of pictures; kitty keeps them for the whole terminal, so not from 1


@dataclass(frozen=True)
class Graphics:
    """How a terminal shows pictures, and the width and height of its cells in pixels."""

    way: Literal["kitty", "sixel"]
    cell: tuple[int, int]


@dataclass(frozen=True)
class Sent:
    """A picture in cells: what the terminal is sent once (kitty) or wherever it is shown (sixel).

    `number` is kitty's name for it, and the colour of the signs that stand for it in `lines`.
    """

    columns: int
    rows: int
    data: str
    number: int = 0
    lines: tuple[str, ...] = ()


def ask(terminal_in: int, terminal_out: int) -> Graphics | None:
    """What the terminal on these descriptors can do; None: half blocks, or no terminal, or not the extra."""
    if find_spec("textual_image") is None or not (os.isatty(terminal_in) and os.isatty(terminal_out)):
        return None
    try:
        answer = _answer(terminal_in, terminal_out)
        cell = _CELL.search(answer)
        size = (int(cell[2]), int(cell[1])) if cell else _cell_size(terminal_out)
    except (OSError, termios.error):
        return None
    device = _DEVICE.search(answer)
    if 0 in size:
        return None
    # Some that know kitty's way do not know its signs, and show sixels; kitty itself shows none.
    if device is not None and _SIXEL in device[1].split(b";")[1:]:
        return Graphics("sixel", size)
    return Graphics("kitty", size) if _KITTY.search(answer) else None


def send(image: Image, columns: int, rows: int, graphics: Graphics) -> Sent:
    """An RGB picture, as large as it can be in so many cells."""
    from PIL import ImageOps

    wide, high = graphics.cell
    columns, rows = min(columns, LARGEST), min(rows, LARGEST)
    fitted = ImageOps.contain(image, (columns * wide, rows * high))
    columns, rows = -(-fitted.width // wide), -(-fitted.height // high)
    if graphics.way == "sixel":
        from textual_image._sixel import image_to_sixels

        return Sent(columns, rows, image_to_sixels(fitted))
    number = next(_numbers)
    file = BytesIO()
    fitted.save(file, "PNG", compress_level=1)
    data = _kitty_messages(number, columns, rows, b64encode(file.getvalue()).decode())
    signs = [chr(sign) for sign in _SIGNS]
    lines = tuple("".join(_PLACEHOLDER + signs[y] + signs[x] for x in range(columns)) for y in range(rows))
    return Sent(columns, rows, data, number, lines)


def forget(number: int) -> str:
    """What makes kitty forget a picture."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


def _kitty_messages(number: int, columns: int, rows: int, data: str) -> str:
    parts = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    first = f"a=T,U=1,f=100,i={number},c={columns},r={rows},"
    return "".join(
        f"\x1b_G{'' if place else first}q=2,m={int(place < len(parts) - 1)};{part}\x1b\\"
        for place, part in enumerate(parts)
    )


def _answer(terminal_in: int, terminal_out: int) -> bytes:
    """What the terminal answers up to its last answer; it is not echoed."""
    before = termios.tcgetattr(terminal_in)
    answer = b""
    try:
        tty.setcbreak(terminal_in, termios.TCSANOW)
        os.write(terminal_out, _QUESTIONS)
        end = time.monotonic() + ANSWER_SECONDS
        while not _DEVICE.search(answer):
            if not select.select([terminal_in], [], [], max(0.0, end - time.monotonic()))[0]:
                break
            data = os.read(terminal_in, 1024)
            if not data:
                break
            answer += data
    finally:
        termios.tcsetattr(terminal_in, termios.TCSANOW, before)
    return answer


def _cell_size(terminal: int) -> tuple[int, int]:
    sizes = array.array("H", [0, 0, 0, 0])
    fcntl.ioctl(terminal, termios.TIOCGWINSZ, sizes)
    rows, columns, width, height = sizes
    return (width // columns, height // rows) if rows and columns else (0, 0)
