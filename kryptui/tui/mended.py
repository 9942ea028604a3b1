"""What Textual 8 gets wrong in a way that ends the app, mended where it is."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from textual import work
from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.css.query import NoMatches
from textual.widgets import OptionList

_move_page = OptionList._move_page
_gather_commands: Any = CommandPalette._gather_commands


def _move_page_once_laid_out(options: OptionList, direction: Any) -> None:
    """A list that has options and no lines yet, as in the instant in which it opens, has no pages to turn."""
    if options._index_to_line:
        _move_page(options, direction)


OptionList._move_page = _move_page_once_laid_out  # type: ignore[method-assign, assignment]


class Palette(CommandPalette):
    """A palette that may be closed while it still looks for commands."""

    _is_answered = False

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Closes once, whatever keys come in a burst behind the one that closes it."""
        if self._is_answered:
            return AwaitComplete()
        self._is_answered = True
        return super().dismiss(result)

    @work(exclusive=True, group=CommandPalette._GATHER_COMMANDS_GROUP, exit_on_error=False)
    async def _gather_commands(self, search_value: str) -> None:
        with suppress(NoMatches):
            await _gather_commands.__wrapped__(self, search_value)
