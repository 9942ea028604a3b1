"""Who a process is, so that a process that has ended is never taken for another that got its number."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process of a host: boot and pid namespace say what its pid means, the start time makes it unique.

    The machine's own id tells a host that has booted from another of the same name. Without /proc (macOS) boot id
    and namespace are empty, and the start time comes from psutil.
    """

    host: str
    boot_id: str
    pid_namespace: str
    pid: int
    start_time: str
    machine: str = ""

    @classmethod
    def current(cls) -> Process:
        """The process that asks."""
        pid = os.getpid()
        start_time = _start_time(pid) or "unknown"
        return cls(socket.gethostname(), _boot_id(), _pid_namespace(), pid, start_time, _machine_id())

    @classmethod
    def parse(cls, text: str) -> Process:
        """The process that `str` wrote; raises ValueError for any other text."""
        parts = text.split("|")
        if len(parts) not in (5, 6):
            raise ValueError(f"not a process identity: {text!r}")
        host, boot_id, namespace, pid, *rest = parts
        return cls(host, boot_id, namespace, int(pid), *rest)

    def __str__(self) -> str:
        words = (self.host, self.boot_id, self.pid_namespace, str(self.pid), self.start_time, self.machine)
        return "|".join(words)


def alive(process: Process) -> bool | None:
    """Whether the process still runs, or None where this host, pid namespace and user cannot tell."""
    if process.host != socket.gethostname():
        return None
    if process.boot_id != _boot_id():
        # This machine has booted since; or it is another one that has the same name.
        return False if process.machine and process.machine == _machine_id() else None
    if process.pid_namespace != _pid_namespace():
        return None
    found = _start_time(process.pid)
    return None if found is None and _is_hidden(process.pid) else found == process.start_time


@cache
def _machine_id() -> str:
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        with suppress(OSError):
            return path.read_text().strip().replace("|", "")
    return ""


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


def _is_hidden(pid: int) -> bool:
    """Whether another user's process is there, which /proc does not show where it is mounted with hidepid."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return False


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
