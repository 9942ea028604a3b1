"""A run's log: wrapped lines that follow the end until one scrolls up; what is searched for is marked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from rich.text import Text
from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kryptui.draw.words import clean

MOST = 4000
"""Lines that are kept; the latest."""

_STYLES = {"error": "red", "warning": "yellow", "debug": "dim"}
_TIME = 9


class LogView(ScrollView, can_focus=True):
    """Lines with their time and, by words and colour, their level."""

    BINDINGS = [
        Binding("home,g", "scroll_home", "First", show=False),
        Binding("end,G", "follow", "Last", show=False, tooltip="the end of the log, and follow it"),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[tuple[float, str, str]] = []
        self._rows: list[tuple[int, Text]] = []
        self._wrapped_at = 0
        self._pattern: re.Pattern[str] | None = None
        self._follows = True

    def clear(self) -> None:
        """Forgets all lines."""
        self._lines.clear()
        self._rows.clear()
        self._follows = True
        self._measure()

    def write(self, lines: Iterable[tuple[float, str, str]]) -> None:
        """Adds lines: time, level, text."""
        new = list(lines)
        if not new:
            return
        first = len(self._lines)
        self._lines += new
        if len(self._lines) > MOST:
            del self._lines[: len(self._lines) - MOST]
            self._wrap()
        else:
            for place in range(first, len(self._lines)):
                self._rows += self._wrap_line(place)
        self._measure()

    # Searching

    def search(self, words: str) -> int:
        """Marks what is searched for, and goes to the latest line that has it; how many lines have it."""
        self._pattern = re.compile(re.escape(words), re.IGNORECASE) if words else None
        self.refresh()
        found = self._found()
        if found:
            self._show_row(found[-1])
        return len({self._rows[row][0] for row in found})

    def go_on(self, by: int) -> None:
        """To the next place above (-1) or below (1) what is seen."""
        found = self._found()
        here = self.scroll_offset.y
        beyond = [row for row in found if (row < here if by < 0 else row > here)]
        if beyond:
            self._show_row(beyond[-1] if by < 0 else beyond[0])

    def _found(self) -> list[int]:
        if self._pattern is None:
            return []
        pattern = self._pattern
        return [row for row, (_, text) in enumerate(self._rows) if pattern.search(text.plain)]

    def _show_row(self, row: int) -> None:
        self._follows = False
        self.scroll_to(
            y=max(0, min(row - self.size.height // 2, self.max_scroll_y)), animate=False, immediate=True
        )

    # Scrolling

    def action_follow(self) -> None:
        """To the end, and on with it."""
        self._to_end()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Whoever scrolls up reads; whoever comes to the end follows again."""
        super().watch_scroll_y(old, new)
        self._follows = round(new) >= self.max_scroll_y

    def on_resize(self) -> None:
        """Lines break elsewhere."""
        if self._width != self._wrapped_at:
            self._wrap()
        self._measure()

    # Drawing

    @property
    def _width(self) -> int:
        return max(self.scrollable_content_region.width, 1)

    def _wrap(self) -> None:
        self._wrapped_at = self._width
        self._rows = [row for place in range(len(self._lines)) for row in self._wrap_line(place)]

    def _wrap_line(self, place: int) -> list[tuple[int, Text]]:
        moment, level, words = self._lines[place]
        style = _STYLES.get(level, "")
        label = f"{level}: " if level in ("error", "warning") else ""
        room = max(self._width - _TIME, 10)
        parts = _broken(f"{label}{clean(words.expandtabs(4))}", room)
        rows = []
        for number, part in enumerate(parts):
            clock = f"{datetime.fromtimestamp(moment):%H:%M:%S}" if not number else ""
            text = Text(clock.ljust(_TIME), "dim", no_wrap=True).append(part, style or "not dim")
            rows.append((place, text))
        return rows

    def _measure(self) -> None:
        self.virtual_size = Size(self._width, len(self._rows))
        if self._follows:
            self._to_end()
            self.call_after_refresh(self._show_end)
        self.refresh()

    def _show_end(self) -> None:
        """The scroll bar learns the new height when the log has been laid out."""
        self.vertical_scrollbar.position = self.scroll_y

    def _to_end(self) -> None:
        """Textual's own way to the end goes by the height that the log had before."""
        end = max(0, len(self._rows) - self.scrollable_content_region.height)
        self.set_reactive(LogView.scroll_target_y, float(end))
        self.scroll_y = float(end)
        self._follows = True

    def render_line(self, y: int) -> Strip:
        """The line that is seen there."""
        row = y + self.scroll_offset.y
        width = self._width
        if row >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        text = self._rows[row][1]
        if self._pattern is not None:
            text = text.copy()
            text.highlight_regex(self._pattern, "reverse")
        strip = Strip(text.render(self.app.console)).adjust_cell_length(width)
        return strip.apply_style(self.rich_style)


def _broken(words: str, width: int) -> list[str]:
    """A line in parts of at most `width` letters, broken at blanks where it can be."""
    parts = []
    while len(words) > width:
        at = words.rfind(" ", width // 2, width + 1)
        at = width if at < 0 else at
        parts.append(words[:at])
        words = words[at:].lstrip(" ")
    return [*parts, words]
