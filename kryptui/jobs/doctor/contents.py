"""What stands in the record: runs that need somebody, leases that nobody holds, and how many rows there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DatabaseError

from kryptui.draw.numerals import count
from kryptui.draw.words import clip
from kryptui.jobs.doctor.finding import Finding, note, ok
from kryptui.runs import reading, schema
from kryptui.runs.rows import RunRow, process_of
from kryptui.runs.status import LIVE, STATUSES, WITH_PROCESS, alive

FUTURE_SECONDS = 5.0
"""A heartbeat may be so far ahead of the database's clock."""

_NAMED = 5


def check_runs(connection: Connection) -> Iterator[Finding]:
    """How many runs there are in each honest status, and what to do about those that crashed or hang."""
    table = schema.runs
    stored = connection.execute(select(table.c.status, func.count()).group_by(table.c.status)).all()
    counts = Counter({status: number for status, number in stored if status not in LIVE})
    now = reading.now(connection)
    selected = select(table).where(table.c.status.in_(LIVE)).order_by(table.c.created.desc())
    live = [reading.run_row(row, now) for row in connection.execute(selected)]
    counts.update(run.status for run in live)
    words = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    total = counts.total()
    yield ok("runs", f"{total} run{'s' * (total != 1)}" + (f": {words}" if words else ""))
    for status, remedy in (("crashed", _after_crash), ("hung", _after_hanging)):
        found = [run for run in live if run.status == status]
        for run in found[:_NAMED]:
            yield note(status, _words(run), remedy(run))
        if len(found) > _NAMED:
            fact = f"{len(found) - _NAMED} more"
            yield note(status, fact, f"kryptui runs list status:{status}")
    latest = max((run.heartbeat or 0.0 for run in live), default=0.0)
    if latest - now > FUTURE_SECONDS:
        ahead = f"{latest - now:.0f} s in the future"
        fact = f"a run was last heard of {ahead}: the clock went back, or another machine writes here"
        yield note("clock", fact, "set this machine's clock; keep the record on one machine, or on a PostgreSQL")


def check_leases(connection: Connection) -> Iterator[Finding]:
    """Which GPUs are on record as leased, and whether their holders are still there."""
    for resource, run, held in _leases(connection):
        if held:
            yield ok("lease", f"{resource}: {_words(run)}")
        else:
            fact = f"{resource}: on record for {_words(run)}, which is gone"
            yield note("lease", fact, f"nothing to do: the next run there on {run.host} takes it over")


def check_rows(connection: Connection) -> Finding:
    """How many rows the other tables hold."""
    names = [table.name for table in schema.metadata.sorted_tables if table.name not in _NOT_COUNTED]
    return ok("rows", ", ".join(f"{_rows(connection, name)} {name.replace('_', ' ')}" for name in names))


def holders(connection: Connection) -> Mapping[str, str]:
    """In words, who has each leased resource; those whose holder is gone are left out."""
    return {resource: _words(run) for resource, run, held in _leases(connection) if held}


_NOT_COUNTED = frozenset({schema.runs.name, schema.alembic_version.name})


def _leases(connection: Connection) -> list[tuple[str, RunRow, bool]]:
    """Each leased resource, the run that has it, and whether that one still holds it."""
    table = schema.leases
    rows = connection.execute(select(table.c.resource, table.c.run_id, table.c.process)).all()
    now = reading.now(connection)
    selected = select(schema.runs).where(schema.runs.c.id.in_([row.run_id for row in rows]))
    runs = {row.id: reading.run_row(row, now) for row in connection.execute(selected)}
    found = []
    for resource, run_id, process in rows:
        if run_id in runs:
            run, seen = runs[run_id], alive(process)
            found.append((resource, run, run.status in WITH_PROCESS if seen is None else seen))
    return found


def _rows(connection: Connection, name: str) -> str:
    try:
        return count(
            connection.execute(select(func.count()).select_from(schema.metadata.tables[name])).scalar_one()
        )
    except DatabaseError:  # interrupted, as it took too long
        return "countless"


def _words(run: RunRow) -> str:
    return f"{run.id} ({clip(run.name, 40)}), {process_of(run)}"


def _after_crash(run: RunRow) -> str:
    if run.kind != "train":
        return f"start it again: it was to {run.kind}"
    return f"go on with it: kryptui run --headless --resume {run.id}"


def _after_hanging(run: RunRow) -> str:
    return f"kryptui runs stop {run.id}; if it does not answer, end {process_of(run)}"
