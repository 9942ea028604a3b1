"""A worker takes each queued run once, in order, and outlives those that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from toys import toy_config

from kryptui.errors import InputError, RunError
from kryptui.jobs import leases, training
from kryptui.jobs.leases import Lease, Seat
from kryptui.jobs.worker import Worker
from kryptui.jobs.workspace import Workspace
from kryptui.runs.identity import Process
from kryptui.runs.schema import runs
from kryptui.runs.store import Store

GPU = Seat("cpu", "gpu:GPU-0")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(leases, "LOCKS", tmp_path / "locks")
    return Workspace(tmp_path, "runs.db")


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.open() as store:
        yield store


def queued(workspace: Workspace, name: str, *overrides: str) -> str:
    return training.enqueue(toy_config("stages.0.epochs=1", *overrides, name=name), workspace)


def worker(workspace: Workspace, store: Store, said: list[str] | None = None, **options: Any) -> Worker:
    tell: Callable[[str], None] = said.append if said is not None else lambda text: None
    return Worker(workspace, store, lambda row: lambda run_id, recorder: recorder, tell, **options)


def occupied(store: Store) -> tuple[str, Lease]:
    """A run that has the GPU, and its lease."""
    holder = store.create_run("train", "holder", "toy", {}, "c", None, {}, "/elsewhere")
    store.start_attempt(holder)
    lease = leases.take([GPU], store, holder)
    assert lease is not None
    return holder, lease


def change(store: Store, run_id: str, **values: object) -> None:
    with store.writing() as connection:
        connection.execute(update(runs).where(runs.c.id == run_id).values(**values))


def test_runs_are_taken_in_the_order_in_which_they_were_queued(workspace: Workspace, store: Store) -> None:
    ids = [queued(workspace, name) for name in ("c", "a", "b")]
    tally = worker(workspace, store).work(until_empty=True)
    assert tally.finished == 3
    started = sorted(ids, key=lambda run_id: store.get_run(run_id).started or 0)
    assert started == ids


def test_a_run_that_fails_does_not_end_the_worker(workspace: Workspace, store: Store) -> None:
    bad, good = queued(workspace, "bad", "task.explode_at=1"), queued(workspace, "good")
    said: list[str] = []
    tally = worker(workspace, store, said).work(until_empty=True)
    assert (tally.failed, tally.finished) == (1, 1)
    assert [store.get_run(run_id).status for run_id in (bad, good)] == ["failed", "finished"]
    assert any("failed: the loss is not a number" in line for line in said)


def test_a_run_whose_configuration_no_longer_holds_fails_alone(workspace: Workspace, store: Store) -> None:
    bad, good = queued(workspace, "bad"), queued(workspace, "good")
    change(store, bad, config='{"name": "bad", "device": "cpu", "task": {"kind": "gone"}}')
    worker(workspace, store).work(until_empty=True)
    assert [store.get_run(run_id).status for run_id in (bad, good)] == ["failed", "finished"]


def test_a_run_whose_data_have_changed_fails_before_it_trains(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy")
    change(store, run_id, data_hash="other")
    worker(workspace, store).work(until_empty=True)
    run = store.get_run(run_id)
    assert run.status == "failed"
    assert run.error is not None
    assert "other data" in run.error
    assert store.metrics(run_id) == []


def test_a_worker_that_is_stopped_puts_its_run_back_with_a_checkpoint(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy", "stages.0.epochs=1000", "task.delay=0.01")
    hand = worker(workspace, store)
    hand._watch = lambda row: lambda run_id, recorder: (hand.stop(), recorder)[1]
    tally = hand.work()
    assert tally.requeued == 1
    run = store.get_run(run_id)
    assert (run.status, run.held) == ("queued", False)
    assert (workspace.checkpoints(run_id) / "last").exists()


def test_the_next_worker_goes_on_where_the_last_one_stopped(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy", "stages.0.epochs=4")
    hand = worker(workspace, store)
    hand._watch = lambda row: lambda run_id, recorder: (hand.stop(), recorder)[1]
    hand.work()
    assert worker(workspace, store).work(until_empty=True).finished == 1
    run = store.get_run(run_id)
    assert (run.status, run.attempt) == ("finished", 2)
    losses = [point.step for point in store.metrics(run_id, ["loss"])]
    assert losses == sorted(set(losses))


def test_a_run_that_somebody_stops_is_not_put_back(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy", "stages.0.epochs=1000", "task.delay=0.01")
    hand = worker(workspace, store)

    def watch(row: Any) -> Any:
        assert hand._control is not None
        hand._control.stop()
        return lambda run_id, recorder: recorder

    hand._watch = watch
    assert hand.work(until_empty=True).stopped == 1
    assert store.get_run(run_id).status == "stopped"


def test_a_run_that_waits_in_its_own_process_is_left_to_it(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy")
    change(store, run_id, process=str(Process.current()))
    assert worker(workspace, store).work(until_empty=True).finished == 0
    assert store.get_run(run_id).status == "queued"


def test_a_run_whose_process_died_while_it_waited_is_taken(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy")
    me = Process.current()
    change(store, run_id, process=str(Process(me.host, me.boot_id, me.pid_namespace, me.pid, "1")))
    assert worker(workspace, store).work(until_empty=True).finished == 1
    assert store.get_run(run_id).status == "finished"


@pytest.mark.parametrize(("everything", "finished"), [(False, 0), (True, 1)])
def test_runs_of_other_workspaces_are_taken_on_demand(
    workspace: Workspace, store: Store, everything: bool, finished: int
) -> None:
    change(store, queued(workspace, "toy"), workspace="/elsewhere")
    tally = worker(workspace, store, all_workspaces=everything).work(until_empty=True)
    assert tally.finished == finished


def test_a_run_for_a_device_that_is_not_here_stays_in_the_queue(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, near = queued(workspace, "far"), queued(workspace, "near")
    change(store, far, config=store.get_run(far).config_json.replace('"cpu"', '"cuda:7"'))

    def seats(device: str) -> list[Seat]:
        if device == "cpu":
            return [Seat("cpu")]
        raise InputError(f"device: {device}: torch sees no GPU on this machine")

    monkeypatch.setattr(leases, "seats", seats)
    said: list[str] = []
    assert worker(workspace, store, said).work(until_empty=True).finished == 1
    assert [store.get_run(run_id).status for run_id in (far, near)] == ["queued", "finished"]
    assert sum("left for another machine" in line for line in said) == 1


def test_a_busy_gpu_is_waited_for_and_nobody_overtakes(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "seats", lambda device: [GPU])
    holder, lease = occupied(store)
    ids = [queued(workspace, name) for name in ("first", "second")]
    said: list[str] = []
    hand = worker(workspace, store, said)
    hand._tell = lambda text: (said.append(text), lease.give_back() if "second" in text else None)[0]
    assert hand.work(until_empty=True).finished == 2
    assert f"cpu is busy with {holder} (holder)" in said[0]
    starts = [store.get_run(run_id).started or 0 for run_id in ids]
    assert starts == sorted(starts)


def test_two_workers_never_take_one_run(workspace: Workspace, store: Store) -> None:
    ids = [queued(workspace, f"toy{number}") for number in range(6)]
    hands = [worker(workspace, store) for _ in range(2)]
    threads = [threading.Thread(target=hand.work, kwargs={"until_empty": True}) for hand in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum(hand.tally.finished for hand in hands) == 6
    assert [store.get_run(run_id).attempt for run_id in ids] == [1] * 6


def test_a_worker_outlives_a_database_that_fails_for_a_while(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(workspace, "toy")
    list_runs, tries = store.list_runs, []

    def failing(*arguments: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise RunError("runs.db: another process has held it for 10 s")
        return list_runs(*arguments)

    monkeypatch.setattr(store, "list_runs", failing)
    monkeypatch.setattr("kryptui.jobs.worker.PATIENCE_SECONDS", 0.01)
    assert worker(workspace, store).work(until_empty=True).finished == 1


def test_a_run_in_the_foreground_waits_for_its_gpu_and_says_so(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "seats", lambda device: [GPU])
    monkeypatch.setattr(training, "LOOK_SECONDS", 0.01)
    holder, lease = occupied(store)
    said: list[str] = []

    def tell(text: str) -> None:
        said.append(text)
        lease.give_back()

    config = toy_config("stages.0.epochs=1")
    done = training.train(config, workspace, training.Control(), lambda run_id, recorder: recorder, tell)
    assert len(said) == 1
    assert f"busy with {holder} (holder); queued as {done.run_id}" in said[0]
    assert any(said[0] == line.text for line in store.log_lines(done.run_id))
    assert store.get_run(done.run_id).status == "finished"


def test_a_run_that_waits_can_be_taken_off_the_queue(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "seats", lambda device: [GPU])
    monkeypatch.setattr(training, "LOOK_SECONDS", 0.01)
    _, lease = occupied(store)

    def tell(text: str) -> None:
        waiting = next(run for run in store.list_runs("status:queued") if run.name == "toy")
        assert store.unqueue_run(waiting.id)

    config = toy_config()
    with lease, pytest.raises(RunError, match="was taken off the queue"):
        training.train(config, workspace, training.Control(), lambda run_id, recorder: recorder, tell)
    assert store.list_runs("name=toy")[0].status == "stopped"
