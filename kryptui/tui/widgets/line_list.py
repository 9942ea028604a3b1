"""A list of lines of which only those that are seen are made, so that ten thousand cost what ten do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip


class LineList(ScrollView, can_focus=True):
    """Lines by number, one of them under the cursor; `make` gives a line's text at a width."""

    BINDINGS = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-1000000000)", "First", show=False),
        Binding("end", "move(1000000000)", "Last", show=False),
    ]

    COMPONENT_CLASSES = {"line-list--cursor"}

    @dataclass
    class Moved(Message):
        """The cursor stands on another line."""

        list: LineList
        place: int

        @property
        def control(self) -> LineList:
            """The list."""
            return self.list

    @dataclass
    class Chosen(Moved):
        """A line was clicked that had the cursor."""

    def __init__(self, make: Callable[[int, int], Text], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._make = make
        self._count = 0
        self._cursor = 0

    @property
    def cursor(self) -> int:
        """The line under the cursor; 0 where there is none."""
        return self._cursor

    def show(self, count: int, cursor: int | None = None) -> None:
        """Shows so many lines, which may all be others; the cursor stays unless it is given."""
        self._count = count
        self._cursor = max(0, min(self._cursor if cursor is None else cursor, count - 1))
        self.virtual_size = Size(self.size.width, count)
        self._reveal()
        self.refresh()

    def on_resize(self) -> None:
        """Lines are as wide as the list."""
        self.virtual_size = Size(self.size.width, self._count)
        self._reveal()

    def action_move(self, by: int) -> None:
        """Moves the cursor by so many lines."""
        self.go(self._cursor + by)

    def action_page(self, by: int) -> None:
        """Moves the cursor by so many pages."""
        self.go(self._cursor + by * max(1, self.size.height - 1))

    def go(self, place: int) -> None:
        """Puts the cursor on a line, the nearest there is."""
        place = max(0, min(place, self._count - 1))
        if place != self._cursor:
            self._cursor = place
            self.refresh()
            self._reveal()
            self.post_message(self.Moved(self, place))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; a second one chooses."""
        place = event.y + self.scroll_offset.y
        if place >= self._count:
            return
        if place == self._cursor:
            self.post_message(self.Chosen(self, place))
        else:
            self.go(place)

    def _reveal(self) -> None:
        self.scroll_to_region(Region(0, self._cursor, 1, 1), animate=False, force=True, immediate=True)

    def render_line(self, y: int) -> Strip:
        """The line that is seen there."""
        width, place = self.size.width, y + self.scroll_offset.y
        base = self.rich_style
        if place >= self._count:
            return Strip.blank(width, base)
        strip = Strip(self._make(place, width).render(self.app.console)).crop_extend(0, width, Style.null())
        if place != self._cursor:
            return strip.apply_style(base)
        # Over the line's own colours, which may be unreadable on the cursor's.
        cursor = self.get_component_rich_style("line-list--cursor", partial=True)
        return Strip([Segment(text, base + (style or Style.null()) + cursor) for text, style, _ in strip], width)
