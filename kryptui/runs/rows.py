"""What the store hands out: plain typed rows, detached from the database."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from kryptui.figures import Figure
from kryptui.runs import identity
from kryptui.runs.status import Status
from kryptui.runs.summaries import Summary


@dataclass
class RunRow:
    """One run as it was when read. `status` is the honest one, `stored_status` what the run last wrote.

    Times are seconds since 1970 on the database's clock. `summaries` holds the metrics that were asked for.
    """

    id: str
    name: str
    kind: str
    task: str
    status: Status
    attempt: int
    config_json: str
    config_hash: str
    data_hash: str | None
    env_json: str
    workspace: str
    host: str | None
    process: str | None
    progress_json: str
    last_seq: int
    last_step_at: float | None
    heartbeat: float | None
    created: float
    queued: float | None
    started: float | None
    ended: float | None
    error: str | None
    parent: str | None
    note: str | None
    stored_status: Status = "queued"
    read: float = 0.0
    """When this was read, on the database's clock."""
    held: bool = False
    """Whether a process waits to start it: no worker may take it then."""
    tags: tuple[str, ...] = ()
    summaries: dict[str, Summary] = field(default_factory=dict)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved configuration."""
        return _json(self.config_json)

    @cached_property
    def env(self) -> dict[str, Any]:
        """What the run ran on: git, versions, device."""
        return _json(self.env_json)

    @cached_property
    def progress(self) -> dict[str, Any]:
        """How far the run is: stage, epoch, step, total and what else it reports."""
        return _json(self.progress_json)


class MetricRow(NamedTuple):
    """One value of one metric; `time` is the wall clock of the machine that ran it."""

    seq: int
    attempt: int
    name: str
    step: int
    epoch: float
    time: float
    value: float


class LogRow(NamedTuple):
    """One line of a run's log."""

    seq: int
    attempt: int
    time: float
    level: str
    text: str


class ArtifactRow(NamedTuple):
    """One file or folder that a run made; `step` is None where it belongs to no step."""

    seq: int
    attempt: int
    time: float
    kind: str
    path: str
    host: str
    sha256: str | None
    bytes: int | None
    step: int | None


class EvaluationRow(NamedTuple):
    """One evaluation; its pair scores, which are large, are read by `Store.scores`."""

    seq: int
    attempt: int
    step: int
    time: float
    scalars: dict[str, float]
    figures: list[Figure]
    wished: bool = False


def process_of(run: RunRow) -> str:
    """Where the process of a run is, in words."""
    try:
        return f"pid {identity.Process.parse(run.process or '').pid} on {run.host}"
    except ValueError:
        return f"on {run.host}"


def _json(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return value
