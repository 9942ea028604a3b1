"""A record on a database server: its address, its connections, and its failures in plain words."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError

from kryptui.errors import InputError, KryptuiError, RunError

EXAMPLE = "postgresql+psycopg://USER@HOST/NAME"

_DRIVER = "postgresql+psycopg"
_UNNAMED_DRIVER = frozenset({"postgres", "postgresql"})

# A network that swallows packets must not hold a writer for the quarter of an hour that TCP allows itself.
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

_ENCODING = text("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()")

_REFUSALS = ("authentication failed", "no password supplied", "pg_hba.conf", "does not exist", "permission denied")


def parse_address(given: str) -> URL:
    """The address that is meant; raises InputError, without the password in it, where it is none."""
    try:
        url = make_url(given)
        # A second @ is a password's that is not spelt as it must be, and is not to be shown as host or database.
        meant = url.drivername.startswith("sqlite") or given.partition("?")[0].count("@") < 2
    except (ArgumentError, ValueError):
        meant = False
    if not meant:
        scheme = given.partition("://")[0]  # alone: anything else may be a part of the password
        raise InputError(
            f"{scheme}://...: not a database address; write one such as {EXAMPLE} "
            "(in a name or password, write %40 for @, %3A for : and %2F for /)"
        )
    return url.set(drivername=_DRIVER) if url.drivername in _UNNAMED_DRIVER else url


def shown(url: URL) -> str:
    """An address as messages show it: no password, and no options, which may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


def server_engine(url: URL, busy_seconds: float) -> Engine:
    """The engine of a record on a server; raises InputError where its driver is not there."""
    place = shown(url)
    libpq = url.get_backend_name() == "postgresql" and url.get_driver_name().startswith("psycopg")
    patience = {key: value for key, value in _PATIENCE.items() if key not in url.query} if libpq else {}
    try:
        # A connection is tried before it is used: the server may have been started anew meanwhile.
        engine = create_engine(url, pool_pre_ping=True, connect_args=patience)
    except (ArgumentError, NoSuchModuleError):
        raise InputError(
            f"{place}: not a database address that is known ({url.drivername}); give a path, or {EXAMPLE}"
        ) from None
    except ModuleNotFoundError as error:
        package = "'kryptui[postgres]'" if error.name == "psycopg" else error.name
        raise InputError(f"{place}: its driver is missing; pip install {package}") from None
    except ImportError as error:
        raise InputError(f"{place}: its driver cannot be loaded ({_first_line(error)})") from None

    if url.get_backend_name() == "postgresql":

        @event.listens_for(engine, "connect")
        def _configure(connection: Any, _record: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = {round(1000 * busy_seconds)}")
            connection.commit()

    return engine


def check_letters(connection: Connection, place: str) -> None:
    """Raises InputError for a database that cannot hold every letter: what it cannot would never be written."""
    encoding = connection.scalar(_ENCODING)
    if encoding != "UTF8":
        raise InputError(f"{place}: its encoding is {encoding}; make one with ENCODING 'UTF8' TEMPLATE template0")


def in_plain_words(error: DBAPIError, place: str, busy_seconds: float) -> KryptuiError | DBAPIError:
    """A server's error as one line that says what to do; an error of ours in the SQL stays what it is."""
    reason = _first_line(error.orig)
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""
    if state == "42501":  # insufficient privilege
        return InputError(f"{place}: the user may not do this ({reason}); have it granted, or name another user")
    if state == "25006":  # read-only transaction: a standby server
        return InputError(f"{place}: cannot be written ({reason}); name the server that can be")
    if state == "55P03":  # lock not available
        return RunError(f"{place}: another process has held it for {busy_seconds:.0f} s; end it, then resume")
    if state == "53100" or "no space left" in reason.lower():
        return RunError(f"{place}: the server's disk is full; free some space, then resume")
    if error.statement is None and not error.connection_invalidated:  # there is no connection yet
        reason = reason.rpartition("FATAL:")[2].strip()
        if any(words in reason for words in _REFUSALS):
            return InputError(f"{place}: the server refuses: {reason}; check user, password and database name")
        return RunError(f"{place}: the server cannot be reached ({reason}); check that it runs, and the address")
    if isinstance(error, OperationalError | InterfaceError):
        return RunError(f"{place}: the server has failed ({reason}); see its log")
    return error


def _first_line(error: BaseException | None) -> str:
    return next(iter(str(error).strip().splitlines()), "no reason given")
