"""A worker: takes runs from the queue one after the other, each once, whatever becomes of them."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass

import torch

from kryptui.engine.control import Control
from kryptui.errors import InputError, KryptuiError, RunError
from kryptui.jobs import leases, training
from kryptui.jobs.leases import Lease
from kryptui.jobs.training import Watch
from kryptui.jobs.workspace import Workspace
from kryptui.runs import queue
from kryptui.runs.rows import RunRow
from kryptui.runs.store import Store

LOOK_SECONDS = 1.0
"""How often an idle worker looks at the queue."""

PATIENCE_SECONDS = 5.0
"""How long a worker waits when the database fails."""


@dataclass
class Tally:
    """What a worker has done; `requeued` were interrupted by its end and wait in the queue again."""

    finished: int = 0
    stopped: int = 0
    failed: int = 0
    requeued: int = 0


class Worker:
    """Drains the queue of a workspace, or of all that share the record.

    `watch` is made anew for each run; `tell` takes lines for the person who looks on.
    """

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        watch: Callable[[RunRow], Watch],
        tell: Callable[[str], None],
        *,
        all_workspaces: bool = False,
    ) -> None:
        self._workspace, self._store, self._watch, self._tell = workspace, store, watch, tell
        self._place = None if all_workspaces else str(workspace.root.resolve())
        self._stopping = threading.Event()
        self._control: Control | None = None
        self._told: set[str] = set()
        self.tally = Tally()

    def stop(self) -> None:
        """Leave: the run in progress saves a checkpoint and goes back to the queue. Safe in a signal handler."""
        self._stopping.set()
        control = self._control
        if control is not None:
            control.stop()

    @property
    def stopping(self) -> bool:
        """Whether the worker is to leave."""
        return self._stopping.is_set()

    def work(self, *, until_empty: bool = False) -> Tally:
        """Takes runs until it is told to stop, or until none is left that it could ever take."""
        while not self.stopping:
            try:
                taken, is_empty = self._take_next()
            except RunError as error:
                self._tell(f"{error}; looking again in {PATIENCE_SECONDS:g} s")
                self._stopping.wait(PATIENCE_SECONDS)
                continue
            if taken is not None:
                self._run(*taken)
            elif is_empty and until_empty:
                break
            else:
                self._stopping.wait(LOOK_SECONDS)
        return self.tally

    def _take_next(self) -> tuple[tuple[RunRow, int, Lease] | None, bool]:
        """The first run whose device is free, claimed; else whether no run is left to wait for."""
        busy: set[str | None] = set()
        is_empty = True
        for row in queue.waiting(self._store, self._place):
            try:
                choice = leases.seats(row.config.get("device", "auto"))
            except InputError as error:
                self._tell_once(row, f"left for another machine: {error}")
                continue
            free = [seat for seat in choice if seat.resource not in busy]
            lease = None if row.held else leases.take(free, self._store, row.id)
            if lease is not None:
                try:
                    return (row, self._store.start_attempt(row.id, queued_only=True), lease), False
                except InputError:  # another worker was first
                    lease.give_back()
                    continue
                except BaseException:
                    lease.give_back()
                    raise
            if not row.held:
                is_empty = False
                self._tell_once(row, f"waits: {leases.who_has(choice, self._store)}")
            busy.update(seat.resource for seat in choice if seat.resource is not None)
        return None, is_empty

    def _run(self, row: RunRow, attempt: int, lease: Lease) -> None:
        control = self._control = Control()
        if self.stopping:  # the signal came between the claim and the line above
            control.stop()
        try:
            with lease:
                done = training.run_queued(
                    row, attempt, lease, self._store, self._workspace, control, self._watch(row)
                )
        except KryptuiError as error:
            self.tally.failed += 1
            self._tell(f"run {row.id} ({row.name}): failed: {error}")
            return
        finally:
            self._control = None
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        ended: str = done.result.outcome
        if ended == "finished":
            self.tally.finished += 1
        elif self.stopping:
            self._store.queue_run(row.id)
            self.tally.requeued += 1
            ended = "stopped, and back in the queue"
        else:
            self.tally.stopped += 1
        self._tell(f"run {row.id} ({row.name}): {ended}")

    def _tell_once(self, row: RunRow, text: str) -> None:
        if row.id not in self._told:
            self._told.add(row.id)
            self._tell(f"run {row.id} ({row.name}): {text}")
