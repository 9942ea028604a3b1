"""What every page has: header and footer, its help, and how it is shown what is on record."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from kryptui.tui.widgets.footer import Footer
from kryptui.tui.widgets.header import Header
from kryptui.tui.widgets.too_small import TooSmall

if TYPE_CHECKING:
    from kryptui.jobs.events import Event
    from kryptui.runs.store import Store
    from kryptui.tui.app import KryptuiApp


@dataclass
class Found(Message):
    """What the feed has read for the page; a later one replaces it."""

    value: Any

    def can_replace(self, message: Message) -> bool:
        """Only what the page says may be replaced: parts of something longer must all arrive."""
        return isinstance(message, Found) and getattr(self.value, "replaces", False)


@dataclass
class NotRead(Message):
    """Why nothing could be read; None where there is no record yet."""

    error: str | None


class Page(Screen[None]):
    """A page of the app. `PAGE` is its name; `HELP` is what `?` says of it beside its keys."""

    PAGE: ClassVar[str]
    HELP: ClassVar[str]

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny-width"), (60, "-narrow"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-tiny-height"), (16, "-short"), (34, "-tall")]

    look_seconds = 0.5
    """How often the page wants to be shown what is on record."""

    app: KryptuiApp

    def compose(self) -> ComposeResult:
        yield TooSmall()
        yield Header()
        yield from self.compose_page()
        yield Footer()

    def compose_page(self) -> Iterable[Widget]:
        """What stands between header and footer."""
        raise NotImplementedError

    @property
    def is_wide(self) -> bool:
        """Whether there is room for panes side by side."""
        return self.size.width >= 120

    # The record

    def read(self, store: Store) -> Any:
        """Reads what the page shows, in the feed's thread; None where there is nothing new to show."""
        return None

    def show(self, value: Any) -> None:
        """Shows what was read."""

    def show_nothing(self, error: str | None) -> None:
        """Shows that there is no record yet, or why it cannot be read."""

    def found(self, value: Any) -> None:
        """Hands over what was read, from the feed's thread."""
        self._hand_over(Found(value))

    def not_read(self, error: str | None) -> None:
        """Hands over why nothing was read, from the feed's thread."""
        self._hand_over(NotRead(error))

    def _hand_over(self, message: Message) -> None:
        with suppress(RuntimeError):  # the app has been left meanwhile
            self.post_message(message)

    @on(Found)
    def _show(self, message: Found) -> None:
        self.show(message.value)

    @on(NotRead)
    def _show_nothing(self, message: NotRead) -> None:
        self.show_nothing(message.error)

    def hear(self, event: Event) -> None:
        """Takes what the launcher tells while the page is looked at."""

    def on_screen_resume(self) -> None:
        """The page is looked at again: the feed reads for it."""
        self.app.feed.attend(self)

    def look(self) -> None:
        """Has the record read at once."""
        self.app.feed.look()
