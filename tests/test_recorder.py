"""The recorder: nothing lost, nothing doubled, whatever happens to the process, the disk or the database."""

from __future__ import annotations

import math
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from kryptui import figures
from kryptui.errors import RunError
from kryptui.runs import database, recorder
from kryptui.runs.recorder import Recorder
from kryptui.runs.store import Store


@pytest.fixture
def store(target: str | Path) -> Iterator[Store]:
    with Store.open(target) as opened:
        yield opened


def new_run(store: Store, name: str = "run") -> str:
    return store.create_run("train", name, "toy", {}, "hash", None, {}, "/")


def started(store: Store, **options: Any) -> Recorder:
    run_id = new_run(store)
    return Recorder(store, run_id, store.start_attempt(run_id), **options)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for ten seconds"
        time.sleep(0.01)


def test_what_was_handed_in_is_there_in_its_order_after_a_flush(store: Store) -> None:
    with started(store) as record:
        record.metric(1, 0.5, {"loss": 2.0, "eer": 0.25})
        record.log("info", "between")
        record.metric(2, 1.0, {"loss": 1.5})
        record.flush()
        points = [(row.seq, row.name, row.step, row.epoch, row.value) for row in store.metrics(record.run_id)]
        lines = [(row.seq, row.level, row.text) for row in store.log_lines(record.run_id)]
    assert points == [(1, "loss", 1, 0.5, 2.0), (2, "eer", 1, 0.5, 0.25), (4, "loss", 2, 1.0, 1.5)]
    assert lines == [(3, "info", "between")]


def test_rows_are_written_without_a_flush(store: Store) -> None:
    with started(store) as record:
        record.metric(1, 0.0, {"loss": 1.0})
        wait_until(lambda: len(store.metrics(record.run_id)) == 1)


def test_closing_writes_what_is_left(store: Store) -> None:
    with started(store) as record:
        for step in range(5000):
            record.metric(step, 0.0, {"loss": 1.0})
    assert [row.step for row in store.metrics(record.run_id)] == list(range(5000))


def test_flushing_a_closed_recorder_is_an_error_at_once(store: Store) -> None:
    record = started(store)
    record.close()
    with pytest.raises(RunError, match="recorder is closed"):
        record.flush()


def test_handing_in_from_many_threads_loses_nothing(store: Store) -> None:
    with started(store) as record:

        def hand_in() -> None:
            for _ in range(500):
                record.log("info", "line")

        threads = [threading.Thread(target=hand_in) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [row.seq for row in store.log_lines(record.run_id)] == list(range(1, 2001))


def test_an_evaluation_is_read_back_with_its_figures_and_scores(store: Store) -> None:
    shown: list[figures.Figure] = [
        figures.Curve("DET", "FPR", "FNR", [figures.Series("model", [0.1, 0.2], [0.3, math.inf])], log_x=True),
        figures.Histogram("scores", "similarity", [0.0, 0.5, 1.0], {"genuine": [3, 4]}),
        figures.Matrix("confusion", ["a"], ["b"], [[1.0]]),
        figures.Table("hardest", ["pair", "score"], [["a-b", 0.5], ["c-d", None]]),
        figures.ImageSheet("pairs", ["a.jpg", "b.jpg"], ["a", "b"]),
    ]
    scores = {"genuine": np.linspace(0, 1, 7, dtype=np.float32), "fake": np.array([0.1, np.nan])}
    with started(store) as record:
        record.evaluation(10, {"eer": 0.1}, shown, scores)
        record.evaluation(20, {"eer": 0.2}, [])
    first, second = store.evaluations(record.run_id)
    assert (first.step, first.scalars, first.figures) == (10, {"eer": 0.1}, shown)
    read = store.scores(record.run_id, first.seq)
    assert read is not None
    assert set(read) == {"genuine", "fake"}
    for name, array in scores.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)
    assert store.scores(record.run_id, second.seq) is None


def test_scores_that_would_be_pickled_are_refused_at_once(store: Store) -> None:
    with started(store) as record, pytest.raises(TypeError, match="'bad' are Python objects"):
        record.evaluation(1, {}, [], {"bad": np.array([object()])})


def test_an_artifact_replaces_the_one_at_its_path_and_goes_when_removed(store: Store) -> None:
    with started(store) as record:
        record.artifact("checkpoint", "step-1", step=1)
        record.artifact("submission", "out.csv", "aa", 10)
        record.artifact("submission", "out.csv", "bb", 20)
        record.artifact_removed("step-1")
    artifacts = store.artifacts(record.run_id)
    assert [(row.path, row.sha256, row.bytes) for row in artifacts] == [("out.csv", "bb", 20)]


