"""Helpers for tests that stand in for an app: somebody who hears its launcher."""

from __future__ import annotations

import threading
from typing import TypeVar

from kryptui.jobs.launcher import Answered, AnswerProgress, Began, Ended, Event, Said
from kryptui.runs.store import Store

T = TypeVar("T", Began, Ended, AnswerProgress, Answered, Said)
SECONDS = 60


class Ears:
    """Hears a launcher, and waits for what it tells."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._heard = threading.Condition()

    def hear(self, event: Event) -> None:
        with self._heard:
            self.events.append(event)
            self._heard.notify_all()

    def all(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    def wait_for(self, kind: type[T], count: int = 1) -> T:
        """The event of a kind that is the `count`th."""
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.all(kind)) >= count, SECONDS), self.events
        return self.all(kind)[count - 1]


def lines_of(store: Store, run_id: str) -> list[str]:
    return [line.text for line in store.log_lines(run_id)]
