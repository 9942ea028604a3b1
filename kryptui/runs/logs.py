"""Parts of a run's log: from a level on, from a moment on, the last lines, or what came after a cursor."""

from __future__ import annotations

from sqlalchemy import select

from kryptui.runs.rows import LogRow
from kryptui.runs.schema import log_lines
from kryptui.runs.store import Store

LEVELS = ("debug", "info", "warning", "error")


def read(
    store: Store,
    run_id: str,
    *,
    after_seq: int = 0,
    level: str = "debug",
    since: float | None = None,
    limit: int | None = None,
    last: bool = False,
) -> list[LogRow]:
    """The lines of a run beyond a cursor, in order: those of `level` or graver, no older than `since`.

    Of more than `limit` lines the first are given, or where `last` is set the last. A level that is none of ours
    counts as the gravest. `since` is in seconds since 1970, on the clock of the machine that ran it.
    """
    columns = [log_lines.c[name] for name in LogRow._fields]
    selected = select(*columns).where(log_lines.c.run_id == run_id, log_lines.c.seq > after_seq)
    milder = LEVELS[: LEVELS.index(level)]
    if milder:
        selected = selected.where(log_lines.c.level.not_in(milder))
    if since is not None:
        selected = selected.where(log_lines.c.time >= since)
    seq = log_lines.c.seq
    selected = selected.order_by(seq.desc() if last else seq).limit(limit)
    with store.reading() as connection:
        rows = [LogRow(*row) for row in connection.execute(selected).all()]
    return rows[::-1] if last else rows
