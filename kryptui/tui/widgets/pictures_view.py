"""Sheets of pictures side by side: read in a thread, drawn as they come, and kept while they may be seen again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.control import Control
from rich.segment import ControlType, Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from kryptui.draw.words import clip, clip_left, line
from kryptui.figures import ImageSheet
from kryptui.tui import graphics

if TYPE_CHECKING:
    from PIL.Image import Image

    from kryptui.tui.app import KryptuiApp

SMALLEST: Final = 8
LARGEST: Final = graphics.LARGEST
COMFORTABLE: Final = 16
"""Cells of pictures that are too many to be seen at once."""

_SMALL = 10
_STEP = 4
_GAP = 1
_SHEET_GAP = 2
_WIDEST_GAP = 16
_KEPT = 400
_TELL_SECONDS = 0.1
_CONTROL = ((ControlType.CURSOR_FORWARD, 0),)  # so that nobody takes sixels for text


@dataclass(frozen=True)
class Place:
    """Where a picture lies, in cells from the corner of all: its sheet, its number there, its caption's room."""

    sheet: int
    number: int
    x: int
    y: int
    room: int


def arrange(
    counts: Sequence[int], width: int, size: int, top: int = 0
) -> tuple[list[tuple[int, int]], list[Place]]:
    """Places pictures of `size` cells: each sheet a block of columns, as many as its share of all pictures.

    Returns where each block begins and how wide it is, and the place of each picture, the first at line `top`.
    """
    if not counts:
        return [], []
    room = max(len(counts), (width + _GAP - (len(counts) - 1) * (_SHEET_GAP - _GAP)) // (size + _GAP))
    columns = _shares(counts, room)
    spare = width - sum(across * (size + _GAP) - _GAP for across in columns)
    # Pictures that stand alone are given room for their captions.
    gap = _SHEET_GAP if max(counts) > 1 else max(_SHEET_GAP, min(_WIDEST_GAP, spare // len(counts)))
    blocks, places, x = [], [], 0
    for sheet, (number, across) in enumerate(zip(counts, columns, strict=True)):
        wide = across * (size + _GAP) - _GAP
        blocks.append((x, wide))
        for place in range(number):
            row, column = divmod(place, across)
            room = size + (gap - _GAP if column == across - 1 else 0)
            places.append(Place(sheet, place, x + column * (size + _GAP), top + row * _lines(size), room))
        x += wide + gap
    return blocks, places


def fitting_size(counts: Sequence[int], width: int, height: int, top: int = 0) -> int:
    """The largest size at which all pictures are seen at once; a comfortable one where that would be too small."""
    for size in range(LARGEST, _SMALL, -2):
        blocks, places = arrange(counts, width, size, top)
        if blocks and blocks[-1][0] + blocks[-1][1] > width:
            continue
        if all(place.y + _lines(size) <= height for place in places):
            return size
    return min(COMFORTABLE, max(SMALLEST, width))


def _lines(size: int) -> int:
    """A picture and its caption."""
    return (size + 1) // 2 + 1


def _shares(counts: Sequence[int], room: int) -> list[int]:
    """Columns of each sheet: at least one, at most its pictures, the next one to whom it saves most rows."""
    columns = [1] * len(counts)
    while sum(columns) < room:
        able = [sheet for sheet, number in enumerate(counts) if columns[sheet] < number]
        if not able:
            break
        columns[max(able, key=lambda sheet: counts[sheet] / columns[sheet])] += 1
    return columns


@dataclass(frozen=True)
class _Tile:
    """A picture that was read: its lines, and what the terminal shows in their place, if it can."""

    lines: tuple[Text, ...]
    sent: graphics.Sent | None = None


@dataclass(frozen=True)
class _Layout:
    """Where everything is, for what was asked: size of a picture, blocks of sheets, places of pictures."""

    asked: tuple[Any, ...]
    size: int
    blocks: list[tuple[int, int]]
    places: list[Place]


class PicturesView(Widget, can_focus=True):
    """Pictures under the titles of their sheets, captions below them; names alone where there is no colour."""

    BINDINGS = [
        Binding("up,k", "scroll_rows(-1)", "Up", show=False),
        Binding("down,j", "scroll_rows(1)", "Down", show=False),
        Binding("pageup", "scroll_pages(-1)", "Page up", show=False),
        Binding("pagedown", "scroll_pages(1)", "Page down", show=False),
        Binding("plus,equals_sign", "resize(1)", "Larger", key_display="+", show=False, tooltip="larger pictures"),
        Binding("minus", "resize(-1)", "Smaller", key_display="-", show=False, tooltip="smaller pictures"),
    ]

    app: KryptuiApp

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._sheets: Sequence[ImageSheet] = ()
        self._asked_size: int | None = None
        self._top = 0
        self._arranged: _Layout | None = None
        self._tiles: OrderedDict[tuple[str, int], _Tile] = OrderedDict()
        self._turn = 0

    @property
    def sheets(self) -> Sequence[ImageSheet]:
        """What is shown."""
        return self._sheets

    @sheets.setter
    def sheets(self, sheets: Sequence[ImageSheet]) -> None:
        self._sheets, self._top = sheets, 0
        self._show()

    @property
    def is_ready(self) -> bool:
        """Whether every picture in sight is drawn."""
        return not self._missing()

    def picture(self, path: str) -> Image:
        """What is shown of a path, in RGB; called in a thread. Raises BrokenImage, and ValueError for no path."""
        from kryptui.data.decode import decode

        return decode(Path(path))

    def forget(self) -> None:
        """Lets go of what was read: the files may be others now."""
        for tile in self._tiles.values():
            self._let_go(tile)
        self._tiles.clear()

    def on_resize(self) -> None:
        """Other pictures are in sight."""
        self._top = min(self._top, self._last_top)
        self._show()

    def on_unmount(self) -> None:
        """Kitty keeps pictures until it is told not to."""
        self.forget()

    def action_scroll_rows(self, rows: int) -> None:
        """Moves by rows of pictures, so that the first that is seen is seen in whole."""
        head, step = self._head, self._step
        row = max(0, (self._top - head) // step) + rows
        top = max(0, min(head + row * step if row > 0 else 0, self._last_top))
        if top != self._top:
            self._top = top
            self._show()

    def action_scroll_pages(self, pages: int) -> None:
        """Moves by as many rows as are seen."""
        self.action_scroll_rows(pages * max(1, self.size.height // self._step))

    def action_resize(self, by: int) -> None:
        """Larger or smaller pictures."""
        self._asked_size = max(SMALLEST, min(self._cells + by * _STEP, LARGEST, self.size.width))
        self._top = min(self._top, self._last_top)
        self._show()

    def on_mouse_scroll_down(self) -> None:
        """Moves down."""
        self.action_scroll_rows(1)

    def on_mouse_scroll_up(self) -> None:
        """Moves up."""
        self.action_scroll_rows(-1)

    # Where everything is

    @property
    def _is_coloured(self) -> bool:
        return not self.app.no_color and self.app.console.color_system is not None

    @property
    def _laid_out(self) -> _Layout:
        """As it was the last time, where nothing has changed."""
        asked = (self._sheets, self.size, self._asked_size)
        if self._arranged is None or self._arranged.asked != asked:
            counts = [len(sheet.paths) for sheet in self._sheets]
            size = self._asked_size or fitting_size(counts, *self.size, self._head)
            self._arranged = _Layout(asked, size, *arrange(counts, self.size.width, size, self._head))
        return self._arranged

    @property
    def _cells(self) -> int:
        return self._laid_out.size

    @property
    def _head(self) -> int:
        """Lines above the first row."""
        return int(any(sheet.title for sheet in self._sheets))

    @property
    def _step(self) -> int:
        """Lines of a row, or as many of them as can be seen at once."""
        return max(1, min(_lines(self._cells), self.size.height)) if self._is_coloured else 1

    @property
    def _last_top(self) -> int:
        if self._is_coloured:
            lines = max((place.y + _lines(self._cells) for place in self._laid_out.places), default=0)
        else:
            lines = sum(len(sheet.paths) + 1 for sheet in self._sheets)
        below = lines - self.size.height - self._head
        return 0 if lines <= self.size.height else self._head + -(-below // self._step) * self._step

    def _missing(self) -> list[str]:
        """Pictures in sight that are not read yet."""
        size, tall = self._cells, _lines(self._cells)
        if not self._is_coloured:
            return []
        seen = [p for p in self._laid_out.places if p.y < self._top + self.size.height and p.y + tall > self._top]
        paths = [self._sheets[place.sheet].paths[place.number] for place in seen]
        return [path for path in dict.fromkeys(paths) if (path, size) not in self._tiles]

    # Reading

    def _show(self) -> None:
        self._turn += 1
        self.refresh()
        missing, turn, size = self._missing(), self._turn, self._cells
        if not missing or not self.is_mounted or not self.size:
            return
        app = self.app  # the view may be gone before its pictures are read
        way = app.graphics if app.console.color_system == "truecolor" else None

        def read() -> None:
            tiles: dict[tuple[str, int], _Tile] = {}
            told = time.monotonic()
            for path in missing:
                if turn != self._turn:
                    return
                tiles[path, size] = _read(path, size, way, self.picture)
                if time.monotonic() - told >= _TELL_SECONDS or path == missing[-1]:
                    app.call_soon(self._take, tiles)
                    tiles, told = {}, time.monotonic()

        self.app.act(read)

    def _take(self, tiles: Mapping[tuple[str, int], _Tile]) -> None:
        for tile in tiles.values():
            if tile.sent is not None and tile.sent.number:
                self._write(tile.sent.data)
        self._tiles.update(tiles)
        while len(self._tiles) > _KEPT:
            self._let_go(self._tiles.popitem(last=False)[1])
        self.refresh()

    def _let_go(self, tile: _Tile) -> None:
        if tile.sent is not None and tile.sent.number:
            self._write(graphics.forget(tile.sent.number))

    def _write(self, text: str) -> None:
        driver = self.app._driver
        if driver is not None:
            driver.write(text)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of what is in sight."""
        base, width = self.rich_style, self.size.width
        text = self._line(y + self._top) if self._is_coloured else self._name_line(y + self._top)
        strip = Strip(text.render(self.app.console))
        return strip.crop_extend(0, width, Style.null()).apply_style(base)

    def _name_line(self, y: int) -> Text:
        """A line where pictures cannot be seen: the title of a sheet, or the caption and path of a picture."""
        for sheet in self._sheets:
            if y == 0:
                return line(clip(sheet.title, self.size.width), "bold")
            if y <= len(sheet.paths):
                caption = clip(sheet.captions[y - 1], self.size.width // 2)
                return line(f"  {caption}  ").append(
                    clip_left(sheet.paths[y - 1], max(8, self.size.width - len(caption) - 4)), "dim"
                )
            y -= len(sheet.paths) + 1
        return line()

    def _line(self, y: int) -> Text:
        text, size = line(), self._cells
        blocks, places = self._laid_out.blocks, self._laid_out.places
        if y < self._head:
            for sheet, (x, wide) in zip(self._sheets, blocks, strict=True):
                text.append(" " * (x - text.cell_len)).append(clip(sheet.title, wide), "bold")
            return text
        for place in places:
            row = y - place.y
            if 0 <= row < _lines(size):
                text.append(" " * (place.x - text.cell_len)).append_text(self._part(place, row, size))
        return text

    def _part(self, place: Place, row: int, size: int) -> Text:
        """One line of a picture, of what stands in its place, or of its caption."""
        sheet = self._sheets[place.sheet]
        if row == _lines(size) - 1:
            return line(clip(sheet.captions[place.number], place.room), "dim")
        tile = self._tiles.get((sheet.paths[place.number], size))
        if tile is None:
            return line("·" if row == (size + 1) // 4 else "", "dim")
        return tile.lines[row] if row < len(tile.lines) else line()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines; sixels that are wholly in sight are sent after the last of them, over what was blank."""
        strips = super().render_lines(crop)
        if not strips or self.app.graphics is None or not self.screen.is_active:
            return strips
        corner = self.screen.find_widget(self).visible_region
        segments: list[Segment] = []
        for place in self._laid_out.places:
            tile = self._tiles.get((self._sheets[place.sheet].paths[place.number], self._cells))
            top = place.y - self._top
            if tile is None or tile.sent is None or tile.sent.number:
                continue
            seen = Region(0, 0, *self.size).contains_region(
                Region(place.x, top, tile.sent.columns, tile.sent.rows)
            )
            if seen and top < crop.bottom and top + tile.sent.rows > crop.y:
                segments += [_move(corner.x + place.x, corner.y + top), Segment(tile.sent.data, None, _CONTROL)]
        if segments:
            segments.append(_move(corner.right, corner.y + crop.bottom - 1))
            strips[-1] = Strip([*strips[-1], *segments], strips[-1].cell_length)
        return strips


def _move(x: int, y: int) -> Segment:
    return Segment(Control.move_to(x, y).segment.text, None, _CONTROL)


def _read(path: str, size: int, way: graphics.Graphics | None, picture: Callable[[str], Image]) -> _Tile:
    from PIL import ImageOps

    from kryptui.data.decode import UNREADABLE, BrokenImage
    from kryptui.draw.pictures import half_blocks, no_picture

    try:
        image = picture(path)
    except (BrokenImage, ValueError) as error:
        # ValueError: a path that no file can have, such as one with a zero byte.
        reason = error.reason if isinstance(error, BrokenImage) else UNREADABLE
        return _Tile(tuple(no_picture(path, reason, size)))
    if way is None:
        # Small pictures fill their places too.
        return _Tile(tuple(half_blocks(ImageOps.contain(image, (size, size)), size)))
    sent = graphics.send(image, size, (size + 1) // 2, way)
    colour = f"rgb({sent.number >> 16 & 255},{sent.number >> 8 & 255},{sent.number & 255})"
    return _Tile(tuple(line(signs, colour) for signs in sent.lines), sent)
