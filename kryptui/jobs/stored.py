"""What a run keeps on this machine's disk: looked at, measured and deleted.

Nothing is deleted but what a trainer writes in `checkpoints/<run id>`, whatever a record says, and no link is
followed from there.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kryptui.engine import folders
from kryptui.jobs.workspace import Workspace
from kryptui.runs import keeping
from kryptui.runs.rows import RunRow

SETTLED_SECONDS = 3600.0
"""What has changed more recently may yet be of a process that this record does not see."""


@dataclass(frozen=True)
class Folder:
    """What a run's folder of checkpoints holds: bytes by step and by unfinished name, and the step of `best`."""

    path: Path
    steps: Mapping[int, int]
    unfinished: Mapping[str, int]
    best: int | None = None

    @property
    def bytes(self) -> int:
        """All of it that a trainer wrote."""
        return sum(self.steps.values()) + sum(self.unfinished.values())


def folder_of(workspace: Workspace, run: RunRow) -> Folder | None:
    """The folder of a run's checkpoints, None where this machine has none."""
    return look(workspace.checkpoints(run.id, run.workspace)) if keeping.is_run_id(run.id) else None


def look(path: Path) -> Folder | None:
    """What a run's folder holds, None where it is missing, a link, or not ours to read."""
    steps: dict[int, int] = {}
    unfinished: dict[str, int] = {}
    try:
        if path.is_symlink() or not path.is_dir():
            return None
        for entry in path.iterdir():
            step = folders.step_of(entry.name)
            if folders.is_unfinished(entry.name):
                unfinished[entry.name] = _bytes(entry)
            elif step is not None and entry.is_dir() and not entry.is_symlink():
                steps[step] = _bytes(entry)
    except PermissionError:
        return None
    return Folder(path, steps, unfinished, folders.pointed(path, "best"))


def is_settled(path: Path) -> bool:
    """Whether a folder and what lies directly in it has not changed for long."""
    try:
        entries = [path, *(path.iterdir() if path.is_dir() else ())]
        changed: float = max(entry.lstat().st_mtime for entry in entries)
    except OSError:
        return False
    return time.time() - changed > SETTLED_SECONDS


def name_of(folder: Folder) -> str | None:
    """The name of the run that a folder is of, as its newest checkpoint tells it."""
    for step in sorted(folder.steps, reverse=True):
        try:
            meta = json.loads((folders.step_folder(folder.path, step) / folders.META_FILE).read_text("utf-8"))
            return str(meta["config"]["name"])
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return None


def remove(path: Path, steps: Iterable[int], unfinished: Iterable[str] = ()) -> list[str]:
    """Deletes checkpoints of a run's folder with the pointers at them, and unfinished ones.

    Returns what could not be done, in words.
    """
    problems = []
    for name in unfinished:
        problems += _tried(path / name, folders.delete)
    for step in steps:
        pointers = [path / name for name in folders.POINTERS if folders.pointed(path, name) == step]
        failed = [problem for pointer in pointers for problem in _tried(pointer, Path.unlink)]
        problems += failed or _tried(folders.step_folder(path, step), folders.delete_in_one_piece)
    return problems


def clear(folder: Folder) -> list[str]:
    """Deletes a run's folder with all that a trainer wrote in it. Returns what could not be done, in words."""
    path = folder.path
    problems = remove(path, folder.steps, folder.unfinished)
    pointers = [path / name for name in folders.POINTERS if (path / name).is_symlink()]
    problems += [problem for pointer in pointers for problem in _tried(pointer, Path.unlink)]
    if problems:
        return problems
    if any(path.iterdir()):
        return [f"{path}: holds what no trainer wrote; that is left there"]
    return _tried(path, Path.rmdir)


def _tried(path: Path, act: Callable[[Path], None]) -> list[str]:
    try:
        act(path)
    except FileNotFoundError:
        return []  # gone already
    except OSError as error:
        return [f"{path}: could not be deleted ({error.strerror or error})"]
    return []


def _bytes(path: Path) -> int:
    """The bytes of a file, or of all files below a folder."""
    total = 0
    below = (Path(place) / name for place, _, names in os.walk(path) for name in names)
    for file in below if path.is_dir() and not path.is_symlink() else (path,):
        try:
            total += file.lstat().st_size
        except OSError:
            continue  # gone meanwhile
    return total
