"""Two training runs and a hot writer, four readers and their commands on one record: `make soak`.

python -m benchmarks.soak [--seconds 180] [--postgres-seconds 60]

First on SQLite, then on a real PostgreSQL. Fails where a process meets any error, where a point is lost or doubled
(each writer counts and hashes what it hands in, each reader what its cursor meets), where a run ends or shows as
anything but what it is, or where SQLite finds its file damaged.
"""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.soak_process import Tally, point
from kryptui.data.demo import write_demo
from kryptui.runs import commands
from kryptui.runs.rows import RunRow
from kryptui.runs.store import Store

READERS = ("list", "metrics", "logs", "steer")
HONEST = {"queued", "running", "paused", "finished"}
WARM_UP_EPOCHS = 5

CONFIG = """
name: {name}
device: cpu
precision: fp32
threads: 1
model: {{backbone: test_resnet.r160_in1k, image_size: 32, preprocessing: {{crop: 1.0}}}}
stages: [{{name: one, epochs: {epochs}, lr: 1.0e-3}}]
evaluate: {{every: 10 epochs}}
checkpoint: {{every: 60 steps, keep: 2}}
log: {{every: 1}}
task:
  kind: verification
  train: data/train
  batch: {{identities: 4, real: 2, fake: 1}}
  embedding: {{size: 16, normalize: true}}
  losses: [{{kind: triplet, margin: 0.2, mining: all}}]
"""


class SoakError(Exception):
    """What is off."""


@dataclass
class Part:
    """A process of the test, and the files that it writes to."""

    name: str
    process: subprocess.Popen[bytes]
    result_path: Path
    stderr_path: Path
    ends_by_itself: bool

    def finish(self, seconds: float, others: Sequence[Part] = ()) -> dict[str, Any]:
        """Tells it that it is over, waits, and returns what it did; raises SoakError where any has failed."""
        assert self.process.stdin is not None
        if not self.ends_by_itself:
            self.process.stdin.close()
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise SoakError(f"{self.name}: has not ended after {seconds:.0f} s")
            for other in others:
                if other.process.poll():
                    raise SoakError(f"{other.name}: ended too early; it said:\n{other.stderr_path.read_text()}")
            time.sleep(0.1)
        code = self.process.returncode
        told = self.stderr_path.read_text()
        if code or "rror" in told or "lock" in told:
            raise SoakError(f"{self.name}: exit code {code}; it said:\n{told or 'nothing'}")
        result: dict[str, Any] = json.loads(self.result_path.read_text())
        if result.get("failures"):
            raise SoakError(f"{self.name}: {len(result['failures'])} commits failed: {result['failures'][0]}")
        return result


@dataclass
class Soak:
    """One record under load, in a folder of its own."""

    folder: Path
    database: str
    parts: list[Part] = field(default_factory=list)

    def start(self, name: str, part: str, *arguments: str) -> Part:
        """Starts a process."""
        result, stderr = self.folder / f"{name}.json", self.folder / f"{name}.err"
        command = [sys.executable, "-m", "benchmarks.soak_process", part, self.database, str(result), *arguments]
        with stderr.open("wb") as errors, (self.folder / f"{name}.out").open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.PIPE, stdout=output, stderr=errors, env=environment()
            )
        self.parts.append(Part(name, process, result, stderr, ends_by_itself=part == "train"))
        return self.parts[-1]

    def train(self, name: str, epochs: int) -> Part:
        """Starts a training run."""
        path = self.folder / f"{name}.yaml"
        path.write_text(CONFIG.format(name=name, epochs=epochs))
        return self.start(name, "train", path.name)

    def kill(self) -> None:
        """Leaves none of its processes running."""
        for part in self.parts:
            part.process.kill()
        for part in self.parts:
            part.process.wait()


def environment() -> dict[str, str]:
    """Where the processes find this package, whatever folder they run in."""
    import os

    root = str(Path(__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))}


