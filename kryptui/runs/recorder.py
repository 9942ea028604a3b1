"""The recorder of a running job: takes what the job hands it at once, and writes it from a thread of its own."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kryptui.errors import RunError
from kryptui.figures import Figure
from kryptui.runs import batch, blobs, commands
from kryptui.runs.schema import storable
from kryptui.runs.store import Store
from kryptui.runs.summaries import Direction

if TYPE_CHECKING:
    from numpy.typing import NDArray

INTERVAL_SECONDS = 0.25
"""How long rows wait for company before they are written."""

HEARTBEAT_SECONDS = 2.0
"""How often a run without rows to write says that it is alive."""

PATIENCE_SECONDS = 600.0
"""How long a run waits for a database that fails before it gives up: a server may be restarted meanwhile."""

ITEMS_AT_ONCE = 20_000
"""With so many items waiting the writer does not wait any longer, and it takes no more in one transaction."""


class Recorder:
    """Records one attempt of one run. Any thread may hand things in; only flush and close wait.

    A write that fails (disk full, database held) is tried again until it succeeds, with nothing dropped
    meanwhile; `flush` and `close` tell. `directions` says of the task's metrics which way is better.
    `obey` takes the name of a command that was sent to the run, and returns what it does about it; it is called
    from the writer's thread, and its answer goes on record with the command and into the log.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        attempt: int,
        directions: Mapping[str, Direction] | None = None,
        obey: Callable[[str], str] | None = None,
    ) -> None:
        self.run_id = run_id
        self.attempt = attempt
        self._store = store
        self._directions = dict(directions or {})
        self._obey = obey
        self._stepped_at: float | None = None
        run = store.get_run(run_id)
        self._last_seq, self._summaries = run.last_seq, run.summaries
        self._progress: dict[str, Any] = {}
        self._host = socket.gethostname()
        self._queue: deque[batch.Item | threading.Event] = deque()
        self._heard: set[int] = set()
        self._wake = threading.Event()
        self._closing = False
        self._error: RunError | None = None
        self._superseded = False
        self._written_at = time.monotonic()
        self._thread = threading.Thread(target=self._write_on, name=f"recorder-{run_id}", daemon=True)
        self._thread.start()

    def metric(self, step: int, epoch: float, values: Mapping[str, float], wished: bool = False) -> None:
        """Records values of one step; `epoch` may be a fraction. Not-a-number and infinity are kept.

        What somebody `wished` to be measured is not taken for a metric's best.

        Raises ValueError for a step beyond 64 bits or an epoch that is no number: they could never be written.
        """
        plain = {storable(name): float(value) for name, value in values.items()}
        if not (-(2**63) <= step < 2**63 and math.isfinite(epoch)):
            raise ValueError(f"step {step}, epoch {epoch}: cannot be stored")
        self._hand_in(batch.Points(time.time(), int(step), float(epoch), plain, wished))

    def log(self, level: str, text: str) -> None:
        """Records one line of the log; level is debug, info, warning or error."""
        self._hand_in(batch.LogLine(time.time(), level, storable(text)))

    def evaluation(
        self,
        step: int,
        scalars: Mapping[str, float],
        figures: Sequence[Figure],
        scores: Mapping[str, NDArray[Any]] | None = None,
        wished: bool = False,
    ) -> None:
        """Records one evaluation, to be shown again without computing it; curves and summaries come from `metric`.

        Packs it in the caller's thread, so that what cannot be stored is an error there: TypeError for scores that
        are Python objects.
        """
        plain = json.dumps({name: float(value) for name, value in scalars.items()})
        packed = None if scores is None else blobs.pack_scores(scores)
        self._hand_in(batch.Evaluation(time.time(), int(step), plain, blobs.pack_figures(figures), packed, wished))

    def artifact(
        self,
        kind: str,
        path: str,
        sha256: str | None = None,
        bytes: int | None = None,
        step: int | None = None,
    ) -> None:
        """Records a file or folder that was written on this host; it replaces an earlier one of the same path."""
        self._hand_in(batch.Artifact(time.time(), kind, storable(path), self._host, sha256, bytes, step))

    def artifact_removed(self, path: str) -> None:
        """Takes an artifact off the record, as when an old checkpoint is pruned."""
        self._hand_in(batch.Removed(time.time(), storable(path)))

    def progress(self, **fields: float | int | str | None) -> None:
        """Updates what the run says of its progress (stage, epoch, step, total, ...); other fields stay.

        It also says that the loop is moving: a run without progress or metrics for long counts as hung.
        """
        self._hand_in(batch.Progress(time.time(), fields))

    def aside(self, **fields: Any) -> None:
        """Updates what the run says of its progress as `progress` does, without saying that the loop is moving."""
        self._hand_in(batch.Aside(time.time(), fields))

    def stepped(self) -> None:
        """Says that the loop is moving, at next to no cost; see `progress`."""
        self._stepped_at = time.time()

    @property
    def error(self) -> RunError | None:
        """Why the record is behind, or None while it is not."""
        return self._error

    def flush(self, timeout: float = PATIENCE_SECONDS) -> None:
        """Waits until everything handed in so far is committed to disk.

        Raises RunError where that fails, or has not succeeded after `timeout` seconds; the rows are kept.
        """
        if self._closing:
            raise RunError(f"run {self.run_id}: its recorder is closed")
        done = threading.Event()
        self._queue.append(done)
        self._wake.set()
        if not done.wait(timeout):
            raise self._error or RunError(
                f"run {self.run_id}: the record is not written after {timeout:g} s; check the disk or the database"
            )
        if self._superseded and self._error is not None:
            raise self._error

    def close(self, timeout: float = PATIENCE_SECONDS) -> None:
        """Flushes and ends the writer; raises RunError as `flush` does. What comes afterwards is not kept."""
        if self._closing:
            return
        try:
            self.flush(timeout)
        finally:
            self._closing = True
            self._wake.set()
            self._thread.join(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _hand_in(self, item: batch.Item) -> None:
        self._queue.append(item)
        if len(self._queue) == ITEMS_AT_ONCE:
            self._wake.set()

    def _write_on(self) -> None:
        waiting: list[batch.Item | threading.Event] = []
        while not self._closing:
            if self._error is not None or len(self._queue) < ITEMS_AT_ONCE:
                self._wake.wait(INTERVAL_SECONDS)
                self._wake.clear()
            while self._queue and len(waiting) < ITEMS_AT_ONCE:
                waiting.append(self._queue.popleft())
            self._hear(waiting)
            silent = time.monotonic() - self._written_at
            if (waiting or silent > HEARTBEAT_SECONDS) and self._write(waiting):
                for entry in waiting:
                    if isinstance(entry, threading.Event):
                        entry.set()
                waiting.clear()

    def _hear(self, waiting: list[batch.Item | threading.Event]) -> None:
        """Obeys the commands that have come, and lets the record say so."""
        if self._obey is None or self._superseded or self._closing:
            return
        try:
            heard = commands.pending(self._store, self.run_id)
        except Exception:  # the next write tells it, and the next look finds what was missed
            return
        for command in heard:
            if command.id not in self._heard:
                self._heard.add(command.id)
                try:
                    answer = self._obey(command.command)
                except Exception as error:  # the writer must outlive it
                    answer = f"failed to {command.command}: {error}"
                line = storable(f"{command.command}, {command.issuer}: {answer}")
                waiting.append(batch.LogLine(time.time(), "info", line))
                waiting.append(batch.Handled(time.time(), command.id, answer))

    def _write(self, entries: list[batch.Item | threading.Event]) -> bool:
        """Whether the entries are dealt with: committed, or the run is no longer ours to write to.

        If not, they must come again in the same order, and others behind them: so what was committed though the
        answer was lost is told from what was not.
        """
        if self._superseded:
            return True
        stepped_at, self._stepped_at = self._stepped_at, None
        if stepped_at is not None:
            entries.append(batch.Progress(stepped_at, {}))
        items = [entry for entry in entries if not isinstance(entry, threading.Event)]
        for item in items:
            if isinstance(item, batch.Progress | batch.Aside):
                self._progress.update(item.fields)
        try:
            written = self._store.append(
                self.run_id,
                self.attempt,
                items,
                self._progress,
                self._summaries,
                self._directions,
                after=None if self._error is None else self._last_seq,
            )
        except batch.SupersededError as error:
            self._error, self._superseded = error, True
            return True
        except Exception as error:  # the writer must outlive any failure, and tell it
            self._error = (
                error
                if isinstance(error, RunError)
                else RunError(f"run {self.run_id}: not recorded: {' '.join(str(error).split())[:500]}")
            )
            return False
        self._last_seq, self._summaries = written
        self._error = None
        self._written_at = time.monotonic()
        return True
