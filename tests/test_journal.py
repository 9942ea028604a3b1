"""The journal of work that may be killed, and the threads that do it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from kryptui.errors import InputError
from kryptui.faces.journal import in_order, open_journal

SETTINGS = {"size": [112, 112], "which": "central"}


def write(path: Path, names: str) -> None:
    with open_journal(path, SETTINGS, "work") as journal:
        for name in names:
            journal.write(name, {"value": ord(name)})


def known(path: Path) -> dict[str, int]:
    with open_journal(path, SETTINGS, "work") as journal:
        return {name: entry["value"] for name, entry in journal.known.items()}


def test_what_was_written_is_known_the_next_time(tmp_path: Path):
    write(tmp_path / "j", "ab")
    write(tmp_path / "j", "c")
    assert known(tmp_path / "j") == {"a": 97, "b": 98, "c": 99}


def test_after_a_kill_at_any_byte_the_whole_lines_are_known_and_writing_goes_on(tmp_path: Path):
    write(tmp_path / "j", "abc")
    whole = (tmp_path / "j").read_bytes()
    for end in range(len(whole) + 1):
        (tmp_path / "cut").write_bytes(whole[:end])
        left = max(0, whole[:end].count(b"\n") - 1)
        write(tmp_path / "cut", "d")
        assert list(known(tmp_path / "cut")) == [*"abc"[:left], "d"]


def test_other_settings_are_refused_by_name(tmp_path: Path):
    write(tmp_path / "j", "a")
    with (
        pytest.raises(InputError, match="begun with which 'central', not 'largest'"),
        open_journal(tmp_path / "j", {**SETTINGS, "which": "largest"}, "work"),
    ):
        pass


def test_a_second_writer_is_refused(tmp_path: Path):
    with (
        open_journal(tmp_path / "j", SETTINGS, "work"),
        pytest.raises(InputError, match="another process"),
        open_journal(tmp_path / "j", SETTINGS, "work"),
    ):
        pass


def test_results_come_in_order_however_long_each_takes():
    def work(item: int) -> int:
        time.sleep(0.02 if item % 3 == 0 else 0)
        return item * item

    assert list(in_order(work, range(20), 3)) == [(item, item * item) for item in range(20)]


def test_little_is_begun_ahead_of_what_is_taken():
    begun: list[int] = []
    results = in_order(begun.append, range(1000), 2)
    next(results)
    results.close()
    assert len(begun) <= 9


def test_an_error_reaches_the_caller_and_ends_the_threads():
    def work(item: int) -> None:
        if item == 5:
            raise InputError("five")

    with pytest.raises(InputError, match="five"):
        list(in_order(work, range(100), 2))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("faces")]
