"""What `kryptui doctor` says of the record: in files and on servers, healthy, damaged, foreign, out of reach."""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, make_url, update

from kryptui.jobs.doctor import contents, record, server, sqlite_file
from kryptui.jobs.doctor.finding import Finding
from kryptui.jobs.workspace import Workspace
from kryptui.runs import filesystem, schema
from kryptui.runs.identity import Process
from kryptui.runs.store import Store


def examine(target: str | Path, root: Path = Path()) -> dict[str, Finding]:
    """The findings by subject; of one subject the worst."""
    found = record.examine(Workspace(root, str(target))).findings
    return {
        finding.subject: finding
        for finding in sorted(found, key=lambda f: ("ok", "note", "problem").index(f.state))
    }


def new_run(store: Store, name: str = "baseline", kind: str = "train", **changes: Any) -> str:
    """A run that this process runs, with some columns changed."""
    run_id = store.create_run(kind, name, "toy", {"seed": 0}, "c0ffee", None, {}, "/home/me")
    store.start_attempt(run_id)
    if changes:
        with store.writing() as connection:
            connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(**changes))
    return run_id


def gone() -> str:
    """A process of this machine that has ended."""
    return str(replace(Process.current(), start_time="0"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A healthy record in a file."""
    Store.open(tmp_path / "runs.db").close()
    return tmp_path / "runs.db"


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


# A record anywhere


def test_a_healthy_record_is_well(target: str | Path) -> None:
    with Store.open(target) as store:
        new_run(store)
    found = examine(target)
    assert {finding.state for finding in found.values()} == {"ok"}, found
    assert found["revision"].fact == schema.REVISION
    assert found["runs"].fact == "1 run: 1 running"
    assert "0 metrics" in found["rows"].fact


def test_a_record_that_is_not_there_yet_is_a_note_and_is_not_made(target: str | Path) -> None:
    assert {finding.state for finding in examine(target).values()} <= {"ok", "note"}
    if isinstance(target, Path):
        assert not target.exists()
    else:
        assert examine(target)["revision"].fact == "no record here yet"


@pytest.mark.parametrize(
    ("revision", "state", "said"),
    [
        ("kryptui_9999", "problem", "upgrade kryptui"),
        ("kryptui_0000", "note", "the next command brings it up to date"),
        ("4711abcd", "problem", "another program"),
    ],
)
def test_a_record_of_another_version_is_told_of_and_left_alone(
    target: str | Path, revision: str, state: str, said: str
) -> None:
    with Store.open(target) as store, store.writing() as connection:
        connection.execute(update(schema.alembic_version).values(version_num=revision))
    for _ in range(2):
        found = examine(target)["revision"]
        assert found.state == state
        assert said in f"{found.fact} {found.remedy}"


def test_a_column_that_is_missing_is_a_problem(target: str | Path) -> None:
    with Store.open(target) as store, store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE artifacts DROP COLUMN sha256")
    found = examine(target)["tables"]
    assert found.state == "problem"
    assert "artifacts.sha256 is missing" in found.fact


def test_a_crashed_run_is_told_of_with_how_to_go_on(target: str | Path) -> None:
    with Store.open(target) as store:
        trained = new_run(store, process=gone())
        asked = new_run(store, kind="evaluate", process=gone())
    found = record.examine(Workspace(Path(), str(target))).findings
    crashed = {finding.fact[:8]: finding for finding in found if finding.subject == "crashed"}
    assert {finding.state for finding in crashed.values()} == {"note"}
    assert crashed[trained].remedy == f"go on with it: kryptui run --headless --resume {trained}"
    assert crashed[asked].remedy == "start it again: it was to evaluate"


def test_a_hung_run_is_told_of_with_how_to_end_it(target: str | Path) -> None:
    with Store.open(target) as store:
        run_id = new_run(store, last_step_at=1.0, started=1.0)
        found = examine(target)["hung"]
    assert f"kryptui runs stop {run_id}" in str(found.remedy)
    assert f"pid {os.getpid()}" in str(found.remedy)


def test_of_many_crashed_runs_a_few_are_named(path: Path) -> None:
    with Store.open(path) as store:
        for number in range(8):
            new_run(store, f"run {number}", process=gone())
    found = [
        finding
        for finding in record.examine(Workspace(Path(), str(path))).findings
        if finding.subject == "crashed"
    ]
    assert len(found) == 6
    assert (found[-1].fact, found[-1].remedy) == ("3 more", "kryptui runs list status:crashed")


@pytest.mark.parametrize("holds", [True, False])
def test_a_lease_is_stale_when_its_process_is_gone(target: str | Path, holds: bool) -> None:
    with Store.open(target) as store:
        run_id = new_run(store)
        process = str(Process.current()) if holds else gone()
        with store.writing() as connection:
            values = {"resource": "gpu:abc", "run_id": run_id, "host": "here", "process": process, "taken": 1.0}
            connection.execute(schema.leases.insert().values(values))
        found = record.examine(Workspace(Path(), str(target)))
    (lease,) = [finding for finding in found.findings if finding.subject == "lease"]
    assert lease.state == ("ok" if holds else "note")
    assert (run_id in found.holders.get("gpu:abc", "")) is holds


def test_a_lease_of_another_host_is_judged_by_its_run(path: Path) -> None:
    far = str(replace(Process.current(), host="far"))
    with Store.open(path) as store:
        for resource, heard in (("gpu:one", time.time()), ("gpu:two", 1.0)):
            run_id = new_run(store, process=far, host="far", heartbeat=heard)
            with store.writing() as connection:
                values = {"resource": resource, "run_id": run_id, "host": "far", "process": far, "taken": 1.0}
                connection.execute(schema.leases.insert().values(values))
    assert set(record.examine(Workspace(Path(), str(path))).holders) == {"gpu:one"}


def test_a_heartbeat_in_the_future_shows_that_clocks_differ(path: Path) -> None:
    with Store.open(path) as store:
        new_run(store, heartbeat=time.time() + 3600)
        found = examine(path)["clock"]
    assert found.state == "note"
    assert "s in the future" in found.fact


def test_hostile_names_are_cut_and_cleaned(path: Path) -> None:
    with Store.open(path) as store:
        new_run(store, "\x1b[31m" + "x" * 5000, process=gone())
    fact = examine(path)["crashed"].fact
    assert "\x1b" not in fact
    assert len(fact) < 120


def test_a_check_that_breaks_does_not_hide_the_others(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: Connection) -> Finding:
        raise RuntimeError("broken")

    monkeypatch.setattr(contents, "check_runs", broken)
    found = examine(path)
    assert found["runs"].state == "problem"
    assert found["rows"].state == "ok"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nonsense://host/runs", "not a database address"),
        ("postgresql+nonsense://me:secret@host/runs", "not a database address"),
        ("://", "not a database address"),
        ("sqlite://", "must outlive the process"),
    ],
)
def test_what_is_no_address_is_a_problem_that_keeps_passwords(target: str, said: str) -> None:
    found = examine(target)["record"]
    assert found.state == "problem"
    assert said in found.fact
    assert "secret" not in f"{found.fact} {found.remedy}"


# In a file


def test_nothing_is_left_behind_beside_the_file(path: Path) -> None:
    before = path.read_bytes()
    examine(path)
    assert [file.name for file in path.parent.iterdir()] == ["runs.db"]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "state", "said"),
    [
        (b"", "note", "is empty"),
        (b"just some words in a file", "problem", "not a database"),
        (b"SQLite format 3\0" + b"\xff" * 4000, "problem", ".recover"),
    ],
)
def test_a_file_that_is_no_record_is_told_of(tmp_path: Path, content: bytes, state: str, said: str) -> None:
    (tmp_path / "my runs.db").write_bytes(content)
    found = examine(tmp_path / "my runs.db")
    worst = found.get("integrity", found["record"])
    assert worst.state == state
    assert said in f"{worst.fact} {worst.remedy}"
    assert (tmp_path / "my runs.db").read_bytes() == content


def test_a_folder_and_a_place_in_no_folder_are_told_of(tmp_path: Path) -> None:
    assert "is a folder" in examine(tmp_path)["record"].fact
    found = examine(tmp_path / "no where" / "runs.db")["record"]
    assert found.remedy == f"mkdir -p '{tmp_path / 'no where'}'"


def test_torn_pages_are_a_problem(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192:20480] = b"\xff" * 12288
    path.write_bytes(data)
    found = examine(path)["integrity"]
    assert found.state == "problem"
    assert found.fact.startswith("damaged")
    assert str(found.remedy).startswith("restore runs.db from a copy")


def test_rows_that_belong_to_no_run_are_a_problem(path: Path) -> None:
    execute(path, "PRAGMA foreign_keys = OFF", "INSERT INTO tags VALUES ('nobody', 'x')")
    found = examine(path)["integrity"]
    assert found.state == "problem"
    assert "rows of tags belong to no runs" in found.fact


def test_tables_of_another_program_are_a_problem(tmp_path: Path) -> None:
    execute(tmp_path / "runs.db", "CREATE TABLE songs (name)")
    found = examine(tmp_path / "runs.db")
    assert "another program" in found["revision"].fact
    assert "journal" not in found


def test_a_check_that_takes_too_long_is_a_note(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "STATEMENT_SECONDS", -1.0)
    monkeypatch.setattr(sqlite_file, "_STEPS", 1)
    with sqlite_file.opened(path) as connection:
        found = sqlite_file.check_integrity(connection, path)
        assert found.state == "note"
        assert "PRAGMA quick_check" in str(found.remedy)
        assert "countless metrics" in contents.check_rows(connection).fact


def test_a_file_that_another_process_holds_is_a_problem(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "_BUSY_SECONDS", 0.0)
    execute(path, "PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        found = examine(path)["integrity"]
    assert found.state == "problem"
    assert "fuser" in str(found.remedy)


def test_a_read_only_file_is_a_problem_and_is_read_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    found = examine(path)
    assert found["record"].state == "problem"
    assert "read-only" in found["record"].fact
    assert found["runs"].fact == "0 runs"
    assert found["journal"].state == "ok"


def test_a_folder_that_cannot_be_written_to_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    assert examine(tmp_path / "runs.db")["record"].state == "problem"


def test_a_journal_that_grows_is_a_note(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(sqlite_file.check_waiting(path)) == []
    monkeypatch.setattr(sqlite_file, "LARGE", 10)
    path.with_name("runs.db-wal").write_bytes(bytes(20))
    (found,) = sqlite_file.check_waiting(path)
    assert found.state == "note"
    assert "fuser" in str(found.remedy)


@pytest.mark.parametrize(
    ("mode", "network", "state"),
    [("WAL", None, "ok"), ("DELETE", None, "note"), ("WAL", "nfs4", "problem"), ("DELETE", "nfs4", "ok")],
)
def test_the_journal_must_suit_the_place(
    path: Path, mode: str, network: str | None, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(path, f"PRAGMA journal_mode = {mode}")
    for module in (sqlite_file, filesystem):
        monkeypatch.setattr(module, "network_filesystem", lambda path: network)
    found = examine(path)
    assert found["journal"].state == state
    assert ("place" in found) is (network is not None)


def test_much_unused_room_is_a_note(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(path, "CREATE TABLE waste (x)", "INSERT INTO waste VALUES (zeroblob(2000000))", "DROP TABLE waste")
    assert "unused" not in examine(path)
    monkeypatch.setattr(sqlite_file, "LARGE", 1_000_000)
    assert "VACUUM" in str(examine(path)["unused"].remedy)


# On a server


def test_a_server_that_refuses_says_so_and_keeps_the_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        port = taken.getsockname()[1]
        found = examine(f"postgresql+psycopg://me:secret@127.0.0.1:{port}/runs?password=secret")["record"]
    assert found.state == "problem"
    assert found.remedy == "start the server, or check host and port in --db"
    assert "secret" not in found.fact


def test_a_driver_that_is_missing_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    found = examine("postgresql+psycopg://me@host/runs")["record"]
    assert found.state == "problem"
    assert found.remedy == "pip install 'kryptui[postgres]'"


def test_a_user_or_database_that_is_not_there_is_a_problem(postgres_url: str) -> None:
    for changed in (make_url(postgres_url).set(database="nowhere"), make_url(postgres_url).set(username="nobody")):
        found = examine(changed.render_as_string(hide_password=False))["record"]
        assert found.state == "problem"
        assert "createdb" in str(found.remedy)


def test_a_server_tells_its_version_speed_and_connections(postgres_url: str) -> None:
    found = examine(postgres_url)
    assert "postgresql" in found["record"].fact
    assert " ms, " in found["server"].fact
    assert " in use" in found["connections"].fact
    assert found["clock"].state == "ok"


def test_a_far_server_and_a_busy_one_are_notes(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(postgres_url) as connection:
        monkeypatch.setattr(server, "SLOW", 0.0)
        assert server.check_latency(connection).state == "note"
        monkeypatch.setattr(server, "_scalar", lambda connection, statement: 10 if "SHOW" in statement else 9)
        assert server.check_connections(connection).state == "note"


@pytest.mark.parametrize("difference", [-3600.0, 3600.0])
def test_clocks_that_differ_are_a_note(
    difference: float, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(server, "time", SimpleNamespace(time=lambda: now + difference))
    with connected(postgres_url) as connection:
        found = server.check_clock(connection)
    assert found.state == "note"
    assert ("ahead of" if difference > 0 else "behind") in found.fact


@pytest.mark.parametrize("made", [False, True])
def test_a_user_without_rights_is_told_how_to_get_them(postgres: Any, postgres_url: str, made: bool) -> None:
    if made:
        Store.open(postgres_url).close()
    database = make_url(postgres_url).database
    postgres.execute(f"CREATE ROLE guest_{database} LOGIN")
    url = make_url(postgres_url).set(username=f"guest_{database}").render_as_string(hide_password=False)
    found = examine(url)["rights"]
    assert found.state == "problem"
    assert f"TO guest_{database}" in str(found.remedy)


def test_a_copy_of_a_server_and_a_narrow_encoding_are_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_scalar", lambda connection, statement: "LATIN1")
    for check in ("check_latency", "check_connections"):
        monkeypatch.setattr(server, check, lambda connection: Finding("server", "ok", ""))
    found = list(server.check_health(SimpleNamespace()))  # type: ignore[arg-type]
    facts = [finding.fact for finding in found if finding.state == "problem"]
    assert any("read-only copy" in fact for fact in facts)
    assert any("LATIN1" in fact for fact in facts)


def test_secrets_in_an_address_are_not_shown() -> None:
    url = make_url("postgresql+psycopg://me:one@host/runs?password=two&sslpassword=three&sslmode=require")
    words = record.shown(url)
    assert not any(secret in words for secret in ("one", "two", "three"))