def soak(folder: Path, database: str, seconds: float) -> None:
    """Runs all processes for about `seconds`, and checks what they did; raises SoakError for what is off."""
    work = Soak(folder, database)
    try:
        Store.open(database).close()
        began = time.monotonic()
        hot = work.start("hot", "write")
        readers = [work.start(name, name) for name in READERS]
        warm = [work.train(f"warm-up-{number}", WARM_UP_EPOCHS) for number in (1, 2)]
        warm_at = time.monotonic()
        results = {part.name: part.finish(300, work.parts) for part in warm}
        with Store.open(database, create=False, write=False) as store:
            speed = min(epochs_a_second(store, part.name) for part in warm)
        start_up = time.monotonic() - warm_at - WARM_UP_EPOCHS / speed
        left = began + seconds - time.monotonic() - start_up
        epochs = max(WARM_UP_EPOCHS, round(1.2 * speed * left))
        runs = [work.train(f"training-{number}", epochs) for number in (1, 2)]
        # The steps of these may take longer than those of the warm-up, by commands that they obey.
        results |= {part.name: part.finish(3 * seconds + 120, work.parts) for part in runs}
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        took = time.monotonic() - began
        results["hot"] = hot.finish(60)
        results |= {part.name: part.finish(120) for part in readers}
    finally:
        work.kill()
    with Store.open(database, create=False, write=False) as store:
        check(store, results)
    tell(results, took)


def epochs_a_second(store: Store, name: str) -> float:
    """How fast a finished training run was, without its start and its last evaluation."""
    rows = store.metrics(store.resolve_run(name), ["loss"])
    return (rows[-1].epoch - rows[0].epoch) / (rows[-1].time - rows[0].time)


def check(store: Store, results: dict[str, Any]) -> None:
    """Compares what was handed in, what is on record, and what the readers met."""
    writers = [name for name in results if name not in READERS]
    for run in store.list_runs(sort="created"):
        if run.status != "finished":
            raise SoakError(f"run {run.id} ({run.name}): is {run.status}, not finished")
        check_run(store, run, results[run.name], results)
    if len(store.list_runs()) != len(writers):
        raise SoakError(f"{len(store.list_runs())} runs on record, {len(writers)} were started")
    for run_id, seen in results["list"]["statuses"].items():
        if not set(seen) <= HONEST:
            raise SoakError(f"run {run_id}: was shown as {', '.join(seen)}")
    if not results["steer"]["answers"]:
        raise SoakError("no command was sent")


def check_run(store: Store, run: RunRow, writer: dict[str, Any], results: dict[str, Any]) -> None:
    """One run's rows: each handed in, each there once and in order, each met by the readers' cursors."""
    points, met_points, lines, met_lines = Tally(), Tally(), Tally(), Tally()
    before = 0
    for row in store.metrics(run.id):
        if row.seq <= before:
            raise SoakError(f"run {run.id} ({run.name}): number {row.seq} comes after {before}")
        before = row.seq
        points.add(*point(row.name, row.step, row.epoch, row.value))
        met_points.add(*row)
    heard = {f"{sent.command}, {sent.issuer}: {sent.answer}" for sent in commands.of_run(store, run.id)}
    for line in store.log_lines(run.id):
        met_lines.add(*line)
        if line.text not in heard:
            lines.add(line.level, line.text)
    evaluations = [row.seq for row in store.evaluations(run.id)]
    compared = {
        "points handed in and on record": (writer["points"][run.id], points.result()),
        "points on record and met by a cursor": (met_points.result(), results["metrics"]["metrics"][run.id]),
        "log lines handed in and on record": (writer["lines"][run.id], lines.result()),
        "log lines on record and met by a cursor": (met_lines.result(), results["logs"]["logs"][run.id]),
        "evaluations handed in and on record": (writer["evaluations"][run.id], len(evaluations)),
        "evaluations on record and met by a cursor": (evaluations, results["steer"]["evaluations"].get(run.id)),
    }
    for what, (one, other) in compared.items():
        if one != other:
            raise SoakError(f"run {run.id} ({run.name}): {what} differ: {one} and {other}")
    waiting = [sent for sent in commands.of_run(store, run.id) if sent.handled is None]
    if waiting:
        raise SoakError(f"run {run.id} ({run.name}): has not answered {waiting[0].command}")


