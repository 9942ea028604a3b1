"""What can answer: a run with its checkpoints, or a checkpoint's folder that was given by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kryptui.engine import folders
from kryptui.errors import InputError
from kryptui.tasks import registry

if TYPE_CHECKING:
    from kryptui.jobs.stored import Folder
    from kryptui.jobs.workspace import Workspace
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store
    from kryptui.tasks.registry import TaskSpec


@dataclass(frozen=True)
class Checkpoint:
    """One that is on this disk: what the launcher calls it, its step and bytes, the headline at that step."""

    name: str
    step: int
    bytes: int
    value: float | None = None


@dataclass(frozen=True)
class Model:
    """What can answer. `what` is as the launcher wants it: a run's id, or the path of a folder."""

    what: str
    name: str
    folder: Path
    config: Mapping[str, Any]
    run: RunRow | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    """best and last first, then by step, the newest first; a lone checkpoint's folder has one without a name."""
    problem: str = ""
    """Why there is no checkpoint."""
    spec: TaskSpec | None = field(default=None, compare=False)
    """Its task, None where that is not installed here."""

    @property
    def headline(self) -> str:
        """The metric that decides which checkpoint is best."""
        return "" if self.spec is None else self.spec.headline

    @property
    def kind(self) -> str:
        """The name of its task."""
        task = self.config.get("task")
        return str(task.get("kind", "")) if isinstance(task, dict) else ""

    @property
    def device(self) -> str:
        """Where it answers unless something else is asked for."""
        return str(self.config.get("device", "auto"))

    def place(self, checkpoint: Checkpoint) -> Path:
        """Where a checkpoint of it lies."""
        return folders.step_folder(self.folder, checkpoint.step) if checkpoint.name else self.folder


def of_run(store: Store, workspace: Workspace, run_id: str) -> Model:
    """The model of a run as record and disk have it; raises InputError where there is no such run."""
    from kryptui.jobs import stored

    run = store.get_run(run_id)
    spec = spec_of(run.task)
    folder = stored.folder_of(workspace, run)
    place = workspace.checkpoints(run.id, run.workspace)
    values: dict[int, float] = {}
    if spec is not None and folder is not None:
        values = {row.step: row.value for row in store.metrics(run.id, [spec.headline])}
    found = () if folder is None else _checkpoints(folder, values)
    problem = "" if found else _why_none(store, run, place)
    return Model(run.id, run.name, place, run.config, run, found, problem, spec)


def of_folder(path: Path) -> Model:
    """The model of a checkpoint's folder, or of a run's folder; raises InputError for any other path."""
    from kryptui.jobs import stored

    if (path / folders.META_FILE).is_file():
        meta = _meta(path)
        size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
        alone = Checkpoint("", int(meta.get("step", 0)), size)
        return _of_config(path, meta, (alone,))
    folder = stored.look(path)
    if folder is None or not folder.steps:
        raise InputError(f"{path}: is no checkpoint and no run's folder of checkpoints")
    newest = max(folder.steps)
    return _of_config(path, _meta(folders.step_folder(path, newest)), _checkpoints(folder, {}))


def spec_of(kind: str) -> TaskSpec | None:
    """The task of that name, None where it is not installed here."""
    try:
        return registry.get(kind)
    except InputError:
        return None


def _of_config(path: Path, meta: Mapping[str, Any], found: tuple[Checkpoint, ...]) -> Model:
    config = meta.get("config")
    config = config if isinstance(config, dict) else {}
    task = config.get("task")
    kind = str(task.get("kind", "")) if isinstance(task, dict) else ""
    name = str(config.get("name") or path.name)
    return Model(str(path), name, path, config, None, found, spec=spec_of(kind))


def _checkpoints(folder: Folder, values: Mapping[int, float]) -> tuple[Checkpoint, ...]:
    pointed = {name: folders.pointed(folder.path, name) for name in folders.POINTERS}
    named = [(name, step) for name, step in pointed.items() if step is not None and step in folder.steps]
    every = named + [(f"step-{step}", step) for step in sorted(folder.steps, reverse=True)]
    return tuple(Checkpoint(name, step, folder.steps[step], values.get(step)) for name, step in every)


def _why_none(store: Store, run: RunRow, place: Path) -> str:
    saved = [file for file in store.artifacts(run.id) if file.kind == "checkpoint"]
    if not saved:
        return f"{run.name} has saved none; it is {run.status}"
    return f"none at {place}; {run.name} saved its last on {saved[-1].host}, so copy it from there"


def _meta(path: Path) -> dict[str, Any]:
    """What checkpoint.json says, unchecked: the checks say what is wrong with it."""
    try:
        meta = json.loads((path / folders.META_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return meta if isinstance(meta, dict) else {}
