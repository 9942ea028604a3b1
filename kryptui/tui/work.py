"""Work in a thread that takes its time: how far it is, how fast, how long yet, and how it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from rich.text import Text

from kryptui.draw.words import clip, line
from kryptui.spans import duration

TELL_SECONDS = 0.1
"""The least time between two looks at how far it is."""

clock = time.monotonic

_WIDEST_BAR = 24
_NARROWEST_BAR = 6
_FIRST_SECONDS = 0.5  # before that a rate means nothing


class Work:
    """Its thread counts; whoever draws is told now and then, and looks."""

    def __init__(self, what: str, tell: Callable[[], object]) -> None:
        self.what, self.done, self.total = what, 0, 0
        self._tell, self._told = tell, clock()
        self._began = clock()
        self._stop = Event()

    def stop(self) -> None:
        """Asks it to stop."""
        self._stop.set()

    @property
    def is_stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def count(self, what: str, done: int, total: int) -> None:
        """Called by its thread."""
        now = clock()
        if what != self.what or not self.total:
            self._began = now
        self.what, self.done, self.total = what, done, total
        if now - self._told >= TELL_SECONDS or done == total:
            self._told = now
            self._tell()

    @property
    def took(self) -> float:
        """Seconds since it began this part."""
        return clock() - self._began

    def tell(self, width: int) -> Text:
        """A bar and the figures beside it, in at most `width` cells."""
        if self.is_stopped:
            return line(clip("stopping …", width))
        if not self.total:
            return line(clip(f"{self.what} …", width))
        figures = f"{self.done:,}/{self.total:,}"
        took = self.took
        if took >= _FIRST_SECONDS and self.done:
            rate = self.done / took
            left = (self.total - self.done) / rate
            figures += f" · {rate:,.0f}/s · {duration(left)}"
        what = f"{self.what} "
        room = width - len(figures) - 1
        if room < len(what) + _NARROWEST_BAR:
            what = ""
        bar = min(_WIDEST_BAR, room - len(what))
        if bar < _NARROWEST_BAR:
            return line(clip(figures, width))
        full = min(bar, int(bar * self.done / self.total))
        return (
            line(what, "dim").append("▓" * full, "green").append("░" * (bar - full), "dim").append(f" {figures}")
        )
