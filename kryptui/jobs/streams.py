"""What libraries print on descriptors 1 and 2 becomes lines for somebody, while a screen has the terminal."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

LONGEST = 2000
"""Characters of a line; longer ones are split."""

BAR_SECONDS = 5.0
"""How often a bar that overwrites itself is a line; its last state always is."""

_PIPE_BYTES = 1 << 20
_READ_BYTES = 1 << 16
_LAST_SECONDS = 1.0

# What drives a terminal: colours, cursor moves, titles.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_ENDS = re.compile(r"\r\n|\r|\n")


class Lines:
    """Cuts text into lines as it comes, and hands each to `sink`: one thread at a time, blank ones left out.

    What a carriage return overwrites is left out too, but for a line every few seconds.
    """

    def __init__(self, sink: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._sink, self._clock = sink, clock
        self._rest = ""
        self._lock = threading.Lock()
        self._bar_at = -BAR_SECONDS

    def write(self, text: str) -> None:
        """Takes more text."""
        with self._lock:
            # A carriage return at the end may be the half of a line's end.
            held = "\r" if text.endswith("\r") else ""
            whole = self._rest + text.removesuffix("\r")
            at = 0
            for end in _ENDS.finditer(whole):
                self._ended(whole[at : end.start()], overwritten=end[0] == "\r")
                at = end.end()
            rest = whole[at:]
            while len(rest) > LONGEST:
                self._hand(rest[:LONGEST])
                rest = rest[LONGEST:]
            self._rest = rest + held

    def end(self) -> None:
        """No more comes: a line without an end is one too."""
        with self._lock:
            rest, self._rest = self._rest, ""
            self._ended(rest.removesuffix("\r"), overwritten=False)

    def _ended(self, line: str, *, overwritten: bool) -> None:
        if overwritten:
            now = self._clock()
            if not line.strip() or now - self._bar_at < BAR_SECONDS:
                return
            self._bar_at = now
        for start in range(0, len(line), LONGEST):
            self._hand(line[start : start + LONGEST])

    def _hand(self, line: str) -> None:
        words = _ESCAPES.sub("", line).rstrip()
        if words:
            # Whoever listens may fail; what others print must be read nevertheless, or they would fail too.
            with suppress(Exception):
                self._sink(words)


class Kept:
    """While inside, what goes to descriptors 1 and 2 is handed to `sink` as lines, from a thread.

    `terminal_in` and `terminal_out` are the terminal that was there before. Writing never waits for the reader:
    where a library writes more than a mebibyte at once, the rest of it is refused.
    """

    def __init__(self, sink: Callable[[str], None]) -> None:
        self._lines = Lines(sink)

    def __enter__(self) -> Self:
        _flush()
        self.terminal_in, self._out, self._error = (os.dup(number) for number in (0, 1, 2))
        self.terminal_out = self._out if os.isatty(self._out) else self._error
        self._pipe, entry = os.pipe()
        with suppress(OSError, AttributeError):  # no right to so large a pipe, or not Linux
            fcntl.fcntl(entry, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(entry, False)
        for number in (1, 2):
            os.dup2(entry, number)
        os.close(entry)
        self._thread = threading.Thread(target=self._read, name="printed", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _flush()
        os.dup2(self._out, 1)
        os.dup2(self._error, 2)
        # At once, unless a process that was started meanwhile can still write: it is read until it ends.
        self._thread.join(_LAST_SECONDS)
        for descriptor in (self.terminal_in, self._out, self._error):
            os.close(descriptor)

    def _read(self) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        while data := os.read(self._pipe, _READ_BYTES):
            self._lines.write(decode(data))
        self._lines.write(decode(b"", True))
        self._lines.end()
        os.close(self._pipe)


def _flush() -> None:
    """What Python has buffered goes where it was meant to."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
