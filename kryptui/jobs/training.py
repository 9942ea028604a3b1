"""A training job from configuration to the end of its run, on record all the way."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from kryptui import config as configuration
from kryptui.config import AnyConfig
from kryptui.engine import checkpoint, folders
from kryptui.engine.control import Control
from kryptui.engine.device import Device, resolve
from kryptui.engine.protocols import Recorder as RecorderProtocol
from kryptui.engine.train import Goal, Result, Trainer
from kryptui.errors import InputError, KryptuiError, RunError
from kryptui.jobs import environment, leases, usage
from kryptui.jobs.leases import Lease, Seat
from kryptui.jobs.steering import obey
from kryptui.jobs.workspace import Workspace
from kryptui.machine import cores
from kryptui.models.drawing import DrawingApart
from kryptui.runs import batch, queue
from kryptui.runs.recorder import Recorder
from kryptui.runs.rows import RunRow
from kryptui.runs.schema import storable
from kryptui.runs.status import WITH_PROCESS
from kryptui.runs.store import Store
from kryptui.settled import settle
from kryptui.tasks import registry
from kryptui.tasks.protocol import TrainingTask
from kryptui.tasks.registry import TaskSpec


@dataclass(frozen=True)
class Onlooker:
    """Whoever looks on while a run waits and trains."""

    began: Callable[[str], None]
    """Is told the run's id, once it is on record."""
    tell: Callable[[str], None]
    """Takes lines while it waits."""
    watch: Callable[[str, RecorderProtocol], RecorderProtocol]
    """Turns the run's recorder into the one that the loop is given."""
    spare: int = 0
    """Processors that it needs for itself: a run that is free to choose trains on the CPU without them."""


LOOK_SECONDS = 1.0
"""How often a run that waits for a device looks whether it is free."""

PATIENCE_SECONDS = 5.0
"""How long to wait before the database is asked again when it has failed."""

LOADING_SECONDS = 30.0
"""How often a run says that it moves while its data load."""


@dataclass(frozen=True)
class Prepared:
    """A configuration that has been checked against its data, ready to run on any device."""

    config: AnyConfig
    spec: TaskSpec
    task: TrainingTask


@dataclass(frozen=True)
class Finished:
    """A run that has ended without an error."""

    run_id: str
    result: Result
    folder: Path


def prepare(config: AnyConfig) -> Prepared:
    """Loads the data and tries every stage; raises InputError for anything wrong, before any run is on record.

    Draws from a generator of its own: a run may train beside it.
    """
    builder = registry.builder(config)
    settle()
    with DrawingApart(config.seed):
        task = builder.for_training(config)
        for index in range(len(config.stages)):
            task.stage(configuration.at_stage(config, index), index, torch.device("cpu"))
    return Prepared(config, registry.get(config.task.kind), task)


def train(config: AnyConfig, workspace: Workspace, control: Control, onlooker: Onlooker) -> Finished:
    """Runs a configuration as a new run, as soon as a device is free.

    Raises InputError before it begins, RunError if it fails.
    """
    choice = leases.seats(config.device)
    prepared = prepare(config)
    with workspace.open() as store:
        run_id = _create(store, prepared, workspace, hold=True)
        return _when_free(store, run_id, prepared, choice, workspace, control, onlooker)


def enqueue(config: AnyConfig, workspace: Workspace) -> str:
    """Puts a configuration in the queue for a worker, checked as if it began here, and returns the run's id."""
    prepared = prepare(config)
    with workspace.open() as store:
        return _create(store, prepared, workspace, hold=False)


def resume(run: str, workspace: Workspace, control: Control, onlooker: Onlooker) -> Finished:
    """Goes on with a run from its last checkpoint, as if it had never been interrupted.

    Raises InputError for a run that is unknown, in progress or finished, and where its data or its checkpoints
    are not as they were.
    """
    with workspace.open(create=False) as store:
        row = store.get_run(store.resolve_run(run))
        check_resumable(row)
        choice = leases.seats(row.config.get("device", "auto"))
        prepared = _prepare_again(store, row, workspace)
        store.queue_run(row.id, hold=True)
        return _when_free(store, row.id, prepared, choice, workspace, control, onlooker)


