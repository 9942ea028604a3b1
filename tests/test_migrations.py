"""An older record is brought to this version's tables, whole or not at all, with a copy kept."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from kryptui.errors import InputError, RunError
from kryptui.runs import schema
from kryptui.runs.store import Store

FIRST = "kryptui_0001"
RUN = (
    "INSERT INTO runs (id, name, kind, task, status, attempt, config, config_hash, env, workspace, progress, "
    "last_seq, created) VALUES ('aaaaaaaa', 'old', 'train', 'toy', 'queued', 0, '{}', 'c', '{}', '/w', '{}', 0, 5)"
)


def make_old(url: str, revision: str = FIRST) -> None:
    """A record as an earlier version left it, with a run in it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "kryptui.runs:migrations")
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(text(RUN))
    engine.dispose()


def of(path: Path) -> str:
    return f"sqlite:///{path}"


def revision_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "runs.db"
    make_old(of(path))
    return path


def differences(url: str) -> list[object]:
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, schema.metadata)
    engine.dispose()
    return list(found)


def test_all_steps_lead_to_the_tables_of_the_schema(tmp_path: Path) -> None:
    make_old(of(tmp_path / "runs.db"), schema.REVISION)
    assert differences(of(tmp_path / "runs.db")) == []


def test_all_steps_lead_to_the_tables_of_the_schema_on_postgresql(postgres_url: str) -> None:
    make_old(postgres_url, schema.REVISION)
    assert differences(postgres_url) == []


def test_the_last_step_is_the_revision_of_the_schema() -> None:
    config = Config()
    config.set_main_option("script_location", "kryptui.runs:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == schema.REVISION


def test_an_older_record_is_brought_up_to_date_and_keeps_its_runs(old: Path) -> None:
    said: list[str] = []
    with Store.open(old, tell=said.append) as store:
        run = store.get_run("aaaaaaaa")
    assert (run.name, run.queued) == ("old", 5.0)
    assert revision_of(old) == schema.REVISION
    assert len(said) == 1
    assert f"brought from {FIRST} to {schema.REVISION}" in said[0]


def test_the_file_from_before_is_kept(old: Path) -> None:
    Store.open(old).close()
    copy = old.with_name(f"runs.db.{FIRST}.backup")
    assert revision_of(copy) == FIRST
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT name FROM runs").fetchall() == [("old",)]


def test_an_earlier_copy_is_not_overwritten(old: Path) -> None:
    earlier = old.with_name(f"runs.db.{FIRST}.backup")
    earlier.write_text("mine")
    Store.open(old).close()
    assert earlier.read_text() == "mine"
    assert revision_of(old.with_name(f"runs.db.{FIRST}.backup-2")) == FIRST


def test_a_record_up_to_date_is_opened_without_a_word_or_a_copy(tmp_path: Path) -> None:
    Store.open(tmp_path / "runs.db").close()
    said: list[str] = []
    Store.open(tmp_path / "runs.db", tell=said.append).close()
    assert said == []
    assert not list(tmp_path.glob("*.backup*"))


def test_a_step_that_fails_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(config: Config, revision: str) -> None:
        connection = config.attributes["connection"]
        connection.execute(text("ALTER TABLE runs ADD COLUMN queued DOUBLE"))
        connection.execute(text("ALTER TABLE nowhere ADD COLUMN more DOUBLE"))

    monkeypatch.setattr(command, "upgrade", half)
    with pytest.raises(RunError, match="could not be brought from kryptui_0001"):
        Store.open(old)
    assert revision_of(old) == FIRST
    with closing(sqlite3.connect(old)) as connection:
        assert "queued" not in [row[1] for row in connection.execute("PRAGMA table_info(runs)")]


def test_a_newer_record_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    Store.open(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'kryptui_9999'")
    with pytest.raises(InputError, match=r"written by a newer kryptui .*upgrade kryptui"):
        Store.open(path)
    assert revision_of(path) == "kryptui_9999"


def test_many_openers_bring_it_up_to_date_once(old: Path) -> None:
    code = f"from kryptui.runs.store import Store; Store.open({str(old)!r}, tell=print).close()"
    openers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [opener.communicate()[0] for opener in openers]
    assert [opener.returncode for opener in openers] == [0] * 4
    assert sum("brought from" in text for text in said) == 1


def test_postgresql_is_brought_up_to_date(postgres_url: str) -> None:
    make_old(postgres_url)
    said: list[str] = []
    with Store.open(postgres_url, tell=said.append) as store:
        assert store.get_run("aaaaaaaa").queued == 5.0
    assert len(said) == 1
