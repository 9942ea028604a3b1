"""Makes the toy task known in this process as an installed package would be; keeps clocks out; gives databases."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import postgres as postgresql
import pytest
from hypothesis import settings

from kryptui.runs.store import Store

sys.path.insert(0, str(Path(__file__).parent / "toy_package"))

settings.register_profile("kryptui", deadline=None)
settings.load_profile("kryptui")


@pytest.fixture(scope="session", autouse=True)
def heard() -> None:
    """Programs that tests start hear signals, though the tests themselves were started by nohup or behind `&`."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.Server]:
    """A real PostgreSQL server, started when the first test of the process asks for it."""
    lacking = postgresql.missing()
    if lacking is not None:
        pytest.skip(lacking)
    with postgresql.Server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: postgresql.Server) -> Iterator[str]:
    """The address of an empty database on a real PostgreSQL."""
    with postgres.new_database() as url:
        yield url


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Where the record of `store` is."""
    return str(tmp_path / "runs.db")


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """An empty record in SQLite."""
    with Store.open(database) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """Where a record may be made: a file that is not there yet, and in a second test an empty database."""
    if request.param == "sqlite":
        return tmp_path / "runs.db"
    url: str = request.getfixturevalue("postgres_url")
    return url