def run_queued(
    row: RunRow,
    attempt: int,
    lease: Lease,
    store: Store,
    workspace: Workspace,
    control: Control,
    onlooker: Onlooker,
    goes_back: Callable[[], bool],
) -> Finished:
    """Runs what was claimed from the queue as `attempt`, on the device that is leased for it.

    If it is stopped and `goes_back`, it takes its old place in the queue. Raises RunError or InputError where it
    fails, which the record then says.
    """
    with _on_record(store, row.id, attempt):
        with Recorder(store, row.id, attempt, obey=obey(control)) as recorder, _moving(recorder):
            prepared = _prepare_again(store, row, workspace)
        finished = _attempt(store, row.id, attempt, prepared, lease, workspace, control, onlooker)
    if finished.result.outcome == "stopped" and goes_back():
        _at_last(lambda: store.put_back(row.id, row.queued, attempt=attempt))
    else:
        _at_last(lambda: store.finish(row.id, finished.result.outcome, attempt=attempt))
    return finished


def check_resumable(row: RunRow) -> None:
    """Raises InputError for a run that cannot go on from a checkpoint, whoever asks."""
    if row.kind != "train":
        raise InputError(f"run {row.id}: is no training run ({row.kind}); only those can be resumed")
    if row.status == "finished":
        raise InputError(f"run {row.id}: has finished; start a new one to train further")
    if row.status in WITH_PROCESS:
        raise InputError(f"run {row.id}: is {row.status} on {row.host}; stop it there first")


def _create(store: Store, prepared: Prepared, workspace: Workspace, *, hold: bool) -> str:
    config = prepared.config
    return store.create_run(
        "train",
        config.name,
        config.task.kind,
        configuration.to_plain(config),
        configuration.digest(config),
        prepared.task.data_hash,
        environment.describe(workspace.root, config.device),
        str(workspace.root.resolve()),
        hold=hold,
    )


def _prepare_again(store: Store, row: RunRow, workspace: Workspace) -> Prepared:
    """What `prepare` gives for a run on record; raises InputError where its data or checkpoints have changed."""
    config = configuration.check(row.config, f"run {row.id}", registry.settings_of)
    folder = workspace.checkpoints(row.id, row.workspace)
    last = _newest(folder)
    if last is None:
        _refuse_lost_checkpoints(store, row, folder)
    meta = None if last is None else checkpoint.read_meta(last)
    prepared = prepare(config)
    if last is not None and meta is not None:
        checkpoint.check_data(last, meta, prepared.task.data_hash)
    elif row.data_hash not in (None, prepared.task.data_hash):
        raise InputError(f"run {row.id}: was put on record with other data than its task finds now; put it back")
    return prepared


def _refuse_lost_checkpoints(store: Store, row: RunRow, folder: Path) -> None:
    """To begin anew would wipe the record of what was trained, so it is not done because of a missing folder."""
    saved = [artifact for artifact in store.artifacts(row.id) if artifact.kind == "checkpoint"]
    if saved:
        raise InputError(
            f"run {row.id}: its checkpoints are not at {folder} (they were written on {saved[-1].host}); "
            "bring them back, or start a new run"
        )


def _when_free(
    store: Store,
    run_id: str,
    prepared: Prepared,
    choice: Sequence[Seat],
    workspace: Workspace,
    control: Control,
    onlooker: Onlooker,
) -> Finished:
    """Waits in the queue for a device, then runs."""
    try:
        onlooker.began(run_id)
        with _wait(store, run_id, choice, control, onlooker.tell) as lease:
            try:
                attempt = store.start_attempt(run_id, queued_only=True)
            except InputError as error:
                raise RunError(f"{error}; it was taken off while it waited") from None
            with _on_record(store, run_id, attempt):
                finished = _attempt(store, run_id, attempt, prepared, lease, workspace, control, onlooker)
            _at_last(lambda: store.finish(run_id, finished.result.outcome, attempt=attempt))
            return finished
    except BaseException:
        with suppress(KryptuiError):
            store.unqueue_run(run_id)  # where it still waits; otherwise it has said itself how it ended
        raise


def _wait(
    store: Store, run_id: str, choice: Sequence[Seat], control: Control, tell: Callable[[str], None]
) -> Lease:
    """A lease for a run as soon as a seat is free and no earlier run waits for it.

    Raises RunError where the run is taken off the queue meanwhile, KeyboardInterrupt on a wish to stop.
    """
    told = ""
    while not control.stopping:
        try:
            row = store.get_run(run_id)
            if row.status == "queued":
                earlier = [(other, _resources(other)) for other in queue.held_before(store, row)]
                free = [seat for seat in choice if not any(seat.resource in wanted for _, wanted in earlier)]
                lease = leases.take(free, store, run_id)
                if lease is not None:
                    return lease
                why = leases.who_has(choice, store) if free else f"run {earlier[0][0].id} waits before it"
                line = f"{why}; queued as {run_id}, starts by itself when it is free"
                said = [batch.LogLine(time.time(), "info", storable(line))] if line != told else []
                store.append(run_id, row.attempt, said, row.progress, {}, {})  # also a sign of life
        except RunError as error:
            tell(f"{error}; looking again in {PATIENCE_SECONDS:g} s")
            time.sleep(PATIENCE_SECONDS)
            continue
        if row.status != "queued":
            raise RunError(f"run {run_id}: was taken off the queue while it waited for {choice[0].device}")
        if line != told:
            told = line
            tell(line)
        time.sleep(LOOK_SECONDS)
    raise KeyboardInterrupt


