"""A worker: takes runs from the queue one after the other, each once, whatever becomes of them."""

from __future__ import annotations

import gc
import socket
import time
from collections.abc import Callable, Container
from contextlib import chdir
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from kryptui.engine.control import Control
from kryptui.errors import InputError, KryptuiError
from kryptui.jobs import leases, training
from kryptui.jobs.leases import Lease
from kryptui.jobs.training import Onlooker
from kryptui.jobs.workspace import Workspace
from kryptui.runs import queue
from kryptui.runs.rows import RunRow
from kryptui.runs.store import Store

LOOK_SECONDS = 1.0
"""How often an idle worker looks at the queue."""

PATIENCE_SECONDS = 5.0
"""How long a worker waits when the database fails."""

_NAP_SECONDS = 0.05

Outcome = Literal["finished", "stopped", "failed", "requeued"]

Look = Literal["ran", "waits", "empty"]
"""What a look at the queue came to: a run was taken and has ended, some wait for a device, or none is left."""


@dataclass
class Tally:
    """How many runs a worker has brought to which end; `requeued` ones wait in the queue again."""

    finished: int = 0
    stopped: int = 0
    failed: int = 0
    requeued: int = 0


@dataclass(frozen=True)
class Ear:
    """Whoever listens to a worker."""

    tell: Callable[[str], None]
    """Takes lines about the worker itself."""
    taken: Callable[[RunRow], Onlooker]
    """Is told that a run is taken, and looks on from then."""
    ended: Callable[[RunRow, Outcome, str], None]
    """Is told how it ended, and why if it failed."""


class Worker:
    """Drains the queue of a workspace, or of all workspaces on this machine that share the record."""

    def __init__(self, workspace: Workspace, store: Store, ear: Ear, *, all_workspaces: bool = False) -> None:
        self._workspace, self._store, self._ear, self._all = workspace, store, ear, all_workspaces
        self._stopping = self._giving_back = self._run_is_stopped = False
        self._control: Control | None = None
        self._told: set[str] = set()
        self.only: Container[str] | None = None
        """The ids of the runs that it takes, None for any."""
        self.tally = Tally()

    def stop(self) -> None:
        """Leave: the run in progress saves a checkpoint and goes back to the queue. Safe in a signal handler."""
        self._stopping = self._giving_back = True
        self._stop_control()

    def leave(self) -> None:
        """Take no other run; the one in progress goes on to its end. Likewise safe."""
        self._stopping = True

    def stop_run(self) -> None:
        """The run in progress saves a checkpoint and ends as stopped; the worker goes on. Likewise safe."""
        if self._control is not None:
            self._run_is_stopped = True
            self._stop_control()

    @property
    def stopping(self) -> bool:
        """Whether the worker is to leave."""
        return self._stopping

    def work(self, *, until_empty: bool = False) -> Tally:
        """Takes runs until it is told to stop, or until none is left that it could ever take."""
        while not self.stopping:
            try:
                found = self.look()
            except KryptuiError as error:
                self._ear.tell(f"{error}; looking again in {PATIENCE_SECONDS:g} s")
                self._rest(PATIENCE_SECONDS)
                continue
            if found == "empty" and until_empty:
                break
            if found != "ran":
                self._rest(LOOK_SECONDS)
        return self.tally

    def look(self) -> Look:
        """Takes the first run whose device is free, if there is one, and brings it to its end.

        Raises RunError or InputError where the database fails.
        """
        taken, is_empty = self._take_next()
        if taken is None:
            return "empty" if is_empty else "waits"
        self._run(*taken)
        return "ran"

    def _take_next(self) -> tuple[tuple[RunRow, int, Lease] | None, bool]:
        """The first run whose device is free, claimed; else whether no run is left to wait for."""
        busy: set[str] = set()
        is_empty = True
        here = None if self._all else str(self._workspace.root.resolve())
        for row in queue.waiting(self._store, here):
            if row.held and row.host != socket.gethostname():
                continue
            if self.only is not None and not row.held and row.id not in self.only:
                continue
            why = None if row.held else self._not_for_me(row)
            try:
                choice = leases.seats(row.config.get("device", "auto")) if why is None else []
            except InputError as error:
                why, choice = str(error), []
            if why is not None:
                self._tell_once(row, f"left for another worker: {why}")
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
            busy |= {seat.resource for seat in choice if seat.resource is not None}
        return None, is_empty

    def _not_for_me(self, row: RunRow) -> str | None:
        """Why this machine cannot run it: its folder or its checkpoints are elsewhere."""
        root = Path(row.workspace)
        if not root.is_dir():
            return f"{root} is not on this machine"
        if row.attempt and not any(self._workspace.checkpoints(row.id, row.workspace).glob("step-*")):
            saved = [file for file in self._store.artifacts(row.id) if file.kind == "checkpoint"]
            if saved:
                return f"its checkpoints are on {saved[-1].host}"
        return None

    def _run(self, row: RunRow, attempt: int, lease: Lease) -> None:
        self._run_is_stopped = False
        control = self._control = Control()
        if self._giving_back:  # the signal came between the claim and the line above
            control.stop()
        # The paths of its configuration mean what they meant where it was queued.
        root = Path(row.workspace)
        workspace = replace(self._workspace, root=root)
        why = ""
        try:
            with lease, chdir(root):
                onlooker = self._ear.taken(row)
                done = training.run_queued(
                    row, attempt, lease, self._store, workspace, control, onlooker, self._goes_back
                )
            outcome: Outcome = done.result.outcome
            if outcome == "stopped" and self._goes_back():
                outcome = "requeued"
        except (KryptuiError, OSError) as error:
            outcome, why = "failed", str(error)
        finally:
            self._control = None
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        setattr(self.tally, outcome, getattr(self.tally, outcome) + 1)
        self._ear.ended(row, outcome, why)

    def _goes_back(self) -> bool:
        """Whether the run in progress, where it is stopped, waits for another worker."""
        return self._giving_back and not self._run_is_stopped

    def _stop_control(self) -> None:
        control = self._control
        if control is not None:
            control.stop()

    def _rest(self, seconds: float) -> None:
        """Sleeps, but not past a wish to stop; without a lock, which a signal handler could meet."""
        deadline = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < deadline:
            time.sleep(_NAP_SECONDS)

    def _tell_once(self, row: RunRow, text: str) -> None:
        if row.id not in self._told:
            self._told.add(row.id)
            self._ear.tell(f"run {row.id} ({row.name}): {text}")
