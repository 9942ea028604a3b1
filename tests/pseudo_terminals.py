"""Pseudo-terminals for tests, which can be taken away from the programs on them."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 60


class Terminal:
    """A pseudo-terminal: the end that a program has, and the one that a person has and can close."""

    def __init__(self, columns: int = 72, lines: int = 20) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.shown = b""

    def run(
        self, command: Sequence[str], cwd: Path, environment: Mapping[str, str], controls: bool = True
    ) -> subprocess.Popen[bytes]:
        """Starts a program on it, in a session of its own.

        Only where it `controls` the session, a signal says that it is gone.
        """

        def take() -> None:
            if controls:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        ends = {"stdin": self.slave, "stdout": self.slave, "stderr": self.slave}
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, start_new_session=True, preexec_fn=take, **ends
        )
        os.close(self.slave)
        self.slave = -1
        return process

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def wait_for(self, text: bytes) -> None:
        """Waits until this has been shown."""
        while text not in self.shown:
            assert select.select([self.master], [], [], SECONDS)[0], self.shown
            self.shown += os.read(self.master, 65536)

    def look(self) -> None:
        """Takes what is there to be shown, so that a program can go on writing."""
        while self.master >= 0 and select.select([self.master], [], [], 0)[0]:
            try:
                self.shown += os.read(self.master, 65536)
            except OSError:  # no program is there any more
                return

    def close(self) -> None:
        """Takes it away."""
        os.close(self.master)
        self.master = -1

    def end(self) -> None:
        """Closes what is left of it."""
        for descriptor in (self.master, self.slave):
            if descriptor >= 0:
                os.close(descriptor)
