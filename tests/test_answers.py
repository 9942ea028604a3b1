"""Submissions are made beside whatever else an app does, and disturb nothing."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import toytask
from apps import SECONDS, Ears, lines_of
from toys import toy_config

from kryptui.engine import checkpoint
from kryptui.engine.device import resolve, use
from kryptui.jobs import leases
from kryptui.jobs.launcher import Answered, AnswerProgress, Began, Ended, Launcher
from kryptui.jobs.workspace import Workspace
from kryptui.runs import commands
from kryptui.runs.store import Store
from kryptui.tasks.protocol import Prediction


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


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A table that the toy task answers."""
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([[f"x{n}" for n in range(8)], *[[row / 9] * 8 for row in range(9)]])
    return path


@pytest.fixture
def trained(launcher: Launcher, ears: Ears) -> str:
    """A finished run that has checkpoints at steps 12 and 18, and perhaps another as its best."""
    run_id = launcher.launch(toy_config())
    assert ears.wait_for(Ended).outcome == "finished"
    return run_id


@pytest.mark.parametrize(("name", "step"), [("last", 18), ("step-18", 18), ("step-00000016", 16)])
def test_a_submission_is_made_of_the_chosen_checkpoint(
    launcher: Launcher, ears: Ears, store: Store, trained: str, rows: Path, tmp_path: Path, name: str, step: int
) -> None:
    ticket = launcher.submit(trained, name, rows, tmp_path / "out.csv", {})
    answered = ears.wait_for(Answered)
    assert (answered.ticket, answered.error) == (ticket, None)
    assert answered.result is not None
    run = store.get_run(answered.result[0])
    assert (run.kind, run.status, run.parent, run.name) == ("submit", "finished", trained, "toy")
    sidecar = json.loads((tmp_path / "out.csv.json").read_text())
    assert (sidecar["run"], sidecar["name"], sidecar["step"]) == (trained, "toy", step)


@pytest.mark.parametrize(("name", "words"), [("step-7", "has no checkpoint"), ("newest", "best, last or step-N")])
def test_a_checkpoint_that_is_none_is_refused(
    launcher: Launcher, ears: Ears, trained: str, rows: Path, tmp_path: Path, name: str, words: str
) -> None:
    launcher.submit(trained, name, rows, tmp_path / "out.csv", {})
    answered = ears.wait_for(Answered)
    assert answered.result is None
    assert words in (answered.error or "")


def predicting(act: Callable[[int], None]) -> Callable[..., Prediction]:
    """The toy's prediction in ten steps, with something done before each."""

    def predict(self: Any, infer: Any, device: Any, source: Path, options: Any, progress: Any) -> Prediction:
        for step in range(10):
            act(step)
            progress(step + 1, 10)
        return Prediction(["row", "y"], [[0, 1.0]])

    return predict


