"""Reports and typed figures of any task in a page, drawn as wide as there is room."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text
from textual.widget import Widget

from kryptui.draw.console import render_report
from kryptui.figures import Report


class ReportView(Widget):
    """A report, as high as it needs; put it into something that scrolls."""

    DEFAULT_CSS = "ReportView { height: auto; }"

    def __init__(self, note: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._report: Report | None = None
        self._note = note

    @property
    def report(self) -> Report | None:
        """What is shown; None: the note that stands in its place."""
        return self._report

    @report.setter
    def report(self, report: Report | None) -> None:
        self._report = report
        self.refresh(layout=True)

    def render(self) -> RenderableType:
        """The report at the width that there is."""
        if self._report is None:
            return Text(self._note, style="dim")
        return render_report(self._report, self.size.width or self.app.size.width)
