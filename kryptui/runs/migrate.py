"""Bringing an older record to this version's tables, with a copy of the file kept from before."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from kryptui.errors import RunError
from kryptui.runs import schema


def migrate(connection: Connection, place: str, revision: str, tell: Callable[[str], None]) -> None:
    """Takes the record from `revision` to `schema.REVISION`, inside the connection's transaction.

    A SQLite file is copied beside itself first. Raises RunError, with nothing changed, where that or a step fails.
    """
    copy = ""
    if connection.dialect.name == "sqlite":
        path = Path(str(connection.engine.url.database))
        copy = f"; the record as it was is kept in {_back_up(path, revision)}"
    config = Config()
    config.set_main_option("script_location", "kryptui.runs:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, schema.REVISION)
    except Exception as error:  # whatever a step meets, the transaction is undone
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise RunError(
            f"{place}: could not be brought from {revision} to {schema.REVISION} ({reason}); nothing was changed"
        ) from error
    tell(f"{place}: brought from {revision} to {schema.REVISION}{copy}")


def _back_up(path: Path, revision: str) -> Path:
    """Copies a SQLite file, with what its journal still holds, to a name that is free."""
    target = path.with_name(f"{path.name}.{revision}.backup")
    number = 2
    while target.exists():
        target = path.with_name(f"{path.name}.{revision}.backup-{number}")
        number += 1
    temporary = target.with_name(f".{target.name}.writing")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(temporary)) as copy:
            source.backup(copy)
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(target)
    except (OSError, sqlite3.Error) as error:
        temporary.unlink(missing_ok=True)
        raise RunError(
            f"{path}: could not be copied to {target} before its tables change ({error}); make room beside it"
        ) from error
    return target
