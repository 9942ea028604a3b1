"""The field in which a value is typed, laid over its row of the form."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding
from textual.message import Message
from textual.suggester import Suggester, SuggestFromList
from textual.widgets import Input

from kryptui.tui.configure.fields import Row
from kryptui.tui.configure.shapes import typed_of


class ValueInput(Input):
    """One value as text; enter and the vertical arrows keep it, escape takes it back."""

    BINDINGS = [
        Binding("enter", "leave(True)", "Done", tooltip="keep the value"),
        Binding("escape", "leave(False)", "Take back", tooltip="the value as it was before"),
        Binding("up", "leave(True, -1)", "Up", show=False),
        Binding("down", "leave(True, 1)", "Down", show=False),
        Binding("tab", "take", "Complete", tooltip="take what is offered"),
    ]

    @dataclass
    class Ended(Message):
        """Typing has ended: whether to keep what was typed, and by how many rows to go on."""

        keep: bool
        move: int = 0

    def begin(self, row: Row, offers: Suggester | None = None) -> None:
        """Shows a row's value; what it may be is offered as it is typed."""
        words = [str(word) for word in (*row.shape.choices, *row.shape.examples)]
        self.suggester = offers or (SuggestFromList(words, case_sensitive=True) if words else None)
        with self.prevent(Input.Changed):
            self.value = typed_of(row.value, row.shape)
        self.cursor_position = len(self.value)
        self.placeholder = row.shape.words

    def action_leave(self, keep: bool, move: int = 0) -> None:
        """Ends it."""
        self.post_message(self.Ended(keep, move))

    def action_take(self) -> None:
        """Takes what is offered, else ends."""
        if self._suggestion and self.cursor_at_end:
            self.action_cursor_right()
        else:
            self.action_leave(True)
