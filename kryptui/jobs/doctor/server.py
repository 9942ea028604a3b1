"""A record on a database server, PostgreSQL above all: whether it answers, how fast, and what it allows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, create_engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from kryptui.draw.numerals import size
from kryptui.errors import InputError, RunError
from kryptui.jobs.doctor.finding import Finding, note, ok, one_line, problem
from kryptui.runs import schema

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 2.0
CLOCK_SECONDS = 5.0
"""Clocks further apart than this are told of."""

SLOW = 0.1
"""Seconds for the smallest question after which a database counts as far away."""

_PATIENT = frozenset({"psycopg", "psycopg2"})  # drivers that know connect_timeout
_REMEDIES = {
    "refused": "start the server, or check host and port in --db",
    "no such file": "start the server, or check host and port in --db",
    "password": "check user and password in --db",
    "no pg_hba.conf": "let this machine in: pg_hba.conf on the server",
    "does not exist": "make it first: createdb and createuser on the server",
    "timeout": "the server does not answer: check host, port and firewall",
    "translate host": "check the host's name in --db",
    "too many": "end some programs, or raise max_connections on the server",
}


@contextmanager
def opened(url: URL, shown: str) -> Iterator[Connection]:
    """A connection that does not wait long; raises InputError without a driver, RunError where nobody answers."""
    patience = {"connect_timeout": CONNECT_SECONDS} if url.get_driver_name() in _PATIENT else {}
    try:
        engine = create_engine(url, connect_args=patience, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    except ImportError as error:
        package = "'kryptui[postgres]'" if "psycopg" in str(error) else error.name or "its driver"
        raise InputError(f"{shown}: its driver is missing ({_reason(error)}); pip install {package}") from None
    try:
        connection = engine.connect()
    except DBAPIError as error:
        reason = _reason(error.orig)
        remedies = (remedy for words, remedy in _REMEDIES.items() if words in reason.lower())
        remedy = next(remedies, "check the address in --db")
        raise RunError(f"{shown}: cannot be reached ({reason}); {remedy}") from None
    with connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET statement_timeout = {STATEMENT_SECONDS * 1000:.0f}"))
        yield connection


def check_version(connection: Connection, shown: str) -> Finding:
    """Which server it is."""
    version = ".".join(map(str, connection.dialect.server_version_info or ("of unknown version",)))
    return ok("record", f"{shown}, {connection.dialect.name} {version}")


def check_health(connection: Connection) -> Iterator[Finding]:
    """Of PostgreSQL: how fast it answers, whether it takes this user's rows, and its size."""
    yield check_latency(connection)
    if _scalar(connection, "SELECT pg_is_in_recovery()"):
        yield problem("server", "is a read-only copy of another one", "give --db the address of the main server")
    encoding = _scalar(connection, "SHOW server_encoding")
    if encoding != "UTF8":
        yield problem("server", f"keeps text as {encoding}", "createdb --encoding UTF8 --template template0 NAME")
    yield from check_rights(connection)
    yield check_connections(connection)


def check_latency(connection: Connection) -> Finding:
    """The quickest of three small questions."""
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        connection.execute(text("SELECT 1"))
        taken.append(time.perf_counter() - start)
    fact = f"answers in {min(taken) * 1000:.1f} ms, {size(_scalar(connection, _SIZE))} in all"
    if min(taken) > SLOW:
        return note("server", fact, "use one that is nearer: commands and lists wait for it")
    return ok("server", fact)


def check_rights(connection: Connection) -> Iterator[Finding]:
    """Whether this user may make the tables, or write to those that are there."""
    user = _scalar(connection, "SELECT current_user")
    if _scalar(connection, "SELECT to_regclass('runs')") is not None:
        if not _scalar(connection, "SELECT has_table_privilege('runs', 'SELECT, INSERT')"):
            yield problem(
                "rights",
                f"{user} may not write to the record",
                f"as its owner: GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}",
            )
        return
    where = _scalar(connection, "SELECT current_schema()")
    if where is None or not _scalar(connection, "SELECT has_schema_privilege(current_schema(), 'CREATE')"):
        where = where or "public"
        yield problem(
            "rights", f"{user} may not make tables", f"as administrator: GRANT CREATE ON SCHEMA {where} TO {user}"
        )


def check_connections(connection: Connection) -> Finding:
    """How many are left; each run takes one or two."""
    used = int(_scalar(connection, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    most = int(_scalar(connection, "SHOW max_connections"))
    fact = f"{used} of {most} in use"
    if used > most * 0.8:
        return note("connections", fact, "end some programs, or raise max_connections on the server")
    return ok("connections", fact)


def check_clock(connection: Connection) -> Finding:
    """How far this machine's clock is from the database's, to half the time of the question."""
    before = time.time()
    theirs = float(connection.execute(select(schema.DatabaseNow())).scalar_one())
    difference = theirs - (before + time.time()) / 2
    if abs(difference) > CLOCK_SECONDS:
        way = "behind" if difference > 0 else "ahead of"
        fact = f"this machine is {abs(difference):.0f} s {way} the database: log lines show other times than runs"
        return note("clock", fact, "let both follow a time server: timedatectl set-ntp true")
    return ok("clock", f"within {max(abs(difference), 0.1):.1f} s of the database's")


_SIZE = "SELECT pg_database_size(current_database())"


def _scalar(connection: Connection, statement: str) -> Any:
    return connection.execute(text(statement)).scalar_one()


def _reason(error: object) -> str:
    """What went wrong, without the sign that stands before a remedy."""
    return one_line(error).replace(";", ",")
