"""A GPU serves one training run at a time: a lock on a file named after it, mirrored in the record.

The lock is the operating system's, so it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from kryptui.errors import InputError, KryptuiError
from kryptui.runs import leases
from kryptui.runs.store import Store

LOCKS = Path("/tmp/kryptui-leases")
"""One place for all users and jobs of the machine, whatever their TMPDIR."""


@dataclass(frozen=True)
class Seat:
    """A device to train on: its name to torch, and what is leased with it; the CPU is not leased."""

    device: str
    resource: str | None = None


class Lease:
    """The right to train on a seat, until it is given back or its process ends."""

    def __init__(self, seat: Seat, store: Store, run_id: str, lock: int | None) -> None:
        self.seat, self._store, self._run_id, self._lock = seat, store, run_id, lock

    def give_back(self) -> None:
        """Lets the next run have it."""
        lock, self._lock = self._lock, None
        if lock is None or self.seat.resource is None:
            return
        try:
            with suppress(KryptuiError):  # whoever comes next replaces it
                leases.remove(self._store, self.seat.resource, self._run_id)
        finally:
            os.close(lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.give_back()


def seats(device: str) -> list[Seat]:
    """The seats that the word of a configuration allows here: of `cuda` any GPU, of `auto` too if there is one.

    Raises InputError where this machine has no such device.
    """
    import torch

    from kryptui.engine.device import resolve

    found = resolve(device, "fp32", None).device
    if found.type != "cuda":
        return [Seat("cpu")]
    numbers = [found.index] if ":" in device else range(torch.cuda.device_count())
    return [Seat(f"cuda:{number}", f"gpu:{torch.cuda.get_device_properties(number).uuid}") for number in numbers]


def take(choice: Sequence[Seat], store: Store, run_id: str) -> Lease | None:
    """A lease on the first free seat for a run, or None where all are taken."""
    for seat in choice:
        if seat.resource is None:
            return Lease(seat, store, run_id, None)
        lock = _lock(seat.resource)
        if lock is None:
            continue
        try:
            mirrored = leases.mirror(store, seat.resource, run_id)
        except BaseException:
            os.close(lock)
            raise
        if mirrored:
            return Lease(seat, store, run_id, lock)
        os.close(lock)
    return None


def who_has(choice: Sequence[Seat], store: Store) -> str:
    """Who has the seats, in words: `cuda:0 is busy with kp3f7a2b (resnet18)`."""
    known = leases.holders(store, [seat.resource for seat in choice if seat.resource])
    words = []
    for seat in choice:
        run_id, name = known.get(seat.resource or "", ("", ""))
        words.append(f"{seat.device} is busy {f'with {run_id} ({name})' if run_id else 'in another record'}")
    return ", ".join(words)


def _lock(resource: str) -> int | None:
    """The open, locked file of a resource, or None where another has locked it."""
    path = LOCKS / (resource.replace(":", "-").replace("/", "-") + ".lock")
    try:
        descriptor = _open(path)
    except OSError as error:
        raise InputError(f"{path}: cannot reserve a GPU by it ({error.strerror}); remove it") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _open(path: Path) -> int:
    """Opens a file that any user of this machine may lock, and nobody needs to write.

    An existing one is opened to read: in a sticky folder Linux refuses another user's file to whoever would create
    or write it.
    """
    if not LOCKS.is_dir():
        with suppress(FileExistsError):
            LOCKS.mkdir()
            LOCKS.chmod(0o1777)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:  # another process was first
            descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "not a plain file")
    return descriptor