def tell(results: dict[str, Any], took: float) -> None:
    """Prints how much was done, and what took longest."""
    points = {
        name: sum(count for count, _ in done["points"].values())
        for name, done in results.items()
        if name not in READERS
    }
    commits = [seconds for done in results.values() for seconds in done["times"].get("commit", ())]
    all_points = sum(points.values())
    print(f"  {took:.0f} s, {all_points:,} points ({all_points / took:,.0f} a second), {len(commits):,} commits")
    print("  " + ", ".join(f"{name} {count:,}" for name, count in sorted(points.items())))
    reads = 0
    rows = {"commit": commits, "commit of a flush in the hot run": results["hot"]["times"].get("flush", [])}
    for name in READERS:
        for kind, times in results[name]["times"].items():
            reads += len(times) * (kind != "answer")
            rows["answer to a command" if kind == "answer" else f"read of {kind}"] = times
    print(f"  {reads:,} reads, {len(results['steer']['answers'])} commands\n")
    print(f"  {'':<34}{'times':>8}{'median':>11}{'95 %':>11}{'slowest':>11}")
    for name, times in rows.items():
        ordered = sorted(times)
        shown = (ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)], ordered[-1])
        print(f"  {name:<34}{len(times):>8,}" + "".join(f"{1000 * seconds:>8.1f} ms" for seconds in shown))


def check_file(path: Path) -> None:
    """Raises SoakError where SQLite finds its file damaged."""
    with closing(sqlite3.connect(path)) as connection:
        for pragma in ("integrity_check", "foreign_key_check"):
            told = connection.execute(f"PRAGMA {pragma}").fetchall()
            if told not in ([("ok",)], []):
                raise SoakError(f"PRAGMA {pragma}: {told[:3]}")


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder with generated faces."""
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        write_demo(Path(folder) / "data", people=12, photos=4, fakes=2, size=32, test_pairs=3)
        yield Path(folder)


def on_sqlite(seconds: float) -> None:
    """The whole of it on a SQLite file."""
    with workspace() as folder:
        path = folder / "runs.db"
        soak(folder, str(path), seconds)
        check_file(path)


def on_postgresql(seconds: float) -> None:
    """The whole of it on a real PostgreSQL, which waits for the disk as one in earnest does."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from postgres import Server, missing

    lacking = missing()
    if lacking is not None:
        raise SoakError(lacking)
    with workspace() as folder, Server(durable=True) as server, server.new_database() as url:
        soak(folder, url, seconds)


def main() -> None:
    """Both databases in turn; exits 1 where something is off."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180.0, help="on SQLite; 0 leaves it out")
    parser.add_argument("--postgres-seconds", type=float, default=60.0, help="on PostgreSQL; 0 leaves it out")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    parts: dict[str, tuple[Callable[[float], None], float]] = {
        "SQLite": (on_sqlite, options.seconds),
        "PostgreSQL": (on_postgresql, options.postgres_seconds),
    }
    for name, (run, seconds) in parts.items():
        if seconds:
            print(f"{name}, {seconds:g} s: 2 training runs, 1 hot writer, 4 readers", flush=True)
            try:
                run(seconds)
            except SoakError as error:
                sys.exit(f"{name}: {error}")
            except KeyboardInterrupt:
                sys.exit(130)
            print("  nothing lost or doubled, no error in any process, every status honest\n", flush=True)


if __name__ == "__main__":
    main()
