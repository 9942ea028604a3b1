"""What is known of many runs beside the runs: which of them are in progress."""

from __future__ import annotations

from dataclasses import replace

import pytest
from records import add_run
from sqlalchemy import update

from kryptui.runs import listing, reading
from kryptui.runs.identity import Process
from kryptui.runs.schema import runs
from kryptui.runs.store import Store

GONE = replace(Process.current(), start_time="5")
"""A process that had this one's number before it."""


@pytest.mark.parametrize(("seconds", "expected"), [(600, ["gone", "here", "waits"]), (7200, ["here", "waits"])])
def test_a_crashed_run_is_not_in_progress_for_more_than_an_hour(
    store: Store, monkeypatch: pytest.MonkeyPatch, seconds: float, expected: list[str]
) -> None:
    for name in ("gone", "here"):
        store.start_attempt(add_run(store, name))
    add_run(store, "waits")
    with store.writing() as connection:
        connection.execute(update(runs).where(runs.c.name == "gone").values(process=str(GONE)))
        later = reading.now(connection) + seconds
    monkeypatch.setattr(reading, "now", lambda connection: later)
    assert sorted(run.name for run in listing.live(store)) == expected
