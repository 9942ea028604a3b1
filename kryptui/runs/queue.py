"""The queue: training runs that wait for a worker or for a device, in the order in which they were queued."""

from __future__ import annotations

from kryptui.runs.rows import RunRow
from kryptui.runs.store import Store


def waiting(store: Store, workspace: str | None = None) -> list[RunRow]:
    """The queued training runs, of all workspaces or of one, the first queued first.

    Those that are `held` wait in a process of their own, which starts them.
    """
    runs = store.list_runs("status:queued kind=train", "queued")
    return [run for run in runs if workspace is None or run.workspace == workspace]


def held_before(store: Store, run: RunRow) -> list[RunRow]:
    """The runs that wait in processes of the same host and were queued before `run`."""
    return [
        other for other in waiting(store) if other.held and other.host == run.host and _place(other) < _place(run)
    ]


def _place(run: RunRow) -> tuple[float, str]:
    return (run.queued or run.created, run.id)
