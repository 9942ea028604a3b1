"""A program in a real pseudo-terminal, timed from the key to the bytes that show it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self


class Terminal:
    """Runs a command in a terminal of its own size; what it writes is read as it comes."""

    def __init__(self, command: Sequence[str], cwd: Path, columns: int = 160, lines: int = 45) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=environment, start_new_session=True
        )
        os.close(slave)
        self._seen = b""

    def wait_for(self, text: str, seconds: float = 60.0) -> float:
        """Reads until a text has come since the last call, and returns the moment; raises TimeoutError."""
        wanted, deadline = text.encode(), time.perf_counter() + seconds
        while wanted not in self._seen:
            left = deadline - time.perf_counter()
            if left <= 0 or not select.select([self._master], [], [], left)[0]:
                raise TimeoutError(f"{text!r} did not come within {seconds:g} s")
            self._seen += os.read(self._master, 1 << 16)
        return time.perf_counter()

    def rest(self, seconds: float) -> None:
        """Reads what comes for a while, and forgets it."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            if select.select([self._master], [], [], left)[0]:
                os.read(self._master, 1 << 16)
        self._seen = b""

    def send(self, keys: str) -> float:
        """Types, and returns the moment; what came before is forgotten."""
        self._seen = b""
        now = time.perf_counter()
        os.write(self._master, keys.encode())
        return now

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._master)
