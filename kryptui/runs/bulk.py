"""Many rows into a table, in the quickest way that the database's driver has."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert
from sqlalchemy.exc import DBAPIError

_ROWS_AT_ONCE = 32
"""Rows of one statement: more gain little, and some SQLite takes no more than 999 values."""


def add(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Adds rows, their values in the order of the table's columns.

    Past SQLAlchemy's handling of each value. SQLite's driver lets go of the interpreter at each statement: many
    rows in one take half the time. PostgreSQL takes rows by COPY in a fifth.
    """
    if not rows:
        return
    if connection.dialect.driver == "psycopg":
        _copy(connection, table, rows)
    elif connection.dialect.paramstyle in ("qmark", "format"):
        _insert(connection, table, rows)
    else:
        names = table.columns.keys()
        connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def _insert(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    one, many = _statements(table, connection.dialect)
    whole = len(rows) - len(rows) % _ROWS_AT_ONCE
    if whole:
        parts = (rows[first : first + _ROWS_AT_ONCE] for first in range(0, whole, _ROWS_AT_ONCE))
        connection.exec_driver_sql(many, [tuple(chain.from_iterable(part)) for part in parts])
    if whole < len(rows):
        connection.exec_driver_sql(one, list(rows[whole:]))


@lru_cache
def _statements(table: Table, dialect: Dialect) -> tuple[str, str]:
    """The statement for one row, and for as many as go at once."""
    one = str(insert(table).compile(dialect=dialect))
    marks = one[one.rindex("(") :]
    return one, one + f", {marks}" * (_ROWS_AT_ONCE - 1)


def _copy(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    statement = f"COPY {table.name} ({', '.join(table.columns.keys())}) FROM STDIN"
    driver: Any = connection.dialect.loaded_dbapi
    raw: Any = connection.connection
    try:
        with raw.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except driver.Error as error:
        raise DBAPIError.instance(statement, (), error, driver.Error, dialect=connection.dialect) from error
