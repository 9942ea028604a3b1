"""Similarities as blocks of colour with their values where there is room; a cursor names the pair under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kryptui.draw.words import clip_left, line, pad

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZOOMS = (1, 2, 3, 6)
"""Cells of a block: with three it holds hundredths, with six the value."""

_HUNDREDTHS, _VALUE = 3, 6
_LONGEST_NAME, _SHORTEST_NAME = 24, 8
_HEAD = 8
_SMALLEST_SHARE = 3  # of the height, at most one part is for the names above
_DENSITIES = " ░▒▓█"
_DARK, _LIGHT = (22, 30, 44), (126, 217, 140)


@dataclass(frozen=True, eq=False)
class Grid:
    """Names of rows and columns, the person of each, cosines (N, N), and the pairs that look wrong."""

    rows: Sequence[str]
    columns: Sequence[str]
    people: Sequence[str]
    values: NDArray[Any]
    wrong: frozenset[tuple[int, int]]


class MatrixView(ScrollView, can_focus=True, inherit_bindings=False):
    """Values of one person are bold, those that look wrong underlined: without colours too they stand out."""

    BINDINGS = [
        Binding("up,k", "move(-1, 0)", "Up", show=False),
        Binding("down,j", "move(1, 0)", "Down", show=False),
        Binding("left,h", "move(0, -1)", "Left", show=False),
        Binding("right,l", "move(0, 1)", "Right", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(0, -1000000)", "First", show=False),
        Binding("end", "move(0, 1000000)", "Last", show=False),
        Binding("plus,equals_sign", "zoom(1)", "Larger", key_display="+", show=False, tooltip="larger blocks"),
        Binding("minus", "zoom(-1)", "Smaller", key_display="-", show=False, tooltip="smaller blocks"),
    ]  # fmt: skip

    COMPONENT_CLASSES = {"matrix--cursor", "matrix--name", "matrix--here"}

    @dataclass
    class Moved(Message):
        """The cursor stands on another pair."""

        row: int
        column: int

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._grid: Grid | None = None
        self._range = (0.0, 1.0)
        self._at = (0, 0)
        self._asked_zoom: int | None = None

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the pair under the cursor."""
        return self._at

    def show(self, grid: Grid, at: tuple[int, int]) -> None:
        """Shows another matrix, with the cursor on a pair."""
        self._grid, self._asked_zoom = grid, None
        self._range = float(grid.values.min()), float(grid.values.max())
        self._at = at
        self._fit()

    def go(self, row: int, column: int) -> None:
        """Puts the cursor on a pair, the nearest there is."""
        if self._grid is None:
            return
        last = len(self._grid.rows) - 1
        at = max(0, min(row, last)), max(0, min(column, last))
        if at != self._at:
            self._at = at
            self._reveal()
            self.refresh()
            self.post_message(self.Moved(*at))

    def action_move(self, rows: int, columns: int) -> None:
        """Moves the cursor."""
        self.go(self._at[0] + rows, self._at[1] + columns)

    def action_page(self, by: int) -> None:
        """Moves the cursor by so many pages."""
        self.action_move(by * max(1, self._height - 1), 0)

    def action_zoom(self, by: int) -> None:
        """Larger or smaller blocks."""
        place = max(0, min(ZOOMS.index(self._zoom) + by, len(ZOOMS) - 1))
        self._asked_zoom = ZOOMS[place]
        self._fit()

    def on_resize(self) -> None:
        """Others fit now."""
        self._fit()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor."""
        offset = event.get_content_offset(self)
        if self._grid is None or offset is None:
            return
        x, y = offset.x - self._names - 1, offset.y - self._head
        if x >= 0 and y >= 0:
            self.go(y + self.scroll_offset.y, (x + self.scroll_offset.x) // self._zoom)

    # Where everything is

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _height(self) -> int:
        """Lines of values that are seen."""
        return max(1, self.scrollable_content_region.height - self._head)

    @property
    def _zoom(self) -> int:
        """The largest block of which all columns are seen; where none is, one that tells its value."""
        if self._asked_zoom is not None:
            return self._asked_zoom
        count = len(self._grid.columns) if self._grid is not None else 1
        room = self._room - self._shortest - 1
        return next((zoom for zoom in reversed(ZOOMS) if zoom * count <= room), _HUNDREDTHS)

    @property
    def _longest(self) -> int:
        rows = self._grid.rows if self._grid is not None else ()
        return min(max(map(cell_len, rows), default=0), _LONGEST_NAME)

    @property
    def _shortest(self) -> int:
        return min(self._longest, _SHORTEST_NAME)

    @property
    def _names(self) -> int:
        """Cells of the names at the left."""
        count = len(self._grid.columns) if self._grid is not None else 1
        rest = self._room - 1 - self._zoom * count
        if rest < self._shortest:  # not all columns are seen, so that names take no more of them
            rest = max(self._shortest, self._room // 5)
        return min(self._longest, rest)

    @property
    def _head(self) -> int:
        """Lines of the names above, which are written downwards."""
        columns = self._grid.columns if self._grid is not None else ()
        longest = max(map(cell_len, columns), default=0)
        return max(1, min(longest, _HEAD, self.scrollable_content_region.height // _SMALLEST_SHARE))

    def _fit(self) -> None:
        if self._grid is not None:
            count = len(self._grid.rows)
            wide = self._names + 1 + self._zoom * count
            if wide > self._room:
                wide += self._zoom  # so that the last one is seen though only whole blocks are scrolled by
            self.virtual_size = Size(wide, self._head + count)
            self._reveal()
        self.refresh()

    def _reveal(self) -> None:
        """Scrolls no further than it takes to see the cursor."""
        (row, column), zoom = self._at, self._zoom
        x, y = self.scroll_offset
        wide = max(zoom, self._room - self._names - 1)
        x = -(-max((column + 1) * zoom - wide, min(x, column * zoom)) // zoom) * zoom  # blocks are never cut
        y = max(row + 1 - self._height, min(y, row))
        self.scroll_to(x, y, animate=False, force=True, immediate=True)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """A line of the names above, or a row of values."""
        grid, width, base = self._grid, self.size.width, self.rich_style
        if grid is None:
            return Strip.blank(width, base)
        left, head = self._names + 1, self._head
        start, zoom = self.scroll_offset.x // self._zoom, self._zoom
        seen = range(start, min(len(grid.columns), start + max(0, width - left) // zoom + 2))
        if y < head:
            first, cells = Segment(" " * left), self._head_line(grid, y, seen)
        else:
            row = y - head + self.scroll_offset.y
            if row >= len(grid.rows):
                return Strip.blank(width, base)
            part = "here" if row == self._at[0] else "name"
            style = self.get_component_rich_style(f"matrix--{part}", partial=True)
            first = Segment(pad(clip_left(grid.rows[row], self._names), self._names) + " ", style)
            cells = self._value_line(grid, row, seen)
        cut = self.scroll_offset.x - start * zoom
        strip = Strip(cells.render(self.app.console)).crop(cut, cut + max(0, width - left))
        return Strip([first, *strip]).crop_extend(0, width, Style.null()).apply_style(base)

    def _head_line(self, grid: Grid, y: int, seen: range) -> Text:
        head, zoom = self._head, self._zoom
        name, here = (self.get_component_rich_style(f"matrix--{part}", partial=True) for part in ("name", "here"))
        lead = max(0, zoom - 2)  # above the digits
        text = line()
        for column in seen:
            letter = clip_left(grid.columns[column], head).rjust(head)[y : y + 1]
            text.append(" " * lead + pad(letter, zoom - lead), here if column == self._at[1] else name)
        return text

    def _value_line(self, grid: Grid, row: int, seen: range) -> Text:
        text, zoom = line(), self._zoom
        cursor = self.get_component_rich_style("matrix--cursor", partial=True)
        plain = self.app.no_color or self.app.console.color_system is None
        densities = plain or self.app.console.color_system == "standard"
        low, high = self._range
        for column in seen:
            value = float(grid.values[row, column])
            level = (value - low) / (high - low) if high > low else 1.0
            words = block(value, level, zoom, densities=densities)
            style = Style() if plain else shade(level)
            if grid.people[row] == grid.people[column]:
                style += Style(bold=True)
            if (min(row, column), max(row, column)) in grid.wrong:
                style += Style(underline=True)
            if (row, column) == self._at:
                words = f"[{words[1:-1]}]" if zoom == _VALUE else words
                style += cursor
            text.append(words, style)
        return text


def shade(level: float) -> Style:
    """The colour of a value between the lowest, 0, and the highest, 1."""
    red, green, blue = (dark + (light - dark) * level for dark, light in zip(_DARK, _LIGHT, strict=True))
    return Style(color="black" if level > 0.5 else "white", bgcolor=Color.from_rgb(red, green, blue))


def block(value: float, level: float, zoom: int, *, densities: bool) -> str:
    """What stands in a block of `zoom` cells: the value, hundredths, or how dark it is where colours are few."""
    if zoom == _VALUE:
        return f" {f'{round(value, 2) + 0.0:.2f}'.replace('0.', '.', 1):>4} "
    if zoom == _HUNDREDTHS:
        return f"{round(100 * value):3d}"
    return (_DENSITIES[round(level * (len(_DENSITIES) - 1))] if densities else " ") * zoom
