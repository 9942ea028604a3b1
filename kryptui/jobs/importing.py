"""Brings runs of other tools into the record: finds them, reads them, judges their metrics, puts them there."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kryptui.errors import InputError, KryptuiError
from kryptui.jobs.foreign import ForeignRun, storable_name
from kryptui.jobs.foreign_events import event_folders, is_event_file, read_events
from kryptui.jobs.foreign_tables import read_csv
from kryptui.jobs.workspace import Workspace
from kryptui.runs import batch, imported, keeping
from kryptui.runs.store import Store
from kryptui.runs.summaries import Direction

_LOWER = frozenset(("err", "eer", "error", "far", "frr", "loss", "mae", "mse", "rmse"))
_HIGHER = frozenset(("acc", "accuracy", "auc", "auroc", "f1", "map", "precision", "recall", "tar", "tpr"))
_INSIDE = ("loss", "error", "accuracy")  # also within a word, as in valLoss


@dataclass(frozen=True)
class Choices:
    """How runs are to be put on record. `name` is that of a single run, and stands before those of several."""

    name: str | None = None
    tags: Sequence[str] = ()
    lower: Sequence[str] = ()
    higher: Sequence[str] = ()

    def check(self) -> None:
        """Raises InputError for what cannot be."""
        if self.name is not None:
            keeping.check_name(self.name)
        for tag in self.tags:
            keeping.check_tag(tag)
        for metric in set(self.lower) & set(self.higher):
            raise InputError(f"metric {metric!r}: is given by --lower and by --higher; leave one of them out")


@dataclass(frozen=True)
class Imported:
    """What became of one run. `error` says why it was refused; `remarks` what of its source was left out."""

    source: Path
    name: str
    outcome: Literal["new", "known", "replaced", "empty", "refused"]
    run_id: str = ""
    points: int = 0
    metrics: Sequence[str] = ()
    remarks: Sequence[str] = ()
    error: KryptuiError | None = None


@dataclass(frozen=True)
class _Source:
    """One file, or the event files of one folder."""

    name: str
    path: Path
    files: Sequence[Path]
    is_events: bool


def import_runs(
    paths: Sequence[Path], choices: Choices, workspace: Workspace, *, dry_run: bool = False
) -> Iterator[Imported]:
    """Puts the runs of log folders, event files and csv files on record, each whole or not at all.

    Yields what became of each, or with `dry_run` what would, and goes on after a source that is refused. Raises
    InputError, before anything is written, for choices that cannot be and for a path that leads nowhere.
    """
    choices.check()
    sources = [source for path in paths for source in _find_sources(path)]
    empty = dry_run and _is_without_record(workspace)
    store = None if empty else workspace.open(create=not dry_run, write=not dry_run)
    try:
        yield from _import_sources(sources, len(paths) == 1, choices, workspace, store, dry_run)
    finally:
        if store is not None:
            store.close()


def direction_of_name(name: str) -> Direction | None:
    """Which way a metric of another tool is better, by the words of the last part of its name; None: unknown.

    Of `tar@far=1e-3` and `tpr_at_fpr` the words before the condition count.
    """
    head = re.split(r"@|(?:^|[^a-z])at(?=[^a-z])", name.rpartition("/")[2], flags=re.IGNORECASE)[0]
    spelt = f"{head} {re.sub('(?<=[a-z])(?=[A-Z])', ' ', head)}".lower()  # valAcc is also val acc
    words = {word if word == "f1" else word.rstrip("0123456789") for word in re.split(r"[^a-z0-9]+", spelt)}
    found = words | {part for part in _INSIDE if part in spelt}
    if found & _LOWER:
        return "lower"
    return "higher" if found & _HIGHER else None


def _is_without_record(workspace: Workspace) -> bool:
    return "://" not in workspace.database and not (workspace.root / workspace.database).exists()


def _find_sources(path: Path) -> list[_Source]:
    """What a path stands for; raises InputError where it holds no run."""
    if not os.path.exists(path):  # noqa: PTH110  (Path.exists raises where a folder may not be entered)
        raise InputError(f"{path}: no such file or folder")
    if path.is_file():
        is_events = path.suffix.lower() != ".csv" and is_event_file(path)
        return [_Source(path.resolve().parent.name if is_events else path.name, path, [path], is_events)]
    if not path.is_dir():
        raise InputError(f"{path}: is neither a file nor a folder")
    folders = event_folders(path)
    if not folders:
        raise InputError(f"{path}: holds no event file of TensorBoard; to import csv files, name them")
    return [
        _Source(
            path.resolve().name if folder == path else folder.relative_to(path).as_posix(), folder, files, True
        )
        for folder, files in folders
    ]


def _import_sources(
    sources: Sequence[_Source],
    one_path: bool,
    choices: Choices,
    workspace: Workspace,
    store: Store | None,
    dry_run: bool,
) -> Iterator[Imported]:
    hparams: dict[Path, dict[str, Any]] = {}
    for source in sources:
        try:
            runs = _read(source, hparams)
        except KryptuiError as error:
            yield Imported(source.path, storable_name(source.name), "refused", error=error)
            continue
        alone = one_path and len(sources) == len(runs) == 1
        for run in runs:
            yield _import_run(run, alone, choices, workspace, store, dry_run)


def _read(source: _Source, hparams: dict[Path, dict[str, Any]]) -> list[ForeignRun]:
    if not source.is_events:
        return read_csv(source.path)
    run = read_events(source.name, source.path, source.files)
    # Some tools tell the hyperparameters of a run in its folder, and its metrics in folders below.
    hparams[source.path] = run.hparams
    around = (hparams[folder] for folder in source.path.parents if hparams.get(folder))
    run.hparams = run.hparams or next(around, {})
    return [run]


def _import_run(
    run: ForeignRun, alone: bool, choices: Choices, workspace: Workspace, store: Store | None, dry_run: bool
) -> Imported:
    name = storable_name(run.name)
    if choices.name is not None:
        name = choices.name if alone else storable_name(f"{choices.name}/{name}")
    told = Imported(run.source, name, "empty", remarks=run.remarks)
    if not len(run.points):
        return told
    incoming = _incoming(run, name, choices, workspace)
    told = replace(told, points=len(run.points), metrics=incoming.metrics)
    try:
        if store is None:
            return replace(told, outcome="new")
        found = imported.find(store, incoming) if dry_run else imported.put(store, incoming)
    except KryptuiError as error:
        return replace(told, outcome="refused", error=error)
    return replace(told, outcome=found.outcome, run_id=found.run_id, name=found.name or name)


def _incoming(run: ForeignRun, name: str, choices: Choices, workspace: Workspace) -> imported.Incoming:
    points = run.points
    times = points.times()
    metrics = [points.names[number] for number in sorted(set(points.metric))]
    config: dict[str, Any] = {"name": name, "source": str(run.source.resolve()), "hparams": run.hparams}
    if run.label:
        config["run"] = run.label
    settings = json.dumps({key: value for key, value in config.items() if key != "name"}, sort_keys=True)
    metric, step, _, moment, value = next(iter(points))
    return imported.Incoming(
        name=name,
        rename=choices.name is not None,
        config=config,
        config_hash=hashlib.sha256(settings.encode()).hexdigest()[:16],
        env={"device": "an unknown device", "tool": run.tool},
        workspace=str(workspace.root.resolve()),
        content=run.digest(),
        tags=choices.tags,
        created=run.written if times is None else times[0],
        started=None if times is None else times[0],
        ended=run.written if times is None else times[1],
        metrics=metrics,
        directions=_directions(metrics, choices),
        first=imported.FirstPoint(metric, step, value, None if math.isnan(moment) else moment),
        items=lambda: _items(run, metrics, run.written if times is None else times[1]),
    )


def _directions(metrics: Iterable[str], choices: Choices) -> dict[str, Direction]:
    directions: dict[str, Direction] = {}
    for name in metrics:
        direction = direction_of_name(name)
        if name in choices.lower:
            direction = "lower"
        elif name in choices.higher:
            direction = "higher"
        if direction is not None:
            directions[name] = direction
    return directions


def _items(run: ForeignRun, metrics: Sequence[str], otherwise: float) -> Iterator[batch.Item]:
    """What the record is to hold of a run; `otherwise` is the time of what tells none."""
    row: batch.Points | None = None
    for name, step, epoch, moment, value in run.points:
        epoch = 0.0 if math.isnan(epoch) else epoch
        moment = otherwise if math.isnan(moment) else moment
        if row is None or (row.step, row.epoch, row.time) != (step, epoch, moment) or name in row.values:
            if row is not None:
                yield row
            row = batch.Points(moment, step, epoch, {})
        row.values[name] = value
    if row is not None:
        yield row
    for moment, line in run.lines:
        yield batch.LogLine(otherwise if math.isnan(moment) else moment, "info", line)
    now = time.time()
    yield batch.LogLine(
        now, "info", f"imported from {run.tool}: {len(run.points)} values of {len(metrics)} metrics"
    )
    for remark in run.remarks:
        yield batch.LogLine(now, "warning", remark)
