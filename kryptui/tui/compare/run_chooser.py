"""Choosing runs to compare: all runs, filtered, with their marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from kryptui.draw.words import clip
from kryptui.tui.widgets.filter_input import FilterInput, words
from kryptui.tui.widgets.run_table import RunTable

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.marks import Marks
    from kryptui.tui.runs.reading import Listed


class RunChooser(Vertical):
    """Marks runs by keys; says when the filter has changed, and when the marked ones are to be compared."""

    BINDINGS = [
        Binding("space", "mark", "Mark", tooltip="mark the run for comparing, or take the mark away"),
        Binding("enter", "start", "Compare", tooltip="compare the marked runs"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="filter the runs to choose from"),
        Binding("U", "unmark_all", "Unmark all", tooltip="take all marks away"),
        Binding("escape", "start", "Back", show=False, tooltip="back to the comparison"),
    ]

    app: KryptuiApp

    class Filtered(Message):
        """Another filter was typed."""

    class Started(Message):
        """The marked runs, two at least, are to be compared."""

    def __init__(self, marks: Marks, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._marks = marks
        self._error = ""

    def compose(self) -> ComposeResult:
        yield Static(id="choose-title", markup=False)
        with Horizontal(id="choose-line"):
            yield Static("/", id="choose-sign")
            yield FilterInput(id="choose-filter")
        yield RunTable(self._marks, id="choose-table")

    @property
    def table(self) -> RunTable:
        """The table itself, where the focus belongs."""
        return self.query_one(RunTable)

    @property
    def filter(self) -> str:
        """What is typed."""
        return self.query_one(FilterInput).value.strip()

    def show(self, listed: Listed) -> None:
        """Shows the runs that were read."""
        if listed.runs is not None:
            self.table.show(listed.runs, listed.metrics, listed.request.sort)
            self.query_one(FilterInput).offers.words = words(metrics=listed.known_metrics)
        else:
            self.table.put(listed.changed)
        self._error = listed.error or ""
        self.tell()

    def tell(self) -> None:
        """Says what to do, how many are marked, or what is wrong with the filter."""
        text = Text("mark two runs or more with space, enter compares them", "bold")
        if self._error:
            text = Text(clip(self._error, 400), "red")
        elif len(self._marks):
            text.append(f" · {len(self._marks)} marked", "default")
        self.query_one("#choose-title", Static).update(text)
        self.table.refresh()

    @on(Input.Changed)
    def _typed(self) -> None:
        self.post_message(self.Filtered())

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.table.focus()

    @on(RunTable.Chosen)
    def _clicked(self) -> None:
        self.action_mark()

    def action_filter(self) -> None:
        """Typing filters."""
        self.query_one(FilterInput).focus()

    def action_mark(self) -> None:
        """Marks the run under the cursor, and goes on to the next."""
        run = self.table.run
        if run is None:
            return
        if not self._marks.toggle(run.id):
            self.app.warn("no more runs can be told apart; take a mark away first")
        self.table.action_move(1)
        self.tell()

    def action_unmark_all(self) -> None:
        """Takes all marks away."""
        self._marks.clear()
        self.tell()

    def action_start(self) -> None:
        """Compares what is marked."""
        if len(self._marks) < 2:
            self.app.say("mark two runs or more with space first")
        else:
            self.post_message(self.Started())
