"""Room on the disks that runs write to."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from kryptui.draw.numerals import size
from kryptui.jobs.doctor.finding import Finding, guarded, note, ok, problem

LITTLE, NONE = 10e9, 1e9
"""Free bytes under which there is a note, and a problem."""

FEW_FILES = 10_000
SHARED_MEMORY = Path("/dev/shm")
_LITTLE_SHARED = 64 << 20  # what Docker gives
_SECONDS = 1.0
_FREE = "free some: kryptui runs prune drops old checkpoints"


def examine(root: Path, record: Path | None) -> list[Finding]:
    """The disks of the workspace, of its checkpoints and of the record's folder, each once."""
    folders = {"workspace": root, "checkpoints": root / "checkpoints", "record": record}
    found: list[Finding] = []
    seen: set[int] = set()
    for name, folder in folders.items():
        if folder is not None:
            found += guarded(name, partial(check_room, name, folder, seen))
    found += guarded("checkpoints", partial(check_checkpoints, root / "checkpoints"))
    return found + guarded("shared memory", partial(check_shared_memory, SHARED_MEMORY))


def check_room(name: str, folder: Path, seen: set[int]) -> Iterator[Finding]:
    """How much fits on the disk of a folder, unless it is one of `seen`, to which it is added."""
    if not folder.is_dir() or folder.stat().st_dev in seen:
        return
    seen.add(folder.stat().st_dev)
    if not os.access(folder, os.W_OK):
        yield problem(name, f"{folder} cannot be written to", "make it writable, or work in another folder")
    usage = shutil.disk_usage(folder)
    fact = f"{folder}: {size(usage.free)} of {size(usage.total)} free"
    if usage.free < NONE:
        yield problem(name, fact, _FREE)
    elif usage.free < LITTLE:
        yield note(name, fact, _FREE)
    else:
        yield ok(name, fact)
    system = os.statvfs(folder)
    if system.f_files and system.f_favail < FEW_FILES:  # some file systems do not count files and say 0
        state = problem if system.f_favail < FEW_FILES // 100 else note
        fact = f"{folder}: room for {system.f_favail} more files, however small"
        yield state(name, fact, "delete folders of many small files; df -i shows where they may be")


def check_checkpoints(folder: Path) -> Finding:
    """What they take; they are counted for a second at most."""
    if not folder.is_dir():
        return ok("checkpoints", "none here yet")
    deadline = time.monotonic() + _SECONDS
    runs = taken = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                runs += 1
                taken += sum(_sizes(Path(entry.path), deadline))
    more = "more than " if time.monotonic() > deadline else ""
    return ok("checkpoints", f"{more}{size(taken)}, of {runs} {'run' if runs == 1 else 'runs'}")


def check_shared_memory(place: Path) -> Iterable[Finding]:
    """Whether worker processes could hand over batches; kryptui's own decoders are threads and need none."""
    if not place.is_dir():
        return []
    total = shutil.disk_usage(place).total
    if total > _LITTLE_SHARED:
        return []
    fact = f"{place} holds {size(total)}: enough for kryptui, too little for worker processes of a task of yours"
    return [note("shared memory", fact, "start the container with --shm-size 2g, if a task needs it")]


def _sizes(folder: Path, deadline: float) -> Iterator[int]:
    for path, _, names in os.walk(folder):
        for name in names:
            if time.monotonic() > deadline:
                return
            try:
                yield os.lstat(Path(path, name)).st_size
            except OSError:  # a run removed it just now
                continue
