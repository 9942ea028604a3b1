"""The processes of the soak test: each does one thing until its stdin ends, then writes what it did to a file.

A training run ends by itself, and where its stdin ends first, with the process that started it.

python -m benchmarks.soak_process train|write|list|metrics|logs|steer DATABASE RESULT [CONFIGURATION]
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kryptui.errors import InputError
from kryptui.figures import Curve, Series
from kryptui.runs.recorder import Recorder
from kryptui.runs.store import Store

HERTZ = 10
"""How often a reader looks."""

COMMAND_SECONDS = 2.0
"""How often commands are sent."""

_ANSWER_SECONDS = 30.0
_STEPS_AT_ONCE = 8
_METRICS = ("loss", "active", "margin", "lr")
_FILTERS = ("", "status:running", "status:finished eer<2", "kind:train -tag:x", "cfg.seed=0", "model:resnet")
_SORTS = ("-created", "eer", "name", "-loss")


class Tally:
    """Counts rows and hashes them in their order, so that two sides can compare what they saw."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()

    def add(self, *row: object) -> None:
        """One row."""
        self.count += 1
        self._hash.update(repr(row).encode())

    def result(self) -> list[Any]:
        """How many, and the hash of all."""
        return [self.count, self._hash.hexdigest()]


class Clock:
    """Times something that is done again and again, under several names."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Around one time."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.times.setdefault(name, []).append(time.perf_counter() - began)


class Probe:
    """Looks over the shoulder of every recorder of the process: what is handed in, each commit, each failure."""

    def __init__(self) -> None:
        self.points: dict[str, Tally] = {}
        self.lines: dict[str, Tally] = {}
        self.evaluations: dict[str, int] = {}
        self.failures: list[str] = []
        self.clock = Clock()

    def install(self) -> None:
        """Wraps the recorder's and the store's methods."""
        metric, log, evaluation, append = Recorder.metric, Recorder.log, Recorder.evaluation, Store.append

        def counted_metric(record: Recorder, step: int, epoch: float, values: Any, *more: Any) -> None:
            metric(record, step, epoch, values, *more)
            for name, value in values.items():
                self.points.setdefault(record.run_id, Tally()).add(*point(name, step, epoch, value))

        def counted_log(record: Recorder, level: str, text: str) -> None:
            log(record, level, text)
            self.lines.setdefault(record.run_id, Tally()).add(level, text)

        def counted_evaluation(record: Recorder, *given: Any, **named: Any) -> None:
            evaluation(record, *given, **named)
            self.evaluations[record.run_id] = self.evaluations.get(record.run_id, 0) + 1

        def timed_append(store: Store, *given: Any, **named: Any) -> Any:
            with self.clock.timed("commit"):
                try:
                    return append(store, *given, **named)
                except Exception as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
                    raise

        changes = {"metric": counted_metric, "log": counted_log, "evaluation": counted_evaluation}
        for name, changed in changes.items():
            setattr(Recorder, name, changed)
        setattr(Store, "append", timed_append)  # noqa: B010 - mypy takes no assignment to a method

    def result(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "points": {run_id: tally.result() for run_id, tally in self.points.items()},
            "lines": {run_id: tally.result() for run_id, tally in self.lines.items()},
            "evaluations": self.evaluations,
            "failures": self.failures,
            "times": self.clock.times,
        }


def point(name: str, step: int, epoch: float, value: float) -> tuple[str, int, float, float]:
    """A metric value as both sides hash it; SQLite has no negative zero."""
    return name, int(step), float(epoch), float(value) + 0.0


def train(database: str, result: Path, configuration: str) -> None:
    """The real `kryptui run`, looked at by a probe; ends by itself."""
    from kryptui.cli import main

    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
    probe = Probe()
    probe.install()
    sys.argv = ["kryptui", "run", "--headless", configuration, "--db", database]
    try:
        main()
    finally:
        result.write_text(json.dumps(probe.result()))


def write(database: str, result: Path, over: threading.Event) -> None:
    """A run that hands in thousands of points a second, and some of everything else."""
    probe = Probe()
    probe.install()
    values, step = random.Random(0), 0
    with Store.open(database) as store:
        run_id = store.create_run("train", "hot", "synthetic", {"seed": 0}, "0", None, {}, "/")
        attempt = store.start_attempt(run_id)
        with Recorder(store, run_id, attempt) as record:
            began = time.monotonic()
            while not over.wait(0.01):
                for _ in range(_STEPS_AT_ONCE):
                    step += 1
                    found = {name: values.random() for name in _METRICS}
                    record.metric(step, step / 1000, found)
                if step % 80 == 0:
                    record.log("info", f"step {step}: бла {values.random()}")
                    record.progress(step=step, total=10**9, stage="hot", epoch=1, epochs=1)
                if step % 800 == 0:
                    with probe.clock.timed("flush"):
                        record.flush()
                if step % 4000 == 0:
                    curve = Curve("curve", "x", "y", [Series("y", [0.0, 1.0], [values.random(), 1.0])])
                    record.evaluation(step, {"eer": values.random()}, [curve])
                    record.artifact("checkpoint", f"step-{step}", step=step)
                    record.artifact_removed(f"step-{step - 8000}")
            seconds = time.monotonic() - began
        store.finish(run_id, "finished", attempt=attempt)
    result.write_text(json.dumps({**probe.result(), "seconds": seconds}))


class Lister:
    """Lists runs by changing filters and sorts; collects every status that a run ever had."""

    def __init__(self) -> None:
        self._looks = 0
        self._statuses: dict[str, list[str]] = {}

    def look(self, store: Store, clock: Clock) -> None:
        """One list."""
        filter_, sort = _FILTERS[self._looks % len(_FILTERS)], _SORTS[self._looks % len(_SORTS)]
        self._looks += 1
        with clock.timed("list"):
            found = store.list_runs(filter_, sort, 50, ["eer", "loss"])
        for run in found:
            seen = self._statuses.setdefault(run.id, [])
            if run.status not in seen:
                seen.append(run.status)

    def result(self) -> dict[str, Any]:
        """The statuses of each run."""
        return {"statuses": self._statuses}


class Follower:
    """Follows the metrics, or the log, of every run by a cursor; hashes each row that it meets."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._cursors: dict[str, int] = {}
        self._tallies: dict[str, Tally] = {}

    def look(self, store: Store, clock: Clock) -> None:
        """What is new of each run."""
        for run in store.list_runs(sort="created"):
            after = self._cursors.get(run.id, 0)
            tally = self._tallies.setdefault(run.id, Tally())
            with clock.timed(self._kind):
                rows: Sequence[Any] = (
                    store.metrics(run.id, after_seq=after)
                    if self._kind == "metrics"
                    else store.log_lines(run.id, after_seq=after)
                )
            for row in rows:
                tally.add(*row)
                self._cursors[run.id] = row.seq

    def result(self) -> dict[str, Any]:
        """Count and hash of each run's rows."""
        return {self._kind: {run_id: tally.result() for run_id, tally in self._tallies.items()}}


