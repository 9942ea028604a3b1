"""A list over the page that narrows as one types: enter takes the one that is marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from kryptui.tui.dialogs import Dialog

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp

_WAIT_SECONDS = 0.08


@dataclass(frozen=True)
class Item:
    """One of the list: what it stands for, its line, and what tab makes of the text, if anything."""

    value: str
    line: Text
    completes: str | None = None


class Picker(Dialog[str | None]):
    """`find` gives the items for a text; it is called in a thread and may raise InputError, which is shown."""

    BINDINGS = [
        Binding("escape", "cancel", "Cancel"),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("tab", "complete", "Complete", show=False, priority=True),
    ]

    app: KryptuiApp

    def __init__(
        self, title: str, find: Callable[[str], Sequence[Item]], text: str = "", hint: str = "", foot: str = ""
    ) -> None:
        super().__init__()
        self._title, self._find, self._foot = title, find, foot
        self._items: Sequence[Item] = ()
        self._timer: Timer | None = None
        self._asked = 0
        self._shown_for: str | None = None
        self._is_entered = False
        self._field, self._options = Input(text, placeholder=hint, select_on_focus=False), OptionList()
        self._below = Static(Text("looking …"), classes="dialog--details")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog picker"):
            yield Static(Text(self._title), classes="dialog--title")
            yield self._field
            yield self._options
            yield self._below

    def on_mount(self) -> None:
        """Typing narrows."""
        self._options.can_focus = False
        self._field.focus()
        self._ask()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._is_entered = False
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_WAIT_SECONDS, self._ask)

    def _ask(self) -> None:
        self._asked += 1
        asked, text = self._asked, self._field.value

        def show(items: Sequence[Item]) -> None:
            if asked == self._asked and self.is_attached:
                self._show(text, items)

        def failed(error: str) -> None:
            if asked == self._asked and self.is_attached:
                self._shown_for = text
                self._say(error, "red")

        self.app.act(lambda: self._find(text), show, failed)

    def _show(self, text: str, items: Sequence[Item]) -> None:
        self._items, self._shown_for = items, text
        options = self._options
        options.set_options(Option(item.line) for item in items)
        options.highlighted = 0 if items else None
        self._say(self._foot if items else "nothing fits; esc closes")
        if self._is_entered and items:
            self.dismiss(items[0].value)

    def _say(self, text: str, style: str = "") -> None:
        self._below.update(Text(text, style))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        options = self._options
        if self._shown_for != event.value:
            self._is_entered = True  # what is looked for has not come yet
        elif options.highlighted is not None:
            self.dismiss(self._items[options.highlighted].value)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._items[event.option_index].value)

    def action_move(self, by: int) -> None:
        """Marks another one."""
        options = self._options
        if options.highlighted is not None:
            options.highlighted = max(0, min(options.highlighted + by, len(self._items) - 1))

    def action_complete(self) -> None:
        """Makes the text that of the marked one, to go on from there."""
        options = self._options
        if options.highlighted is not None:
            text = self._items[options.highlighted].completes
            if text is not None:
                self._field.value = text
                self._field.cursor_position = len(text)

    def action_cancel(self) -> None:
        """Nothing is chosen."""
        self.dismiss(None)
