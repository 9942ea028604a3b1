"""The record on a real PostgreSQL: its address and refusals, lost connections, and several writers at once."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from postgres import Server
from sqlalchemy import make_url, select, text
from sqlalchemy.dialects import postgresql
from toys import kryptui, toy_config

from kryptui.config import to_yaml
from kryptui.errors import InputError, KryptuiError, RunError
from kryptui.runs import database, keeping, query, recorder, schema
from kryptui.runs.recorder import Recorder
from kryptui.runs.store import Store

SECRET = "p@ss/wor:d"
SPELT = "p%40ss%2Fwor%3Ad"


@pytest.fixture
def store(postgres_url: str) -> Iterator[Store]:
    with Store.open(postgres_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def guarded(postgres: Server) -> Iterator[Server]:
    """The server with a user who needs a password, and must not make tables."""
    rules = postgres.folder / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all guest scram-sha-256\n{before}")
    postgres.execute(f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'")
    postgres.execute("SELECT pg_reload_conf()")
    yield postgres
    rules.write_text(before)
    postgres.execute("SELECT pg_reload_conf()")
    postgres.execute("DROP ROLE guest")


def new_run(store: Store, name: str = "run") -> str:
    return store.create_run("train", name, "toy", {}, "hash", None, {}, "/")


def together(*works: Callable[[], Any]) -> list[Any]:
    """What each returns, or raises, when all begin at the same time."""
    outcomes: list[Any] = [None] * len(works)
    barrier = threading.Barrier(len(works))

    def run(index: int) -> None:
        barrier.wait()
        try:
            outcomes[index] = works[index]()
        except Exception as error:
            outcomes[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


# Addresses


def refusal(address: str) -> str:
    with pytest.raises(KryptuiError) as caught:
        Store.open(address)
    told = str(caught.value)
    assert "\n" not in told
    for part in (SECRET, SPELT, "p@ss", "wor:d", "secret"):
        assert part not in told
    return f"{type(caught.value).__name__}: {told}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": "secret"}, "InputError: .*guest:.*refuses: password authentication failed for user"),
        ({}, "InputError: .*refuses: .*no password supplied"),
        ({"password": SPELT, "database": "nowhere"}, 'InputError: .*refuses: database "nowhere" does not exist'),
        ({"password": SPELT, "user": "nobody"}, 'InputError: .*refuses: role "nobody" does not exist'),
        ({"password": SPELT}, "InputError: .*the user may not do this .permission denied for schema public"),
    ],
)
def test_a_server_that_refuses_is_told_in_one_line(guarded: Server, change: dict[str, str], message: str) -> None:
    with guarded.new_database() as url:
        address = guarded.url(**{"database": str(make_url(url).database), "user": "guest", **change})
        assert re.match(message, refusal(address))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"postgresql://me:{SPELT}@/runs?host=/nowhere", "RunError: .*the server cannot be reached"),
        (f"postgres://me:{SPELT}@127.0.0.1:1/runs", "RunError: .*cannot be reached .*Connection refused"),
        (f"postgresql://me:{SECRET}@localhost/runs", "InputError: postgresql://...: not a database address"),
        ("postgresql://me:secret@localhost:port/runs", "InputError: postgresql://...: not a database address"),
        ("postgresql+nosuch://me:secret@localhost/runs", "InputError: .*not a database address that is known"),
        ("postgresql+nosuch://localhost/runs?password=secret", "InputError: .*not a database address that is"),
        ("postgresql://me:secret@/runs?nosuch=1", 'RunError: .*invalid connection option "nosuch"'),
    ],
)
def test_an_address_that_leads_to_no_server_is_told_in_one_line(address: str, message: str) -> None:
    pytest.importorskip("psycopg")
    assert re.match(message, refusal(address))


def test_a_database_that_cannot_hold_every_letter_is_refused(postgres: Server) -> None:
    postgres.execute("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(InputError, match="encoding is LATIN1"):
            Store.open(postgres.url("narrow"))
    finally:
        postgres.execute("DROP DATABASE narrow WITH (FORCE)")


def test_another_program_s_tables_are_left_alone(postgres: Server, postgres_url: str) -> None:
    with Store.open(postgres_url) as store, store.writing() as connection:
        connection.execute(text("DROP TABLE alembic_version CASCADE"))
    with pytest.raises(InputError, match="holds the tables of another program"):
        Store.open(postgres_url)


def test_a_password_is_neither_told_nor_recorded(guarded: Server, tmp_path: Path) -> None:
    (tmp_path / "cfg.yaml").write_text(to_yaml(toy_config()))
    with guarded.new_database() as url:
        name = str(make_url(url).database)
        guarded.execute(f"ALTER DATABASE {name} OWNER TO guest")
        address = guarded.url(name, "guest", SPELT)
        done = kryptui("run", "--headless", "cfg.yaml", "--db", address, cwd=tmp_path)
        wrong = kryptui("runs", "list", "--db", address.replace(SPELT, "secret"), cwd=tmp_path)
        with Store.open(address) as store:
            (run,) = store.list_runs()
            assert run.status == "finished"
            recorded = [str(vars(run)), *(line.text for line in store.log_lines(run.id))]
    assert done.returncode == 0, done.stderr
    for told in (done.stdout, done.stderr, wrong.stderr, *recorded):
        assert SECRET not in told
        assert SPELT not in told
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


# Transactions


def test_a_reader_sees_one_state_whatever_is_written_meanwhile(store: Store) -> None:
    run_id = new_run(store, "before")
    names = select(schema.runs.c.name).where(schema.runs.c.id == run_id)
    with store.reading() as connection:
        seen = [connection.scalar(names)]
        keeping.rename(store, run_id, "after")
        seen.append(connection.scalar(names))
    assert seen == ["before", "before"]
    assert store.get_run(run_id).name == "after"


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(InputError, match="cannot be written"), store.reading() as connection:
        connection.execute(schema.tags.delete())


def test_a_writer_does_not_wait_for_ever(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Store.open(postgres_url) as store:
        run_id = new_run(store)
        with store.writing() as connection:
            connection.execute(select(schema.runs.c.id).where(schema.runs.c.id == run_id).with_for_update())
            with pytest.raises(RunError, match="another process has held it"):
                keeping.rename(store, run_id, "other")


def test_moments_do_not_depend_on_a_time_zone(postgres: Server, postgres_url: str) -> None:
    postgres.execute(f"ALTER DATABASE {make_url(postgres_url).database} SET timezone = 'Asia/Kolkata'")
    with Store.open(postgres_url) as store:
        assert store.get_run(new_run(store)).created == pytest.approx(time.time(), abs=60)


def test_text_is_compared_by_letter_codes_whatever_language_the_database_is_set_to() -> None:
    asked = query.apply(select(schema.runs.c.id), query.parse("name:X"), query.parse_sort("name"))
    told = " ".join(str(asked.compile(dialect=postgresql.dialect())).split())
    assert re.search(r'lower\(coalesce\(runs\.name, \S+\) COLLATE "C"\) LIKE', told)
    assert 'ORDER BY runs.name COLLATE "C" ASC NULLS LAST' in told


# Several at once


def test_of_many_that_want_one_run_one_gets_it(target: str | Path) -> None:
    with ExitStack() as opened:
        stores = [opened.enter_context(Store.open(target)) for _ in range(6)]
        run_id = new_run(stores[0])
        outcomes = together(*(partial(store.start_attempt, run_id, queued_only=True) for store in stores))
    assert [outcome for outcome in outcomes if outcome == 1] == [1]
    assert {type(outcome) for outcome in outcomes if outcome != 1} == {InputError}


def test_the_same_tags_may_be_given_at_the_same_time(store: Store) -> None:
    runs = [new_run(store) for _ in range(3)]
    orders = (runs, runs[::-1]) * 3
    outcomes = together(*(partial(keeping.tag_runs, store, order, ["a", "b"], ["c"]) for order in orders))
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert {store.get_run(run_id).tags for run_id in runs} == {("a", "b")}


OPEN = "import sys; from kryptui.runs.store import Store; Store.open(sys.argv[1]).close()"


def test_processes_that_open_a_new_record_at_once_all_succeed(postgres_url: str) -> None:
    command = [sys.executable, "-c", OPEN, postgres_url]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    errors = [process.communicate()[1] for process in started]
    assert errors == ["", "", ""]


# Lost connections


DISCONNECT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'record%'"


def test_nothing_is_lost_or_doubled_while_connections_break(
    postgres: Server, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "INTERVAL_SECONDS", 0.001)
    run_id = new_run(store)
    with Recorder(store, run_id, store.start_attempt(run_id)) as record:
        broken = 0
        for step in range(4000):
            record.metric(step, 0.0, {"loss": float(step), "lr": 0.1})
            if step % 200 == 0:
                broken += len(postgres.execute(DISCONNECT))
        record.flush()
        assert record.error is None
    rows = store.metrics(run_id)
    assert [(row.seq, row.step) for row in rows] == [(seq, (seq - 1) // 2) for seq in range(1, 8001)]
    assert store.summaries(run_id)["loss"].last == 3999.0
    assert broken > 0


def test_a_run_goes_on_when_the_server_comes_back(postgres: Server, store: Store) -> None:
    run_id = new_run(store)
    with Recorder(store, run_id, store.start_attempt(run_id)) as record:
        record.metric(1, 0.0, {"loss": 1.0})
        record.flush()
        postgres.stop()
        try:
            record.metric(2, 0.0, {"loss": 2.0})
            with pytest.raises(RunError, match=r"the server (cannot be reached|has failed)"):
                record.flush(timeout=1.0)
            with pytest.raises(RunError, match="the server cannot be reached"):
                store.list_runs()
        finally:
            postgres.start()
        record.metric(3, 0.0, {"loss": 3.0})
        record.flush()
    assert [(row.seq, row.step) for row in store.metrics(run_id)] == [(1, 1), (2, 2), (3, 3)]
