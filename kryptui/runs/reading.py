"""Reads of the record that several of the store's methods share: a connection in, plain rows out."""

from __future__ import annotations

import gc
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, select

from kryptui.errors import InputError, nearest
from kryptui.runs import schema
from kryptui.runs.rows import RunRow
from kryptui.runs.schema import DatabaseNow
from kryptui.runs.status import alive, honest_status, is_there
from kryptui.runs.summaries import Summary

_IDS_IN_A_QUERY = 2000

Rows = Select[*tuple[Any, ...]]


def now(connection: Connection) -> float:
    return float(connection.execute(select(DatabaseNow())).scalar_one())


def number(value: float | None) -> float:
    return math.nan if value is None else value


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Keeps the garbage collector from looking, while thousands of rows are made that all stay.

    It would look through everything that the process has, again and again, and find nothing: with torch loaded a
    long list takes twice as long then.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def run_row(row: Row[*tuple[Any, ...]], now: float) -> RunRow:
    run = RunRow(*row)
    run.stored_status = run.status
    run.read = now
    if run.status == "queued":
        run.held = run.process is not None and is_there(alive(run.process), now, run.heartbeat)
    run.status = honest_status(
        run.stored_status,
        run.process,
        now=now,
        heartbeat=run.heartbeat,
        last_step_at=run.last_step_at,
        started=run.started,
    )
    return run


def locked_run(connection: Connection, run_id: str) -> RunRow:
    """A run whose row no other transaction changes until this one ends; raises InputError where there is none."""
    found = connection.execute(select(schema.runs).where(schema.runs.c.id == run_id).with_for_update()).first()
    if found is None:
        raise InputError(f"run {run_id}: there is no such run")
    return run_row(found, now(connection))


def rows_after(table: Table, run_id: str, after_seq: int, names: Sequence[str]) -> Rows:
    """The columns `names` of a run's rows beyond a cursor, in order."""
    columns = [table.c[name] for name in names]
    return select(*columns).where(table.c.run_id == run_id, table.c.seq > after_seq).order_by(table.c.seq)


def summaries(
    connection: Connection, ids: Sequence[str], names: Sequence[str] | None = None
) -> dict[str, dict[str, Summary]]:
    """The summaries of all or some metrics of some runs, by run and name."""
    table = schema.summaries
    columns = [table.c[name] for name in ("run_id", *Summary._fields)]
    selected = _of_runs(select(*columns), table, ids)
    if names is not None:
        selected = selected.where(table.c.name.in_(names))
    found: dict[str, dict[str, Summary]] = defaultdict(dict)
    for run_id, name, direction, last, last_step, best, best_step in connection.execute(selected).all():
        found[run_id][name] = Summary(name, direction, number(last), last_step, best, best_step)
    return found


def tags(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    table = schema.tags
    found: dict[str, tuple[str, ...]] = {}
    selected = select(table.c.run_id, table.c.tag).order_by(schema.ByCode(table.c.tag))
    for run_id, tag in connection.execute(_of_runs(selected, table, ids)).all():
        found[run_id] = (*found.get(run_id, ()), tag)
    return found


def _of_runs(selected: Rows, table: Table, ids: Sequence[str]) -> Rows:
    """Narrowed to some runs, unless they are more than a statement holds, when reading all is quicker."""
    return selected.where(table.c.run_id.in_(ids)) if len(ids) <= _IDS_IN_A_QUERY else selected


def metric_names(connection: Connection) -> list[str]:
    name = schema.summaries.c.name
    return sorted(connection.scalars(select(name).distinct()))


def check_metrics(connection: Connection, names: Sequence[str]) -> None:
    """Refuses a metric that no run has while some have one spelt nearly so; others may be recorded yet."""
    if not names:
        return
    known = metric_names(connection)
    for name in names:
        hint = "" if name in known else nearest(name, known)
        if hint:
            raise InputError(f"no run has a metric {name!r}{hint}")
