"""What lies at the paths that are typed, before anything is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kryptui.data.image_names import is_image_name
from kryptui.tui.verify.asked import is_folder


@dataclass(frozen=True)
class Looked:
    """A path, what it is in a word, and what is wrong with it; empty where nothing is."""

    path: Path
    what: str
    problem: str = ""


def look(paths: Sequence[Path]) -> tuple[list[Looked], bool]:
    """Each path, and whether they mean a folder's matrix; touches the disk."""
    folder = is_folder(paths)
    return [_look(path, alone=folder) for path in paths], folder


def _look(path: Path, *, alone: bool) -> Looked:
    try:
        if path.is_dir():
            return Looked(path, "a folder", "" if alone else "is a folder: name it alone, or pictures in it")
        if not path.exists():
            return Looked(path, "", "is not there")
    except (OSError, ValueError) as error:
        return Looked(path, "", getattr(error, "strerror", None) or str(error))
    if alone:
        return Looked(path, "a table of pictures")
    return Looked(path, "a picture" if is_image_name(path.name) else "a file")
