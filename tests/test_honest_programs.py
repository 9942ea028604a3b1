"""Real processes that are killed, stuck, restarted or elsewhere: each is shown as what it is."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update
from toys import environment, kryptui, toy_config

from kryptui.config import to_yaml
from kryptui.runs.identity import Process
from kryptui.runs.schema import DatabaseNow, runs
from kryptui.runs.status import HEARTBEAT_SECONDS, STEP_SECONDS
from kryptui.runs.store import Store


@contextmanager
def training(root: Path, *overrides: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A run in a process of its own, once it has trained some steps, and its id."""
    (root / "cfg.yaml").write_text(to_yaml(toy_config("stages.0.epochs=10000", "task.delay=0.01", *overrides)))
    process = subprocess.Popen(
        [sys.executable, "-m", "kryptui", "run", "--headless", "cfg.yaml", "--json"],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        run_id = json.loads(process.stdout.readline())["run"]
        for line in process.stdout:
            if json.loads(line)["event"] == "progress":
                break
        yield process, run_id
    finally:
        process.kill()
        process.communicate()


def change(root: Path, run_id: str, **values: object) -> None:
    with Store.open(root / "runs.db") as store, store.writing() as connection:
        connection.execute(update(runs).where(runs.c.id == run_id).values(**values))


def process_of(root: Path, run_id: str) -> Process:
    with Store.open(root / "runs.db") as store:
        return Process.parse(store.get_run(run_id).process or "")


def shown(root: Path, run_id: str) -> tuple[str, str]:
    """The status in the list, and the page of the run."""
    listed = kryptui("runs", "list", "--json", cwd=root)
    status = next(run["status"] for run in json.loads(listed.stdout) if run["id"] == run_id)
    return status, " ".join(kryptui("runs", "show", run_id, cwd=root).stdout.split())


def test_a_killed_run_is_crashed_and_says_how_to_go_on(tmp_path: Path) -> None:
    with training(tmp_path) as (process, run_id):
        assert shown(tmp_path, run_id)[0] == "running"
        process.kill()
        process.wait()
        status, page = shown(tmp_path, run_id)
    assert status == "crashed"
    assert f"kryptui run --headless --resume {run_id}" in page


def test_a_loop_whose_batch_never_ends_is_hung_though_its_process_gives_signs_of_life(tmp_path: Path) -> None:
    # The toy's second epoch never brings its third batch; only the clock is turned back, not the run's doing.
    with training(tmp_path, "stages.0.epochs=2", "task.stuck_at=5", "log.every=1") as (_, run_id):
        time.sleep(1.0)
        ago = DatabaseNow() - STEP_SECONDS - 60
        change(tmp_path, run_id, last_step_at=ago, started=ago)
        time.sleep(3.0)  # more than a heartbeat, which must not take it back
        status, page = shown(tmp_path, run_id)
        stopped = kryptui("runs", "stop", run_id, cwd=tmp_path)
    assert status == "hung"
    assert "no step for 11m" in page
    assert "kill -9" in page
    assert "stops after this batch" in stopped.stdout
    assert "no step for 11m" in stopped.stdout


def test_a_run_from_before_a_reboot_is_crashed(tmp_path: Path) -> None:
    with training(tmp_path) as (_, run_id):
        process = process_of(tmp_path, run_id)
        if not process.machine:
            pytest.skip("this machine has no id of its own, so its heartbeat decides")
        change(tmp_path, run_id, process=str(replace(process, boot_id="another-boot-id")))
        assert shown(tmp_path, run_id)[0] == "crashed"


def test_a_pid_that_another_process_has_got_is_not_the_run(tmp_path: Path) -> None:
    with training(tmp_path) as (_, run_id):
        process = process_of(tmp_path, run_id)
        change(tmp_path, run_id, process=str(replace(process, start_time="1")))
        assert shown(tmp_path, run_id)[0] == "crashed"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(HEARTBEAT_SECONDS - 15, "running"), (HEARTBEAT_SECONDS + 1, "crashed")]
)
def test_a_run_on_another_host_lives_as_long_as_its_heartbeat(
    tmp_path: Path, seconds: float, expected: str
) -> None:
    with training(tmp_path) as (process, run_id):
        process.kill()
        process.wait()
    far = Process("elsewhere", "its-boot-id", "pid:[1]", 7, "1")
    silent = DatabaseNow() - seconds
    change(tmp_path, run_id, process=str(far), host="elsewhere", heartbeat=silent, last_step_at=silent)
    status, page = shown(tmp_path, run_id)
    assert status == expected
    assert "elsewhere" in page


@pytest.mark.parametrize("hears", [True, False], ids=["with a signal", "without"])
def test_a_run_whose_terminal_is_gone_goes_on_to_its_end(tmp_path: Path, hears: bool) -> None:
    (tmp_path / "cfg.yaml").write_text(to_yaml(toy_config("stages.0.epochs=30", "task.delay=0.02")))
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kryptui", "run", "--headless", "cfg.yaml"],
        cwd=tmp_path,
        env=environment(),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_DFL if hears else signal.SIG_IGN),
    )
    os.close(terminal)
    shown = b""
    while b"step " not in shown:  # the first evaluation: the run has begun
        shown += os.read(master, 4096)
    os.close(master)
    process.send_signal(signal.SIGHUP)  # as the kernel does to the session that a terminal belongs to
    assert process.wait(120) == 0
    with Store.open(tmp_path / "runs.db") as store:
        run = store.list_runs()[0]
        lines = [line.text for line in store.log_lines(run.id)]
    assert run.status == "finished"
    assert ("the terminal is gone; the run goes on without it" in lines) is hears