def test_progress_keeps_the_fields_that_did_not_change(store: Store) -> None:
    with started(store) as record:
        record.progress(stage="pretrain", step=1, total=100)
        record.progress(step=2)
    assert store.get_run(record.run_id).progress == {"stage": "pretrain", "step": 2, "total": 100}


def test_what_is_said_aside_is_progress_but_no_sign_that_the_loop_moves(store: Store) -> None:
    with started(store) as record:
        record.progress(step=1)
        record.flush()
        before = store.get_run(record.run_id).last_step_at
        record.aside(usage={"processor": 99.5, "gpus": []})
        record.flush()
        run = store.get_run(record.run_id)
    assert run.progress == {"step": 1, "usage": {"processor": 99.5, "gpus": []}}
    assert run.last_step_at == before


def test_what_is_said_aside_leaves_a_pause_as_it_is(store: Store) -> None:
    with started(store) as record:
        record.progress(paused=True)
        record.aside(usage={})
        record.flush()
        assert store.get_run(record.run_id).status == "paused"


def test_a_log_line_of_a_strange_file_name_is_kept_readable(store: Store) -> None:
    with started(store) as record:
        record.log("warning", "left out b\udcffd\0.jpg")
    assert store.log_lines(record.run_id)[0].text == "left out b\\udcffd\\x00.jpg"


def test_a_metric_of_a_strange_name_is_kept_readable(store: Store) -> None:
    with started(store) as record:
        record.metric(1, 0.0, {"b\udcffd\0": 1.0})
    assert set(store.summaries(record.run_id)) == {"b\\udcffd\\x00"}


@pytest.mark.parametrize(("step", "epoch"), [(2**63, 0.0), (-(2**63) - 1, 0.0), (1, math.nan), (1, math.inf)])
def test_what_no_database_can_hold_is_refused_at_once(store: Store, step: int, epoch: float) -> None:
    with started(store) as record:
        with pytest.raises(ValueError, match="cannot be stored"):
            record.metric(step, epoch, {"loss": 1.0})
        record.metric(2**63 - 1, 0.0, {"loss": 2.0})
    assert [(row.step, row.value) for row in store.metrics(record.run_id)] == [(2**63 - 1, 2.0)]


def test_a_run_with_nothing_to_write_still_says_that_it_is_alive(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "HEARTBEAT_SECONDS", 0.01)
    with started(store) as record:
        first = store.get_run(record.run_id).heartbeat or 0.0
        wait_until(lambda: (store.get_run(record.run_id).heartbeat or 0.0) > first)
        run = store.get_run(record.run_id)
    assert run.last_step_at is not None
    assert run.last_step_at < (run.heartbeat or 0.0)


# Summaries


@given(
    values=st.lists(st.floats().map(lambda value: value + 0.0), min_size=1, max_size=30), cut=st.integers(0, 30)
)
@settings(max_examples=40, deadline=None)
def test_summaries_are_those_of_the_values_on_record(values: list[float], cut: int) -> None:
    directions: dict[str, Any] = {"auc": "higher"}
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "runs.db") as store:
        run_id = new_run(store)
        with Recorder(store, run_id, store.start_attempt(run_id), directions) as record:
            for step, value in enumerate(values):
                record.metric(step, 0.0, {"loss": value, "auc": value, "share": value})
                if step == cut:
                    record.flush()
        summaries = store.summaries(run_id)
    finite = [value for value in values if math.isfinite(value)]
    for name, best in {"loss": min, "auc": max, "share": None}.items():
        expected = best(finite) if best and finite else None
        found = summaries[name]
        assert str(found.last) == str(values[-1])
        assert found.last_step == len(values) - 1
        assert found.best == expected
        assert found.best_step == (None if expected is None else values.index(expected))


# Interruptions


def steps(record: Recorder, first: int, last: int) -> None:
    for step in range(first, last):
        wave = math.nan if step % 17 == 0 else math.sin(step)
        record.metric(step, step / 10, {"loss": wave, "lr": 0.1})
        if step % 25 == 3:  # somebody wishes to know, and it is better than any that counts
            record.metric(step, step / 10, {"eer": 0.001 * step}, wished=True)
            record.evaluation(step, {"eer": 0.001 * step}, [], wished=True)
        if step % 10 == 0:
            record.metric(step, step / 10, {"eer": 1 / (1 + step % 40)})
            record.evaluation(step, {"eer": 1 / (1 + step % 40)}, [])


