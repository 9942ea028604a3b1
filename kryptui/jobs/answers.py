"""The thread of an app that makes submissions, one after the other, beside whatever else it does."""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kryptui.engine.predict import Written
    from kryptui.jobs.workspace import Workspace
    from kryptui.runs.recorder import Recorder

PROGRESS_SECONDS = 0.1
"""How often it is told how far a submission is."""


@dataclass(frozen=True)
class Ear:
    """Whoever listens to the thread; each submission goes by its ticket."""

    progress: Callable[[int, int, int], None]
    """Ticket, done, total."""
    ended: Callable[[int, tuple[str, Written] | None, BaseException | None], None]
    """Ticket, and the run's id with what was written, or why there is nothing: KeyboardInterrupt if stopped."""
    settled: Callable[[], None]
    """Is called once that has been told."""


@dataclass
class _Question:
    ticket: int
    what: str
    checkpoint: str
    source: Path
    output: Path
    options: Mapping[str, Any]
    device: str | None
    is_cancelled: bool = False


class Answers:
    """Makes submissions in the order in which they are asked for. Safe from any thread.

    Its thread lives only while there are any, and the end of the process waits for it.
    """

    def __init__(self, workspace: Workspace, ear: Ear) -> None:
        self._workspace, self._ear = workspace, ear
        self._lock = threading.Lock()
        self._questions: deque[_Question] = deque()
        self._tickets = 0
        self.recorder: Recorder | None = None
        """That of the submission in progress."""

    def ask(
        self,
        what: str,
        checkpoint: str,
        source: Path,
        output: Path,
        options: Mapping[str, Any],
        device: str | None,
    ) -> int:
        """Has a submission made, and returns its ticket."""
        with self._lock:
            self._tickets += 1
            question = _Question(self._tickets, what, checkpoint, source, output, options, device)
            self._questions.append(question)
            if len(self._questions) == 1:
                threading.Thread(target=self._answer_all, name="answers").start()
        return question.ticket

    def cancel(self, ticket: int | None = None) -> None:
        """Stops a submission, or all, after the batch."""
        with self._lock:
            for question in self._questions:
                if ticket in (None, question.ticket):
                    question.is_cancelled = True

    @property
    def busy(self) -> bool:
        """Whether there are any whose end has not been told."""
        return bool(self._questions)

    def _answer_all(self) -> None:
        while True:
            question, given, error = self._questions[0], None, None
            try:
                given = self._answer(question)
            except BaseException as failure:  # whatever it is, the next one is made
                error = failure
            self.recorder = None
            self._ear.ended(question.ticket, given, error)
            with self._lock:
                self._questions.popleft()
                is_last = not self._questions
            self._ear.settled()
            if is_last:
                return

    def _answer(self, question: _Question) -> tuple[str, Written]:
        import torch

        from kryptui.jobs import answering, sources

        told_at = 0.0

        def check() -> None:
            if question.is_cancelled:
                raise KeyboardInterrupt

        def progress(done: int, total: int) -> None:
            nonlocal told_at
            check()
            now = time.monotonic()
            if now - told_at >= PROGRESS_SECONDS or done == total:
                told_at = now
                self._ear.progress(question.ticket, done, total)

        def began(recorder: Recorder) -> None:
            self.recorder = recorder

        where, device = self._workspace, question.device
        source, output, options = question.source, question.output, question.options
        check()
        try:
            with where.open() as store:
                checkpoint = question.checkpoint
                model, origin = sources.open_model(
                    question.what, where, store, device=device, checkpoint=checkpoint
                )
                check()
                return answering.submit(model, origin, source, output, options, where, store, progress, began)
        finally:
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
