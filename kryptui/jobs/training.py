"""A training job from configuration to the end of its run, on record all the way."""

from __future__ import annotations

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
from kryptui.jobs import environment, leases
from kryptui.jobs.leases import Lease, Seat
from kryptui.jobs.steering import obey
from kryptui.jobs.workspace import Workspace
from kryptui.runs import batch, queue
from kryptui.runs.recorder import Recorder
from kryptui.runs.rows import RunRow
from kryptui.runs.status import LIVE
from kryptui.runs.store import Store
from kryptui.tasks import registry
from kryptui.tasks.protocol import TrainingTask
from kryptui.tasks.registry import TaskSpec

Watch = Callable[[str, RecorderProtocol], RecorderProtocol]
"""From a run's id and its recorder to the recorder that the loop is given: whoever wants to see what goes by."""

Tell = Callable[[str], None]
"""Takes a line for the person who waits."""

LOOK_SECONDS = 1.0
"""How often a run that waits for a device looks whether it is free."""


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
    """Loads the data and tries every stage; raises InputError for anything wrong, before any run is on record."""
    task = registry.builder(config).for_training(config)
    for index in range(len(config.stages)):
        task.stage(configuration.at_stage(config, index), index, torch.device("cpu"))
    return Prepared(config, registry.get(config.task.kind), task)


def train(config: AnyConfig, workspace: Workspace, control: Control, watch: Watch, tell: Tell) -> Finished:
    """Runs a configuration as a new run, as soon as a device is free.

    Raises InputError before it begins, RunError if it fails.
    """
    choice = leases.seats(config.device)
    prepared = prepare(config)
    with workspace.open() as store:
        run_id = _create(store, prepared, workspace, hold=True)
        return _when_free(store, run_id, prepared, choice, workspace, control, watch, tell)


def enqueue(config: AnyConfig, workspace: Workspace) -> str:
    """Puts a configuration in the queue for a worker, checked as if it began here, and returns the run's id."""
    prepared = prepare(config)
    with workspace.open() as store:
        return _create(store, prepared, workspace, hold=False)


def resume(run: str, workspace: Workspace, control: Control, watch: Watch, tell: Tell) -> Finished:
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
        return _when_free(store, row.id, prepared, choice, workspace, control, watch, tell)


def run_queued(
    row: RunRow, attempt: int, lease: Lease, store: Store, workspace: Workspace, control: Control, watch: Watch
) -> Finished:
    """Runs what was claimed from the queue as `attempt`, on the device that is leased for it.

    Raises RunError or InputError where it fails, which the record then says.
    """
    with _on_record(store, row.id, attempt):
        with Recorder(store, row.id, attempt, obey=obey(control)):  # says that the run lives while its data load
            prepared = _prepare_again(store, row, workspace)
        return _attempt(store, row.id, attempt, prepared, lease, workspace, control, watch)


def check_resumable(row: RunRow) -> None:
    """Raises InputError for a run that cannot go on from a checkpoint, whoever asks."""
    if row.kind != "train":
        raise InputError(f"run {row.id}: is no training run ({row.kind}); only those can be resumed")
    if row.status == "finished":
        raise InputError(f"run {row.id}: has finished; start a new one to train further")
    if row.status in (*LIVE, "hung"):
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
    watch: Watch,
    tell: Tell,
) -> Finished:
    """Waits in the queue for a device, then runs."""
    try:
        lease = _wait(store, run_id, choice, control, tell)
        with lease:
            attempt = store.start_attempt(run_id)
            with _on_record(store, run_id, attempt):
                return _attempt(store, run_id, attempt, prepared, lease, workspace, control, watch)
    except BaseException:
        with suppress(KryptuiError):
            store.unqueue_run(run_id)  # where it still waits; otherwise it has said itself how it ended
        raise