def story(store: Store, run_id: str) -> tuple[list[Any], list[Any], list[Any]]:
    return (
        [(row.name, row.step, row.epoch, str(row.value)) for row in store.metrics(run_id)],
        [(row.step, row.scalars) for row in store.evaluations(run_id)],
        sorted(str(summary) for summary in store.summaries(run_id).values()),
    )


@pytest.mark.parametrize("checkpoint", [0, 34, 59])
def test_a_resumed_run_has_the_record_of_an_uninterrupted_one(store: Store, checkpoint: int) -> None:
    whole, broken = new_run(store), new_run(store)
    with Recorder(store, whole, store.start_attempt(whole)) as record:
        steps(record, 0, 100)
    with Recorder(store, broken, store.start_attempt(broken)) as record:
        steps(record, 0, 60)
    store.finish(broken, "failed")
    attempt = store.start_attempt(broken)
    store.delete_after(broken, checkpoint)
    with Recorder(store, broken, attempt) as record:
        steps(record, checkpoint + 1, 100)
    assert story(store, broken) == story(store, whole)
    assert {row.attempt for row in store.metrics(broken) if row.step > checkpoint} == {2}


WRITER = """
import sys, time
from kryptui.runs.recorder import Recorder
from kryptui.runs.store import Store
store = Store.open(sys.argv[1])
run_id = store.create_run("train", sys.argv[2], "toy", {}, "hash", None, {}, "/")
record = Recorder(store, run_id, store.start_attempt(run_id))
for step in range(int(sys.argv[3])):
    record.metric(step, 0.0, {"loss": float(step), "eer": 0.5})
    if step % 100 == 0:
        record.flush()
record.flush()
print(run_id, flush=True)
if sys.argv[4] == "stay":
    time.sleep(60)
record.close()
store.finish(run_id, "finished")
"""


