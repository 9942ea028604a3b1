"""Logs points with one tracker until it calls them written, then lets a second process count them.

    python benchmarks/log_points.py TRACKER FOLDER POINTS VALUES_A_CALL

Prints JSON: seconds until written, seconds in the calls alone, values that the second process found. Each tracker
is run by the interpreter of its own environment, on one loop, with its local storage and without a network.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

NAMES = ("loss", "lr", "active", "distance_ap", "distance_an", "distance_af", "eer", "eer_real", "eer_fake", "auc")
BATCH = 1000
_COUNT = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM metrics").fetchone()[0])
"""

Point = tuple[int, dict[str, float]]


def main(tracker: str, folder: Path, points: int, width: int) -> None:
    """Runs one tracker."""
    values = [(step, dict.fromkeys(NAMES[:width], step * 0.5)) for step in range(points // width)]
    with contextlib.redirect_stdout(sys.stderr):
        called, written, found = TRACKERS[tracker](folder, values)
    print(json.dumps({"called": called, "seconds": written, "found": found}))


def kryptui(folder: Path, values: list[Point]) -> tuple[float, float, int]:
    """As shipped; written is flushed, which is synced to disk."""
    from kryptui.runs.recorder import Recorder
    from kryptui.runs.store import Store

    with Store.open(folder / "runs.db") as store:
        run_id = store.create_run("train", "run", "toy", {}, "hash", None, {}, str(folder))
        recorder = Recorder(store, run_id, store.start_attempt(run_id))
        with _timed() as elapsed:
            for step, numbers in values:
                recorder.metric(step, step / 100, numbers)
            called = elapsed()
            recorder.flush()
            written = elapsed()
        found = _count(folder / "runs.db")
        recorder.close()
    return called, written, found


def trackio(folder: Path, values: list[Point]) -> tuple[float, float, int]:
    """`trackio.log` and `trackio.finish`: a thread of its own writes what has come, committed but not synced."""
    os.environ |= {"TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1"}
    import trackio

    trackio.init(project="benchmark", name="run", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    with _timed() as elapsed:
        for step, numbers in values:
            trackio.log(numbers, step=step)
        called = elapsed()
        trackio.finish()
        written = elapsed()
    return called, written, _count(folder / "benchmark.db") * len(values[0][1])  # a row holds a call's values


def mlflow_calls(folder: Path, values: list[Point]) -> tuple[float, float, int]:
    """`mlflow.log_metrics` on its default store, SQLite: each call is committed and synced."""
    with _mlflow_run(folder):
        import mlflow

        with _timed() as elapsed:
            for step, numbers in values:
                mlflow.log_metrics(numbers, step=step)
            written = elapsed()
    return written, written, _count(folder / "mlflow.db")


def mlflow_batches(folder: Path, values: list[Point]) -> tuple[float, float, int]:
    """`MlflowClient.log_batch` of a thousand values, the most that it takes."""
    with _mlflow_run(folder) as run_id:
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient

        client = MlflowClient()
        with _timed() as elapsed:
            batch: list[Metric] = []
            for step, numbers in values:
                now = int(time.time() * 1000)
                batch += [Metric(name, value, now, step) for name, value in numbers.items()]
                if len(batch) >= BATCH:
                    client.log_batch(run_id, metrics=batch[:BATCH])
                    batch = batch[BATCH:]
            if batch:
                client.log_batch(run_id, metrics=batch)
            written = elapsed()
    return written, written, _count(folder / "mlflow.db")


TRACKERS: dict[str, Callable[[Path, list[Point]], tuple[float, float, int]]] = {
    "kryptui": kryptui,
    "trackio": trackio,
    "mlflow-calls": mlflow_calls,
    "mlflow-batches": mlflow_batches,
}


def _count(database: Path) -> int:
    """The rows that another process finds now, while this one still has the database open."""
    command = [sys.executable, "-c", _COUNT, str(database)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@contextlib.contextmanager
def _timed() -> Iterator[Callable[[], float]]:
    began = time.perf_counter()
    yield lambda: time.perf_counter() - began


@contextlib.contextmanager
def _mlflow_run(folder: Path) -> Iterator[str]:
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    import mlflow

    logging.disable(logging.INFO)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment("benchmark")
    with mlflow.start_run() as run:
        yield run.info.run_id


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
