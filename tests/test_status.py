"""Who a process is, whether it is still there, and what a run's status therefore is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from kryptui.runs import identity
from kryptui.runs.identity import Process, alive
from kryptui.runs.status import HEARTBEAT_SECONDS, STEP_SECONDS, Status, effective_status


def test_this_process_is_alive() -> None:
    assert alive(Process.current()) is True


def test_an_identity_survives_being_written() -> None:
    process = Process.current()
    assert Process.parse(str(process)) == process


@pytest.mark.parametrize("text", ["", "a|b", "host|boot|ns|pid|start"])
def test_what_is_no_identity_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int's own message will do
        Process.parse(text)


def test_a_process_that_ended_is_not_alive_even_before_it_is_reaped() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = identity._start_time(child.pid)
    assert start is not None
    process = replace(Process.current(), pid=child.pid, start_time=start)
    assert alive(process) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert alive(process) is False
    child.communicate()
    assert alive(process) is False


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"start_time": "1"}, False),
        ({"boot_id": "another", "machine": "this"}, False),
        ({"boot_id": "another", "machine": "another"}, None),
        ({"boot_id": "another", "machine": ""}, None),
        ({"host": "elsewhere"}, None),
        ({"pid_namespace": "pid:[1]"}, None),
    ],
    ids=["a reused pid", "a reboot", "a namesake", "an older record", "another host", "another container"],
)
def test_a_process_is_gone_or_out_of_sight(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], expected: bool | None
) -> None:
    monkeypatch.setattr(identity, "_machine_id", lambda: "this")
    assert alive(replace(Process.current(), **change)) is expected


def test_a_process_of_another_user_that_proc_hides_is_out_of_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(identity, "_start_time", lambda pid: None)
    monkeypatch.setattr(os, "kill", refused)
    assert alive(replace(Process.current(), start_time="5")) is None


def test_the_identity_that_an_earlier_version_wrote_is_read() -> None:
    assert Process.parse("host|boot|ns|7|start") == Process("host", "boot", "ns", 7, "start", "")


def test_without_proc_a_process_is_known_by_psutil(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(identity, "_PROC", tmp_path)
    for name in ("_boot_id", "_pid_namespace"):  # not as this process has found them before
        monkeypatch.setattr(identity, name, getattr(identity, name).__wrapped__)
    process = Process.current()
    assert (process.boot_id, process.pid_namespace) == ("", "")
    assert alive(process) is True
    assert alive(replace(process, start_time="1.00")) is False


NOW = 1_000_000.0


def judge(stored: Status, **changes: Any) -> Status:
    seen = {"alive": True, "now": NOW, "heartbeat": NOW, "last_step_at": NOW, "started": NOW - 5000}
    return effective_status(stored, **{**seen, **changes})


@pytest.mark.parametrize("stored", ["queued", "finished", "stopped", "failed"])
def test_a_run_that_does_not_run_is_what_it_says(stored: Status) -> None:
    assert judge(stored, alive=False, heartbeat=None, last_step_at=None) == stored


@pytest.mark.parametrize("stored", ["running", "paused"])
def test_a_run_whose_process_is_gone_has_crashed(stored: Status) -> None:
    assert judge(stored, alive=False) == "crashed"


@pytest.mark.parametrize(
    ("age", "expected"), [(0.0, "running"), (HEARTBEAT_SECONDS, "running"), (HEARTBEAT_SECONDS + 1, "crashed")]
)
def test_a_run_out_of_sight_is_judged_by_its_heartbeat(age: float, expected: Status) -> None:
    assert judge("running", alive=None, heartbeat=NOW - age) == expected


def test_a_run_in_sight_is_not_judged_by_its_heartbeat() -> None:
    assert judge("running", heartbeat=NOW - 10 * HEARTBEAT_SECONDS) == "running"


def test_a_run_that_no_longer_steps_hangs() -> None:
    assert judge("running", last_step_at=NOW - STEP_SECONDS - 1) == "hung"


def test_a_paused_run_does_not_hang() -> None:
    assert judge("paused", last_step_at=NOW - STEP_SECONDS - 1) == "paused"


def test_a_run_that_has_not_stepped_yet_counts_from_its_start() -> None:
    assert judge("running", last_step_at=None, started=NOW - 10) == "running"
    assert judge("running", last_step_at=None, started=NOW - STEP_SECONDS - 1) == "hung"
