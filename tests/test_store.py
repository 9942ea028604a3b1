"""The store: opening and refusing databases, runs and their names, and going back to a checkpoint."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from records import add_run

from kryptui.errors import InputError
from kryptui.runs import batch, keeping, schema
from kryptui.runs.store import Store


@pytest.fixture
def store(target: str | Path) -> Iterator[Store]:
    with Store.open(target) as opened:
        yield opened


def new_run(store: Store, name: str = "baseline", **changes: Any) -> str:
    given: dict[str, Any] = {
        "kind": "train",
        "name": name,
        "task": "toy",
        "config": {"seed": 0},
        "config_hash": "c0ffee",
        "data_hash": None,
        "env": {"python": "3.12"},
        "workspace": "/home/someone",
    }
    return store.create_run(**{**given, **changes})


def record(store: Store, run_id: str, attempt: int, values: dict[int, float], name: str = "loss") -> None:
    items = [batch.Points(0.0, step, step / 10, {name: value}) for step, value in values.items()]
    store.append(run_id, attempt, items, {}, store.summaries(run_id), {})


def test_a_new_run_is_read_as_it_was_created(store: Store) -> None:
    config = {"seed": 3, "task": {"losses": [{"kind": "triplet", "margin": 0.1}]}, "weights": None}
    run = store.get_run(new_run(store, config=config, data_hash="d1", note="first try"))
    assert (run.status, run.attempt, run.kind, run.task) == ("queued", 0, "train", "toy")
    assert run.config == config
    assert run.env == {"python": "3.12"}
    assert (run.config_hash, run.data_hash, run.note, run.parent) == ("c0ffee", "d1", "first try", None)
    assert (run.started, run.ended, run.last_step_at, run.progress) == (None, None, None, {})


def test_an_id_starts_with_a_letter_so_that_nothing_reads_it_as_a_number(store: Store) -> None:
    ids = [new_run(store) for _ in range(50)]
    assert all(run_id[0].isalpha() and len(run_id) == 8 for run_id in ids)
    assert len(set(ids)) == 50


def test_the_database_gives_the_time_in_seconds_since_1970(store: Store) -> None:
    assert store.get_run(new_run(store)).created == pytest.approx(time.time(), abs=60)


def test_an_attempt_makes_the_run_this_process_s(store: Store) -> None:
    run_id = new_run(store)
    assert store.start_attempt(run_id) == 1
    run = store.get_run(run_id)
    assert (run.status, run.attempt) == ("running", 1)
    assert f"|{os.getpid()}|" in str(run.process)


def test_a_run_that_a_process_runs_is_not_started_again(store: Store) -> None:
    run_id = new_run(store)
    store.start_attempt(run_id)
    with pytest.raises(InputError, match=f"running in a process, pid {os.getpid()}"):
        store.start_attempt(run_id)


def test_a_run_with_file_names_that_are_no_text_is_kept_readable(store: Store) -> None:
    run_id = new_run(store, workspace="/home/b\udcff", note="n\0")
    store.start_attempt(run_id)
    store.finish(run_id, "failed", "b\udcff.jpg: not an image")
    run = store.get_run(run_id)
    assert (run.workspace, run.note, run.error) == ("/home/b\\udcff", "n\\x00", "b\\udcff.jpg: not an image")


def test_an_ended_run_starts_its_next_attempt_without_its_old_error(store: Store) -> None:
    run_id = new_run(store)
    store.start_attempt(run_id)
    store.finish(run_id, "failed", "the disk is full")
    assert store.get_run(run_id).error == "the disk is full"
    assert store.start_attempt(run_id) == 2
    run = store.get_run(run_id)
    assert (run.status, run.error, run.ended) == ("running", None, None)


def test_an_earlier_attempt_does_not_end_the_run(store: Store) -> None:
    run_id = new_run(store)
    store.start_attempt(run_id)
    store.finish(run_id, "stopped", attempt=1)
    store.start_attempt(run_id)
    store.finish(run_id, "failed", "too late", attempt=1)
    assert store.get_run(run_id).status == "running"


@pytest.mark.parametrize("status", ["crashed", "hung", "running"])
def test_a_run_cannot_be_finished_as_what_is_no_end(store: Store, status: Any) -> None:
    with pytest.raises(ValueError, match=status):
        store.finish(new_run(store), status)


# Which run is meant


def test_a_run_is_found_by_its_id_the_beginning_of_it_or_its_name(store: Store) -> None:
    run_id = new_run(store, "vitb16")
    new_run(store, "resnet18")
    assert {store.resolve_run(text) for text in (run_id, run_id[:7], run_id.upper(), "vitb16")} == {run_id}


def test_a_name_of_several_runs_means_the_latest(store: Store) -> None:
    new_run(store, "vitb16")
    latest = new_run(store, "vitb16")
    with store._engine.begin() as connection:
        connection.execute(schema.runs.update().where(schema.runs.c.id == latest).values(created=4e9))
    assert store.resolve_run("vitb16") == latest


def test_a_beginning_of_several_ids_is_refused_with_the_candidates(store: Store) -> None:
    with store._engine.begin() as connection:
        run_id = new_run(store, "one")
        columns = connection.execute(schema.runs.select().where(schema.runs.c.id == run_id)).mappings().one()
    with store._engine.begin() as connection:
        connection.execute(schema.runs.insert(), [{**columns, "id": i, "name": i} for i in ("kk1", "kk2")])
    with pytest.raises(InputError, match=r"'kk': could be kk1 \(kk1\), kk2 \(kk2\)"):
        store.resolve_run("kk")


def test_an_unknown_run_is_refused_with_the_nearest_name(store: Store) -> None:
    new_run(store, "resnet18-quadruplet")
    with pytest.raises(InputError, match="did you mean 'resnet18-quadruplet'"):
        store.resolve_run("resnet18-quadrplet")


@pytest.mark.parametrize("text", ["", "%", "_", "\udcff", "a\0b"])
def test_a_strange_name_means_no_run(store: Store, text: str) -> None:
    new_run(store)
    with pytest.raises(InputError):
        store.resolve_run(text)


# Going back to a checkpoint


def test_going_back_deletes_what_came_after_the_step_and_keeps_the_log(store: Store) -> None:
    run_id = new_run(store)
    store.start_attempt(run_id)
    record(store, run_id, 1, dict.fromkeys(range(10), 1.0))
    items: list[batch.Item] = [
        batch.LogLine(0.0, "info", "step 9"),
        batch.Artifact(0.0, "checkpoint", "step-4", "host", None, None, 4),
        batch.Artifact(0.0, "checkpoint", "step-8", "host", None, None, 8),
        batch.Artifact(0.0, "submission", "out.csv", "host", None, None, None),
    ]
    store.append(run_id, 1, items, {}, {}, {})
    store.delete_after(run_id, 4)
    assert [row.step for row in store.metrics(run_id)] == [0, 1, 2, 3, 4]
    assert [row.path for row in store.artifacts(run_id)] == ["step-4", "out.csv"]
    assert [row.text for row in store.log_lines(run_id)] == ["step 9"]


def test_going_back_brings_back_what_stood_at_a_path_before(store: Store) -> None:
    run_id = new_run(store)
    store.start_attempt(run_id)
    items = [batch.Artifact(0.0, "best", "best", "host", f"sum of {step}", None, step) for step in (4, 8)]
    store.append(run_id, 1, items, {}, {}, {})
    assert [row.sha256 for row in store.artifacts(run_id)] == ["sum of 8"]
    store.delete_after(run_id, 4)
    assert [row.sha256 for row in store.artifacts(run_id)] == ["sum of 4"]


def test_going_back_rebuilds_the_summaries(store: Store) -> None:
    run_id = new_run(store)
    store.start_attempt(run_id)
    record(store, run_id, 1, {0: 5.0, 1: 3.0, 2: 4.0, 3: 1.0})
    record(store, run_id, 1, {3: 7.0}, name="late")
    store.delete_after(run_id, 2)
    summaries = store.summaries(run_id)
    assert set(summaries) == {"loss"}
    loss = summaries["loss"]
    assert (loss.last, loss.last_step, loss.best, loss.best_step) == (4.0, 2, 3.0, 1)


def test_a_reader_s_cursor_never_meets_a_number_twice(store: Store) -> None:
    run_id = new_run(store)
    store.start_attempt(run_id)
    record(store, run_id, 1, {0: 1.0, 1: 1.0, 2: 1.0})
    cursor = store.metrics(run_id)[-1].seq
    store.delete_after(run_id, 0)
    record(store, run_id, 1, {1: 2.0})
    assert [row.value for row in store.metrics(run_id, after_seq=cursor)] == [2.0]


def test_metrics_are_read_by_name_and_from_a_cursor(store: Store) -> None:
    run_id = new_run(store)
    store.start_attempt(run_id)
    items = [batch.Points(0.0, step, 0.0, {"loss": 1.0, "eer": 0.5}) for step in range(3)]
    store.append(run_id, 1, items, {}, {}, {})
    assert [row.step for row in store.metrics(run_id, ["eer"], after_seq=2)] == [1, 2]
    assert store.metrics(run_id, []) == []


# Refusals


def test_a_missing_record_is_refused_where_it_is_not_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no record here"):
        Store.open(tmp_path / "runs.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but longer than the header of one")
    with pytest.raises(InputError, match="not a database"):
        Store.open(path)
    assert path.read_text() == "not a database, but longer than the header of one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
    with pytest.raises(InputError, match="not a database, or damaged"):
        Store.open(path)


def test_another_program_s_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE experiments (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(InputError, match="another program"):
        Store.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("revision", "message"), [("kryptui_0999", "newer kryptui"), ("cfd24bdc0731", "another program")]
)
def test_an_unknown_revision_is_refused_and_left_as_it_is(tmp_path: Path, revision: str, message: str) -> None:
    path = tmp_path / "runs.db"
    Store.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        Store.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nosuchdatabase://here", "not a database address"),
        ("sqlite://", "must outlive the process"),
        ("postgresql+nosuchdriver://host/name", "not a database address"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(target: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Store.open(target)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        Store.open(tmp_path)


def test_a_record_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its folder does not exist"):
        Store.open(tmp_path / "nowhere" / "runs.db")


AS_ANOTHER_USER = """
import os, sys
from kryptui.errors import InputError
from kryptui.runs.store import Store
Store.open(sys.argv[1]).close()
os.chmod(sys.argv[1], 0o444)
if os.geteuid() == 0:
    os.setuid(65534)
