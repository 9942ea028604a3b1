"""A driver on descriptors of its own, which takes a terminal that is gone for what it is."""

from __future__ import annotations

import os
import selectors
import sys
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, cast

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

_LOOK_SECONDS = 0.1
_READ_BYTES = 4096


class Outlet:
    """A file that writes text to a terminal, from a thread of its own; calls `gone` where that fails.

    Whoever writes waits for the terminal, which may stand still for long, but no longer once `end` is called.
    """

    def __init__(self, descriptor: int, gone: Callable[[], None]) -> None:
        # Its own, to be closed by its thread alone, which may be writing for as long as the terminal stands still.
        self._descriptor, self._gone = os.dup(descriptor), gone
        self._encoding = getattr(sys.__stderr__, "encoding", None) or "utf-8"
        self._turn = threading.Condition()
        self._waiting = b""
        self._is_over = False
        threading.Thread(target=self._write_on, name="terminal-output", daemon=True).start()

    def write(self, text: str) -> None:
        """Returns when the text before is written."""
        with self._turn:
            self._turn.wait_for(lambda: not self._waiting or self._is_over)
            self._waiting = text.encode(self._encoding, "backslashreplace")
            self._turn.notify_all()

    def flush(self) -> None:
        """Returns when all text is written."""
        with self._turn:
            self._turn.wait_for(lambda: not self._waiting or self._is_over)

    def end(self) -> None:
        """Nothing is written from now on."""
        with self._turn:
            self._is_over = True
            self._turn.notify_all()

    def _write_on(self) -> None:
        try:
            while not self._is_over:
                with self._turn:
                    self._turn.wait_for(lambda: self._waiting or self._is_over)
                    text = self._waiting
                while text and not self._is_over:
                    text = text[os.write(self._descriptor, text) :]
                with self._turn:
                    self._waiting = b""
                    self._turn.notify_all()
        except OSError:
            self.end()
            self._gone()
        finally:
            os.close(self._descriptor)


class KeptDriver(LinuxDriver):
    """Reads and writes the terminal on given descriptors, and tells once, from a thread, that it is gone.

    From then on it does neither. A class made by `driver_on` knows which terminal.
    """

    terminal_in: ClassVar[int]
    terminal_out: ClassVar[int]
    on_gone: ClassVar[Callable[[], None]]
    current: ClassVar[KeptDriver | None] = None
    """The one that the app has made."""

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self.fileno = self.terminal_in
        self.input_tty = os.isatty(self.fileno)
        self._once = threading.Lock()
        self._is_over = False
        self._outlet: Outlet | None = None
        type(self).current = self

    def let_go(self) -> None:
        """Neither reads nor writes from now on; safe from any thread."""
        self._is_over = True
        self.exit_event.set()
        if self._outlet is not None:
            self._outlet.end()

    def start_application_mode(self) -> None:
        """Takes the terminal, also again after it was suspended."""
        self._outlet = Outlet(self.terminal_out, self._lost)
        if self._is_over:
            self._outlet.end()
        self._file = cast(Any, self._outlet)
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Ends its threads once all is written."""
        super().close()
        if self._outlet is not None:
            self._outlet.end()
        if self._key_thread is not None:
            self._key_thread.join()

    def run_input_thread(self) -> None:
        """Reads what is typed until the app ends or the terminal does."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not (self.exit_event.is_set() or self._is_over):
                if selector.select(_LOOK_SECONDS):
                    data = self._read()
                    if not data:
                        self._lost()
                        break
                    text = decode(data)
                    for message in parser.feed(text) if text else ():  # to the parser, nothing is the end
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
        with suppress(EOFError, ParseError):
            for _ in parser.feed(""):
                pass

    def _read(self) -> bytes:
        """What there is to read; nothing where there will never be any."""
        try:
            return os.read(self.fileno, _READ_BYTES)
        except OSError:
            return b""

    def _lost(self) -> None:
        if not self._is_over and self._once.acquire(blocking=False):
            self.let_go()
            type(self).on_gone()

    def _get_terminal_size(self) -> tuple[int, int]:
        try:
            width, height = os.get_terminal_size(self.terminal_out)
        except OSError:
            width = height = 0
        return width or 80, height or 25

    def _sigcont_application(self, *arguments: Any) -> None:
        # The system sends SIGCONT with a hang-up too: only who was suspended has something to come back to.
        if self._must_signal_resume:
            super()._sigcont_application(*arguments)


def driver_on(terminal_in: int, terminal_out: int, on_gone: Callable[[], None]) -> type[KeptDriver]:
    """The driver for a terminal on these descriptors; `on_gone` is called at most once, from a thread."""
    facts = {"terminal_in": terminal_in, "terminal_out": terminal_out, "on_gone": staticmethod(on_gone)}
    return type("KeptDriver", (KeptDriver,), facts)
