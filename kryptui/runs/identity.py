"""Who a process is, so that a process that has ended is never taken for another that got its number."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process of a host: boot and pid namespace say what its pid means, the start time makes it unique.

    Without /proc (macOS) boot id and namespace are empty, and the start time comes from psutil.
    """

    host: str
    boot_id: str
    pid_namespace: str
    pid: int
    start_time: str

    @classmethod
    def current(cls) -> Process:
        """The process that asks."""
        pid = os.getpid()
        return cls(socket.gethostname(), _boot_id(), _pid_namespace(), pid, _start_time(pid) or "unknown")

    @classmethod
    def parse(cls, text: str) -> Process:
        """The process that `str` wrote; raises ValueError for any other text."""
        parts = text.split("|")
        if len(parts) != 5:
            raise ValueError(f"not a process identity: {text!r}")
        host, boot_id, namespace, pid, start_time = parts
        return cls(host, boot_id, namespace, int(pid), start_time)

    def __str__(self) -> str:
        return "|".join((self.host, self.boot_id, self.pid_namespace, str(self.pid), self.start_time))


def alive(process: Process) -> bool | None:
    """Whether the process still runs, or None where this host and pid namespace cannot tell."""
    if process.host != socket.gethostname():
        return None
    if process.boot_id != _boot_id():
        return False  # this host has booted since
    if process.pid_namespace != _pid_namespace():
        return None
    return _start_time(process.pid) == process.start_time


@cache
def _boot_id() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@cache
def _pid_namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _start_time(pid: int) -> str | None:
    """When the process started, in the system's own form; None where it has ended, reaped or not."""
    if not (_PROC / "self/stat").exists():
        return _start_time_from_psutil(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in brackets, which may itself hold brackets and spaces.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZXx" else fields[18]


def _start_time_from_psutil(pid: int) -> str | None:
    import psutil  # type: ignore[import-untyped]

    try:
        process = psutil.Process(pid)
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return None if ended else f"{process.create_time():.2f}"
    except psutil.Error:
        return None