def _resources(row: RunRow) -> set[str | None]:
    try:
        return {seat.resource for seat in leases.seats(row.config.get("device", "auto"))} - {None}
    except InputError:
        return set()


@contextmanager
def _moving(recorder: Recorder) -> Iterator[None]:
    """Says while inside that the run moves: loading has no steps, and may take longer than a loop may stand."""
    done = threading.Event()

    def say() -> None:
        while not done.wait(LOADING_SECONDS):
            recorder.stepped()

    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _at_last(write: Callable[[], None]) -> None:
    """Writes how a run ended, however long the database fails: a record without it would lie.

    Ctrl-C gives up; the process then ends, and the record says crashed.
    """
    while True:
        try:
            return write()
        except RunError:
            time.sleep(PATIENCE_SECONDS)


@contextmanager
def _on_record(store: Store, run_id: str, attempt: int) -> Iterator[None]:
    """Writes down how an attempt failed that did not come to its end."""
    try:
        yield
    except KryptuiError as error:
        reason = str(error)
        _at_last(lambda: store.finish(run_id, "failed", reason, attempt=attempt))
        raise
    except KeyboardInterrupt:
        _at_last(lambda: store.finish(run_id, "stopped", attempt=attempt))
        raise
    except BaseException as error:  # a library that calls sys.exit() ends its run, and nothing else
        crash = error
        _at_last(lambda: _record_crash(store, run_id, attempt, crash))
        raise RunError(
            f"run {run_id}: failed by an error of the program ({type(error).__name__}: {_line(error)}); "
            f"its traceback is in the log: kryptui runs logs {run_id}"
        ) from error


def _attempt(
    store: Store,
    run_id: str,
    attempt: int,
    prepared: Prepared,
    lease: Lease,
    workspace: Workspace,
    control: Control,
    onlooker: Onlooker,
) -> Finished:
    """One attempt at a run: takes the record back to the newest checkpoint and trains."""
    config, spec = prepared.config, prepared.spec
    folder = workspace.checkpoints(run_id, store.get_run(run_id).workspace)
    last = _newest(folder)
    device = _device(config, lease.seat, last, onlooker.spare)
    store.set_env(run_id, environment.describe(workspace.root, device.label), attempt=attempt)
    _take_back(store, run_id, folder, last)
    recorder = Recorder(store, run_id, attempt, spec.all_directions, obey(control))
    try:
        for saved in store.artifacts(run_id):
            if saved.kind == "checkpoint" and not Path(saved.path).is_dir():
                recorder.artifact_removed(saved.path)
        watched = onlooker.watch(run_id, recorder)
        if last is not None:
            watched.log("info", f"resumed from {last.name}, attempt {attempt}, on {device.label}")
        goal = Goal(spec.headline, spec.better == "lower")
        trainer = Trainer(config, prepared.task, goal, device, folder, watched, control)
        with usage.told(recorder.aside, lease.seat.resource):
            result = trainer.run(last)
    finally:
        recorder.close()
    return Finished(run_id, result, folder)


def _device(config: AnyConfig, seat: Seat, last: Path | None, spare: int) -> Device:
    """The leased device; a resumed run computes in the precision and with the threads that it began with."""
    precision, threads = config.precision, config.threads
    if threads is None and spare and seat.resource is None:
        threads = max(1, cores() - spare)
    if last is not None:
        meta = checkpoint.read_meta(last)
        precision, threads = meta["precision"], meta["threads"]
    return resolve(seat.device, precision, threads, config.channels_last)


def _take_back(store: Store, run_id: str, folder: Path, last: Path | None) -> None:
    """Makes the record and the folder tell what they told when `last` was written, None being the beginning."""
    step = -1 if last is None else int(checkpoint.read_meta(last)["step"])
    store.delete_after(run_id, step)
    folders.remove_unfinished(folder)


def _record_crash(store: Store, run_id: str, attempt: int, error: BaseException) -> None:
    with Recorder(store, run_id, attempt) as recorder:
        for line in "".join(traceback.format_exception(error)).splitlines():
            recorder.log("error", line)
    store.finish(run_id, "failed", f"{type(error).__name__}: {_line(error)}", attempt=attempt)


def _newest(folder: Path) -> Path | None:
    found = folders.steps(folder)
    return folders.step_folder(folder, found[-1]) if found else None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
