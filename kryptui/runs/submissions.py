"""The runs whose models can answer, and the submissions that are on record."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from sqlalchemy import exists, select

from kryptui.runs import query, reading
from kryptui.runs.rows import ArtifactRow, RunRow
from kryptui.runs.schema import artifacts, runs
from kryptui.runs.store import Store

SUBMISSION = "submission"
"""The kind of the file that a submission leaves on record."""


def can_answer(
    store: Store, headlines: Mapping[str, str], filter: str = "", limit: int | None = None
) -> list[RunRow]:
    """Training runs that have finished or have a checkpoint on record, task by task, the best first.

    `headlines` are the tasks that are meant, each with the metric that decides. Raises InputError for a filter
    that `kryptui.runs.query` does not understand.
    """
    parsed = query.parse(filter)
    has_file = (artifacts.c.run_id == runs.c.id) & (artifacts.c.kind == "checkpoint")
    saved = exists(select(artifacts.c.seq).where(has_file).correlate(runs))
    able = (runs.c.kind == "train") & ((runs.c.status == "finished") | saved)
    answer: list[RunRow] = []
    with store.reading() as connection:
        now = reading.now(connection)
        for task, headline in headlines.items():
            selected = select(runs).where(able, runs.c.task == task)
            selected = query.apply(selected, parsed, query.Sort(headline, is_metric=True))
            found = (reading.run_row(row, now) for row in connection.execute(selected))
            wanted = (run for run in found if query.in_sql_alone(parsed) or query.matches(parsed, run))
            some = list(islice(wanted, limit))
            values = reading.summaries(connection, [run.id for run in some], [headline])
            for run in some:
                run.summaries = values.get(run.id, {})
            answer += some
    return answer[:limit]


def past(store: Store, limit: int) -> list[tuple[RunRow, ArtifactRow | None]]:
    """The latest submissions on record with the file that each wrote, None where it wrote none."""
    with store.reading() as connection:
        now = reading.now(connection)
        selected = select(runs).where(runs.c.kind == "submit").order_by(runs.c.created.desc(), runs.c.id)
        found = [reading.run_row(row, now) for row in connection.execute(selected.limit(limit))]
        columns = [artifacts.c.run_id, *(artifacts.c[name] for name in ArtifactRow._fields)]
        of_these = artifacts.c.run_id.in_([run.id for run in found]) & (artifacts.c.kind == SUBMISSION)
        files = {
            run_id: ArtifactRow(*row)
            for run_id, *row in connection.execute(select(*columns).where(of_these).order_by(artifacts.c.seq))
        }
    return [(run, files.get(run.id)) for run in found]
