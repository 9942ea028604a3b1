"""Opening the database of the record, its transactions, and its errors in plain words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, insert, inspect, select
from sqlalchemy.exc import DBAPIError, OperationalError

from kryptui.errors import InputError, KryptuiError, RunError
from kryptui.runs import filesystem, schema, server

BUSY_SECONDS = 10.0
"""How long a transaction waits for another writer's before it fails."""

_WRITE = "kryptui_write"
MAKING_TABLES, LEASING = 0x6B727970, 0x6B727971
_SQLITE_HEADER = b"SQLite format 3\0"

_looking = threading.Lock()
_connected: set[tuple[int, int]] = set()


def open_engine(
    target: str | Path, *, create: bool, write: bool, tell: Callable[[str], None] | None = None
) -> Engine:
    """The engine of the record at a path or SQLAlchemy URL, its tables made where it is new and `create` is set.

    An older record is brought to this version's tables. `tell` is told that, and that the file lies where several
    machines must not write it. Raises InputError, with nothing written, for a place that is missing, not to be
    written (unless `write` is False), no database, another program's database, or a record of a newer version.
    """
    engine, place = _engine(target, create=create, write=write)
    tell = tell or _tell_nobody
    try:
        with reading(engine) as connection:
            revision = _check_revision(connection, place)
        if revision is None:
            if not (create and write):
                raise InputError(f"{place}: there is no record here; start a run, or name another with --db")
            _create_tables(engine, place)
        elif revision != schema.REVISION:
            _migrate(engine, place, tell)
        notice = filesystem.sharing_notice(_file(engine)) if write and engine.dialect.name == "sqlite" else None
        if notice is not None:
            tell(notice)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database throughout."""
    with _plain_errors(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # where by default each statement sees a state of its own
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is whole or undone, and waits for other writers.

    SQLite's takes the one write lock at once, and so never fails halfway. On a server whoever reads what it then
    writes locks the rows first.
    """
    with _plain_errors(engine), engine.connect() as connection:
        connection.execution_options(**{_WRITE: True})
        with connection.begin():
            yield connection


def _engine(target: str | Path, *, create: bool, write: bool) -> tuple[Engine, str]:
    """The engine, and the database's name for messages."""
    if "://" not in str(target):
        path = Path(target)
        url = URL.create("sqlite", database=str(path.absolute()))
        return _sqlite_engine(path, url, create=create, write=write), str(target)
    url = server.parse_address(str(target))
    place = server.shown(url)
    if url.drivername.partition("+")[0] != "sqlite":
        return server.server_engine(url, BUSY_SECONDS), place
    if url.database in (None, "", ":memory:"):
        raise InputError(f"{place}: the record must outlive the process; name a file")
    return _sqlite_engine(Path(str(url.database)), url, create=create, write=write), place


def _sqlite_engine(path: Path, url: URL, *, create: bool, write: bool) -> Engine:
    _check_sqlite_file(path, create=create, write=write)
    if not (write or _is_writable(path)):
        url = _read_only_url(path)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        _remember(path)
        connection.isolation_level = None  # sqlite3 opens no transaction by itself: `_begin` does
        connection.execute("PRAGMA foreign_keys = ON")
        # A checkpoint is synced and relies on the rows before it, so a commit is too: NORMAL may lose the last
        # ones with the power. At four commits a second this is not felt.
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _check_sqlite_file(path: Path, *, create: bool, write: bool) -> None:
    """Refuses what cannot become or be a record, before SQLite touches it."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file, such as {path / 'runs.db'}")
    if not path.exists():
        if not (create and write):
            raise InputError(f"{path}: there is no record here; start a run, or name another with --db")
        if not path.parent.is_dir():
            raise InputError(f"{path}: its folder does not exist; make it first")
    else:
        _check_header(path)
    if write and not _is_writable(path):
        raise InputError(f"{path}: it or its folder is read-only; allow writing, or name another with --db")


def _check_header(path: Path) -> None:
    """Looks into a file, unless this process has a connection to it.

    Closing a file takes the locks of all its connections in the process away (POSIX): the next process to close
    the record would take itself for the last, and delete the journal that this one goes on writing to.
    """
    try:
        with _looking:
            facts = path.stat()
            if (facts.st_dev, facts.st_ino) in _connected:
                return
            with path.open("rb") as file:
                header = file.read(len(_SQLITE_HEADER))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    if header not in (_SQLITE_HEADER, b""):
        raise InputError(f"{path}: not a database; name another file with --db, or move this one away")


def _remember(path: Path) -> None:
    """Takes note that this process has a connection to the file."""
    with _looking, contextlib.suppress(OSError):
        facts = path.stat()
        _connected.add((facts.st_dev, facts.st_ino))


def _is_writable(path: Path) -> bool:
    """Whether the file and its folder are: SQLite keeps a journal beside the file."""
    return all(os.access(place, os.W_OK) for place in (path, path.parent) if place.exists())


def _read_only_url(path: Path) -> URL:
    """For a reader that must not write: without a journal nobody writes, so the file may be read as it stands."""
    journal = path.with_name(f"{path.name}-wal")
    mode = {"mode": "ro"} if journal.exists() else {"immutable": "1"}
    return URL.create("sqlite", database=f"file:{quote(str(path.absolute()))}", query={**mode, "uri": "true"})


def _check_revision(connection: Connection, place: str) -> str | None:
    """The revision of the record's tables, None where there are none; raises InputError for a newer one."""
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if schema.alembic_version.name not in names:
        raise InputError(f"{place}: holds the tables of another program; name another database with --db")
    revision = str(connection.scalar(select(schema.alembic_version.c.version_num)))
    if revision.startswith(schema.REVISION_PREFIX):
        if revision <= schema.REVISION:
            return revision
        raise InputError(
            f"{place}: written by a newer kryptui (revision {revision}, this one knows {schema.REVISION}); "
            "upgrade kryptui"
        )
    raise InputError(f"{place}: belongs to another program; name another database with --db")


