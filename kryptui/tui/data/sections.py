"""What is known of a dataset in four sections: one at a time, or all of them where there is room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from kryptui.draw.words import clean
from kryptui.tasks.datasets import Value
from kryptui.tui.data.findings_pane import FindingsPane
from kryptui.tui.data.remains_table import RemainsTable
from kryptui.tui.data.samples_pane import SamplesPane
from kryptui.tui.widgets.report_view import ReportView

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.data.opened import Known, Opened

KEYS = {"overview": "v", "findings": "f", "remains": "r", "samples": "s"}
"""The sections, and the key of each."""

_FOCUS = {
    "overview": "#overview",
    "findings": "#finding-list",
    "remains": "#remains",
    "samples": "#group-pictures",
}


class DatasetSections(Container):
    """Counts, findings, what each setting leaves, samples; the one at hand has the keys."""

    app: KryptuiApp

    @dataclass
    class Turned(Message):
        """Another section is at hand."""

        section: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._opened: Opened | None = None
        self._section = "overview"

    def compose(self) -> ComposeResult:
        overview = VerticalScroll(id="overview", classes="pane section -here")
        overview.border_title = "overview"
        with overview:
            yield Static(id="notices")
            yield ReportView(id="report")
        remains = RemainsTable(id="remains", classes="pane section")
        remains.border_title = "what remains"
        yield remains
        yield FindingsPane(id="findings", classes="pane section")
        yield SamplesPane(id="samples", classes="pane section")

    @property
    def section(self) -> str:
        """The one at hand."""
        return self._section

    @property
    def chosen(self) -> Mapping[str, Value]:
        """The options that are chosen."""
        return self.query_one(RemainsTable).chosen

    @property
    def samples(self) -> SamplesPane:
        """The samples."""
        return self.query_one(SamplesPane)

    def turn_to(self, section: str) -> None:
        """Shows a section, and gives it the keys."""
        if section != self._section:
            self._section = section
            for name in KEYS:
                self.query_one(f"#{name}").set_class(name == section, "-here")
            self.post_message(self.Turned(section))
        focused = self.screen.focused
        if focused is None or self.query_one(f"#{section}") not in focused.ancestors_with_self:
            self.screen.set_focus(self.query_one(_FOCUS.get(section, f"#{section}")))

    def on_descendant_focus(self) -> None:
        """The section that has the keys is the one at hand."""
        focused = self.screen.focused
        around = focused.ancestors_with_self if focused is not None else []
        here = next((node.id for node in around if isinstance(node, Widget) and node.id in KEYS), None)
        if here is not None and here != self._section:
            self.turn_to(here)

    # What is known

    def show(self, opened: Opened) -> None:
        """Shows another dataset."""
        self._opened = opened
        self.query_one(RemainsTable).show(opened.choices, opened.left, opened.known.subject)
        self.samples.show(opened.groups, opened.dataset.samples, opened.known.concerned)
        self.query_one(FindingsPane).show(opened.concerns, afresh=True)
        self._show_report(opened.known)
        self._count_left()

    def learn(self) -> None:
        """Shows all that is known now."""
        opened = self._opened
        if opened is not None:
            self.query_one(RemainsTable).update(opened.known.subject)
            self.samples.learn(opened.known.concerned)
            self.query_one(FindingsPane).show(opened.concerns)
            self._show_report(opened.known)
            self._count_left()

    def show_so_far(self) -> None:
        """Shows what the look that is going on has found so far."""
        if self._opened is not None:
            self.query_one(FindingsPane).show(self._opened.concerns, self._opened.found)

    def _show_report(self, known: Known) -> None:
        self.query_one(ReportView).report = known.report
        notices = self.query_one("#notices", Static)
        notices.update(Text("\n").join(Text(f"! {clean(notice)}", "yellow") for notice in known.notices))
        notices.display = bool(known.notices)

    def _count_left(self) -> None:
        """Finds out what choices leave, those that are seen first."""
        opened, table = self._opened, self.query_one(RemainsTable)
        if opened is None or not opened.choices:
            return
        wanted = list(table.wanted())

        def counted(left: Any) -> None:
            if opened is self._opened:
                opened.learn_left(left)
                table.update()

        self.app.act(lambda: opened.count_left(wanted), counted)

    @on(RemainsTable.Changed)
    def _chosen(self) -> None:
        if self._opened is not None and self._opened.left(self.chosen) is None:
            self._count_left()
