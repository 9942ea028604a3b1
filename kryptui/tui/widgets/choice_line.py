"""One of several, in a line: the arrows turn it, space opens the whole list."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget


class ChoiceLine(Widget, can_focus=True):
    """Shows what is chosen and how many there are; what to choose is its owner's."""

    DEFAULT_CSS = "ChoiceLine { height: 1; }"

    BINDINGS = [
        Binding("space", "open", "Choose", tooltip="choose from the list", key_display="space"),
        Binding("left", "turn(-1)", "Before", show=False),
        Binding("right", "turn(1)", "Next", show=False),
    ]

    @dataclass
    class Turned(Message):
        """The one before or after is wanted."""

        line: ChoiceLine
        by: int

        @property
        def control(self) -> ChoiceLine:
            """The line that was turned."""
            return self.line

    @dataclass
    class Opened(Message):
        """The whole list is wanted."""

        line: ChoiceLine

        @property
        def control(self) -> ChoiceLine:
            """The line that was opened."""
            return self.line

    def __init__(self, note: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._chosen, self._place, self._count = Text(note, "dim"), 0, 0

    def put(self, chosen: Text, place: int = 0, count: int = 0) -> None:
        """Shows what is chosen: the one at `place` of `count`."""
        if (chosen, place, count) != (self._chosen, self._place, self._count):
            self._chosen, self._place, self._count = chosen, place, count
            self.refresh()

    def render(self) -> Text:
        """The choice at the left, its place among the others at the right."""
        place = f" ‹ {self._place + 1}/{self._count} ›" if self._count > 1 else ""
        text = Text(no_wrap=True, overflow="crop")
        shown = self._chosen.copy()
        room = max(0, self.size.width - len(place))
        shown.truncate(room, overflow="ellipsis")
        text.append_text(shown).append(" " * (room - shown.cell_len))
        return text.append(place, "dim" if not self.has_focus else "bold")

    def on_click(self) -> None:
        """A click opens, as space does."""
        self.action_open()

    def action_open(self) -> None:
        """Asks for the list."""
        self.post_message(self.Opened(self))

    def action_turn(self, by: int) -> None:
        """Asks for the next one."""
        self.post_message(self.Turned(self, by))

    def watch_has_focus(self, value: bool) -> None:
        """The place stands out with the focus."""
        super().watch_has_focus(value)
        self.refresh()