def test_progress_is_told_up_to_its_end(
    launcher: Launcher,
    ears: Ears,
    trained: str,
    rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(toytask.ToyInference, "predict", predicting(lambda step: None))
    ticket = launcher.submit(trained, "best", rows, tmp_path / "out.csv", {})
    ears.wait_for(Answered)
    assert ears.all(AnswerProgress)[-1] == AnswerProgress(ticket, 10, 10)


def test_a_submission_is_stopped_after_its_batch_and_one_that_waits_at_once(
    launcher: Launcher,
    ears: Ears,
    store: Store,
    trained: str,
    rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[int] = []

    def act(step: int) -> None:
        steps.append(step)
        if step == 3:
            launcher.cancel()

    monkeypatch.setattr(toytask.ToyInference, "predict", predicting(act))
    tickets = [launcher.submit(trained, "best", rows, tmp_path / f"{name}.csv", {}) for name in "ab"]
    assert launcher.wait(SECONDS)
    assert ears.all(Answered) == [Answered(ticket, None, "stopped") for ticket in tickets]
    assert steps == [0, 1, 2, 3]
    assert [run.status for run in store.list_runs("kind=submit")] == ["stopped"]
    assert not (tmp_path / "a.csv").exists()


def test_a_submission_that_is_stopped_from_elsewhere_is_told_so(
    launcher: Launcher,
    ears: Ears,
    store: Store,
    trained: str,
    rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop = threading.Event()

    def act(step: int) -> None:
        run_id = store.list_runs("kind=submit")[0].id
        if step == 0:
            number = commands.send(store, run_id, "stop", "me")
            assert number is not None
            while (sent := commands.get(store, number)) is not None and sent.handled is None:
                stop.wait(0.01)

    monkeypatch.setattr(toytask.ToyInference, "predict", predicting(act))
    launcher.submit(trained, "best", rows, tmp_path / "out.csv", {})
    assert ears.wait_for(Answered).error == "stopped"


@pytest.mark.parametrize("crash", [SystemExit(3), MemoryError("no room")])
def test_a_submission_that_crashes_fails_with_a_traceback_and_the_next_is_made(
    launcher: Launcher,
    ears: Ears,
    store: Store,
    trained: str,
    rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    crash: BaseException,
) -> None:
    def act(step: int) -> None:
        launcher.log("printed meanwhile")
        raise crash

    with monkeypatch.context() as patch:
        patch.setattr(toytask.ToyInference, "predict", predicting(act))
        launcher.submit(trained, "best", rows, tmp_path / "out.csv", {})
        assert type(crash).__name__ in (ears.wait_for(Answered).error or "")
    (run,) = store.list_runs("kind=submit")
    assert run.status == "failed"
    lines = lines_of(store, run.id)
    assert lines[:2] == ["printed meanwhile", "Traceback (most recent call last):"]
    launcher.submit(trained, "best", rows, tmp_path / "out.csv", {})
    assert ears.wait_for(Answered, 2).error is None


# Beside each other


def test_the_number_of_threads_that_one_thread_sets_is_its_own() -> None:
    seen: list[int] = []
    one_is_set, other_is_set = threading.Event(), threading.Event()

    def one() -> None:
        use(resolve("cpu", "fp32", 2))
        one_is_set.set()
        other_is_set.wait(SECONDS)
        seen.append(torch.get_num_threads())

    def other() -> None:
        one_is_set.wait(SECONDS)
        use(resolve("cpu", "fp32", 1))
        other_is_set.set()

    threads = [threading.Thread(target=target) for target in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [2]


def test_submissions_beside_a_training_run_change_no_bit_of_it(
    launcher: Launcher, ears: Ears, store: Store, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another number of threads, on a model that is large enough for threads and draws by itself."""

    class Centred(torch.nn.Module):
        """A sum over so many numbers that its last bits depend on how threads share it."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x - x.mean()

    def network(dropout: float) -> Any:
        wide, last = torch.nn.Linear(8, 512), torch.nn.Linear(512, 1)
        return torch.nn.Sequential(
            wide, torch.nn.Tanh(), Centred(), torch.nn.Dropout(dropout), last, torch.nn.Flatten(0)
        )

    monkeypatch.setattr(toytask, "_network", network)
    small = launcher.launch(toy_config("stages.0.epochs=1", "task.rows=64", name="small"))
    ears.wait_for(Ended)
    overrides = ("threads=2", "stages.0.epochs=2", "task.rows=1024", "task.batch=256", "stages.0.lr=0.001")
    alone = launcher.launch(toy_config(*overrides, name="alone"))
    ears.wait_for(Ended, 2)
    beside = launcher.launch(toy_config(*overrides, "task.delay=0.05", name="beside"))
    ears.wait_for(Began, 3)
    while launcher.training == beside:
        count = launcher.submit(small, "best", rows, tmp_path / "out.csv", {})
        assert ears.wait_for(Answered, count).error is None
    assert ears.all(Answered)
    weights = [checkpoint.read_meta(tmp_path / "checkpoints" / run_id / "last") for run_id in (alone, beside)]
    assert weights[0]["weights_sha256"] == weights[1]["weights_sha256"]
    assert weights[0]["threads"] == weights[1]["threads"] == 2
