"""The table of runs: draws the rows that are seen and no others, so that ten thousand cost what thirty do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kryptui.draw.numerals import NOTHING, number
from kryptui.draw.words import pad
from kryptui.runs.rows import RunRow
from kryptui.spans import duration
from kryptui.tell.run import STATUS_MARKS, STATUS_STYLES, epochs, loss, model, seconds
from kryptui.tui.marks import Marks

_GAP = 2
_NAME = 18  # cells that a name has at least
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Column:
    """A column: what it is sorted by, its title, its width, and the text of a run's cell.

    Of those that find no room the one of the highest `rank` goes first.
    """

    key: str
    title: str
    width: int
    rank: int
    cell: Callable[[RunRow], str]
    right: bool = False
    style: Callable[[RunRow], str] = lambda run: ""


def columns(metrics: Sequence[str]) -> list[Column]:
    """Every column that the table can have beside the name, from left to right."""
    found = [
        Column("model", "model", 18, 9, model),
        Column("loss", "loss", 11, 6, loss),
        Column("stage", "stage", 9, 8, _stage),
        Column("epoch", "epoch", 7, 3, epochs, right=True),
    ]
    for place, name in enumerate(metrics):
        short = name.removeprefix(f"{metrics[0]}_") if place else name
        rank = 1 if not place else 2 + 3 * (place > 2)
        found.append(Column(name, short, max(7, min(len(short) + 1, 12)), rank, _metric(name), right=True))
    return [
        *found,
        Column("took", "took", 7, 4, _took, right=True),
        Column("tags", "tags", 16, 7, lambda run: " ".join(run.tags), style=lambda run: "yellow"),
    ]


def _stage(run: RunRow) -> str:
    return run.kind if run.kind != "train" else str(run.progress.get("stage", ""))


def _took(run: RunRow) -> str:
    took = seconds(run)
    return "" if took is None else duration(took)


def _metric(name: str) -> Callable[[RunRow], str]:
    def cell(run: RunRow) -> str:
        summary = run.summaries.get(name)
        return "" if summary is None or summary.headline is None else number(summary.headline)

    return cell


class RunTable(ScrollView, can_focus=True):
    """Runs in rows, one of them under the cursor; others may be marked."""

    BINDINGS = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "move_page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "move_page(1)", "Page down", show=False),
        Binding("home,g", "move_to(0)", "First", show=False),
        Binding("end,G", "move_to(-1)", "Last", show=False),
    ]

    COMPONENT_CLASSES = {"run-table--head", "run-table--cursor", "run-table--dim", "run-table--here"}

    @dataclass
    class Moved(Message):
        """The cursor stands on another run, or on none."""

        run: RunRow | None

    @dataclass
    class HeadClicked(Message):
        """A column's title was clicked."""

        key: str

    @dataclass
    class Chosen(Message):
        """A run was clicked that had the cursor."""

        run: RunRow

    def __init__(self, marks: Marks, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks = marks
        self._runs: Sequence[RunRow] = ()
        self._metrics: Sequence[str] = ()
        self._sort = "-created"
        self._cursor = 0
        self._layout_of: tuple[object, ...] | None = None
        self._columns: list[Column] = []
        self._name_width = _NAME

    @property
    def run(self) -> RunRow | None:
        """The run under the cursor."""
        return self._runs[self._cursor] if self._cursor < len(self._runs) else None

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def runs(self) -> Sequence[RunRow]:
        """The runs in their order."""
        return self._runs

    def show(self, runs: Sequence[RunRow], metrics: Sequence[str], sort: str) -> None:
        """Shows other runs; the cursor stays on its run where that is still there, else about where it was."""
        at = self.run
        self._runs, self._metrics, self._sort = runs, metrics, sort
        place = None
        if at is not None:
            same_place = self._cursor < len(runs) and runs[self._cursor].id == at.id
            found = self._cursor if same_place else next((i for i, r in enumerate(runs) if r.id == at.id), None)
            place = found
        self._cursor = min(self._cursor, max(0, len(runs) - 1)) if place is None else place
        self.virtual_size = Size(self._width, len(runs) + 1)
        self._layout_of = None
        self.refresh()
        if self.run is None or at is None or self.run.id != at.id:
            self._moved()

    def put(self, runs: dict[str, RunRow]) -> None:
        """Replaces rows by newer ones of the same runs."""
        if runs:
            at = self.run
            self._runs = [runs.get(run.id, run) for run in self._runs]
            self.refresh()
            if at is not None and at.id in runs:
                self.post_message(self.Moved(self.run))

    def go_to(self, run_id: str) -> None:
        """Puts the cursor on a run, if it is shown."""
        place = next((i for i, run in enumerate(self._runs) if run.id == run_id), None)
        if place is not None:
            self.action_move_to(place)

    # Moving

    def action_move(self, by: int) -> None:
        """Moves the cursor by so many rows."""
        self._go(self._cursor + by)

    def action_move_page(self, by: int) -> None:
        """Moves the cursor by so many pages."""
        self._go(self._cursor + by * max(1, self.size.height - 2))

    def action_move_to(self, place: int) -> None:
        """Moves the cursor to a row; -1 is the last."""
        self._go(len(self._runs) - 1 if place < 0 else place)

    def _go(self, place: int) -> None:
        place = max(0, min(place, len(self._runs) - 1))
        if place != self._cursor:
            self._cursor = place
            self._moved()
        self.refresh()
        # The head covers the first line of what is seen.
        self.scroll_to_region(Region(0, place, 1, 2), animate=False, force=True, immediate=True)

    def _moved(self) -> None:
        self.post_message(self.Moved(self.run))

    def on_click(self, event: events.Click) -> None:
        """The head sorts; a row takes the cursor, and is chosen if it had it."""
        if event.y == 0:
            key = self._column_at(event.x)
            if key is not None:
                self.post_message(self.HeadClicked(key))
            return
        place = event.y - 1 + self.scroll_offset.y
        if place >= len(self._runs):
            return
        if place == self._cursor:
            self.post_message(self.Chosen(self._runs[place]))
        else:
            self._go(place)

    def on_resize(self) -> None:
        """Other columns may fit now."""
        self._layout_of = None
        self.virtual_size = Size(self._width, len(self._runs) + 1)

    # Drawing

    def render_line(self, y: int) -> Strip:
        """The head, or the run that is seen at this line."""
        self._lay_out()
        if y == 0:
            return self._head()
        place = y - 1 + self.scroll_offset.y
        width = self._width
        if place >= len(self._runs):
            return Strip.blank(width, self.rich_style)
        return self._row(self._runs[place], place == self._cursor).adjust_cell_length(width, self.rich_style)

    def _lay_out(self) -> None:
        wanted = (self._width, tuple(self._metrics), len(self._runs) > 0)
        if self._layout_of == wanted:
            return
        self._layout_of = wanted
        every = columns(self._metrics)
        room = self._width - 5 - _NAME
        kept = []
        for column in sorted(every, key=lambda column: column.rank):
            if column.width + _GAP <= room:
                room -= column.width + _GAP
                kept.append(column)
        self._columns = [column for column in every if column in kept]
        self._name_width = min(_LONGEST_NAME, _NAME + max(0, room))

    def _column_at(self, x: int) -> str | None:
        left = 5
        if x < left:
            return "status"
        if x < left + self._name_width:
            return "name"
        left += self._name_width
        for column in self._columns:
            left += _GAP + column.width
            if x < left:
                return column.key
        return None

    def _head(self) -> Strip:
        style = self.get_component_rich_style("run-table--head")
        here = self.get_component_rich_style("run-table--here")
        key, arrow = self._sort.removeprefix("-"), "▼" if self._sort.startswith("-") else "▲"

        def title(of: str, name: str, width: int, right: bool = False) -> Segment:
            is_here = of == key
            return Segment(
                pad(f"{name}{arrow}" if is_here else name, width, right=right), here if is_here else style
            )

        segments = [Segment("   ", style), title("status", " ", 2) if key == "status" else Segment("  ", style)]
        segments.append(title("name", "name", self._name_width))
        for column in self._columns:
            segments += [Segment(" " * _GAP, style), title(column.key, column.title, column.width, column.right)]
        strip = Strip(segments)
        return strip.extend_cell_length(self._width, style).crop(0, self._width)

    def _row(self, run: RunRow, is_here: bool) -> Strip:
        base = self.rich_style
        dim = base + self.get_component_rich_style("run-table--dim", partial=True)
        cursor = self.get_component_rich_style("run-table--cursor", partial=True) if is_here else Style.null()
        marked = run.id in self._marks
        marker, colour = self._marks.looks(run.id)
        mark = Segment(
            f" {marker}" if marked else "  ",
            base + Style.parse(f"bold {colour}") if marked else base,
        )
        status = Style.parse(STATUS_STYLES.get(run.status, "") or "none")
        segments = [
            mark,
            Segment(f" {STATUS_MARKS[run.status]} ", base + status),
            Segment(pad(run.name, self._name_width), base + Style(bold=True)),
        ]
        for column in self._columns:
            text = column.cell(run)
            style = base + Style.parse(column.style(run) or "none") if text else dim
            shown = pad(text or NOTHING, column.width, right=column.right)
            segments += [Segment(" " * _GAP, base), Segment(shown, style)]
        strip = Strip(segments).adjust_cell_length(self._width, base)
        return Strip([Segment(text, (style or base) + cursor) for text, style, _ in strip]) if is_here else strip
