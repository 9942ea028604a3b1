"""An app whose terminal is taken away, or that is left, on a real pseudo-terminal: what it had begun goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pseudo_terminals import SECONDS, Terminal
from toys import environment, toy_config

from kryptui.jobs import training
from kryptui.jobs.workspace import Workspace
from kryptui.runs.rows import RunRow
from kryptui.runs.store import Store

SMALL_APP = Path(__file__).parent / "small_app.py"
STEPS = 6  # of an epoch of the toy task
GONE = "the terminal is gone; the run goes on without it"
GOES_ON = b"goes on here without the screen; Ctrl-C saves and stops it; you may close this terminal"


class Program:
    """The small app on a terminal, and the record that it writes."""

    def __init__(self, folder: Path, *arguments: object, controls: bool = True, before: str = "") -> None:
        self.terminal = Terminal()
        path = os.pathsep.join([str(SMALL_APP.parent), environment()["PYTHONPATH"]])
        program = [sys.executable, str(SMALL_APP), *map(str, arguments)]
        command = ["sh", "-c", f'{before} exec "$@"', "sh", *program]
        self.store = Store.open(folder / "runs.db")
        known = {**environment(), "PYTHONPATH": path, "TERM": "xterm-256color"}
        self.process = self.terminal.run(command, folder, known, controls)

    @property
    def run(self) -> RunRow:
        """The first run."""
        return self.store.list_runs(sort="created")[0]

    @property
    def step(self) -> int:
        """How far it is; 0 before it is there."""
        runs = self.store.list_runs(sort="created")
        return int(runs[0].progress.get("step", 0)) if runs else 0

    def lines(self) -> dict[str, str]:
        """The log: levels by line."""
        return {line.text: line.level for line in self.store.log_lines(self.run.id)}

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Waits, and has the terminal show what it is sent meanwhile."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.terminal.shown[-2000:]
            assert self.process.poll() is None or condition(), self.terminal.shown[-2000:]
            self.terminal.look()
            time.sleep(0.05)

    def end(self) -> int:
        """Its exit code, once it has ended."""
        self.wait_for(lambda: self.process.poll() is not None)
        return int(self.process.returncode)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.terminal.end()
        self.store.close()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    programs: list[Program] = []

    def begin(*arguments: object, **options: object) -> Program:
        programs.append(Program(tmp_path, *arguments, **options))  # type: ignore[arg-type]
        return programs[-1]

    yield begin
    for started in programs:
        started.close()


def every_step_once(store: Store, run: RunRow, epochs: int) -> bool:
    steps = [point.step for point in store.metrics(run.id, ["loss"])]
    every_fifth = [*range(5, epochs * STEPS + 1, 5)]
    last = [] if epochs * STEPS % 5 == 0 else [epochs * STEPS]
    return steps == every_fifth + last


def processor_seconds(process: subprocess.Popen[bytes]) -> dict[int, float]:
    """What each thread has used."""
    used = {}
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        used[int(task.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


@pytest.mark.parametrize("how", ["SIGHUP", "no signal", "nohup"])
def test_a_run_outlives_its_terminal_and_nothing_else_uses_the_processor(
    program: Callable[..., Program], tmp_path: Path, how: str
) -> None:
    before = "trap '' HUP;" if how == "nohup" else ""
    started = program(0.03, 40, controls=how != "no signal", before=before)
    started.wait_for(lambda: started.step >= 10)
    started.terminal.close()
    started.wait_for(lambda: started.lines().get(GONE) == "warning")
    ends = [Path(f"/proc/{started.process.pid}/fd/{number}") for number in (0, 1, 2)]
    started.wait_for(lambda: all(str(end.readlink()) == os.devnull for end in ends))
    began, since = processor_seconds(started.process), time.monotonic()
    time.sleep(2)
    ended, seconds = processor_seconds(started.process), time.monotonic() - since
    used = {thread: (ended[thread] - began.get(thread, 0.0)) / seconds for thread in ended}
    trains = int((tmp_path / "thread").read_text())
    assert used[started.process.pid] < 0.02
    assert sum(share for thread, share in used.items() if thread != trains) < 0.1, used
    assert started.run.status == "running"
    assert started.end() == 0
    run = started.run
    assert (run.status, run.attempt) == ("finished", 1)
    assert every_step_once(started.store, run, 40)


def test_what_was_launched_is_trained_after_it_and_what_others_queued_is_left(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    started = program(0.02, 30, 1)
    started.wait_for(lambda: started.step >= 10)
    others = training.enqueue(toy_config(name="others"), Workspace(tmp_path, "runs.db"))
    started.terminal.close()
    assert started.end() == 0
    ends = {run.name: run.status for run in started.store.list_runs()}
    assert ends == {"run0": "finished", "run1": "finished", "others": "queued"}
    assert started.store.get_run(others).attempt == 0


def test_what_libraries_print_is_in_the_log_and_not_on_the_screen(program: Callable[..., Program]) -> None:
    started = program(0.02, 1000)
    started.wait_for(lambda: started.lines() if started.step else {})
    started.wait_for(lambda: "printed by a library" in started.lines())
    started.terminal.type(b"s")
    assert started.end() == 0
    assert b"printed" not in started.terminal.shown


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_end_saves_the_run_and_gives_the_terminal_back(
    program: Callable[..., Program], tmp_path: Path, number: int
) -> None:
    started = program(0.02, 1000)
    started.wait_for(lambda: started.step >= 10)
    started.process.send_signal(number)
    assert started.end() == 130
    run = started.run
    assert run.status == "stopped"
    assert f"stopped at step {run.progress['step']}" in started.lines()
    assert (tmp_path / "checkpoints" / run.id / f"step-{run.progress['step']:08}").is_dir()
    assert b"\x1b[?1049l" in started.terminal.shown


def test_a_run_that_is_left_headless_is_told_of_and_stopped_by_ctrl_c(program: Callable[..., Program]) -> None:
    started = program(0.02, 1000)
    started.wait_for(lambda: started.step >= 10)
    started.terminal.type(b"h")
    started.terminal.wait_for(GOES_ON)
    started.terminal.wait_for(b"/6000  one epoch ")
    started.terminal.type(b"\x03")
    assert started.end() == 130
    shown = started.terminal.shown
    assert b"stopping: finishing the batch and saving (again to leave at once)" in shown
    assert f"run {started.run.id} (run0): stopped; to go on:".encode() in shown
    assert started.run.status == "stopped"


def test_a_terminal_may_be_closed_after_its_run_was_left_headless(program: Callable[..., Program]) -> None:
    started = program(0.02, 40)
    started.wait_for(lambda: started.step >= 10)
    started.terminal.type(b"h")
    started.terminal.wait_for(GOES_ON)
    started.terminal.close()
    started.wait_for(lambda: started.lines().get(GONE) == "warning")
    assert started.end() == 0
    assert every_step_once(started.store, started.run, 40)


def test_an_app_that_crashes_says_how_and_its_run_goes_on(program: Callable[..., Program]) -> None:
    started = program(0.02, 30)
    started.wait_for(lambda: started.step >= 10)
    started.terminal.type(b"x")
    started.terminal.wait_for(b"RuntimeError: an app that is broken")
    started.terminal.wait_for(GOES_ON)
    assert started.end() == 1
    assert started.run.status == "finished"


def test_an_app_that_is_left_with_nothing_in_progress_ends_at_once(program: Callable[..., Program]) -> None:
    started = program(0.02)
    started.terminal.wait_for(b"training None")
    started.terminal.type(b"q")
    assert started.end() == 0
    assert started.terminal.shown.endswith(b"\x1b[?1006l")
