"""The compared runs above what is compared: one is under the cursor, and keys act on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kryptui.draw.words import pad

if TYPE_CHECKING:
    from kryptui.runs.rows import RunRow
    from kryptui.tui.compare.rows import Legend, LegendColumn

_GAP = 2
_NAME = 18  # cells that a name has at least
_LONGEST_NAME = 40
_BEFORE = 4  # cursor, marker and a blank


class RunLegend(ScrollView, can_focus=True, inherit_bindings=False):
    """A head and a row for each run, as many columns as fit, the most telling first."""

    BINDINGS = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move(-8)", "Page up", show=False),
        Binding("pagedown", "move(8)", "Page down", show=False),
        Binding("home", "move(-99)", "First", show=False),
        Binding("end", "move(99)", "Last", show=False),
    ]

    COMPONENT_CLASSES = {"run-legend--head", "run-legend--cursor", "run-legend--dim"}

    @dataclass
    class Moved(Message):
        """The cursor stands on another run."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._legend: Legend | None = None
        self._cursor = 0

    @property
    def run(self) -> RunRow | None:
        """The run under the cursor."""
        runs = self._legend.runs if self._legend is not None else ()
        return runs[self._cursor] if self._cursor < len(runs) else None

    @property
    def lines(self) -> int:
        """How high it would be with all runs in sight."""
        return 1 + (0 if self._legend is None else len(self._legend.runs))

    def show(self, legend: Legend) -> None:
        """Shows other rows; the cursor stays on its run where that is still there, else about where it was."""
        at = self.run
        self._legend = legend
        places = {run.id: place for place, run in enumerate(legend.runs)}
        kept = self._cursor if at is None else places.get(at.id, self._cursor)
        self._cursor = max(0, min(kept, len(legend.runs) - 1))
        self.virtual_size = Size(self._width, self.lines)
        self.refresh()

    def action_move(self, by: int) -> None:
        """Moves the cursor by so many rows."""
        place = max(0, min(self._cursor + by, self.lines - 2))
        if place != self._cursor:
            self._cursor = place
            self.post_message(self.Moved())
        self.refresh()
        # The head covers the first line of what is seen.
        self.scroll_to_region(Region(0, place, 1, 2), animate=False, force=True, immediate=True)

    def on_click(self, event: events.Click) -> None:
        """A row takes the cursor."""
        place = event.y - 1 + self.scroll_offset.y
        if event.y and place < self.lines - 1:
            self.action_move(place - self._cursor)

    def on_resize(self) -> None:
        """Other columns may fit now."""
        self.virtual_size = Size(self._width, self.lines)

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def render_line(self, y: int) -> Strip:
        """The head, or the run that is seen at this line."""
        base, width = self.rich_style, self._width
        legend = self._legend
        place = y - 1 + self.scroll_offset.y
        if legend is None or (y and place >= len(legend.runs)):
            return Strip.blank(width, base)
        columns = self._fitting(legend, width)
        taken = sum(_GAP + _size(column) for column in columns)
        name = min(_LONGEST_NAME, max(_NAME, width - _BEFORE - taken))
        if not y:
            return self._head(columns, name).adjust_cell_length(width, self._style("head"))
        return self._row(legend, columns, name, place).adjust_cell_length(width, base)

    @staticmethod
    def _fitting(legend: Legend, width: int) -> list[LegendColumn]:
        room = width - _BEFORE - _NAME
        kept = []
        for column in sorted(legend.columns, key=lambda column: column.rank):
            if _size(column) + _GAP <= room:
                room -= _size(column) + _GAP
                kept.append(column)
        return [column for column in legend.columns if column in kept]

    def _style(self, part: str, *, partial: bool = False) -> Style:
        return self.get_component_rich_style(f"run-legend--{part}", partial=partial)

    def _head(self, columns: list[LegendColumn], name: int) -> Strip:
        titles = [pad(column.title, _size(column), right=column.right) for column in columns]
        text = (" " * _GAP).join([" " * _BEFORE + pad("run", name), *titles])
        return Strip([Segment(text, self._style("head"))])

    def _row(self, legend: Legend, columns: list[LegendColumn], name: int, place: int) -> Strip:
        base = self.rich_style
        is_here = place == self._cursor
        marker, colour = legend.looks[place]
        segments = [
            Segment("▸ " if is_here else "  ", base),
            Segment(f"{marker} ", base + Style.parse(f"bold {colour}")),
            Segment(pad(legend.runs[place].name, name), base + Style(bold=True)),
        ]
        for column in columns:
            style = Style.parse((column.styles[place] if column.styles else "") or "none")
            shown = pad(column.cells[place], _size(column), right=column.right)
            segments += [Segment(" " * _GAP, base), Segment(shown, base + style)]
        if not is_here:
            return Strip(segments)
        strip = Strip(segments).adjust_cell_length(self._width, base)
        cursor = self._style("cursor", partial=True)
        return Strip([Segment(text, (style or base) + cursor) for text, style, _ in strip])


def _size(column: LegendColumn) -> int:
    return max(cell_len(column.title), *map(cell_len, column.cells), 1)
