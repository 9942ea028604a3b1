"""The background threads of an app: one trains what is queued, another answers; both tell what becomes of it.

This module loads no torch; its threads do.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kryptui.errors import KryptuiError
from kryptui.jobs import answers
from kryptui.jobs.events import Answered, AnswerProgress, Began, Ended, Event, Leave, Said
from kryptui.jobs.streams import Lines

if TYPE_CHECKING:
    from kryptui.config import AnyConfig
    from kryptui.engine.predict import Written
    from kryptui.engine.protocols import Recorder
    from kryptui.jobs.training import Onlooker
    from kryptui.jobs.worker import Look, Worker
    from kryptui.jobs.workspace import Workspace
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store

__all__ = ["AnswerProgress", "Answered", "Began", "Ended", "Event", "Launcher", "Leave", "Said"]

MESSAGES = 1000
"""How many lines that belong to no run are kept."""

SPARE = 1
"""Processors that the screen needs."""


class Launcher:
    """Trains one run at a time in this process, and makes submissions beside it.

    `hear` is called from its threads, and must not wait. All methods are safe from any thread, but not in a
    signal handler; only those wait that say so. The end of the process waits for both threads: a run in progress
    goes on to its end, an idle thread ends by itself.
    """

    def __init__(self, workspace: Workspace, hear: Callable[[Event], None] | None = None) -> None:
        self._workspace, self._hear = workspace, hear
        self._messages: deque[str] = deque(maxlen=MESSAGES)
        self._printed = Lines(self.log)
        self._answers = answers.Answers(
            workspace, answers.Ear(self._answer_progressed, self._answered, self._settled)
        )
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._worker: Worker | None = None
        self._launched: set[str] = set()
        self._launching = 0
        self._leaving = self._finishing = self._giving_back = False
        self._row: RunRow | None = None
        self._recorder: Recorder | None = None
        self._early: deque[tuple[str, str]] = deque(maxlen=MESSAGES)
        self._untold = 0  # runs taken whose end has not been told

    def listen(self, hear: Callable[[Event], None]) -> None:
        """Tells somebody else from now on."""
        self._hear = hear

    # Training

    def launch(self, config: AnyConfig) -> str:
        """Puts a configuration in the queue, works on the queue from now on, and returns the run's id.

        Loads the data; raises InputError for anything wrong, such as a device that is not here, before any run is
        on record.
        """
        from kryptui.jobs import leases

        with self._counted_launch():
            leases.seats(config.device)
            run_id = self.enqueue(config)
            self._launched.add(run_id)
            self.work()
        return run_id

    def enqueue(self, config: AnyConfig) -> str:
        """Puts a configuration in the queue for whoever works on it, here or elsewhere; else as `launch`."""
        from kryptui.jobs import training

        return training.enqueue(config, self._workspace)

    def resume(self, run_id: str) -> None:
        """Queues a run that was interrupted, to go on from its last checkpoint, and works on the queue.

        Raises InputError where the run cannot be resumed.
        """
        from kryptui.jobs import training

        with self._counted_launch():
            with self._workspace.open(create=False) as store:
                training.check_resumable(store.get_run(run_id))
                store.queue_run(run_id)
            self._launched.add(run_id)
            self.work()

    def work(self) -> None:
        """Works on the workspace's queue from now on, looking at once; does nothing after `leave`."""
        with self._changed:
            self._wake.set()
            if self._thread is None and not self._leaving:
                self._thread = threading.Thread(target=self._work, name="training")
                self._thread.start()

    @property
    def working(self) -> bool:
        """Whether runs are taken from the queue here."""
        return self._thread is not None and not self._leaving

    @property
    def training(self) -> str | None:
        """The id of the run that is in progress here."""
        row = self._row
        return None if row is None else row.id

    @property
    def busy(self) -> bool:
        """Whether anything is in progress here: a training run, a launch, or submissions."""
        return bool(self._untold or self._launching or self._answers.busy)

    def stop_training(self) -> None:
        """The run in progress here saves a checkpoint and ends as stopped; others are taken after it."""
        worker = self._worker
        if worker is not None:
            worker.stop_run()

    def leave(self, requeue: bool = False) -> None:
        """No run is taken any more. The one in progress goes on, or saves and goes back to the queue."""
        with self._changed:
            self._leaving, self._giving_back = True, self._giving_back or requeue
            self._tell_worker()

    def finish(self) -> None:
        """Only what was launched or resumed here is taken any more, and nothing once all of that has ended."""
        with self._changed:
            self._finishing = True
            self._tell_worker()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until all that is in progress here has ended and been told of; whether it has.

        After `leave` and `finish`, also until nothing can begin any more.
        """
        with self._changed:
            return self._changed.wait_for(self._is_at_rest, timeout)

    def close(self) -> None:
        """Leaves and waits: what is in progress saves and ends as stopped, submissions are stopped."""
        self.leave()
        self.cancel()
        thread = self._thread
        self.stop_training()
        while not self.wait(0.1):
            self.stop_training()  # where a run was just being taken
        if thread is not None:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Submissions

    def submit(
        self,
        what: str,
        checkpoint: str,
        source: Path,
        output: Path,
        options: Mapping[str, Any],
        device: str | None = None,
    ) -> int:
        """Writes the answers of a run's checkpoint (best, last or step-N) to a file, after those asked for before.

        Returns the ticket by which its progress and its end are told.
        """
        return self._answers.ask(what, checkpoint, source, output, options, device)

    def cancel(self, ticket: int | None = None) -> None:
        """Stops a submission, or all of them, after the batch; that is told as its end."""
        self._answers.cancel(ticket)

    # Lines

    @property
    def messages(self) -> list[str]:
        """The latest lines that belong to no run."""
        with self._changed:
            return list(self._messages)

    def keep(self, text: str) -> None:
        """Keeps lines that belong to no run."""
        with self._changed:
            self._messages.extend(text.splitlines())

    def log(self, line: str, level: str = "info") -> None:
        """A line for the log of the run in progress here, or of the submission; else it belongs to no run."""
        with self._changed:
            recorder = self._answers.recorder if self._row is None else self._recorder
            if recorder is not None:
                recorder.log(level, line)
            elif self._row is not None:
                self._early.append((level, line))
            else:
                self._messages.append(line)

    def warn(self, line: str) -> None:
        """A warning for the logs of all that is in progress here."""
        with self._changed:
            if self._row is not None:
                self.log(line, "warning")
            recorder = self._answers.recorder
            if recorder is not None:
                recorder.log("warning", line)

    def write(self, text: str) -> None:
        """Printed text, in pieces as it comes: its lines are logged."""
        self._printed.write(text)

    # The thread that trains

    def _work(self) -> None:
        try:
            from kryptui.jobs.worker import Ear, Worker

            with self._workspace.open() as store:
                ear = Ear(self._say, self._taken, lambda row, outcome, why: self._ended(store, row, outcome, why))
                worker = Worker(self._workspace, store, ear)
                with self._changed:
                    self._worker = worker
                    self._tell_worker()
                self._work_on(worker, store)
        except BaseException as error:
            self._say(f"the queue is not worked on: {self._words(error)}")
        finally:
            self._end_thread()

    def _work_on(self, worker: Worker, store: Store) -> None:
        from kryptui.jobs.worker import LOOK_SECONDS, PATIENCE_SECONDS

        while threading.main_thread().is_alive():
            self._wake.clear()
            found = self._look(worker, store)
            with self._changed:
                is_done = self._finishing and found == "empty" and not (self._launching or self._wake.is_set())
                if worker.stopping or is_done:
                    return self._end_thread()  # before anybody wakes it in vain
            if found != "ran":
                self._wake.wait(PATIENCE_SECONDS if found is None else LOOK_SECONDS)

    def _look(self, worker: Worker, store: Store) -> Look | None:
        """What the worker's look came to; None where it failed, which may end a run but never the thread."""
        try:
            return worker.look()
        except BaseException as error:
            words = self._words(error)
            self._say(f"{words}; looking at the queue again soon")
            row = self._row
            if row is not None:
                self._ended(store, row, *_brought_to_end(store, row, words))
            return None

    def _taken(self, row: RunRow) -> Onlooker:
        from kryptui.jobs.training import Onlooker

        with self._changed:
            self._row = row
            self._untold += 1
        self._tell(Began(row.id, row.name))
        return Onlooker(lambda run_id: None, self._say, self._watch, SPARE)

    def _watch(self, run_id: str, recorder: Recorder) -> Recorder:
        with self._changed:
            for level, line in self._early:  # printed while its data loaded
                recorder.log(level, line)
            self._early.clear()
            self._recorder = recorder
        return recorder

    def _ended(self, store: Store, row: RunRow, outcome: str, why: str) -> None:
        with self._changed:
            early = list(self._early)
            self._early.clear()
            self._row = self._recorder = None
        _log_afterwards(store, row.id, early)
        self._tell(Ended(row.id, row.name, outcome, why))
        self._untold -= 1
        self._settled()

    def _tell_worker(self) -> None:
        """What it has to know; to be called, with the lock, whenever that or the worker is new."""
        worker = self._worker
        if worker is not None:
            if self._finishing:
                worker.only = self._launched
            if self._giving_back:
                worker.stop()
            elif self._leaving:
                worker.leave()
        self._wake.set()

    def _settled(self) -> None:
        """Something has ended: perhaps it is what somebody waits for."""
        with self._changed:
            self._changed.notify_all()

    def _end_thread(self) -> None:
        with self._changed:
            if self._thread is threading.current_thread():
                self._worker = self._thread = None
                self._changed.notify_all()

    def _is_at_rest(self) -> bool:
        return not self.busy and not ((self._leaving or self._finishing) and self._thread is not None)

    @contextmanager
    def _counted_launch(self) -> Iterator[None]:
        """Whoever waits for the launcher waits for what is being launched, too."""
        with self._changed:
            self._launching += 1
        try:
            yield
        finally:
            with self._changed:
                self._launching -= 1
                self._changed.notify_all()

    # Telling

    def _answer_progressed(self, ticket: int, done: int, total: int) -> None:
        self._tell(AnswerProgress(ticket, done, total))

    def _answered(self, ticket: int, result: tuple[str, Written] | None, error: BaseException | None) -> None:
        words = None if error is None else self._words(error)
        self._tell(Answered(ticket, result, words))

    def _say(self, text: str) -> None:
        self._tell(Said(text))

    def _tell(self, event: Event) -> None:
        """Whoever listens may fail, and may have gone."""
        hear = self._hear
        if hear is not None:
            try:
                hear(event)
            except Exception:
                self.keep(traceback.format_exc())

    def _words(self, error: BaseException) -> str:
        """What went wrong, in a line; of an error of the program the traceback is kept."""
        if isinstance(error, KryptuiError):
            return str(error)
        if isinstance(error, KeyboardInterrupt):
            return "stopped"
        self.keep("".join(traceback.format_exception(error)))
        return f"an error of the program ({type(error).__name__}: {' '.join(str(error).split())[:200]})"


def _brought_to_end(store: Store, row: RunRow, words: str) -> tuple[str, str]:
    """How a run has ended that its worker was thrown out of, and why; makes it failed where it has not."""
    from kryptui.runs.status import WITH_PROCESS

    with suppress(KryptuiError):
        if store.get_run(row.id).status in WITH_PROCESS:
            store.finish(row.id, "failed", words, attempt=row.attempt + 1)
        status = store.get_run(row.id).status
        return status, words if status == "failed" else ""
    return "failed", words


def _log_afterwards(store: Store, run_id: str, lines: list[tuple[str, str]]) -> None:
    """Puts lines into the log of a run that has ended."""
    from kryptui.runs import batch
    from kryptui.runs.schema import storable

    items = [batch.LogLine(time.time(), level, storable(line)) for level, line in lines]
    if items:
        with suppress(KryptuiError):
            store.append(run_id, store.get_run(run_id).attempt, items, {}, {}, {})
