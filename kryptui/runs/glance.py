"""A quick look at the record by plain SQL, for who cannot wait until SQLAlchemy has loaded, as shell completion.

Reads what is there, of whatever revision; creates nothing, migrates nothing and hardly waits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

_SECONDS = 2
_SQLITE = "sqlite:///"


def rows(target: str | Path, statement: str, values: Mapping[str, Any] | None = None) -> Iterator[tuple[Any, ...]]:
    """The rows that a SELECT finds in the record at a path or SQLAlchemy URL, read as they are asked for.

    Parameters are written `:name`. Raises whatever the database says: OSError, sqlite3.Error, SQLAlchemy's errors.
    """
    text = str(target)
    if "://" in text and not text.startswith(_SQLITE):
        yield from _from_server(text, statement, values or {})
        return
    with _opened(Path(text.removeprefix(_SQLITE))) as connection:
        yield from connection.execute(statement, values or {})


def run_ids(path: Path) -> set[str]:
    """The runs in a file, if it is a record; none in any other."""
    try:
        return {str(row[0]) for row in rows(path, "SELECT id FROM runs")}
    except (OSError, sqlite3.Error):
        return set()


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Without a journal nobody writes, and the file is read as it stands: SQLite then puts nothing beside it."""
    if not path.is_file():
        raise FileNotFoundError(path)
    journals = (path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-journal"))
    mode = "mode=ro" if any(journal.exists() for journal in journals) else "immutable=1"
    address = f"file:{quote(str(path.absolute()))}?{mode}"
    with closing(sqlite3.connect(address, uri=True, timeout=_SECONDS)) as connection:
        yield connection


def _from_server(url: str, statement: str, values: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    from sqlalchemy import create_engine, text

    limits = {"connect_timeout": _SECONDS} if url.startswith("postgresql") else {}
    engine = create_engine(url, connect_args=limits)
    try:
        with engine.connect() as connection:
            for row in connection.execute(text(statement), values):
                yield tuple(row)
    finally:
        engine.dispose()
