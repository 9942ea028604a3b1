"""A record in a SQLite file: the file, its journal, and whether its pages are sound."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import quote as quote_url

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from kryptui.draw.numerals import size
from kryptui.jobs.doctor.finding import Finding, note, ok, one_line, problem
from kryptui.runs.filesystem import network_filesystem, sharing_notice

STATEMENT_SECONDS = 2.0
"""How long any statement may take here: large records are looked at in part."""

LARGE = 100_000_000
"""Bytes that a journal, or pages out of use, may take unnoticed."""

_PAGES = ("freelist_count", "page_count", "page_size")
_HEADER = b"SQLite format 3\0"
_BUSY_SECONDS = 2.0
_STEPS = 10_000  # of SQLite's virtual machine between two looks at the clock


def has_content(path: Path) -> bool:
    """Whether the file can be opened as a database."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


def check_file(path: Path) -> Finding:
    """Whether the file is there, a database, and can be written."""
    if path.is_dir():
        return problem("record", f"{path} is a folder", f"name a file: --db {_word(path / 'runs.db')}")
    if not path.exists():
        if not path.parent.is_dir():
            return problem("record", f"{path.parent} does not exist", f"mkdir -p {_word(path.parent)}")
        if not os.access(path.parent, os.W_OK):
            return problem(
                "record", f"{path.parent} cannot be written to", "make it writable, or use another --db"
            )
        return note("record", f"no record here yet ({path})", "nothing to do: the first run makes it")
    try:
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
    except OSError as error:
        return problem("record", f"{path} cannot be read ({error.strerror})", "check its permissions")
    if header == b"":
        return note("record", f"{path} is empty", "nothing to do: the first run makes the record in it")
    if header != _HEADER:
        return problem("record", f"{path} is not a database", "name another with --db, or move this one away")
    fact = f"{path}, SQLite {sqlite3.sqlite_version}, {size(path.stat().st_size)}"
    if not _writable(path):
        return problem(
            "record", f"{fact}: it or its folder is read-only", "allow writing, or name another with --db"
        )
    return ok("record", fact)


def check_place(path: Path) -> Iterator[Finding]:
    """Whether several machines could write to the file, which SQLite does not survive."""
    notice = sharing_notice(path)
    if notice is not None:
        fact, _, remedy = notice.partition("; ")
        yield note("place", fact, remedy)


def check_waiting(path: Path) -> Iterator[Finding]:
    """Whether the write-ahead log grows without being worked off."""
    journal = path.with_name(f"{path.name}-wal")
    waiting = journal.stat().st_size if journal.exists() else 0
    if waiting > LARGE:
        fact = (
            f"{size(waiting)} wait in {journal.name}, which slows every read: somebody never lets go of the record"
        )
        yield note(
            "journal", fact, f"end the programs that hold it open (fuser {_word(path)}); the last one empties it"
        )


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """A connection that changes nothing, and whose statements are interrupted after STATEMENT_SECONDS."""
    if _writable(path):
        mode = {"mode": "rw"}  # not ro, which would leave the journal's files behind
    else:
        mode = {"mode": "ro"} if path.with_name(f"{path.name}-wal").exists() else {"immutable": "1"}
    url = URL.create("sqlite", database=f"file:{quote_url(str(path.absolute()))}", query={**mode, "uri": "true"})
    engine = create_engine(
        url, connect_args={"timeout": _BUSY_SECONDS}, isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    deadline = 0.0

    @event.listens_for(engine, "connect")
    def _limit(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)

    @event.listens_for(engine, "before_cursor_execute")
    def _begin(*_: Any) -> None:
        nonlocal deadline
        deadline = time.monotonic() + STATEMENT_SECONDS

    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def check_integrity(connection: Connection, path: Path) -> Finding:
    """Whether pages and references are sound."""
    try:
        (first, *_) = connection.exec_driver_sql("PRAGMA quick_check(1)").scalars().all()
        if first != "ok":
            return _damaged(path, first)
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    except DatabaseError as error:
        return _unreadable(path, one_line(error.orig))
    if dangling is not None:
        fact = f"rows of {dangling[0]} belong to no {dangling[2]}: another program wrote to it"
        return problem("integrity", fact, f"restore {path.name} from a copy")
    return ok("integrity", "pages and references are sound")


def _unreadable(path: Path, reason: str) -> Finding:
    if "malformed" in reason or "not a database" in reason:
        return _damaged(path, reason)
    if "interrupted" in reason:
        fact = f"not known: {size(path.stat().st_size)} are too much to check in {STATEMENT_SECONDS:.0f} s"
        return note("integrity", fact, f"when there is time: sqlite3 {_word(path)} 'PRAGMA quick_check'")
    if "locked" in reason:
        fact = f"another process holds the file ({reason})"
        return problem("integrity", fact, f"end that one: fuser {_word(path)}")
    return problem("integrity", f"cannot be read ({reason})", "make its folder writable, and check its disk")


def _damaged(path: Path, reason: str) -> Finding:
    rescue = f"sqlite3 {_word(path)} .recover | sqlite3 {_word(path.with_name('rescued.db'))}"
    remedy = f"restore {path.name} from a copy, or rescue what is left: {rescue}"
    return problem("integrity", f"damaged ({one_line(reason)})", remedy)


def check_mode(path: Path) -> Finding:
    """Whether readers and a writer can work at the same time, where that is safe."""
    with path.open("rb") as file:  # SQLite itself calls a file that it may only read by another mode
        ahead = file.read(20)[18:] == b"\x02\x02"
    network = network_filesystem(path)
    if ahead and network is not None:
        fact = f"write-ahead log on {network}: machines that share it would corrupt it"
        remedy = f"sqlite3 {_word(path)} 'PRAGMA journal_mode = DELETE', while nothing uses it"
        return problem("journal", fact, remedy)
    if ahead:
        return ok("journal", "write-ahead log: readers and a writer at the same time")
    if network is not None:
        return ok("journal", f"rollback journal, as it must be on {network}")
    fact = "rollback journal: readers and writers wait for each other"
    return note("journal", fact, f"sqlite3 {_word(path)} 'PRAGMA journal_mode = WAL'")


def check_unused(connection: Connection, path: Path) -> Iterator[Finding]:
    """Whether deleted runs have left much room in the file."""
    values = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in _PAGES}
    unused = values["freelist_count"] * values["page_size"]
    if unused > LARGE and values["freelist_count"] > values["page_count"] / 2:
        fact = f"{size(unused)} of the file hold nothing since runs were deleted"
        yield note("unused", fact, f"sqlite3 {_word(path)} VACUUM, while nothing uses it")


def _writable(path: Path) -> bool:
    return all(os.access(place, os.W_OK) for place in (path, path.parent))


def _word(path: Path) -> str:
    """As a shell reads it."""
    return quote(str(path))
