"""A worker takes each queued run once, in order, and outlives those that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toytask
from sqlalchemy import update
from toys import toy_config

from kryptui.errors import InputError, RunError
from kryptui.jobs import leases, training
from kryptui.jobs.leases import Lease, Seat
from kryptui.jobs.training import Onlooker
from kryptui.jobs.worker import Ear, Worker
from kryptui.jobs.workspace import Workspace
from kryptui.runs import commands, queue
from kryptui.runs.identity import Process
from kryptui.runs.rows import RunRow
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


class Listener:
    """Hears a worker, and does something when a run is taken."""

    def __init__(self, when_taken: Callable[[], object] = lambda: None) -> None:
        self.said: list[str] = []
        self.ended: dict[str, tuple[str, str]] = {}
        self.when_told: Callable[[str], object] = lambda text: None
        self.onlooker = LOOKS_AWAY
        self._when_taken = when_taken
        self.ear = Ear(self._tell, self._taken, self._ended)

    def _tell(self, text: str) -> None:
        self.said.append(text)
        self.when_told(text)

    def _taken(self, row: RunRow) -> Onlooker:
        self._when_taken()
        return self.onlooker

    def _ended(self, row: RunRow, outcome: str, why: str) -> None:
        self.ended[row.id] = (outcome, why)


LOOKS_AWAY = Onlooker(lambda run_id: None, lambda text: None, lambda run_id, recorder: recorder)


def worker(workspace: Workspace, store: Store, listener: Listener | None = None, **options: Any) -> Worker:
    return Worker(workspace, store, (listener or Listener()).ear, **options)


def stopping_at_once(workspace: Workspace, store: Store) -> Worker:
    """A worker that is told to leave while its first run is under way."""
    hands: list[Worker] = []
    hands.append(worker(workspace, store, Listener(lambda: hands[0].stop())))
    return hands[0]


def occupied(store: Store) -> tuple[str, Lease]:
    """A run that has the GPU, and its lease."""
    holder = store.create_run("train", "holder", "toy", {}, "c", None, {}, "/w")
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
    listener = Listener()
    tally = worker(workspace, store, listener).work(until_empty=True)
    assert (tally.failed, tally.finished) == (1, 1)
    assert [store.get_run(run_id).status for run_id in (bad, good)] == ["failed", "finished"]
    assert "the loss is not a number" in listener.ended[bad][1]
    assert any("the loss is not a number" in line.text for line in store.log_lines(bad))


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


def test_a_worker_that_is_stopped_puts_its_run_back_in_its_place(workspace: Workspace, store: Store) -> None:
    first = queued(workspace, "toy", "stages.0.epochs=1000", "task.delay=0.01")
    second = queued(workspace, "next")
    assert stopping_at_once(workspace, store).work().requeued == 1
    run = store.get_run(first)
    assert (run.status, run.held) == ("queued", False)
    assert [waiting.id for waiting in queue.waiting(store)] == [first, second]


def test_a_run_that_was_put_back_has_a_checkpoint_and_says_why(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy", "stages.0.epochs=1000", "task.delay=0.01")
    hand = worker(workspace, store, Listener())
    threading.Timer(1.0, hand.stop).start()
    hand.work()
    assert (workspace.checkpoints(run_id) / "last").exists()
    assert "back in the queue, as its worker was stopped" in [line.text for line in store.log_lines(run_id)]


def test_the_next_worker_goes_on_where_the_last_one_stopped(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy", "stages.0.epochs=20", "task.delay=0.02")
    hand = worker(workspace, store)
    threading.Timer(1.0, hand.stop).start()
    assert hand.work().requeued == 1
    assert worker(workspace, store).work(until_empty=True).finished == 1
    run = store.get_run(run_id)
    assert (run.status, run.attempt) == ("finished", 2)
    losses = [point.step for point in store.metrics(run_id, ["loss"])]
    assert losses == list(range(5, 121, 5))


def test_a_run_that_somebody_stops_is_not_put_back(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy", "stages.0.epochs=1000", "task.delay=0.01")

    def stop() -> None:
        assert commands.send(store, run_id, "stop", "me") is not None

    assert worker(workspace, store, Listener(stop)).work(until_empty=True).stopped == 1
    assert store.get_run(run_id).status == "stopped"


def test_a_run_that_is_stopped_here_ends_as_stopped_and_the_worker_goes_on(
    workspace: Workspace, store: Store
) -> None:
    first = queued(workspace, "toy", "stages.0.epochs=1000", "task.delay=0.01")
    second = queued(workspace, "next")
    hands: list[Worker] = []
    hands.append(
        worker(workspace, store, Listener(lambda: hands[0].stop_run() if not hands[0].tally.stopped else 0))
    )
    tally = hands[0].work(until_empty=True)
    assert (tally.stopped, tally.finished) == (1, 1)
    assert [store.get_run(run_id).status for run_id in (first, second)] == ["stopped", "finished"]


def test_a_run_that_is_stopped_here_does_not_go_back_though_its_worker_is_stopped_too(
    workspace: Workspace, store: Store
) -> None:
    run_id = queued(workspace, "toy", "stages.0.epochs=1000", "task.delay=0.01")
    hands: list[Worker] = []

    def stop_both() -> None:
        hands[0].stop_run()
        hands[0].stop()

    hands.append(worker(workspace, store, Listener(stop_both)))
    assert hands[0].work().stopped == 1
    assert store.get_run(run_id).status == "stopped"


def test_a_worker_that_leaves_brings_its_run_to_its_end_and_takes_no_other(
    workspace: Workspace, store: Store
) -> None:
    first, second = queued(workspace, "toy"), queued(workspace, "next")
    hands: list[Worker] = []
    hands.append(worker(workspace, store, Listener(lambda: hands[0].leave())))
    assert hands[0].work().finished == 1
    assert [store.get_run(run_id).status for run_id in (first, second)] == ["finished", "queued"]


def test_a_worker_takes_only_the_runs_that_it_is_told_to(workspace: Workspace, store: Store) -> None:
    others, mine = queued(workspace, "others"), queued(workspace, "mine")
    hand = worker(workspace, store)
    hand.only = {mine}
    assert hand.work(until_empty=True).finished == 1
    assert [store.get_run(run_id).status for run_id in (others, mine)] == ["queued", "finished"]


def test_a_look_takes_one_run_or_says_that_there_is_none(workspace: Workspace, store: Store) -> None:
    queued(workspace, "toy")
    hand = worker(workspace, store)
    assert [hand.look(), hand.look()] == ["ran", "empty"]


@pytest.mark.parametrize("crash", [SystemExit(3), MemoryError("no room"), ValueError("odd")])
def test_whatever_a_task_raises_fails_its_run_with_a_traceback_in_the_log(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch, crash: BaseException
) -> None:
    def inputs(self: Any, batch: Any) -> Any:
        raise crash

    run_id = queued(workspace, "toy")
    monkeypatch.setattr(toytask.ToyStage, "inputs", inputs)
    listener = Listener()
    assert worker(workspace, store, listener).work(until_empty=True).failed == 1
    assert store.get_run(run_id).status == "failed"
    assert f"failed by an error of the program ({type(crash).__name__}" in listener.ended[run_id][1]
    lines = [line.text for line in store.log_lines(run_id) if line.level == "error"]
    assert lines[0] == "Traceback (most recent call last):"
    assert any("in inputs" in line for line in lines)


@pytest.mark.parametrize(("threads", "used"), [("null", 3), ("2", 2)])
def test_a_run_leaves_to_an_onlooker_the_processors_that_it_needs(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch, threads: str, used: int
) -> None:
    monkeypatch.setattr(training, "cores", lambda: 4)
    run_id = queued(workspace, "toy", f"threads={threads}")
    listener = Listener()
    listener.onlooker = replace(LOOKS_AWAY, spare=1)
    worker(workspace, store, listener).work(until_empty=True)
    assert store.get_run(run_id).env["device"] == f"cpu, {used} threads, fp32"


def test_a_resumed_run_keeps_its_threads_whoever_looks_on(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = queued(workspace, "toy", "threads=null", "task.explode_at=5")
    monkeypatch.setattr("kryptui.engine.device.cores", lambda: 2)
    assert worker(workspace, store).work(until_empty=True).failed == 1
    monkeypatch.setattr(training, "cores", lambda: 4)
    store.queue_run(run_id)
    listener = Listener()
    listener.onlooker = replace(LOOKS_AWAY, spare=1)
    worker(workspace, store, listener).work(until_empty=True)
    run = store.get_run(run_id)
    assert (run.attempt, run.env["device"]) == (2, "cpu, 2 threads, fp32")


def test_a_run_that_waits_in_its_own_process_is_left_to_it(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy")
    change(store, run_id, process=str(Process.current()))
    assert worker(workspace, store).work(until_empty=True).finished == 0
    assert store.get_run(run_id).status == "queued"


def test_a_run_whose_process_died_while_it_waited_is_taken(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy")
    me = Process.current()
    change(store, run_id, process=str(replace(me, start_time="1")))
    assert worker(workspace, store).work(until_empty=True).finished == 1
    assert store.get_run(run_id).status == "finished"


def test_a_run_that_waits_on_another_host_blocks_nobody_here(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "seats", lambda device: [GPU])
    far = queued(workspace, "far")
    change(store, far, process=str(replace(Process.current(), host="elsewhere")), host="elsewhere")
    assert store.get_run(far).held
    mine = queued(workspace, "mine")
    assert worker(workspace, store).work(until_empty=True).finished == 1
    assert store.get_run(mine).status == "finished"


@pytest.mark.parametrize(("everything", "finished"), [(False, 0), (True, 1)])
def test_runs_of_other_workspaces_are_taken_on_demand_and_run_there(
    workspace: Workspace, store: Store, tmp_path: Path, everything: bool, finished: int
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run_id = queued(workspace, "toy")
    change(store, run_id, workspace=str(other))
    tally = worker(workspace, store, all_workspaces=everything).work(until_empty=True)
    assert tally.finished == finished
    assert (other / "checkpoints" / run_id).is_dir() == everything


def test_a_run_whose_workspace_is_not_here_stays_in_the_queue(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy")
    change(store, run_id, workspace=str(workspace.root / "nowhere"))
    listener = Listener()
    assert worker(workspace, store, listener, all_workspaces=True).work(until_empty=True).finished == 0
    assert store.get_run(run_id).status == "queued"
    assert "nowhere is not on this machine" in listener.said[0]


def test_a_run_whose_checkpoints_are_elsewhere_stays_in_the_queue(workspace: Workspace, store: Store) -> None:
    run_id = queued(workspace, "toy", "stages.0.epochs=1000", "task.delay=0.01")
    hand = worker(workspace, store, Listener())
    threading.Timer(1.0, hand.stop).start()
    hand.work()
    workspace.checkpoints(run_id).rename(workspace.root / "elsewhere")
    listener = Listener()
    assert worker(workspace, store, listener).work(until_empty=True).failed == 0
    assert store.get_run(run_id).status == "queued"
    assert "its checkpoints are on" in listener.said[0]


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
    listener = Listener()
    assert worker(workspace, store, listener).work(until_empty=True).finished == 1
    assert [store.get_run(run_id).status for run_id in (far, near)] == ["queued", "finished"]
    assert sum("torch sees no GPU" in line for line in listener.said) == 1


def test_a_busy_gpu_is_waited_for_and_nobody_overtakes(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "seats", lambda device: [GPU])
    holder, lease = occupied(store)
    ids = [queued(workspace, name) for name in ("first", "second")]
    listener = Listener()
    listener.when_told = lambda text: lease.give_back() if "second" in text else None
    assert worker(workspace, store, listener).work(until_empty=True).finished == 2
    assert f"cpu is busy with {holder} (holder)" in listener.said[0]
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
    onlooker = replace(LOOKS_AWAY, tell=tell)
    done = training.train(config, workspace, training.Control(), onlooker)
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
        training.train(config, workspace, training.Control(), replace(LOOKS_AWAY, tell=tell))
    assert store.list_runs("name=toy")[0].status == "stopped"


def test_a_stop_that_comes_just_before_the_start_holds(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = leases.take

    def take_and_be_stopped(choice: Any, store: Store, run_id: str) -> Any:
        lease = take(choice, store, run_id)
        assert store.unqueue_run(run_id)
        return lease

    monkeypatch.setattr(leases, "take", take_and_be_stopped)
    with pytest.raises(RunError, match="was taken off while it waited"):
        training.train(toy_config(), workspace, training.Control(), LOOKS_AWAY)
    run = store.list_runs()[0]
    assert (run.status, run.attempt) == ("stopped", 0)


def test_a_run_takes_a_free_gpu_though_an_earlier_one_waits_for_another(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seats = {"cpu": [GPU, Seat("cpu", "gpu:GPU-1")], "auto": [GPU]}
    monkeypatch.setattr(leases, "seats", lambda device: seats[device])
    _, lease = occupied(store)
    store.create_run("train", "earlier", "toy", {"device": "auto"}, "c", None, {}, "/w")
    with lease:
        done = training.train(toy_config("stages.0.epochs=1"), workspace, training.Control(), LOOKS_AWAY)
    assert done.result.outcome == "finished"


def test_the_end_of_a_run_is_written_once_the_database_is_back(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = queued(workspace, "toy")
    monkeypatch.setattr(training, "PATIENCE_SECONDS", 0.01)
    finish, tries = Store.finish, []

    def failing(self: Store, *arguments: Any, **keywords: Any) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise RunError("runs.db: another process has held it for 10 s")
        finish(self, *arguments, **keywords)

    monkeypatch.setattr(Store, "finish", failing)
    assert worker(workspace, store).work(until_empty=True).finished == 1
    assert store.get_run(run_id).status == "finished"


def test_a_run_that_waits_outlives_a_database_that_fails_for_a_while(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "PATIENCE_SECONDS", 0.01)
    held_before, tries = queue.held_before, []

    def failing(*arguments: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise RunError("runs.db: another process has held it for 10 s")
        return held_before(*arguments)

    monkeypatch.setattr(queue, "held_before", failing)
    said: list[str] = []
    onlooker = replace(LOOKS_AWAY, tell=said.append)
    done = training.train(toy_config("stages.0.epochs=1"), workspace, training.Control(), onlooker)
    assert done.result.outcome == "finished"
    assert "looking again" in said[0]
