"""Several paths in a line, as a shell takes them: split, quoted where they must be, the last one completed."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from textual.suggester import Suggester

from kryptui.errors import InputError
from kryptui.tui.paths import completions

_LAST = re.compile(r"(?:[^\s\\]|\\.)*\Z", re.DOTALL)


def split(text: str) -> list[str]:
    """The paths of a line; raises InputError for a quotation mark that is never closed."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"pictures: {str(error).lower()}; paths with blanks stand in quotation marks") from None


def join(paths: Iterable[str]) -> str:
    """The line that `split` takes apart again; quotes no `~`, which means the home."""
    return " ".join(_escaped(path) for path in paths)


def last(text: str) -> tuple[str, str]:
    """What stands before the last path of a line, and that path, plain; it is empty after a blank."""
    found = _LAST.search(text)
    start = len(text) if found is None else found.start()
    return text[:start], re.sub(r"\\(.)", r"\1", text[start:])


class LastOnDisk(Suggester):
    """Offers how the last path of a line may go on: folders, and files with certain endings."""

    def __init__(self, root: Path, suffixes: tuple[str, ...]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._root, self._suffixes = root, suffixes

    async def get_suggestion(self, value: str) -> str | None:
        """The whole line; looked for in a thread, as a disk may be slow."""
        before, path = last(value)
        if not path:
            return None
        found = await asyncio.to_thread(completions, path, self._root, self._suffixes, 2)
        lines = (before + _escaped(one) for one in found)
        return next((line for line in lines if line != value and line.startswith(value)), None)


def _escaped(path: str) -> str:
    return re.sub(r"([\s\"'\\])", r"\\\1", path)
