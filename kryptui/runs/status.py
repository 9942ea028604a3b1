"""What a run is really doing: the status it wrote down, checked against its process and its heartbeat."""

from __future__ import annotations

from typing import Literal, get_args

from kryptui.runs import identity

Status = Literal["queued", "running", "paused", "finished", "stopped", "failed", "crashed", "hung"]

STATUSES: tuple[Status, ...] = get_args(Status)

STORED: frozenset[Status] = frozenset({"queued", "running", "paused", "finished", "stopped", "failed"})
"""What a run can write of itself; a crashed or hung run no longer writes."""

ENDED: frozenset[Status] = frozenset({"finished", "stopped", "failed"})
LIVE: frozenset[Status] = frozenset({"running", "paused"})
"""What a run writes while a process runs it."""

WITH_PROCESS: frozenset[Status] = LIVE | {"hung"}
"""What is shown of a run that a process runs."""

OVER: frozenset[Status] = ENDED | {"crashed"}
"""What is shown of a run that none runs, and that waits for none."""

HEARTBEAT_SECONDS = 30.0
"""Without a heartbeat for so long, a run whose process cannot be seen from here counts as gone."""

STEP_SECONDS = 600.0
"""Without a step for so long, a run whose process is there counts as hung."""


def is_there(alive: bool | None, now: float, heartbeat: float | None) -> bool:
    """Whether a process is: as its host sees it, else by its heartbeat; arguments as in `effective_status`."""
    if alive is not None:
        return alive
    return heartbeat is not None and now - heartbeat <= HEARTBEAT_SECONDS


def effective_status(
    stored: Status,
    *,
    alive: bool | None,
    now: float,
    heartbeat: float | None,
    last_step_at: float | None,
    started: float | None,
) -> Status:
    """The honest status of a run.

    `alive` is what `identity.alive` says of its process, None where it cannot be seen from here. Times are seconds
    on the database's clock; a run that has not stepped yet counts from its start.
    """
    if stored not in LIVE:
        return stored
    if not is_there(alive, now, heartbeat):
        return "crashed"
    latest = max((moment for moment in (last_step_at, started) if moment is not None), default=now)
    return "hung" if stored == "running" and now - latest > STEP_SECONDS else stored


def honest_status(
    stored: Status,
    process: str | None,
    *,
    now: float,
    heartbeat: float | None,
    last_step_at: float | None,
    started: float | None,
) -> Status:
    """The honest status of a run, from its columns; `process` is looked for here where that tells anything."""
    if stored not in LIVE:
        return stored
    return effective_status(
        stored, alive=alive(process), now=now, heartbeat=heartbeat, last_step_at=last_step_at, started=started
    )


def alive(process: str | None) -> bool | None:
    """Whether the process that this text names still runs; None where that cannot be seen from here."""
    try:
        return None if process is None else identity.alive(identity.Process.parse(process))
    except ValueError:
        return None
