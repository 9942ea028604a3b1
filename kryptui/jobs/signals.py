"""Ctrl-C and SIGTERM finish the batch and save, a second one leaves at once; a lost terminal changes nothing."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

INTERRUPTED = 130
_SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def graceful(stop: Callable[[], None], hung_up: Callable[[], None] | None = None) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM call `stop`; a second one ends the process with exit code 130.

    SIGHUP, as when an SSH connection breaks, calls `hung_up`, and what is written to the terminal then is dropped.
    """
    seen = False
    terminals = own_terminals()

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal seen
        if seen:
            with suppress(OSError):
                os.write(2, _SHOW_CURSOR.encode() if os.isatty(2) else b"")
            os._exit(INTERRUPTED)
        seen = True
        stop()
        # Past sys.stderr, whose buffer may be in use just where the signal came; nobody may be there to read.
        with suppress(OSError):
            os.write(2, b"\nstopping: finishing the batch and saving (again to leave at once)\n")

    def hang_up(number: int, frame: FrameType | None) -> None:
        let_go(terminals)
        if hung_up is not None:
            # It may wait for a lock that the interrupted code holds.
            threading.Thread(target=hung_up).start()

    handlers = {signal.SIGINT: handle, signal.SIGTERM: handle, signal.SIGHUP: hang_up}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # started by nohup, which has seen to it
        del handlers[signal.SIGHUP]
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def own_terminals() -> list[int]:
    """Those of the descriptors 0, 1 and 2 that are a terminal; to be asked while it is there."""
    return [number for number in (0, 1, 2) if _is_terminal(number)]


def let_go(descriptors: Iterable[int]) -> None:
    """Makes descriptors of a terminal read and write nothing; safe in a signal handler."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nothing, descriptor)
    os.close(nothing)


def _is_terminal(descriptor: int) -> bool:
    with suppress(OSError):
        return os.isatty(descriptor)
    return False
