"""The line that shows which command does the same without a screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.widget import Widget

from kryptui.draw.words import clip
from kryptui.tui.configure.command import Command, command_for
from kryptui.tui.latest import Latest

if TYPE_CHECKING:
    from kryptui.config import AnyConfig
    from kryptui.tui.app import KryptuiApp


class CommandLine(Widget):
    """A command, tried out in a thread before it is shown; the one before stands there until then."""

    app: KryptuiApp

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._command: Command | None = None
        self._make: Callable[[], Command] | None = None

    def on_mount(self) -> None:
        """Only the newest is of use."""
        self._making = Latest(self.app)

    def want(self, config: AnyConfig | None, source: str | None, data: Any) -> None:
        """Shows the command for a configuration that began with `source`, in which `data` stand."""
        self._making.forget()
        self._make = None
        if config is None:
            self._put(Command("", "mend it first"))
        else:
            self._make = partial(command_for, config, source, data)
            self._making.ask(self._make, self._put, self.app.fail)

    def now(self) -> Command:
        """The command for what was wanted last, made at once if it has not come yet."""
        if self._make is not None:
            self._making.forget()
            self._put(self._make())
        return self._command or Command("")

    def _put(self, command: Command) -> None:
        self._command, self._make = command, None
        self.refresh()

    def render(self) -> Text:
        """One line; what does not fit is copied all the same."""
        if self._command is None:
            return Text()
        room = max(10, self.size.width - 2)
        line = Text("$ ", "dim", no_wrap=True)
        if self._command.text:
            return line.append(clip(self._command.text, room), "not dim")
        return line.append(clip(self._command.remedy, room))
