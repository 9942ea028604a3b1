"""The threads of an app: runs and submissions come to their end, are told of, and outlive whatever goes wrong."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import toytask
from apps import SECONDS, Ears, lines_of
from toys import environment, toy_config

from kryptui.errors import InputError
from kryptui.jobs import leases, training
from kryptui.jobs.launcher import Began, Ended, Event, Launcher
from kryptui.jobs.workspace import Workspace
from kryptui.runs.store import Store

LONG = ("stages.0.epochs=10000", "task.delay=0.01")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(leases, "LOCKS", tmp_path / "locks")
    return Workspace(tmp_path, "runs.db")


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def launcher(workspace: Workspace, ears: Ears) -> Iterator[Launcher]:
    with Launcher(workspace, ears.hear) as launcher:
        yield launcher


# Training


def test_what_is_launched_is_trained_and_told_of(launcher: Launcher, ears: Ears, store: Store) -> None:
    run_id = launcher.launch(toy_config())
    assert launcher.working
    assert ears.wait_for(Ended) == Ended(run_id, "toy", "finished", "")
    assert ears.all(Began) == [Began(run_id, "toy")]
    assert store.get_run(run_id).status == "finished"
    assert launcher.training is None


def test_the_run_in_progress_is_known(launcher: Launcher, ears: Ears) -> None:
    run_id = launcher.launch(toy_config(*LONG))
    ears.wait_for(Began)
    assert launcher.training == run_id
    assert launcher.busy
    assert not launcher.wait(0)


def test_what_is_wrong_is_refused_before_anything_is_on_record(launcher: Launcher, store: Store) -> None:
    with pytest.raises(InputError, match="cuda:99"):
        launcher.launch(toy_config(device="cuda:99"))
    assert store.list_runs() == []
    assert launcher.wait(SECONDS)


def test_what_is_queued_waits_until_somebody_works(launcher: Launcher, ears: Ears, store: Store) -> None:
    run_id = launcher.enqueue(toy_config())
    assert not launcher.working
    assert store.get_run(run_id).status == "queued"
    launcher.work()
    launcher.work()
    assert ears.wait_for(Ended).outcome == "finished"
    assert len([thread for thread in threading.enumerate() if thread.name == "training"]) == 1


def test_what_is_checked_before_it_waits_leaves_the_generator_of_a_running_run_alone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[torch.Tensor] = []
    monkeypatch.setattr(toytask.ToyTraining, "stage", lambda *_: drawn.append(torch.rand(3)))
    state = torch.get_rng_state()
    training.enqueue(toy_config(), workspace)
    assert drawn
    assert torch.equal(torch.get_rng_state(), state)


def test_a_launch_wakes_an_idle_worker_at_once(
    launcher: Launcher, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kryptui.jobs.worker.LOOK_SECONDS", 10.0 * SECONDS)
    for count in (1, 2):
        launcher.launch(toy_config())
        ears.wait_for(Ended, count)


def test_a_run_that_is_stopped_ends_and_the_next_is_taken(launcher: Launcher, ears: Ears, store: Store) -> None:
    first = launcher.launch(toy_config(*LONG))
    second = launcher.launch(toy_config(name="next"))
    ears.wait_for(Began)
    launcher.stop_training()
    assert ears.wait_for(Ended).outcome == "stopped"
    assert ears.wait_for(Ended, 2) == Ended(second, "next", "finished", "")
    assert store.get_run(first).status == "stopped"


def test_a_run_that_was_stopped_is_resumed(launcher: Launcher, ears: Ears, store: Store) -> None:
    run_id = launcher.launch(toy_config("task.explode_at=5"))
    assert ears.wait_for(Ended).outcome == "failed"
    launcher.resume(run_id)
    ears.wait_for(Ended, 2)
    assert store.get_run(run_id).attempt == 2
    assert "resumed from step-00000004, attempt 2, on cpu, 1 thread, fp32" in lines_of(store, run_id)


def test_who_leaves_brings_the_run_to_its_end_and_takes_no_other(
    launcher: Launcher, ears: Ears, store: Store
) -> None:
    launcher.launch(toy_config("task.delay=0.01"))
    waiting = launcher.launch(toy_config(name="next"))
    ears.wait_for(Began)
    launcher.leave()
    assert launcher.wait(SECONDS)
    assert [event.outcome for event in ears.all(Ended)] == ["finished"]
    assert store.get_run(waiting).status == "queued"
    assert not launcher.working
    launcher.work()
    assert not launcher.working


def test_who_leaves_can_put_the_run_back(launcher: Launcher, ears: Ears, store: Store) -> None:
    run_id = launcher.launch(toy_config(*LONG))
    ears.wait_for(Began)
    launcher.leave(requeue=True)
    assert launcher.wait(SECONDS)
    assert [event.outcome for event in ears.all(Ended)] == ["requeued"]
    assert store.get_run(run_id).status == "queued"


def test_who_finishes_takes_what_was_launched_here_and_nothing_else(
    launcher: Launcher, workspace: Workspace, ears: Ears, store: Store
) -> None:
    ids = [launcher.launch(toy_config(*LONG))]
    ears.wait_for(Began)
    others = training.enqueue(toy_config(name="others"), workspace)
    ids.append(launcher.launch(toy_config(name="mine")))
    launcher.finish()
    launcher.stop_training()
    assert launcher.wait(SECONDS)
    assert [event.run_id for event in ears.all(Ended)] == ids
    assert store.get_run(others).status == "queued"


def test_who_finishes_waits_for_what_is_just_being_launched(
    launcher: Launcher, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue, asked, go = training.enqueue, threading.Event(), threading.Event()

    def slow(*arguments: Any) -> str:
        asked.set()
        go.wait(SECONDS)
        return enqueue(*arguments)

    monkeypatch.setattr(training, "enqueue", slow)
    threading.Thread(target=launcher.launch, args=[toy_config()]).start()
    asked.wait(SECONDS)
    launcher.finish()
    assert not launcher.wait(0.01)
    go.set()
    assert launcher.wait(SECONDS)
    assert [event.outcome for event in ears.all(Ended)] == ["finished"]


@pytest.mark.parametrize(
    ("crash", "outcome", "why"),
    [
        (SystemExit(3), "failed", "SystemExit: 3"),
        (MemoryError("no room"), "failed", "MemoryError: no room"),
        (KeyboardInterrupt(), "stopped", ""),
    ],
)
def test_whatever_a_task_raises_ends_its_run_and_nothing_else(
    launcher: Launcher,
    ears: Ears,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    crash: BaseException,
    outcome: str,
    why: str,
) -> None:
    def inputs(self: Any, batch: Any) -> Any:
        raise crash

    monkeypatch.setattr("kryptui.jobs.worker.PATIENCE_SECONDS", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(toytask.ToyStage, "inputs", inputs)
        run_id = launcher.launch(toy_config())
        ended = ears.wait_for(Ended)
    assert ended.outcome == store.get_run(run_id).status == outcome
    assert why in ended.why
    launcher.launch(toy_config())
    assert ears.wait_for(Ended, 2).outcome == "finished"


def test_an_error_of_the_worker_itself_fails_the_run_and_not_the_thread(
    launcher: Launcher, ears: Ears, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> Any:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr("kryptui.jobs.worker.PATIENCE_SECONDS", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(training, "run_queued", broken)
        run_id = launcher.launch(toy_config())
        assert ears.wait_for(Ended).outcome == "failed"
    assert "ZeroDivisionError: odd" in (store.get_run(run_id).error or "")
    assert "Traceback (most recent call last):" in launcher.messages
    launcher.launch(toy_config())
    assert ears.wait_for(Ended, 2).outcome == "finished"


def test_whoever_listens_may_fail(workspace: Workspace, store: Store) -> None:
    def hear(event: Event) -> None:
        raise RuntimeError("the app has gone")

    with Launcher(workspace, hear) as launcher:
        run_id = launcher.launch(toy_config())
        launcher.finish()
        assert launcher.wait(SECONDS)
        assert "RuntimeError: the app has gone" in launcher.messages
    assert store.get_run(run_id).status == "finished"


def test_closing_saves_the_run_in_progress(workspace: Workspace, ears: Ears, store: Store) -> None:
    with Launcher(workspace, ears.hear) as launcher:
        run_id = launcher.launch(toy_config(*LONG))
        ears.wait_for(Began)
    assert store.get_run(run_id).status == "stopped"
    assert not [thread for thread in threading.enumerate() if thread.name == "training"]


# Lines


def test_lines_belong_to_the_run_in_progress_else_to_none(launcher: Launcher, ears: Ears, store: Store) -> None:
    launcher.log("before")
    run_id = launcher.launch(toy_config(*LONG))
    ears.wait_for(Began)
    launcher.write("printed by a lib")
    launcher.write("rary\n")
    launcher.warn("the terminal is gone")
    launcher.stop_training()
    ears.wait_for(Ended)
    launcher.log("after")
    launcher.warn("nobody is there to be warned")
    assert launcher.messages == ["before", "after"]
    levels = {line.text: line.level for line in store.log_lines(run_id)}
    assert levels["printed by a library"] == "info"
    assert levels["the terminal is gone"] == "warning"


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_printed_while_data_load_is_in_the_log(
    launcher: Launcher, ears: Ears, store: Store, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    run_id = launcher.enqueue(toy_config())
    prepare = training.prepare

    def loud(config: Any) -> Any:
        launcher.log("broken image")
        if fails:
            raise InputError("nothing is left to train on")
        return prepare(config)

    monkeypatch.setattr(training, "prepare", loud)
    launcher.work()
    assert ears.wait_for(Ended).outcome == ("failed" if fails else "finished")
    assert lines_of(store, run_id).count("broken image") == 1
    assert launcher.messages == []


# The process


def program(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    lines = [
        "import sys, threading",
        f"sys.path[:0] = [{str(Path(__file__).parent)!r}]",
        "from pathlib import Path",
        "from kryptui.jobs.launcher import Launcher",
        "from kryptui.jobs.workspace import Workspace",
        code,
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    return subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False, timeout=2 * SECONDS
    )


def test_the_module_loads_neither_torch_nor_the_database(tmp_path: Path) -> None:
    code = "print({'torch', 'pandas', 'sqlalchemy'} & {*sys.modules})"
    assert program(code, tmp_path).stdout == "set()\n"


def test_the_end_of_a_process_does_not_wait_for_an_idle_thread(tmp_path: Path) -> None:
    code = (
        "from kryptui.jobs.launcher import Ended\n"
        "from toys import toy_config\n"
        "done = threading.Event()\n"
        "hear = lambda event: isinstance(event, Ended) and done.set()\n"
        "launcher = Launcher(Workspace(Path.cwd(), 'runs.db'), hear)\n"
        "launcher.launch(toy_config('stages.0.epochs=1'))\n"
        "done.wait(60)\n"
        "print(launcher.working)"
    )
    done = program(code, tmp_path)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_the_end_of_a_process_waits_for_the_run_in_progress(tmp_path: Path) -> None:
    code = (
        "from kryptui.jobs.launcher import Began\n"
        "from toys import toy_config\n"
        "begun = threading.Event()\n"
        "hear = lambda event: isinstance(event, Began) and begun.set()\n"
        "launcher = Launcher(Workspace(Path.cwd(), 'runs.db'), hear)\n"
        "launcher.launch(toy_config('stages.0.epochs=5', 'task.delay=0.02'))\n"
        "begun.wait(60)\n"
    )
    done = program(code, tmp_path)
    assert done.returncode == 0, done.stderr
    with Store.open(tmp_path / "runs.db", create=False) as store:
        (run,) = store.list_runs()
    assert (run.status, run.progress["step"]) == ("finished", 30)
