"""The record of runs: whether it is there, can be reached and trusted, and is this version's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, select
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from kryptui.errors import InputError
from kryptui.jobs.doctor import contents, server, sqlite_file
from kryptui.jobs.doctor.finding import Finding, guarded, note, ok, problem
from kryptui.jobs.workspace import Workspace
from kryptui.runs import schema
from kryptui.runs.server import EXAMPLE, parse_address, shown

_ELSEWHERE = "name another database with --db"


@dataclass
class Record:
    """What is found of a record: whether it is `current`, and in words who has each leased resource."""

    findings: list[Finding] = field(default_factory=list)
    current: bool = False
    holders: Mapping[str, str] = field(default_factory=dict)


def address(workspace: Workspace) -> URL:
    """Where the record is; raises InputError for what is no address of a database."""
    target = workspace.database
    if "://" not in target:
        return URL.create("sqlite", database=str((workspace.root / target).absolute()))
    url = parse_address(target)
    try:
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError):
        known = f"not a database address that is known ({url.drivername})"
        raise InputError(f"{shown(url)}: {known}; give --db a path, or {EXAMPLE}") from None
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise InputError("the record must outlive the process; name a file by --db")
    return url


def folder(workspace: Workspace) -> Path | None:
    """The folder of a record that is a file."""
    try:
        url = address(workspace)
    except InputError:
        return None
    return Path(str(url.database)).parent if url.get_backend_name() == "sqlite" else None


def examine(workspace: Workspace) -> Record:
    """Reads the record without changing it; one that is not there yet is not made."""
    record = Record()
    record.findings = guarded("record", partial(_examine, workspace, record))
    return record


def _examine(workspace: Workspace, record: Record) -> Iterator[Finding]:
    url = address(workspace)
    if url.get_backend_name() == "sqlite":
        yield from _examine_file(Path(str(url.database)), record)
    else:
        with server.opened(url, shown(url)) as connection:
            yield server.check_version(connection, shown(url))
            if connection.dialect.name == "postgresql":
                yield from guarded("server", partial(server.check_health, connection))
            yield from guarded("clock", partial(server.check_clock, connection))
            yield from _examine_contents(connection, record)


def _examine_file(path: Path, record: Record) -> Iterator[Finding]:
    yield sqlite_file.check_file(path)
    yield from guarded("place", partial(sqlite_file.check_place, path))
    if not sqlite_file.has_content(path):
        return
    yield from guarded("journal", partial(sqlite_file.check_waiting, path))
    with sqlite_file.opened(path) as connection:
        sound = sqlite_file.check_integrity(connection, path)
        yield sound
        if sound.state != "problem":
            yield from _examine_contents(connection, record)
            if record.current:
                yield from guarded("journal", partial(sqlite_file.check_mode, path))
                yield from guarded("unused", partial(sqlite_file.check_unused, connection, path))


def _examine_contents(connection: Connection, record: Record) -> Iterator[Finding]:
    tables = inspect(connection).get_table_names()
    revision = check_revision(connection, tables)
    yield revision
    record.current = revision.state == "ok"
    if record.current:
        yield from guarded("tables", partial(check_columns, connection, tables))
        yield from guarded("runs", partial(contents.check_runs, connection))
        yield from guarded("leases", partial(contents.check_leases, connection))
        yield from guarded("rows", partial(contents.check_rows, connection))
        record.holders = contents.holders(connection)


def check_revision(connection: Connection, tables: list[str]) -> Finding:
    """Whether the tables are those of this kryptui."""
    if not tables:
        return note("revision", "no record here yet", "nothing to do: the first run makes it")
    if schema.alembic_version.name not in tables:
        return problem("revision", "holds the tables of another program", _ELSEWHERE)
    revision = str(connection.scalar(select(schema.alembic_version.c.version_num)))
    if revision == schema.REVISION:
        return ok("revision", revision)
    if not revision.startswith(schema.REVISION_PREFIX):
        return problem("revision", f"belongs to another program (revision {revision})", _ELSEWHERE)
    if revision < schema.REVISION:
        fact = f"{revision}, of an older kryptui; this one writes {schema.REVISION}"
        return note("revision", fact, "nothing to do: the next command brings it up to date")
    fact = f"{revision}, of a newer kryptui; this one knows {schema.REVISION}"
    return problem("revision", fact, "upgrade kryptui")


def check_columns(connection: Connection, tables: list[str]) -> Iterator[Finding]:
    """Whether every table and column is there that the revision promises."""
    inspector = inspect(connection)
    lacking = []
    for table in schema.metadata.sorted_tables:
        if table.name not in tables:
            lacking.append(table.name)
            continue
        there = {column["name"] for column in inspector.get_columns(table.name)}
        lacking += [f"{table.name}.{column.name}" for column in table.columns if column.name not in there]
    if lacking:
        fact = (
            f"{', '.join(lacking[:5])} {'is' if len(lacking) == 1 else 'are'} missing: somebody changed the tables"
        )
        yield problem("tables", fact, "restore the database from a copy")
