"""The whole way in a real terminal, with nothing but keys: from an empty folder to a submission."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from records import add_run
from terminals import Terminal
from toys import environment, kryptui, toy_config

from kryptui.config import to_yaml
from kryptui.runs import growth
from kryptui.runs.store import Store

LONG = 300


def steps_of(root: Path, run_id: str, name: str = "loss") -> list[float]:
    """The steps at which a run recorded a metric."""
    with Store.open(root / "runs.db", create=False) as store:
        values = growth.gained(store, run_id, 0).values
    return values[name][0].tolist() if name in values else []


def runs_of(root: Path, filter: str = "kind:train") -> list[tuple[str, str, str]]:
    """Id, name and status of the runs on record, the oldest first."""
    with Store.open(root / "runs.db", create=False) as store:
        return [(run.id, run.name, run.status) for run in store.list_runs(filter, "created")]


def set_epochs(terminal: Terminal, epochs: int) -> None:
    """On Configure: finds the setting by its name, and changes it."""
    terminal.press("/", "epochs", "enter")
    terminal.wait_for("Change", "how often the data are gone through")
    terminal.press("enter")
    terminal.wait_for("Take back")
    terminal.press(*["backspace"] * 4, str(epochs), "enter")
    terminal.wait_for(f"epochs: {epochs}", "✓ valid")


def test_from_an_empty_folder_to_a_submission(tmp_path: Path) -> None:
    with Terminal(cwd=tmp_path, columns=160, lines=45) as terminal:
        terminal.wait_for("no runs on record yet")
        terminal.press("ctrl+p")
        terminal.read(0.5)
        terminal.press("draw demo")
        terminal.wait_for("Draw demo faces into data/faces")
        terminal.press("enter")
        terminal.wait_for("data/faces/train", "inspected: nothing wrong", seconds=LONG)

        terminal.press("a")
        terminal.wait_for("Prepare data/faces/train")
        terminal.press("enter")
        terminal.wait_for("data/prepared is written", seconds=LONG)
        terminal.press("1")

        terminal.wait_for("begin with")
        terminal.press("down", "down", "down", "down", "enter")
        terminal.wait_for("preset quickstart", "train: data/prepared")
        set_epochs(terminal, 40)
        terminal.press("l")
        terminal.wait_for("running", "img/s", seconds=LONG)
        [(run_id, _, _)] = runs_of(tmp_path)
        grown = len(steps_of(tmp_path, run_id))
        deadline = time.monotonic() + LONG
        while len(steps_of(tmp_path, run_id)) <= grown + 1:
            assert time.monotonic() < deadline
            terminal.read(0.5)

        terminal.press("s")
        terminal.wait_for("Stop quickstart?")
        terminal.press("y")
        terminal.wait_for("■ stopped", seconds=LONG)
        terminal.press("r")
        terminal.wait_for("attempt 2", seconds=LONG)
        terminal.wait_for("✓ finished", seconds=LONG)
        steps = steps_of(tmp_path, run_id)
        assert steps == sorted(set(steps))
        assert steps[-1] == 120

        terminal.press("c")
        terminal.wait_for("run quickstart", "train: data/prepared")
        set_epochs(terminal, 4)
        terminal.press("l")
        terminal.wait_for("finished", seconds=LONG)
        deadline = time.monotonic() + LONG
        while [status for _, _, status in runs_of(tmp_path)] != ["finished", "finished"]:
            assert time.monotonic() < deadline, terminal.text
            terminal.read(0.5)

        terminal.press("1")
        terminal.wait_for("2 runs")
        terminal.press("space", "space", "c")
        terminal.wait_for("stages.0.epochs", "40", "4")

        terminal.press("6")
        terminal.wait_for("none chosen")
        terminal.press("t", "data/faces/test_public", "enter")
        terminal.wait_for("150 pairs", "✓ test data", seconds=LONG)
        terminal.press("escape")
        terminal.read(0.5)
        terminal.press("enter")
        deadline = time.monotonic() + LONG
        while not list(tmp_path.glob("submission*.csv")):
            assert time.monotonic() < deadline, terminal.text
            terminal.read(0.5)
        terminal.wait_for("sha256", "pair_id", seconds=LONG)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    [written] = tmp_path.glob("submission*.csv")
    with written.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 150
    assert written.with_name(f"{written.name}.json").is_file()


@contextmanager
def started(*command: str, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another shell's command, which nobody looks at."""
    nowhere = subprocess.DEVNULL
    arguments = [sys.executable, "-m", "kryptui", *command]
    process = subprocess.Popen(
        arguments, cwd=cwd, env=environment(), stdin=nowhere, stdout=nowhere, stderr=nowhere
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    """A workspace with the configuration of a run that takes its time."""
    config = toy_config("task.delay=0.05", "stages.0.epochs=400", name="slow-toy")
    (tmp_path / "cfg.yaml").write_text(to_yaml(config))
    return tmp_path


def test_a_run_of_another_shell_is_seen_followed_paused_resumed_and_stopped(toys: Path) -> None:
    with Store.open(toys / "runs.db") as store:
        add_run(store, "older", {"rmse": [0.5]}, task="toy")
    with Terminal(cwd=toys) as screen, started("run", "--headless", "cfg.yaml", cwd=toys) as shell:
        screen.wait_for("older")
        screen.wait_for("slow-toy", "1 running")
        screen.press("home", "enter")
        screen.wait_for("▶ running", "epoch", "rmse")
        run_id = next(run_id for run_id, name, _ in runs_of(toys) if name == "slow-toy")
        screen.press("p")
        screen.wait_for("‖ paused")
        screen.press("r")
        screen.wait_for("▶ running")
        screen.press("k")
        screen.wait_for("saves after this batch")
        screen.press("s")
        screen.wait_for("Stop slow-toy?")
        screen.press("y")
        screen.wait_for("■ stopped")
        assert shell.wait(60) == 130
        screen.press("q")
        assert screen.wait_for_end() == 0
    steps = steps_of(toys, run_id)
    assert steps == sorted(set(steps))


def test_run_on_a_terminal_opens_live_and_trains_there(toys: Path) -> None:
    with Terminal("run", "cfg.yaml", "-o", "stages.0.epochs=2", cwd=toys) as terminal:
        terminal.wait_for("slow-toy", "✓ finished")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    assert [status for _, _, status in runs_of(toys)] == ["finished"]


def test_a_configuration_that_is_wrong_is_one_line_before_any_screen(tmp_path: Path) -> None:
    (tmp_path / "cfg.yaml").write_text("name: x\nstages: [{name: a, epochs: 1, lr: 1}]\ntask: {kind: toi}\n")
    with Terminal("run", "cfg.yaml", cwd=tmp_path) as terminal:
        assert terminal.wait_for_end() == 2
        assert "did you mean 'toy'" in " ".join(terminal.text.split())
        assert b"?1049h" not in terminal.written


def test_a_queued_run_waits_until_the_app_works_on_the_queue(toys: Path) -> None:
    done = kryptui("run", "--queue", "cfg.yaml", "-o", "stages.0.epochs=2", cwd=toys)
    assert done.returncode == 0, done.stderr
    with Terminal(cwd=toys) as terminal:
        terminal.wait_for("slow-toy", "1 queued")
        terminal.press("w")
        deadline = time.monotonic() + 120
        while [status for _, _, status in runs_of(toys)] != ["finished"]:
            assert time.monotonic() < deadline, (runs_of(toys), terminal.text)
            terminal.read(0.5)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