def _wait(store: Store, run_id: str, choice: Sequence[Seat], control: Control, tell: Tell) -> Lease:
    attempt = store.get_run(run_id).attempt
    resources = {seat.resource for seat in choice}
    said = False
    while True:
        row = store.get_run(run_id)
        if row.status != "queued":
            raise RunError(f"run {run_id}: was taken off the queue while it waited for {choice[0].device}")
        if control.stopping:
            raise KeyboardInterrupt
        earlier = [other for other in queue.held_before(store, row) if resources & _resources(other)]
        lease = None if earlier and None not in resources else leases.take(choice, store, run_id)
        if lease is not None:
            return lease
        if not said:
            said = True
            why = leases.who_has(choice, store)
            line = f"{why}; queued as {run_id}, starts by itself when it is free"
            tell(line)
            items: list[batch.Item] = [batch.LogLine(time.time(), "info", line)]
        else:
            items = []
        store.append(run_id, attempt, items, row.progress, {}, {})  # also a sign of life
        time.sleep(LOOK_SECONDS)


def _resources(row: RunRow) -> set[str | None]:
    try:
        return {seat.resource for seat in leases.seats(row.config.get("device", "auto"))}
    except InputError:
        return set()


@contextmanager
def _on_record(store: Store, run_id: str, attempt: int) -> Iterator[None]:
    """Writes down how an attempt failed that did not come to its end."""
    try:
        yield
    except KryptuiError as error:
        store.finish(run_id, "failed", str(error), attempt=attempt)
        raise
    except KeyboardInterrupt:
        store.finish(run_id, "stopped", attempt=attempt)
        raise
    except Exception as error:
        _record_crash(store, run_id, attempt, error)
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
    watch: Watch,
) -> Finished:
    """One attempt at a run: takes the record back to the newest checkpoint, trains, writes down how it ended."""
    config, spec = prepared.config, prepared.spec
    folder = workspace.checkpoints(run_id, store.get_run(run_id).workspace)
    last = _newest(folder)
    device = _device(config, lease.seat, last)
    store.set_env(run_id, environment.describe(workspace.root, device.label), attempt=attempt)
    _take_back(store, run_id, folder, last)
    recorder = Recorder(store, run_id, attempt, spec.all_directions, obey(control))
    try:
        for saved in store.artifacts(run_id):
            if saved.kind == "checkpoint" and not Path(saved.path).is_dir():
                recorder.artifact_removed(saved.path)
        watched = watch(run_id, recorder)
        if last is not None:
            watched.log("info", f"resumed from {last.name}, attempt {attempt}, on {device.label}")
        goal = Goal(spec.headline, spec.better == "lower")
        trainer = Trainer(config, prepared.task, goal, device, folder, watched, control)
        result = trainer.run(last)
    finally:
        recorder.close()
    store.finish(run_id, result.outcome, attempt=attempt)
    return Finished(run_id, result, folder)


def _device(config: AnyConfig, seat: Seat, last: Path | None) -> Device:
    """The leased device; a resumed run computes in the precision and with the threads that it began with."""
    precision, threads = config.precision, config.threads
    if last is not None:
        meta = checkpoint.read_meta(last)
        precision, threads = meta["precision"], meta["threads"]
    return resolve(seat.device, precision, threads, config.channels_last)


def _take_back(store: Store, run_id: str, folder: Path, last: Path | None) -> None:
    """Makes the record and the folder tell what they told when `last` was written, None being the beginning."""
    step = -1 if last is None else int(checkpoint.read_meta(last)["step"])
    store.delete_after(run_id, step)
    folders.remove_unfinished(folder)
    for later in [later for later in folders.steps(folder) if later > step]:
        folders.remove(folder, later)


def _record_crash(store: Store, run_id: str, attempt: int, error: Exception) -> None:
    with Recorder(store, run_id, attempt) as recorder:
        for line in "".join(traceback.format_exception(error)).splitlines():
            recorder.log("error", line)
    store.finish(run_id, "failed", f"{type(error).__name__}: {_line(error)}", attempt=attempt)


def _newest(folder: Path) -> Path | None:
    found = folders.steps(folder)
    return folders.step_folder(folder, found[-1]) if found else None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