else:
    os.chmod(os.path.dirname(sys.argv[1]), 0o555)
try:
    with Store.open(sys.argv[1], write=sys.argv[2] == "write") as store:
        print("opened", len(store.list_runs()))
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize(("mode", "outcome"), [("write", "is read-only"), ("read", "opened 1")])
def test_a_read_only_record_is_refused_for_writing_alone(mode: str, outcome: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # unlike pytest's, one that another user may enter
        Path(folder).chmod(0o755)
        path = Path(folder) / "a record?.db"
        with Store.open(path) as store:
            new_run(store)
        command = [sys.executable, "-c", AS_ANOTHER_USER, str(path), mode]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        Path(folder).chmod(0o755)
    assert outcome in done.stdout


def test_a_record_opened_by_address_is_the_one_at_its_path(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'runs.db'}") as store:
        run_id = new_run(store)
    with Store.open(tmp_path / "runs.db", create=False) as store:
        assert store.get_run(run_id).name == "baseline"


def test_the_stamp_is_one_that_alembic_reads(tmp_path: Path) -> None:
    from alembic.runtime.migration import MigrationContext

    with Store.open(tmp_path / "runs.db") as store, store._engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == schema.REVISION


OPEN = "import sys; from kryptui.runs.store import Store; Store.open(sys.argv[1]).close()"


def test_processes_that_open_a_new_record_at_once_all_succeed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(tmp_path / "runs.db")]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    errors = [process.communicate()[1] for process in started]
    assert errors == ["", "", ""]


def test_the_store_imports_neither_torch_nor_pandas_nor_alembic_nor_numpy() -> None:
    code = "import sys, kryptui.runs.store\nprint({'torch', 'pandas', 'alembic', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_value_that_is_not_a_number_is_read_back_as_such(store: Store) -> None:
    run_id = new_run(store)
    store.start_attempt(run_id)
    record(store, run_id, 1, {0: math.nan, 1: math.inf, 2: -math.inf})
    assert [str(row.value) for row in store.metrics(run_id)] == ["nan", "inf", "-inf"]


def in_another_process(code: str, path: Path) -> str:
    script = (
        f"import sys; from kryptui.runs.store import Store; store = Store.open(sys.argv[1]); {code}; store.close()"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_opening_a_record_twice_takes_no_lock_away(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with Store.open(path) as first:
        run_id = add_run(first, "before")
        Store.open(path).close()
        in_another_process("store.list_runs()", path)  # would delete the journal if it took itself for the last
        keeping.rename(first, run_id, "after")
        assert in_another_process("print(store.list_runs()[0].name)", path) == "after"
