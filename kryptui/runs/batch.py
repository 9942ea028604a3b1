"""What a run hands to its writer, and the one transaction that puts a batch of it into the record."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Double, Update, bindparam, delete, insert, select, update

from kryptui.errors import RunError
from kryptui.runs import bulk, reading
from kryptui.runs.rows import RunRow
from kryptui.runs.schema import (
    DatabaseNow,
    artifacts,
    commands,
    evaluations,
    log_lines,
    metrics,
    runs,
    storable,
    summaries,
)
from kryptui.runs.summaries import Direction, Summary, direction_of, summarise


class SupersededError(RunError):
    """The run was deleted, or another attempt has taken it over: this process must not write to it any more."""


@dataclass(slots=True)
class Points:
    """Metric values of one step."""

    time: float
    step: int
    epoch: float
    values: dict[str, float]
    wished: bool = False


@dataclass(slots=True)
class LogLine:
    """One line of the log."""

    time: float
    level: str
    text: str


@dataclass(slots=True)
class Evaluation:
    """One evaluation with what is shown of it, packed by `blobs`."""

    time: float
    step: int
    scalars: str
    figures: bytes
    scores: bytes | None
    wished: bool = False


@dataclass(slots=True)
class Artifact:
    """A file or folder that was written, perhaps over an earlier one of the same path."""

    time: float
    kind: str
    path: str
    host: str
    sha256: str | None
    bytes: int | None
    step: int | None


@dataclass(slots=True)
class Removed:
    """An artifact that is no longer there."""

    time: float
    path: str


@dataclass(slots=True)
class Progress:
    """Fields of the run's progress that have changed."""

    time: float
    fields: dict[str, Any]


@dataclass(slots=True)
class Aside:
    """Fields of the run's progress that have changed, though its loop may stand still."""

    time: float
    fields: dict[str, Any]


@dataclass(slots=True)
class Handled:
    """A command to the run that it has heard, and what it answered."""

    time: float
    command: int
    answer: str


Item = Points | LogLine | Evaluation | Artifact | Removed | Progress | Aside | Handled


class Appended(NamedTuple):
    """The last number that a run's rows have, and the summaries of all its metrics."""

    last_seq: int
    summaries: dict[str, Summary]


def append(
    connection: Connection,
    run_id: str,
    attempt: int,
    items: Sequence[Item],
    progress: Mapping[str, Any],
    known: Mapping[str, Summary],
    directions: Mapping[str, Direction],
    after: int | None = None,
) -> Appended:
    """Writes items in the order they came, and marks the run as alive.

    To be given `after`, the last number known to be on record, where an earlier try failed: if the items, or the
    first of them, were committed nevertheless, and only the answer was lost, they are not written again.
    Raises SupersededError, and writes nothing, where the run is no longer this attempt's.
    """
    rows = _rows(items)
    seq = _claim(connection, run_id, attempt, rows, items, progress)
    last_seq = seq + rows
    if after is not None and seq > after:
        missing = _beyond(items, seq - after)
        last_seq -= rows - _rows(missing)
        connection.execute(update(runs).where(runs.c.id == run_id).values(last_seq=last_seq))
        items, known = missing, reading.summaries(connection, [run_id]).get(run_id, {})
    points: list[tuple[Any, ...]] = []
    lines: list[tuple[Any, ...]] = []
    series: dict[str, list[tuple[int, float]]] = defaultdict(list)
    wished: dict[str, set[int]] = {}
    for item in items:
        match item:
            case Points(moment, step, epoch, values, is_wished):
                for name, value in values.items():
                    if is_wished:
                        wished.setdefault(name, set()).add(step)
                    seq += 1
                    stored = None if math.isnan(value) else value
                    points.append((run_id, seq, attempt, name, step, epoch, moment, stored))
                    series[name].append((step, value))
                continue
            case LogLine(moment, level, text):
                lines.append((run_id, seq + 1, attempt, moment, level, text))
            case Evaluation(moment, step, scalars, figures, scores, is_wished):
                content = (step, moment, scalars, figures, scores, is_wished)
                bulk.add(connection, evaluations, [(run_id, seq + 1, attempt, *content)])
            case Artifact(moment, kind, path, host, sha256, size, step_or_none):
                written = (moment, kind, path, host, sha256, size, step_or_none)
                bulk.add(connection, artifacts, [(run_id, seq + 1, attempt, *written)])
            case Removed(_, path):
                here = (artifacts.c.run_id == run_id) & (artifacts.c.path == path)
                connection.execute(delete(artifacts).where(here))
            case Handled(_, command, answer):
                heard = {"handled": DatabaseNow(), "answer": answer}
                connection.execute(update(commands).where(commands.c.id == command).values(heard))
            case Progress() | Aside():
                pass  # in `progress` already
        seq += 1
    bulk.add(connection, metrics, points)
    bulk.add(connection, log_lines, lines)
    changed = {
        name: summarise(
            known.get(name), name, direction_of(name, directions), points_of_name, wished.get(name, ())
        )
        for name, points_of_name in series.items()
    }
    save_summaries(connection, run_id, changed.values(), known)
    return Appended(last_seq, {**known, **changed})