class Steerer:
    """Follows evaluations, reads artifacts, and sends commands to the training runs, as from another shell."""

    def __init__(self, database: str) -> None:
        self._writable = Store.open(database, create=False)
        self._orders = itertools.cycle(["pause", "checkpoint", "evaluate"])
        self._next_at = time.monotonic()
        self._cursors: dict[str, int] = {}
        self._evaluations: dict[str, list[int]] = {}
        self._answers: list[tuple[str, str, str]] = []

    def look(self, store: Store, clock: Clock) -> None:
        """What is new of each run; now and then a command to those that run."""
        for run in store.list_runs("kind:train", "created"):
            with clock.timed("evaluations"):
                rows = store.evaluations(run.id, after_seq=self._cursors.get(run.id, 0))
            with clock.timed("artifacts"):
                store.artifacts(run.id)
            for row in rows:
                self._evaluations.setdefault(run.id, []).append(row.seq)
                self._cursors[run.id] = row.seq
        running = [run.id for run in store.list_runs("status:running -name=hot", "created")]
        if running and time.monotonic() >= self._next_at:
            command = next(self._orders)
            for run_id in running:
                self._send(run_id, command, clock)
            if command == "pause":
                for run_id in running:
                    self._send(run_id, "resume", clock)
            self._next_at = time.monotonic() + COMMAND_SECONDS

    def _send(self, run_id: str, command: Any, clock: Clock) -> None:
        from kryptui.jobs import steering

        try:
            with clock.timed("answer"):
                answer = steering.steer(self._writable, run_id, command, _ANSWER_SECONDS).text
        except InputError as error:  # it has ended meanwhile
            if self._writable.get_run(run_id).status != "finished":
                raise
            answer = str(error)
        self._answers.append((run_id, command, answer))

    def result(self) -> dict[str, Any]:
        """The evaluations of each run, and what became of each command."""
        return {"evaluations": self._evaluations, "answers": self._answers}


Reader = Lister | Follower | Steerer


def read(database: str, result: Path, over: threading.Event, reader: Reader) -> None:
    """Lets a reader look again and again until it is over, and once more then."""
    clock = Clock()
    with Store.open(database, create=False, write=False) as store:
        while True:
            last = over.is_set()
            reader.look(store, clock)
            if last:
                break
            over.wait(1 / HERTZ)
    result.write_text(json.dumps({**reader.result(), "times": clock.times}))


def main() -> None:
    """Does one part."""
    part, database, result, *configuration = sys.argv[1:]
    if part == "train":
        train(database, Path(result), *configuration)
        return
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    if part == "write":
        write(database, Path(result), over)
        return
    reader: Reader
    match part:
        case "list":
            reader = Lister()
        case "steer":
            reader = Steerer(database)
        case _:
            reader = Follower(part)
    read(database, Path(result), over, reader)


if __name__ == "__main__":
    main()
