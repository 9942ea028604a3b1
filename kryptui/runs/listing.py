"""What a list of runs, and a look at one, need to know beside the runs themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select

from kryptui.runs import reading
from kryptui.runs.rows import EvaluationRow, RunRow
from kryptui.runs.schema import evaluations, runs, summaries
from kryptui.runs.status import LIVE
from kryptui.runs.store import Store


def count(store: Store) -> int:
    """How many runs are on record."""
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(runs)).scalar_one())


class Pulse(NamedTuple):
    """Changes with every run that is made, queued, started, ended or deleted."""

    runs: int
    created: float | None
    started: float | None
    queued: float | None
    ended: float | None


def pulse(store: Store) -> Pulse:
    """A quick look that tells whether a list of runs may have changed beside what runs themselves report."""
    latest = (func.max(runs.c[name]) for name in Pulse._fields[1:])
    with store.reading() as connection:
        return Pulse(*connection.execute(select(func.count(), *latest).select_from(runs)).one())


CRASHED_SECONDS = 3600.0
"""For how long after its last heartbeat a crashed run still counts among those in progress, as news."""


def live(store: Store) -> list[RunRow]:
    """The runs that a process runs, or did within the last hour, and those that wait; the oldest first."""
    return _whole(store, runs.c.status.in_([*sorted(LIVE), "queued"]), _is_of_now)


def some(store: Store, ids: Sequence[str]) -> list[RunRow]:
    """The runs with these ids that are on record; the oldest first."""
    return _whole(store, runs.c.id.in_(ids)) if ids else []


def _is_of_now(run: RunRow, now: float) -> bool:
    return run.status != "crashed" or now - (run.heartbeat or run.created) <= CRASHED_SECONDS


def _whole(
    store: Store, condition: ColumnElement[bool], also: Callable[[RunRow, float], bool] = lambda run, now: True
) -> list[RunRow]:
    """Runs with their tags and all their summaries; `also` is asked of each with the database's time."""
    with store.reading() as connection:
        now = reading.now(connection)
        selected = select(runs).where(condition).order_by(runs.c.created, runs.c.id)
        rows = (reading.run_row(row, now) for row in connection.execute(selected))
        found = [run for run in rows if also(run, now)]
        ids = [run.id for run in found]
        tags, values = reading.tags(connection, ids), reading.summaries(connection, ids)
    for run in found:
        run.tags, run.summaries = tags.get(run.id, ()), values.get(run.id, {})
    return found


def tasks(store: Store) -> list[str]:
    """The tasks of all runs on record; those with the most runs first."""
    count = func.count()
    with store.reading() as connection:
        found = select(runs.c.task).group_by(runs.c.task).order_by(count.desc(), runs.c.task)
        return list(connection.scalars(found))


def tasks_without(store: Store, metrics: Sequence[str]) -> list[str]:
    """The tasks of which no run has recorded any of these metrics, sorted."""
    of_task = (summaries.c.run_id == runs.c.id) & summaries.c.name.in_(metrics)
    any_run = select(runs.c.id).join(summaries, of_task).limit(1)
    with store.reading() as connection:
        tasks = connection.scalars(select(runs.c.task).distinct().order_by(runs.c.task)).all()
        return [task for task in tasks if connection.scalar(any_run.where(runs.c.task == task)) is None]


def last_evaluation(store: Store, run_id: str) -> EvaluationRow | None:
    """The latest evaluation of a run; its figures alone are unpacked."""
    with store.reading() as connection:
        seq = connection.scalar(select(func.max(evaluations.c.seq)).where(evaluations.c.run_id == run_id))
    return None if seq is None else store.evaluations(run_id, seq - 1)[-1]