def say(connection: Connection, run: RunRow, level: str, text: str) -> None:
    """Puts a line, if there is one, into the log of a run that no recorder writes to."""
    if text:
        append(connection, run.id, run.attempt, [LogLine(time.time(), level, storable(text))], {}, {}, {})


def save_summaries(connection: Connection, run_id: str, changed: Iterable[Summary], known: Container[str]) -> None:
    """Stores summaries: those whose names are `known` are there already."""
    old: list[dict[str, Any]] = []
    new: list[dict[str, Any]] = []
    for summary in changed:
        values = {
            "direction": summary.direction,
            "last": None if math.isnan(summary.last) else summary.last,
            "last_step": summary.last_step,
            "best": summary.best,
            "best_step": summary.best_step,
        }
        if summary.name in known:
            old.append({"of_run": run_id, "of_name": summary.name, **values})
        else:
            new.append({"run_id": run_id, "name": summary.name, **values})
    if old:
        connection.execute(_CHANGE_SUMMARY, old)
    if new:
        connection.execute(insert(summaries), new)


def _rows(items: Sequence[Item]) -> int:
    """How many numbers items take."""
    return sum(len(item.values) if isinstance(item, Points) else 1 for item in items)


def _beyond(items: Sequence[Item], rows: int) -> Sequence[Item]:
    """The items after those that took the first `rows` numbers; all of them where these must be another's."""
    taken = 0
    for index, item in enumerate(items):
        taken += _rows([item])
        if taken == rows:
            return items[index + 1 :]
    return items


def _claim(
    connection: Connection,
    run_id: str,
    attempt: int,
    rows: int,
    items: Sequence[Item],
    progress: Mapping[str, Any],
) -> int:
    """Marks the run as alive and reserves `rows` numbers; returns the number before the first.

    The run's row stays locked until the commit, so numbers become visible in their order on any database.
    """
    changes: dict[str, Any] = {}
    if any(isinstance(item, Progress | Aside) for item in items):
        changes["progress"] = json.dumps(progress, default=str)
        if "paused" in progress:
            changes["status"] = "paused" if progress["paused"] else "running"
    stepped = max((item.time for item in items if isinstance(item, Points | Progress)), default=None)
    since = {} if stepped is None else {"seconds_ago": max(0.0, time.time() - stepped)}
    mine = {"mine": run_id, "my_attempt": attempt, "rows": rows}
    claim = _claiming(with_step=stepped is not None)
    if connection.execute(claim, {**mine, **since, **changes}).rowcount == 0:
        raise SupersededError(f"run {run_id}: no longer attempt {attempt}'s; it was deleted or resumed elsewhere")
    last: int = connection.execute(_LAST_SEQ, {"mine": run_id}).scalar_one()
    return last - rows


# Statements are built once: to build one takes SQLAlchemy longer than to run it, many times a second in each run.
_LAST_SEQ = select(runs.c.last_seq).where(runs.c.id == bindparam("mine"))
_CHANGE_SUMMARY = update(summaries).where(
    summaries.c.run_id == bindparam("of_run"), summaries.c.name == bindparam("of_name")
)


@cache
def _claiming(*, with_step: bool) -> Update:
    """Marks a run as alive, and sets those columns too that are given with it."""
    claim = (
        update(runs)
        .where(runs.c.id == bindparam("mine"), runs.c.attempt == bindparam("my_attempt"))
        .values(heartbeat=DatabaseNow(), last_seq=runs.c.last_seq + bindparam("rows"))
    )
    if not with_step:
        return claim
    # Only how long ago is taken from this machine's clock; the moment itself is the database's.
    return claim.values(last_step_at=DatabaseNow() - bindparam("seconds_ago", type_=Double()))
