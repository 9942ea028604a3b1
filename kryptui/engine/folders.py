"""The names in a run's folder of checkpoints: `step-<n>` folders, and `best` and `last` pointing at two of them.

Torch-free, for those who only need to know what is there.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from kryptui.errors import RunError

META_FILE = "checkpoint.json"
POINTERS = ("best", "last")

_STEP = re.compile(r"step-([0-9]{8,})")


def step_folder(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies in a run's folder."""
    return folder / f"step-{step:08d}"


def step_of(name: str) -> int | None:
    """The step whose checkpoint has this name, None for any other name."""
    match = _STEP.fullmatch(name)
    return int(match[1]) if match and step_folder(Path(), int(match[1])).name == name else None


def unfinished(path: Path) -> Path:
    """Where a checkpoint or a pointer is written before it gets its name, and goes to when it is deleted."""
    return path.with_name(f".{path.name}.writing")


def is_unfinished(name: str) -> bool:
    """Whether `unfinished` gave this name."""
    inner = name.removeprefix(".").removesuffix(".writing")
    return name == f".{inner}.writing" and (inner in POINTERS or step_of(inner) is not None)


def steps(folder: Path) -> list[int]:
    """The steps that have a checkpoint, in order."""
    found = (step_of(path.name) for path in folder.glob("step-*") if path.is_dir())
    return sorted(step for step in found if step is not None)


def point(folder: Path, name: str, step: int) -> None:
    """Makes `best` or `last` mean the checkpoint of a step, in one piece; raises RunError where it cannot."""
    temporary = unfinished(folder / name)
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(step_folder(folder, step).name)
        temporary.replace(folder / name)
        sync(folder)
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"{folder / name}: could not be pointed at step {step} ({reason})") from error


def pointed(folder: Path, name: str) -> int | None:
    """The step that `best` or `last` means, its checkpoint being there or not; None without such a pointer."""
    try:
        return step_of(str((folder / name).readlink()))
    except OSError:
        return None


def remove(folder: Path, step: int) -> None:
    """Deletes the checkpoint of a step; where it cannot, what is left does not pass for one."""
    with suppress(OSError):
        delete_in_one_piece(step_folder(folder, step))


def delete_in_one_piece(path: Path) -> None:
    """Deletes a checkpoint: it is whole or absent even if this process ends halfway. Raises OSError."""
    leftover = unfinished(path)
    if os.path.lexists(leftover):
        delete(leftover)
    path.rename(leftover)
    delete(leftover)


def delete(path: Path) -> None:
    """Deletes a folder with all in it, a file, or a link and not what it points to. Raises OSError."""
    path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)


def remove_unfinished(folder: Path) -> None:
    """Deletes what a process that died while writing left behind."""
    for path in folder.glob(".*.writing"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Returns when a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
