"""Several workers in processes of their own, one queue, and one of them killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from toys import environment, kryptui, toy_config

from kryptui.config import to_yaml
from kryptui.jobs import training
from kryptui.jobs.workspace import Workspace
from kryptui.runs.store import Store

RUNS = int(os.environ.get("KRYPTUI_QUEUED_RUNS", "8"))
"""`make workers` sets 30."""


def start_worker(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kryptui", "worker", "--until-empty"],
        cwd=root,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_running(store: Store, pids: set[int]) -> tuple[str, int]:
    """The first run that one of these processes has trained for some steps, and that process."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for run in store.list_runs("status:running"):
            pid = int((run.process or "").split("|")[3])
            if pid in pids and run.progress.get("step", 0) >= 10:
                return run.id, pid
        time.sleep(0.05)
    raise AssertionError("no worker has taken a run")


def test_each_run_is_done_once_and_that_of_a_killed_worker_can_be_resumed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "runs.db")
    config = toy_config("stages.0.epochs=20", "task.delay=0.005", "checkpoint.every=10 steps")
    ids = [training.enqueue(config.model_copy(update={"name": f"toy{i}"}), workspace) for i in range(RUNS)]
    workers = {worker.pid: worker for worker in (start_worker(tmp_path) for _ in range(3))}
    with workspace.open() as store:
        killed, pid = wait_until_running(store, set(workers))
        workers[pid].kill()
        workers[pid].wait()
        assert store.get_run(killed).status == "crashed"
        for worker in workers.values():
            _, said = worker.communicate(timeout=300)
            assert worker.returncode == (-signal.SIGKILL if worker.pid == pid else 0), said
        found = {run.id: run for run in store.list_runs("")}
        assert set(found) == set(ids)
        assert {run.status for run in found.values() if run.id != killed} == {"finished"}
        assert {run.attempt for run in found.values()} == {1}
        assert found[killed].status == "crashed"

    resumed = kryptui("run", "--headless", "--resume", killed, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    with workspace.open() as store:
        steps = {run_id: [point.step for point in store.metrics(run_id, ["loss"])] for run_id in ids}
        assert store.get_run(killed).status == "finished"
    assert all(of_run == list(range(5, 121, 5)) for of_run in steps.values())


def test_a_worker_that_is_interrupted_saves_and_puts_its_run_back(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "runs.db")
    run_id = training.enqueue(toy_config("stages.0.epochs=1000", "task.delay=0.01"), workspace)
    worker = start_worker(tmp_path)
    with workspace.open() as store:
        wait_until_running(store, {worker.pid})
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=60)
        run = store.get_run(run_id)
    assert worker.returncode == 130, said
    assert (run.status, run.held) == ("queued", False)
    assert "saved, and back in the queue" in said


def test_a_queued_run_says_what_is_before_it(tmp_path: Path) -> None:
    (tmp_path / "cfg.yaml").write_text(to_yaml(toy_config()))
    first = kryptui("run", "--queue", "cfg.yaml", cwd=tmp_path)
    second = kryptui("run", "--queue", "cfg.yaml", "--json", cwd=tmp_path)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "queued, 0 before it" in first.stdout
    assert json.loads(second.stdout)["ahead"] == 1
