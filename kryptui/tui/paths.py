"""Paths as people type them: relative to the workspace, completed from what lies on disk."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

MOST_LOOKED_AT = 5000
"""Entries of a folder that are looked at: a test tree may hold a million."""


def absolute(text: str, root: Path) -> Path:
    """The path that a text means in a workspace."""
    # That of `os`, to which the home of nobody is a name like others, and no error.
    return Path(os.path.normpath(root / os.path.expanduser(text.strip())))  # noqa: PTH111


def short(path: Path, root: Path) -> str:
    """A path as the workspace sees it: relative below it, else whole."""
    try:
        return str(path.relative_to(root))
    except ValueError:
        return str(path)


def shorten(text: str, root: Path) -> str:
    """A line about paths, those below the workspace as it sees them."""
    return text.replace(f"{root}{os.sep}", "")


def completions(text: str, root: Path, suffixes: tuple[str, ...] = (), limit: int = 200) -> list[str]:
    """What the text may go on to: folders, with a slash at their end, and files with one of the suffixes.

    Names with a dot before them are offered to those who type it.
    """
    typed, _, start = text.rpartition("/")
    before = f"{typed}/" if "/" in text else ""
    place = absolute(before or ".", root)
    found = []
    try:
        with os.scandir(place) as entries:
            for entry in islice(entries, MOST_LOOKED_AT):
                name = entry.name
                if not name.startswith(start) or (name.startswith(".") and not start) or not name.isprintable():
                    continue
                if entry.is_dir():
                    found.append(f"{before}{name}/")
                elif name.lower().endswith(suffixes or "\0"):
                    found.append(f"{before}{name}")
    except OSError:
        return []
    return sorted(found)[:limit]