def _create_tables(engine: Engine, place: str) -> None:
    if engine.dialect.name == "sqlite" and filesystem.network_filesystem(_file(engine)) is None:
        _use_wal(engine)
    with writing(engine) as connection:
        one_at_a_time(connection, MAKING_TABLES)
        if _check_revision(connection, place) is not None:
            return  # another process was first
        if engine.dialect.name == "postgresql":
            server.check_letters(connection, place)
        schema.metadata.create_all(connection, checkfirst=False)
        connection.execute(insert(schema.alembic_version).values(version_num=schema.REVISION))


def _migrate(engine: Engine, place: str, tell: Callable[[str], None]) -> None:
    if "mode" in engine.url.query or "immutable" in engine.url.query:  # opened to read alone
        raise InputError(
            f"{place}: written by an older kryptui, and read-only; open it once where it may be written"
        )
    from kryptui.runs.migrate import migrate

    with writing(engine) as connection:
        one_at_a_time(connection, MAKING_TABLES)
        revision = _check_revision(connection, place)
        if revision is not None and revision != schema.REVISION:
            migrate(connection, place, revision, tell)


def one_at_a_time(connection: Connection, what: int) -> None:
    """Waits until no other transaction does `what`, until this one ends; on SQLite each waits for every other."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(what)))


def _file(engine: Engine) -> Path:
    return Path(str(engine.url.database))


def _tell_nobody(text: str) -> None:
    """For whoever opens the record without a person watching."""


def _use_wal(engine: Engine) -> None:
    """Lets readers and one writer work at the same time; the file remembers it."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:  # held by another process that creates it too
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise InputError(f"{engine.url.database}: cannot be set up ({error})") from None
        finally:
            connection.close()
        time.sleep(0.05)


@contextmanager
def _plain_errors(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if engine.dialect.name == "sqlite":
            raise _in_plain_words(error, engine) from error
        raise server.in_plain_words(error, server.shown(engine.url), BUSY_SECONDS) from error


def _in_plain_words(error: DBAPIError, engine: Engine) -> KryptuiError | DBAPIError:
    """SQLite's error as one line that says what to do; an error of ours in the SQL stays what it is."""
    place = engine.url.database
    reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "unknown"
    lowered = reason.lower()
    if "not a database" in lowered or "malformed" in lowered:
        return InputError(f"{place}: not a database, or damaged ({reason}); name another with --db")
    if "readonly" in lowered or "unable to open" in lowered:
        return InputError(f"{place}: cannot be written ({reason}); make it and its folder writable")
    if "locked" in lowered or "busy" in lowered:
        return RunError(f"{place}: another process has held it for {BUSY_SECONDS:.0f} s; end it, then resume")
    if "full" in lowered or "no space" in lowered:
        return RunError(f"{place}: the disk is full; free some space, then resume")
    if isinstance(error, OperationalError) and "no such" not in lowered and "syntax" not in lowered:
        return RunError(f"{place}: the database fails ({reason}); check its disk")
    return error
