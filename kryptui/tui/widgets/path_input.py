"""A line for a path, which offers how it may go on as it is typed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from textual.binding import Binding
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from kryptui.tui.paths import completions


class OnDisk(Suggester):
    """Offers folders, and files with certain endings."""

    def __init__(self, root: Path, suffixes: tuple[str, ...]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._root, self._suffixes = root, suffixes

    async def get_suggestion(self, value: str) -> str | None:
        """The whole line; looked for in a thread, as a disk may be slow."""
        if not value:
            return None
        found = await asyncio.to_thread(completions, value, self._root, self._suffixes, 2)
        return next((text for text in found if text != value), None)


class PathInput(Input):
    """Takes folders, and files with certain endings; the right arrow takes what is offered, ctrl+o lists all."""

    BINDINGS = [
        Binding("enter", "submit", "Start", show=True),
        Binding("ctrl+o", "browse", "Browse", show=True, tooltip="choose from what lies on disk"),
    ]

    @dataclass
    class Browsed(Message):
        """A list of what lies on disk is wanted."""

        input: PathInput

        @property
        def control(self) -> PathInput:
            """The line that it is for."""
            return self.input

    def __init__(self, root: Path, hint: str, suffixes: tuple[str, ...] = (), *, id: str | None = None) -> None:
        super().__init__(placeholder=hint, suggester=OnDisk(root, suffixes), select_on_focus=False, id=id)
        self.suffixes = suffixes

    def action_browse(self) -> None:
        """Asks for the list."""
        self.post_message(self.Browsed(self))
