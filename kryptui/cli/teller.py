"""Whoever tells of runs in progress while nobody waits for it."""

from __future__ import annotations

import queue
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Self

_AHEAD = 1000
"""How much may wait to be told."""


class Teller:
    """Tells things in order, in a thread of its own: no run waits for a terminal that stands still.

    What a terminal does not take in time is left out, as it is on record; a pipe is waited for, as its reader may
    want all of it. One that is closed, or a terminal that is gone, is told nothing more.
    """

    def __init__(self) -> None:
        self._waits = not (sys.stdout.isatty() or sys.stderr.isatty())
        self._things: queue.Queue[Callable[[], object] | None] = queue.Queue(_AHEAD)
        self._thread = threading.Thread(target=self._run, name="teller", daemon=True)
        self._thread.start()

    def tell(self, thing: Callable[[], object]) -> None:
        """Calls it when its turn comes."""
        try:
            self._things.put(thing, block=self._waits)
        except queue.Full:
            return

    def close(self) -> None:
        """Comes back when all is told."""
        self._things.put(None)
        self._thread.join()

    def _run(self) -> None:
        is_there = True
        while (thing := self._things.get()) is not None:
            if is_there:
                try:
                    thing()
                except (OSError, ValueError):  # a closed pipe, a terminal that is gone
                    is_there = False
                except Exception:  # the run must not end with it, and somebody must see it
                    traceback.print_exc()
                    is_there = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