def test_a_killed_writer_has_lost_nothing_that_was_flushed_and_shows_as_crashed(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    command = [sys.executable, "-c", WRITER, str(path), "killed", "1000", "stay"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
    with Store.open(path) as store:
        assert [row.step for row in store.metrics(run_id, ["loss"])] == list(range(1000))
        assert store.get_run(run_id).status == "crashed"
        assert [run.id for run in store.list_runs("status:crashed")] == [run_id]


def test_two_processes_write_to_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    Store.open(path).close()
    commands = [[sys.executable, "-c", WRITER, str(path), name, "2000", "go"] for name in ("one", "two")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    errors = [process.communicate()[1] for process in processes]
    assert errors == ["", ""]
    with Store.open(path) as store:
        for name in ("one", "two"):
            rows = store.metrics(store.resolve_run(name))
            assert [row.seq for row in rows] == list(range(1, 4001))
            assert [row.step for row in rows if row.name == "loss"] == list(range(2000))


def test_an_attempt_that_was_superseded_writes_no_more_and_says_so(store: Store) -> None:
    old = started(store)
    store.finish(old.run_id, "failed")
    attempt = store.start_attempt(old.run_id)
    old.metric(1, 0.0, {"loss": 1.0})
    with pytest.raises(RunError, match="no longer attempt 1's"):
        old.flush()
    with Recorder(store, old.run_id, attempt) as new:
        new.metric(1, 0.0, {"loss": 2.0})
    with pytest.raises(RunError, match="no longer attempt 1's"):
        old.close()
    assert [row.value for row in store.metrics(old.run_id)] == [2.0]


@contextmanager
def commits(store: Store, outcomes: Iterable[str], meanwhile: Callable[[], None] = lambda: None) -> Iterator[None]:
    """The next commits in turn are `refused`, or `lost`: made, without the answer coming back; others go well.

    `meanwhile` happens after such a commit, before it is tried again.
    """
    dialect, left = store._engine.dialect, iter(outcomes)
    assert dialect.dbapi is not None
    failure, commit = dialect.dbapi.OperationalError, dialect.do_commit

    def do_commit(connection: Any) -> None:
        outcome = next(left, "made") if threading.current_thread().name.startswith("recorder-") else "made"
        if outcome != "refused":
            commit(connection)
        if outcome != "made":
            meanwhile()
            raise failure("no answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialect, "do_commit", do_commit)
        patch.setattr(recorder, "INTERVAL_SECONDS", 0.001)
        yield


@pytest.mark.parametrize("outcome", ["refused", "lost"])
def test_a_commit_without_an_answer_is_on_record_once(store: Store, outcome: str) -> None:
    with started(store) as record:
        with commits(store, [outcome], lambda: record.metric(2, 0.0, {"loss": 1.0})):
            record.metric(1, 0.0, {"loss": 2.0, "eer": 0.5})
            record.artifact("submission", "out.csv")
            record.flush()
        record.metric(3, 0.0, {"loss": 3.0})
        record.flush()
        points = [(row.seq, row.name, row.step) for row in store.metrics(record.run_id)]
        loss = store.summaries(record.run_id)["loss"]
    assert points == [(1, "loss", 1), (2, "eer", 1), (4, "loss", 2), (5, "loss", 3)]
    assert len(store.artifacts(record.run_id)) == 1
    assert (loss.last, loss.best) == (3.0, 1.0)


ACTIONS: dict[str, Callable[[Recorder, int], None]] = {
    "metric": lambda record, step: record.metric(step, 0.0, {"loss": math.cos(step), "eer": 1 / (1 + step)}),
    "nothing": lambda record, step: record.metric(step, 0.0, {}),
    "log": lambda record, step: record.log("info", str(step)),
    "evaluation": lambda record, step: record.evaluation(step, {"eer": 1 / (1 + step)}, []),
    "artifact": lambda record, step: record.artifact("checkpoint", str(step % 3), step=step),
    "removed": lambda record, step: record.artifact_removed(str(step % 3)),
    "progress": lambda record, step: record.progress(step=step),
    "aside": lambda record, step: record.aside(usage=step),
    "stepped": lambda record, step: record.stepped(),
    "flush": lambda record, step: record.flush(),
}


@given(
    actions=st.lists(st.sampled_from(list(ACTIONS)), max_size=25),
    outcomes=st.lists(st.sampled_from(["made", "refused", "lost"]), max_size=12),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_becomes_of_commits_the_record_is_that_of_a_database_that_never_fails(
    store: Store, actions: list[str], outcomes: list[str]
) -> None:
    told = []
    for results in ([], outcomes):
        with started(store) as record, commits(store, results):
            for step, action in enumerate(actions):
                ACTIONS[action](record, step)
            record.flush()
        run = store.get_run(record.run_id)
        artifacts = [(row.path, row.step) for row in store.artifacts(run.id)]
        lines = [line.text for line in store.log_lines(run.id)]
        told.append((*story(store, run.id), artifacts, lines, run.progress))
    assert told[0] == told[1]


def test_rows_wait_for_a_database_that_another_process_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Store.open(tmp_path / "runs.db") as store, started(store) as record:
        holder = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        record.metric(1, 0.0, {"loss": 1.0})
        with pytest.raises(RunError, match="another process has held it"):
            record.flush(timeout=0.5)
        record.metric(2, 0.0, {"loss": 2.0})
        holder.execute("ROLLBACK")
        holder.close()
        record.flush()
        assert record.error is None
        assert [row.step for row in store.metrics(record.run_id)] == [1, 2]


def test_rows_wait_for_a_full_disk_to_have_room(tmp_path: Path) -> None:
    pages = 10_000

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with Store.open(tmp_path / "runs.db") as store:
        event.listen(store._engine, "connect", limit)
        with started(store) as record:
            pages = 1  # SQLite takes it for the size that the file has
            store._engine.dispose()
            for step in range(3000):
                record.metric(step, 0.0, {"loss": 1.0})
            with pytest.raises(RunError, match="the disk is full"):
                record.flush(timeout=1.0)
            assert store.metrics(record.run_id) == []
            pages = 10_000
            store._engine.dispose()
            record.flush()
        assert [row.step for row in store.metrics(record.run_id)] == list(range(3000))


def test_what_somebody_wished_to_be_measured_is_never_the_best(store: Store) -> None:
    run_id = new_run(store)
    with Recorder(store, run_id, store.start_attempt(run_id)) as record:
        record.metric(1, 0.1, {"eer": 0.5})
        record.metric(2, 0.2, {"eer": 0.1}, wished=True)
        record.evaluation(2, {"eer": 0.1}, [], wished=True)
    found = store.summaries(run_id)["eer"]
    assert (found.best, found.best_step, found.last, found.last_step) == (0.5, 1, 0.1, 2)
    assert [row.wished for row in store.evaluations(run_id)] == [True]
