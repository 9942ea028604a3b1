"""What the Live page reads: how a run stands, and what its curves, its log and its evaluations have gained."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kryptui.errors import InputError
from kryptui.runs import compare, growth, listing, logs
from kryptui.runs.compare import Points
from kryptui.runs.growth import Gained
from kryptui.runs.rows import EvaluationRow, LogRow, RunRow
from kryptui.runs.store import Store

LINES = 4000
"""Log lines that are shown at most; the latest."""


@dataclass(frozen=True)
class Seen:
    """What was read of one run. `anew`: forget what came before, as the run went back to a checkpoint."""

    run: RunRow
    generation: int
    anew: bool
    gained: Gained
    running: Points
    """Seconds of running (M,) at the places of `gained`: attempts follow each other without the pauses between."""
    lines: list[LogRow]
    evaluation: EvaluationRow | None
    others: tuple[RunRow, ...]
    """The runs in progress, for switching between them."""

    @property
    def more(self) -> bool:
        """Whether there is more to read at once."""
        return self.gained.more


@dataclass
class _Clock:
    """Seconds of running, whatever pauses lie between the attempts; moments come in the order of attempts."""

    attempt: float = -1
    before: float = 0.0
    first: float = 0.0
    last: float = 0.0

    def at(self, attempts: Points, times: Points) -> Points:
        """The seconds of running at some moments (N,), of which `attempts` (N,) says in which attempt they are."""
        running = np.empty(len(times))
        for attempt in np.unique(attempts):
            mine = times[attempts == attempt]
            if attempt != self.attempt:
                self.before += self.last - self.first
                self.attempt, self.first = attempt, float(mine[0])
            running[attempts == attempt] = self.before + mine - self.first
            self.last = float(mine[-1])
        return running


@dataclass
class LiveReader:
    """Reads one run on and on, in the feed's thread."""

    wanted: str | None
    """The run's id; None: whichever is the latest in progress, else the latest."""
    generation: int
    _run_id: str | None = None
    _attempt: int = -1
    _seq: int = 0
    _log_seq: int = 0
    _evaluated: int = 0
    _clock: _Clock = field(default_factory=_Clock)

    def read(self, store: Store) -> Seen | None:
        """What is new of the run; None where there is no run."""
        others = tuple(run for run in listing.live(store) if run.status != "queued" and run.kind != "import")
        run_id = self._run_id or self.wanted or _latest(store, others)
        found = listing.some(store, [run_id]) if run_id is not None else []
        if not found:
            if self.wanted is not None:
                raise InputError(f"run {self.wanted}: is on record no more")
            return None
        run = found[0]
        anew = (run.id, run.attempt) != (self._run_id, self._attempt)
        if anew:
            self._run_id, self._attempt, self._clock = run.id, run.attempt, _Clock()
            self._seq = self._evaluated = 0
        gained = _sorted_import(store, run, self._seq) if run.kind == "import" else self._gained(store, run)
        lines = logs.read(store, run.id, after_seq=self._log_seq, limit=LINES, last=self._log_seq == 0)
        self._seq = gained.seq
        self._log_seq = lines[-1].seq if lines else self._log_seq
        running = self._clock.at(gained.attempts, gained.times)
        return Seen(run, self.generation, anew, gained, running, lines, self._evaluation(store, run), others)

    def _gained(self, store: Store, run: RunRow) -> Gained:
        return growth.gained(store, run.id, self._seq) if run.last_seq > self._seq else growth.nothing(self._seq)

    def _evaluation(self, store: Store, run: RunRow) -> EvaluationRow | None:
        """The latest evaluation, when it is another than before."""
        if run.last_seq <= self._evaluated:
            return None
        if self._evaluated:
            new = store.evaluations(run.id, self._evaluated)
            found = new[-1] if new else None
        else:
            found = listing.last_evaluation(store, run.id)
        self._evaluated = run.last_seq
        return found


def _latest(store: Store, live: tuple[RunRow, ...]) -> str | None:
    if live:
        return live[-1].id
    runs = store.list_runs("kind:train", "-created", 1)
    return runs[0].id if runs else None


def _sorted_import(store: Store, run: RunRow, after_seq: int) -> Gained:
    """All values of a run of another program, each metric's by step: such logs need not be in order."""
    if after_seq:
        return growth.nothing(after_seq)
    values = {name: compare.series(store, run.id, name) for name in run.summaries}
    name = max(values, key=lambda name: len(values[name][0]), default=None)
    if name is None:
        return growth.nothing(0)
    steps = values[name][0]
    epochs, times = compare.series(store, run.id, name, "epoch")[0], compare.series(store, run.id, name, "time")[0]
    same = len(steps) == len(epochs) == len(times)
    places = (steps, epochs, times) if same else (steps, steps, steps)
    return Gained(run.last_seq or 1, values, *places, np.ones(len(steps)), more=False)
