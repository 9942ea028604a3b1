"""The feed reads for the page that is looked at, in its own thread, and outlives whatever goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from records import add_run

from kryptui.errors import InputError
from kryptui.jobs.workspace import Workspace
from kryptui.runs.store import Store
from kryptui.tui.feed import Feed, Overview, Record


class Reader:
    """A page that notes what it is given."""

    def __init__(self, read: Callable[[Store], Any], look_seconds: float = 0.01) -> None:
        self.look_seconds = look_seconds
        self._read = read
        self.values: list[Any] = []
        self.errors: list[str | None] = []
        self.threads: set[str] = set()
        self.told = threading.Event()

    def read(self, store: Store) -> Any:
        self.threads.add(threading.current_thread().name)
        return self._read(store)

    def found(self, value: Any) -> None:
        self.values.append(value)
        self.told.set()

    def not_read(self, error: str | None) -> None:
        self.errors.append(error)
        self.told.set()

    def wait(self) -> None:
        assert self.told.wait(20)
        self.told.clear()


@contextmanager
def feeding(root: Path, reader: Reader | None, said: list[Any] | None = None) -> Iterator[Feed]:
    record = Record(Workspace(root, "runs.db"))
    sink = [] if said is None else said
    feed = Feed(record, sink.append, sink.append)
    feed.attend(reader)
    feed.start()
    try:
        yield feed
    finally:
        feed.stop()
        record.close()


def test_a_page_is_given_what_it_read_in_the_feeds_thread(tmp_path: Path, store: Store) -> None:
    reader = Reader(lambda store: len(store.list_runs()))
    with feeding(tmp_path, reader):
        reader.wait()
    assert reader.values[0] == 0
    assert reader.threads == {"feed"}


def test_it_reads_on_and_on(tmp_path: Path, store: Store) -> None:
    reader = Reader(lambda store: len(store.list_runs()))
    with feeding(tmp_path, reader):
        reader.wait()
        add_run(store, "run")
        while reader.values[-1] != 1:
            reader.wait()


@dataclass(frozen=True)
class Part:
    """A part of something longer."""

    number: int
    more: bool


def test_what_is_read_in_parts_does_not_wait_for_the_next_look(tmp_path: Path, store: Store) -> None:
    parts = iter([Part(1, more=True), Part(2, more=True), Part(3, more=False)])
    reader = Reader(lambda store: next(parts), look_seconds=3600)
    with feeding(tmp_path, reader):
        while not (reader.values and not reader.values[-1].more):
            reader.wait()
    assert [part.number for part in reader.values] == [1, 2, 3]


def test_nothing_new_is_not_handed_over(tmp_path: Path, store: Store) -> None:
    asked = threading.Event()
    reader = Reader(lambda store: asked.set())
    with feeding(tmp_path, reader):
        assert asked.wait(20)
    assert reader.values == []


def test_without_a_record_the_page_is_told_so_and_none_is_made(tmp_path: Path) -> None:
    reader = Reader(lambda store: 1)
    with feeding(tmp_path, reader):
        reader.wait()
    assert reader.errors[0] is None
    assert not (tmp_path / "runs.db").exists()


def test_a_record_that_is_made_later_is_found(tmp_path: Path) -> None:
    reader = Reader(lambda store: 1)
    with feeding(tmp_path, reader):
        reader.wait()
        Store.open(tmp_path / "runs.db").close()
        while not reader.values:
            reader.wait()


def test_an_expected_error_is_told_in_its_words(tmp_path: Path, store: Store) -> None:
    def fail(store: Store) -> None:
        raise InputError("filter 'x': has no meaning")

    reader = Reader(fail)
    with feeding(tmp_path, reader):
        reader.wait()
    assert reader.errors[0] == "filter 'x': has no meaning"


def test_an_error_of_the_program_is_told_and_does_not_end_the_feed(tmp_path: Path, store: Store) -> None:
    calls: list[int] = []

    def fail_once(store: Store) -> int:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("oh")
        return 7

    reader, said = Reader(fail_once), list[Any]()
    with feeding(tmp_path, reader, said):
        reader.wait()
        while not reader.values:
            reader.wait()
    assert reader.errors[0] is not None
    assert "ZeroDivisionError: oh" in reader.errors[0]
    assert any("Traceback" in text for text in said if isinstance(text, str))


def test_a_broken_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_text("this is some text of another kind altogether")
    reader = Reader(lambda store: 1)
    with feeding(tmp_path, reader):
        reader.wait()
    assert "not a database" in (reader.errors[0] or "")


def test_only_the_page_that_is_looked_at_is_read_for(tmp_path: Path, store: Store) -> None:
    first, second = Reader(lambda store: 1), Reader(lambda store: 2)
    with feeding(tmp_path, first) as feed:
        first.wait()
        feed.attend(second)
        second.wait()
        count = len(first.values)
        second.wait()
        assert len(first.values) <= count + 1  # one may have been on its way


@pytest.mark.parametrize("going", [True, False])
def test_the_app_is_told_what_runs_and_what_has_ended(tmp_path: Path, store: Store, going: bool) -> None:
    said: list[Any] = []
    run_id = add_run(store, "run")
    attempt = store.start_attempt(run_id)
    seen = threading.Event()

    class Watching(list[Any]):
        def append(self, item: Any) -> None:
            super().append(item)
            seen.set()

    said = Watching()
    with feeding(tmp_path, None, said) as feed:
        assert seen.wait(20)
        first = said[0]
        assert isinstance(first, Overview)
        assert (first.going, first.queued) == (1, 0)
        if going:
            return
        store.finish(run_id, "finished", attempt=attempt)
        while not said[-1].ended:
            seen.clear()
            feed.look()
            assert seen.wait(20)
        assert [run.id for run in said[-1].ended] == [run_id]
        assert said[-1].going == 0
