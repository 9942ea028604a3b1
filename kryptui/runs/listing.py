"""What a list of runs, and a look at one, need to know beside the runs themselves."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from kryptui.runs.rows import EvaluationRow
from kryptui.runs.schema import evaluations, runs, summaries
from kryptui.runs.store import Store


def count(store: Store) -> int:
    """How many runs are on record."""
    with store.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(runs)).scalar_one())


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
