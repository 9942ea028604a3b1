"""Reading the record in a thread of its own: the one that draws never waits for a database."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kryptui.errors import KryptuiError

if TYPE_CHECKING:
    from kryptui.jobs.workspace import Workspace
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store

OVERVIEW_SECONDS = 1.0
"""How often it is looked which runs are in progress."""

SHARE_OF_TIME = 0.2
"""No more of the feed's time than this goes into reading, however slow the database is."""

SHARE_FOR_MORE = 0.5
"""The same while there is more to read than was read at once: somebody waits for it."""


class Reader(Protocol):
    """A page as the feed sees it."""

    look_seconds: float
    """How often it wants to be shown what is on record."""

    def read(self, store: Store) -> Any:
        """Reads what the page shows; called in the feed's thread. None: there is nothing new.

        What has `more` set is a part: the next one is read soon, whatever `look_seconds` says.
        """

    def found(self, value: Any) -> None:
        """Takes what was read; called in the feed's thread, so it hands it over."""

    def not_read(self, error: str | None) -> None:
        """Is told why nothing could be read, or None where there is no record yet; likewise."""


@dataclass(frozen=True)
class Overview:
    """What the whole app knows of the record: the runs in progress or waiting, and those that ended since."""

    live: tuple[RunRow, ...] = ()
    ended: tuple[RunRow, ...] = ()
    device: str = ""
    """The devices of this machine and how busy they are, in words."""

    @property
    def going(self) -> int:
        """Runs that a process runs."""
        return sum(run.status in ("running", "paused", "hung") for run in self.live)

    @property
    def queued(self) -> int:
        """Runs that wait."""
        return sum(run.status == "queued" for run in self.live)


class Record:
    """The record of a workspace, opened when it is first needed and shared by all threads of the app."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._store: Store | None = None
        self._lock = threading.Lock()

    def store(self, *, create: bool = False) -> Store:
        """The store; raises InputError where there is none and `create` is not set, or it cannot be used."""
        with self._lock:
            if self._store is None:
                self._store = self.workspace.open(create=create)
            return self._store

    @property
    def is_missing(self) -> bool:
        """Whether the workspace has no record yet."""
        database = self.workspace.database
        return self._store is None and "://" not in database and not (self.workspace.root / database).exists()

    def close(self) -> None:
        """Lets go of the database."""
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()


@dataclass
class _Watch:
    """When who is to be read next."""

    reader: Reader | None = None
    due: float = 0.0
    overview_due: float = 0.0
    known: dict[str, RunRow] = field(default_factory=dict)


class Feed:
    """Reads for one page at a time, the one that is looked at, and keeps an eye on all runs in progress."""

    def __init__(
        self, record: Record, tell: Callable[[Overview], object], crashed: Callable[[str], object]
    ) -> None:
        self._record, self._tell, self._crashed = record, tell, crashed
        self._watch = _Watch()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; a read in progress is not waited for."""
        self._stopping = True
        self._wake.set()

    def attend(self, reader: Reader | None) -> None:
        """Reads for this page from now on, at once and then as often as it wants."""
        self._watch.reader = reader
        self.look()

    def look(self) -> None:
        """Reads now, as something has changed."""
        self._watch.due = self._watch.overview_due = 0.0
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self._read_page()
            self._read_overview()
            now = time.monotonic()
            due = min(self._watch.overview_due, self._watch.due if self._watch.reader else now + 60)
            self._wake.wait(max(0.0, due - now))

    def _read_page(self) -> None:
        watch, began = self._watch, time.monotonic()
        reader = watch.reader
        if reader is None or began < watch.due:
            return
        watch.due = began + reader.look_seconds
        try:
            value = None if self._record.is_missing else reader.read(self._record.store())
            error = None
        except KryptuiError as failure:
            value, error = None, str(failure)
        except Exception as failure:  # the feed must outlive it, and somebody must see it
            self._crashed(traceback.format_exc())
            value, error = None, f"an error of the program: {type(failure).__name__}: {failure}; see Messages"
        if self._stopping or watch.reader is not reader:
            return
        if error is not None or self._record.is_missing:
            reader.not_read(error)
        elif value is not None:
            reader.found(value)
        now = time.monotonic()
        took, more = now - began, getattr(value, "more", False)
        if watch.due:  # nobody has asked for another look meanwhile
            wait = took * (1 / (SHARE_FOR_MORE if more else SHARE_OF_TIME) - 1)
            watch.due = now + wait if more else max(watch.due, now + wait)

    def _read_overview(self) -> None:
        watch, now = self._watch, time.monotonic()
        if now < watch.overview_due:
            return
        watch.overview_due = now + OVERVIEW_SECONDS
        if self._record.is_missing:
            return
        from kryptui.runs import listing

        device = _device_line()
        try:
            live = {run.id: run for run in listing.live(self._record.store())}
            ended = listing.some(self._record.store(), sorted(watch.known.keys() - live.keys()))
        except KryptuiError:
            return  # the page that is looked at says it
        watch.known = live
        if not self._stopping:
            self._tell(Overview(tuple(live.values()), tuple(ended), device))


def _device_line() -> str:
    """The GPUs of this machine and how busy they are; nothing where there is none."""
    from kryptui.jobs import usage

    words = []
    for number, gpu in enumerate(usage.machine().gpus):
        share = "" if gpu.utilisation is None else f" {gpu.utilisation} %"
        memory = "" if gpu.used is None or not gpu.total else f" {gpu.used / 1e9:.1f}/{gpu.total / 1e9:.0f} GB"
        words.append(f"cuda:{number}{share}{memory}")
    return " · ".join(words) or "cpu"
