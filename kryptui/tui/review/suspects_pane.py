"""The suspects in a list, and the one under the cursor beside the medoids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from kryptui.draw.words import line
from kryptui.tui.review import drawing
from kryptui.tui.widgets.line_list import LineList
from kryptui.tui.widgets.pictures_view import PicturesView

if TYPE_CHECKING:
    from kryptui.tui.review.desk import Desk


class SuspectsPane(Horizontal):
    """List and pictures of one review's suspects."""

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.list, self.pictures = LineList(self._line, id="suspects"), PicturesView(id="pictures")
        self._called = name
        self._head, self._detail = Static("", id="suspects-head"), Static("", id="detail")
        self._desk: Desk | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="left", classes="pane") as left:
            left.border_title, left.border_subtitle = f"suspects in {self._called}", drawing.LEGEND
            yield self._head
            yield self.list
        with Vertical(id="right", classes="pane") as right:
            right.border_title = "beside the medoids"
            yield self._detail
            yield self.pictures

    def show(self, desk: Desk) -> None:
        """Shows the suspects of another examination, the first under the cursor."""
        self._desk = desk
        self.list.show(len(desk.findings), 0)
        self.pictures.forget()
        self._show_suspect()

    def show_decisions(self) -> None:
        """Something else is decided now."""
        self.list.refresh()
        if self._desk is not None:
            self._detail.update(drawing.detail_text(self._desk, self.list.cursor))

    def fit(self) -> None:
        """The columns are as wide as there is room."""
        self._head.update(drawing.head_line(self.list.size.width))

    @on(LineList.Moved)
    def _show_suspect(self) -> None:
        if self._desk is not None:
            self.show_decisions()
            finding = self._desk.findings[self.list.cursor]
            self.pictures.sheets = drawing.sheets(finding, self._desk.report)

    def _line(self, place: int, width: int) -> Text:
        return line() if self._desk is None else drawing.finding_line(self._desk, place, width)
