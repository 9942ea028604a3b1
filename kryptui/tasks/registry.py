"""The tasks by name: kryptui's own, those that other packages announce, and those registered in this process.

Another package announces a task by an entry point in the group `kryptui.tasks` whose value is its `TaskSpec`.
Nothing here imports torch; a task's working part is named by a string and imported when a job starts.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal

from kryptui.config import AnyConfig, Settings, TaskSettings
from kryptui.config_errors import ConfigError
from kryptui.errors import InputError, nearest

if TYPE_CHECKING:
    from kryptui.tasks.datasets import Datasets
    from kryptui.tasks.protocol import TaskBuilder

_OWN = {
    "verification": "kryptui.tasks.verification.spec:SPEC",
    "landmarks": "kryptui.tasks.landmarks.spec:SPEC",
}
_registered: dict[str, TaskSpec] = {}


@dataclass(frozen=True)
class TaskSpec:
    """A task as the rest of the house sees it before any work starts.

    `build` is `module:name` of a `TaskBuilder`. `headline` is the metric that decides which checkpoint is best,
    `better` its direction; `directions` are those of other metrics.
    """

    kind: str
    settings: type[TaskSettings]
    build: str
    headline: str
    better: Literal["lower", "higher"] = "lower"
    takes_model: bool = True
    directions: tuple[tuple[str, Literal["lower", "higher"]], ...] = ()
    columns: tuple[str, ...] = ()
    """Metrics that a list of runs shows beside the headline."""
    answer_settings: type[Settings] | None = None
    """The options of `InferenceTask.predict`, each with a description; None: there are none."""
    check_source: str | None = None
    """`module:name` of a `protocol.CheckSource`, torch-free; None: unlabelled data are not looked at before."""
    score: str | None = None
    """`module:name` of a `protocol.Score`, torch-free; None: answers have no score."""
    datasets: str | None = None
    """`module:name` of a `datasets.Datasets`, torch-free; None: the task tells nothing of a dataset beforehand."""
    embeds: bool = False
    """Whether it is a `protocol.EmbeddingTask`: its models tell faces apart."""

    @property
    def all_directions(self) -> dict[str, Literal["lower", "higher"]]:
        """Which way each metric is better, where one is."""
        return {**dict(self.directions), self.headline: self.better}


def register(spec: TaskSpec) -> None:
    """Makes a task known in this process."""
    _registered[spec.kind] = spec


def kinds() -> list[str]:
    """The names of all tasks that can be found, kryptui's own first."""
    others = {*_registered, *(point.name for point in entry_points(group="kryptui.tasks"))} - _OWN.keys()
    return [*_OWN, *sorted(others)]


def get(kind: str) -> TaskSpec:
    """The task of that name; raises InputError with the nearest names for an unknown one."""
    if kind in _registered:
        return _registered[kind]
    if kind in _OWN:
        return _checked(kind, import_object(_OWN[kind]))
    for point in entry_points(group="kryptui.tasks", name=kind):
        try:
            spec = point.load()
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(
                f"task.kind: the task {kind!r} of another package cannot be loaded ({point.value}: {reason})"
            ) from error
        return _checked(kind, spec)
    raise InputError(f"task.kind: {kind!r} is not a task{nearest(kind, kinds())} (tasks: {', '.join(kinds())})")


def settings_of(kind: str) -> type[TaskSettings]:
    """The configuration part of a task, for `config.load`."""
    return get(kind).settings


def check_model(config: AnyConfig) -> None:
    """Raises ConfigError where `model` stands beside a task that brings its own network, or is missing."""
    spec = get(config.task.kind)
    problem = ""
    if spec.takes_model and config.model is None:
        problem = "is missing; it must name a backbone, such as {backbone: resnet18}"
    if not spec.takes_model and config.model is not None:
        problem = f"the task {spec.kind!r} brings a network of its own; leave this block out"
    if problem:
        raise ConfigError(f"model: {problem}", {("model",): problem})


def builder(config: AnyConfig) -> TaskBuilder:
    """What makes the working task of a configuration; imports torch. Raises as `check_model` does."""
    check_model(config)
    build: TaskBuilder = import_object(get(config.task.kind).build)
    return build


def datasets(kind: str) -> Datasets | None:
    """What a task knows of datasets; None where it tells nothing of them. Imports no torch."""
    spec = get(kind)
    return None if spec.datasets is None else import_object(spec.datasets)


def import_object(path: str) -> Any:
    """What `module:name` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _checked(kind: str, spec: object) -> TaskSpec:
    if not isinstance(spec, TaskSpec) or spec.kind != kind:
        raise InputError(f"task.kind: what is announced as {kind!r} is not the TaskSpec of a task of that name")
    return spec
