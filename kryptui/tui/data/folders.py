"""Folders to choose from: what is in one, and which of it looks like a dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

Recognise = Callable[[Path], str]
"""What a folder or file looks like, in words; empty: like nothing."""

FIRST = "data"
"""The folder of a workspace that its datasets lie in."""

MOST = 200
"""Entries of a folder that are listed."""

_LOOKED_AT = 60
_READ = 20_000
_DULL = frozenset({"checkpoints", "__pycache__", "node_modules"})


@dataclass(frozen=True)
class Listing:
    """What is in a folder, how many entries are not named, or why it cannot be opened."""

    entries: Sequence[Entry] = ()
    more: int = 0
    problem: str = ""

    @property
    def has_dataset(self) -> bool:
        """Whether something in it, as far as it was looked at, looks like a dataset."""
        return any(entry.kind or (entry.inside is not None and entry.inside.has_dataset) for entry in self.entries)


@dataclass(frozen=True)
class Entry:
    """A folder or a file in a folder: what it looks like as a dataset, and what is inside, if that is known."""

    path: Path
    kind: str
    is_folder: bool
    inside: Listing | None = None


def look(folder: Path, recognise: Recognise, depth: int = 0) -> Listing:
    """The folders in a folder and the files that look like a dataset; so many levels below that are no dataset."""
    is_dataset = bool(recognise(folder))
    try:
        with os.scandir(folder) as found:
            named = sorted(_wanted(islice(found, _READ)), key=lambda item: _order(item[0]))
    except OSError as error:
        return Listing(problem=error.strerror or "cannot be opened")
    entries: list[Entry] = []
    for name, is_folder in named:
        path = folder / name
        # What is in a dataset is part of it.
        kind = recognise(path) if not is_dataset and len(entries) < (_LOOKED_AT if depth else MOST) else ""
        if is_folder or kind:
            dull = not depth or kind or not is_folder or name in _DULL
            entries.append(Entry(path, kind, is_folder, None if dull else look(path, recognise, depth - 1)))
    return Listing(entries[:MOST], max(0, len(entries) - MOST))


def _wanted(found: Iterator[os.DirEntry[str]]) -> Iterator[tuple[str, bool]]:
    for entry in found:
        is_folder = _is_folder(entry)
        if not entry.name.startswith(".") and (is_folder or entry.name.lower().endswith(".csv")):
            yield entry.name, is_folder


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _order(name: str) -> tuple[bool, bool, str]:
    return (name != FIRST, name in _DULL, name.lower())
