"""`kryptui runs logs`: which lines, how they look, and following a run to its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from records import HOSTILE, add_run, pause, say
from toys import environment

from kryptui.cli import logs as log_command
from kryptui.cli.logs import logs
from kryptui.errors import InputError, RunError
from kryptui.runs.store import Store


def logged(run: str, database: str, capsys: pytest.CaptureFixture[str], **options: Any) -> list[str]:
    capsys.readouterr()
    logs(run, database=database, **options)
    return capsys.readouterr().out.splitlines()


def words(lines: Sequence[str]) -> list[str]:
    return [line[21:] for line in lines]


def test_lines_have_a_local_time_and_a_level_unless_it_is_info(
    store: Store, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    log_command._clock.cache_clear()
    run_id = add_run(store, "run", {})
    say(store, run_id, "hello")
    say(store, run_id, "careful", level="warning")
    try:
        assert logged("run", database, capsys) == [
            "2023-11-15 00:13:20  hello",
            "2023-11-15 00:13:20  warning: careful",
        ]
    finally:
        monkeypatch.undo()
        time.tzset()
        log_command._clock.cache_clear()


def test_lines_are_chosen_by_number_level_and_age(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = add_run(store, "run", {})
    say(store, run_id, "old", at=time.time() - 7200)
    say(store, run_id, "new", at=time.time())
    say(store, run_id, "grave", level="error", at=time.time())
    say(store, run_id, "odd", level="fatal", at=time.time())
    assert words(logged("run", database, capsys, tail=2)) == ["error: grave", "fatal: odd"]
    assert words(logged("run", database, capsys, level="warning")) == ["error: grave", "fatal: odd"]
    assert words(logged("run", database, capsys, since="1h")) == ["new", "error: grave", "fatal: odd"]
    assert words(logged("run", database, capsys, since="1h", tail=1, level="error")) == ["fatal: odd"]
    assert logged("run", database, capsys, tail=0) == []


@pytest.mark.parametrize("since", ["", "soon", "1x", "nan", "nand", "infd", "2025-13-01"])
def test_a_moment_that_is_none_is_refused(store: Store, database: str, since: str) -> None:
    add_run(store, "run", {})
    with pytest.raises(InputError, match="no moment"):
        logs("run", since=since, database=database)


def test_an_unknown_level_is_refused(store: Store, database: str) -> None:
    with pytest.raises(InputError, match="did you mean 'warning'"):
        logs("run", level="warn", database=database)


def test_attempts_are_parted_by_a_rule(store: Store, database: str, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = add_run(store, "run", {})
    say(store, run_id, "first")
    store.start_attempt(run_id)
    say(store, run_id, "second")
    first, rule, second = logged("run", database, capsys)
    assert (first[21:], second[21:]) == ("first", "second")
    assert rule.startswith("── attempt 2 ──")


def test_a_long_log_is_read_in_parts_and_whole(
    store: Store, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_command, "_AT_ONCE", 10)
    run_id = add_run(store, "run", {})
    say(store, run_id, *map(str, range(35)))
    assert words(logged("run", database, capsys)) == list(map(str, range(35)))


def test_a_log_as_json_is_an_object_a_line(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = add_run(store, "run", {})
    say(store, run_id, HOSTILE, level="warning")
    (line,) = logged("run", database, capsys, json_output=True)
    found = json.loads(line)
    assert found.pop("seq") > 0
    assert found == {"attempt": 1, "time": 1_700_000_000.0, "level": "warning", "text": HOSTILE}


def test_a_followed_run_is_told_from_its_queue_over_its_attempts_to_its_end(
    store: Store, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = add_run(store, "run")

    def begin(line: str) -> Callable[[], None]:
        return lambda: (store.start_attempt(run_id), say(store, run_id, line))[1]

    def back_into_the_queue() -> None:
        store.finish(run_id, "stopped")
        store.queue_run(run_id)

    story = iter(
        [
            begin("first"),
            lambda: say(store, run_id, "more"),
            lambda: pause(store, run_id, True),
            lambda: pause(store, run_id, False),
            back_into_the_queue,
            begin("second"),
            lambda: (say(store, run_id, "last"), store.finish(run_id, "failed", "no more"))[1],
        ]
    )
    monkeypatch.setattr(log_command, "_reader_has_left", lambda seconds: next(story)())
    logs("run", follow=True, database=database)
    output = capsys.readouterr()
    lines = output.out.splitlines()
    assert words(lines[:2]) == ["first", "more"]
    assert lines[2].startswith("── attempt 2 ──")
    assert words(lines[3:]) == ["second", "last", "error: no more"]
    told = [line.split(f"({run_id}) ")[1].split(":")[0] for line in output.err.splitlines()]
    assert told == ["queued", "running", "paused", "running", "queued", "running", "failed"]
    assert output.err.splitlines()[-1].endswith(f"kryptui run --headless --resume {run_id}")


def test_following_begins_where_the_tail_ends(
    store: Store, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = add_run(store, "run")
    store.start_attempt(run_id)
    say(store, run_id, "one", "two")
    say(store, run_id, "quiet", level="debug")

    def end(seconds: float) -> bool:
        say(store, run_id, "three")
        store.finish(run_id, "finished")
        return False

    monkeypatch.setattr(log_command, "_reader_has_left", end)
    assert words(logged("run", database, capsys, follow=True, tail=0, level="info")) == ["three"]


def test_following_from_a_moment_shows_nothing_older(
    store: Store, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = add_run(store, "run")
    store.start_attempt(run_id)
    say(store, run_id, "old", at=time.time() - 7200)

    def end(seconds: float) -> bool:
        say(store, run_id, "new", at=time.time())
        store.finish(run_id, "finished")
        return False

    monkeypatch.setattr(log_command, "_reader_has_left", end)
    assert words(logged("run", database, capsys, follow=True, since="10m")) == ["new"]


def test_a_run_deleted_while_it_is_followed_says_so(
    store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = add_run(store, "run")

    def delete(seconds: float) -> bool:
        with store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM runs")
        return False

    monkeypatch.setattr(log_command, "_reader_has_left", delete)
    with pytest.raises(RunError, match=f"run {run_id}: has been deleted"):
        logs("run", follow=True, database=database)


@pytest.fixture
def follower(store: Store, database: str) -> Iterator[subprocess.Popen[str]]:
    """The real command, following a run of this process that has logged one line."""
    run_id = add_run(store, "run")
    store.start_attempt(run_id)
    say(store, run_id, "hello")
    process = subprocess.Popen(
        [sys.executable, "-m", "kryptui", "runs", "logs", "-f", "run", "--db", database],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().endswith("  hello\n")
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_leaves_a_followed_log_without_a_traceback(follower: subprocess.Popen[str]) -> None:
    follower.send_signal(signal.SIGINT)
    assert follower.wait(20) == 130
    assert follower.stderr is not None
    assert follower.stderr.read().strip() in ("", "interrupted")


def test_a_reader_who_leaves_ends_a_followed_log_quietly(follower: subprocess.Popen[str]) -> None:
    assert follower.stdout is not None
    assert follower.stderr is not None
    follower.stdout.close()
    follower.wait(20)
    assert follower.stderr.read() == ""
