"""A whole program in a real pseudo-terminal: keys go in, the screen that a person would see comes out."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte
from toys import environment

_CSI = "\x1b["
KEYS = {
    "enter": "\r", "escape": "\x1b", "tab": "\t", "space": " ", "backspace": "\x7f", "delete": f"{_CSI}3~",
    "up": f"{_CSI}A", "down": f"{_CSI}B", "right": f"{_CSI}C", "left": f"{_CSI}D", "home": f"{_CSI}H",
    "end": f"{_CSI}F", "pageup": f"{_CSI}5~", "pagedown": f"{_CSI}6~", "shift+tab": f"{_CSI}Z", "f2": "\x1bOQ",
    "ctrl+p": "\x10", "ctrl+c": "\x03", "ctrl+q": "\x11", "ctrl+s": "\x13",
}  # fmt: skip
SECONDS = 120


class Terminal:
    """A command in a terminal of its own session, so that what happens to it happens to no other."""

    def __init__(
        self,
        *command: str,
        cwd: Path,
        columns: int = 120,
        lines: int = 34,
        env: dict[str, str | None] | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        settings: dict[str, str | None] = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
        surroundings = {**environment(), "COLUMNS": None, "NO_COLOR": None, **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kryptui", *command],
            stdin=slave, stdout=slave, stderr=slave, cwd=cwd, start_new_session=True,
            env={name: value for name, value in surroundings.items() if value is not None},
        )  # fmt: skip
        os.close(slave)

    @property
    def text(self) -> str:
        """The screen, line by line."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def press(self, *keys: str) -> None:
        """Presses keys by name, or types text letter by letter."""
        for key in keys:
            os.write(self.master, KEYS.get(key, key).encode())
            self.read(0.03)

    def read(self, seconds: float) -> None:
        """Takes in what is written within some time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left)[0]:
                return
            try:
                data = os.read(self.master, 1 << 16)
            except OSError:  # the program has ended
                return
            if not data:
                return
            self.written += data
            # The emulator does not know the private forms of these: keyboard protocol, pixels of the mouse.
            self._stream.feed(_without_private(data))

    def wait_for(self, *words: str, seconds: float = SECONDS, gone: bool = False) -> None:
        """Waits until all words are on the screen, or with `gone` none; else fails with what is shown."""
        deadline = time.monotonic() + seconds
        while True:
            shown = " ".join(self.text.split())
            if all((word in shown or word in self.text) != gone for word in words):
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"{words} {'did not go' if gone else 'did not come'}:\n{self.text}")
            self.read(0.1)

    def wait_for_end(self, seconds: float = SECONDS) -> int:
        """The exit code, once the program has ended."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"did not end:\n{self.text}")
            self.read(0.05)
        self.read(0.2)
        return int(self.process.returncode)

    def close(self) -> None:
        """The terminal goes away, as when its window is closed; the program stays as it is."""
        os.close(self.master)
        self.master = -1

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
        if self.master >= 0:
            os.close(self.master)


def _without_private(data: bytes) -> bytes:
    for word in (
        b"\x1b[>11u",
        b"\x1b[>1u",
        b"\x1b[<u",
        b"\x1b[?2026$p",
        b"\x1b[?2048$p",
        b"\x1b[?2026h",
        b"\x1b[?2026l",
    ):
        data = data.replace(word, b"")
    return data


def sgr_codes(written: bytes) -> set[str]:
    """Every number in a sequence that sets colours or attributes; other palettes than the 16 as `38;5`, `38;2`."""
    codes: set[str] = set()
    for found in re.finditer(rb"\x1b\[([0-9;]*)m", written):
        words: Sequence[str] = found[1].decode().split(";")
        place = 0
        while place < len(words):
            if words[place] in ("38", "48") and place + 1 < len(words):
                codes.add(f"{words[place]};{words[place + 1]}")
                place += 3 if words[place + 1] == "5" else 5
            else:
                codes.add(words[place])
                place += 1
    return codes
