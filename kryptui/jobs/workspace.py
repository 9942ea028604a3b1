"""The working directory: where the record, the checkpoints and the submissions of its runs lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kryptui.runs.store import Store


@dataclass(frozen=True)
class Workspace:
    """A folder, and the database that its runs are recorded in (a path or an SQLAlchemy URL)."""

    root: Path
    database: str
    tell: Callable[[str], None] | None = None
    """Told what a person should know of the record: that it was brought up to date, or lies in an unsafe place."""

    def open(self, *, create: bool = True, write: bool = True) -> Store:
        """The record; raises InputError for a database that cannot be used."""
        from kryptui.runs.store import Store

        target = self.database if "://" in self.database else self.root / self.database
        return Store.open(target, create=create, write=write, tell=self.tell)

    def checkpoints(self, run_id: str, recorded: str | None = None) -> Path:
        """The folder of a run's checkpoints: here, or in the workspace that its record names."""
        here = self.root / "checkpoints" / run_id
        if recorded is None or here.is_dir() or Path(recorded) == self.root.resolve():
            return here
        return Path(recorded) / "checkpoints" / run_id
