"""How anyone steers a running loop: wishes that it looks at after every step."""

from __future__ import annotations

import time
from collections import deque

_LOOK_SECONDS = 0.05


class Control:
    """Wishes to a training loop; safe from any thread and from a signal handler.

    It has no locks: a handler that runs while its own thread holds one would wait for itself.
    """

    def __init__(self) -> None:
        self._stop = self._pause = self._is_waiting = False
        self._checkpoints: deque[None] = deque()
        self._evaluations: deque[None] = deque()

    def stop(self) -> None:
        """Finish the batch, save, leave; ends a pause too."""
        self._stop = True

    def pause(self) -> None:
        """Wait before the next batch."""
        self._pause = True

    def resume(self) -> None:
        """End a pause."""
        self._pause = False

    def checkpoint(self) -> None:
        """Save after this batch."""
        self._checkpoints.append(None)

    def evaluate(self) -> None:
        """Measure after this batch; counts neither for patience nor for the best."""
        self._evaluations.append(None)

    @property
    def stopping(self) -> bool:
        """Whether the loop is to leave."""
        return self._stop

    @property
    def paused(self) -> bool:
        """Whether the loop is to wait."""
        return self._pause and not self._stop

    @property
    def is_waiting(self) -> bool:
        """Whether the loop does wait, saved and between two batches."""
        return self._is_waiting

    def wait_while_paused(self, seconds: float) -> bool:
        """Waits at most so long for the end of a pause; whether it has ended."""
        self._is_waiting = True
        deadline = time.monotonic() + seconds
        while self.paused and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        self._is_waiting = self.paused
        return not self.paused

    def take_checkpoint(self) -> bool:
        """Whether a checkpoint is wished for; granting it is the caller's."""
        return _take(self._checkpoints)

    def take_evaluate(self) -> bool:
        """Whether an evaluation is wished for; likewise."""
        return _take(self._evaluations)


def _take(wishes: deque[None]) -> bool:
    """Whether there were any; one answer grants them all."""
    wished = False
    while wishes:
        wishes.popleft()
        wished = True
    return wished
