"""Puts runs of other tools on record: each in one transaction, and never twice."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from kryptui.runs import batch, reading, schema
from kryptui.runs.schema import DatabaseNow
from kryptui.runs.store import Store, new_id
from kryptui.runs.summaries import Direction, Summary, direction_of

KIND = "import"
TASK = "imported"

Outcome = Literal["new", "known", "replaced"]

_LOCK = 0x696D7074
_VALUES_AT_ONCE = 50_000


class FirstPoint(NamedTuple):
    """What tells a source that has grown from one that was begun anew; `time` is None where it tells none."""

    metric: str
    step: int
    value: float
    time: float | None


@dataclass(frozen=True)
class Incoming:
    """A run from elsewhere, ready for the record. Times are seconds since 1970.

    `config` says by its `source`, and where that holds several by its `run`, where it comes from; `content` is a
    hash of what it consists of. `directions` holds every metric that has one. A run that is replaced is given the
    `tags` too, and the name only where `rename` is set.
    """

    name: str
    rename: bool
    config: Mapping[str, Any]
    config_hash: str
    env: Mapping[str, Any]
    workspace: str
    content: str
    tags: Sequence[str]
    created: float
    started: float | None
    ended: float
    metrics: Sequence[str]
    directions: Mapping[str, Direction]
    first: FirstPoint
    items: Callable[[], Iterable[batch.Item]]


class Found(NamedTuple):
    """What the record has of an incoming run: nothing (new), the same (known), or one that it replaces."""

    outcome: Outcome
    run_id: str = ""
    name: str = ""


def find(store: Store, incoming: Incoming) -> Found:
    """What `put` would do."""
    with store.reading() as connection:
        return _find(connection, incoming)


def put(store: Store, incoming: Incoming) -> Found:
    """Puts a run on record, unless it is there already.

    Where its source was imported before and has grown, or metrics are to be judged the other way, it replaces
    that run, which keeps its id, tags, note, name and the moment it was created.
    """
    with store.writing() as connection:
        if connection.dialect.name == "postgresql":
            # Two imports of one source at once would both find nothing. On SQLite the transaction itself waits.
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        found = _find(connection, incoming)
        if found.outcome == "known":
            return found
        if found.outcome == "replaced":
            run_id, attempt = found.run_id, _empty(connection, found.run_id, incoming)
        else:
            run_id, attempt = _create(connection, incoming), 1
        _fill(connection, run_id, attempt, incoming)
    name = incoming.name if incoming.rename or found.outcome == "new" else found.name
    return Found(found.outcome, run_id, name)


def _find(connection: Connection, incoming: Incoming) -> Found:
    runs = schema.runs
    columns = (runs.c.id, runs.c.name, runs.c.data_hash, runs.c.config)
    source = json.dumps(incoming.config["source"])
    of_source = runs.c.data_hash == incoming.content
    of_source |= runs.c.config.contains(source, autoescape=True)
    selected = select(*columns).where(runs.c.kind == KIND, of_source).order_by(runs.c.created.desc(), runs.c.id)
    candidates = connection.execute(selected).all()
    for run_id, name, content, _ in candidates:
        if content == incoming.content:
            same = _directions(connection, run_id) == _wanted_directions(incoming)
            return Found("known" if same else "replaced", run_id, name)
    for run_id, name, _, config in candidates:
        told = json.loads(config)
        here = all(told.get(key) == incoming.config.get(key) for key in ("source", "run"))
        if here and _begins(connection, run_id, incoming.first):
            return Found("replaced", run_id, name)
    return Found("new")


def _directions(connection: Connection, run_id: str) -> dict[str, Direction | None]:
    found = reading.summaries(connection, [run_id]).get(run_id, {})
    return {name: summary.direction for name, summary in found.items()}


def _wanted_directions(incoming: Incoming) -> dict[str, Direction | None]:
    return {name: direction_of(name, incoming.directions) for name in incoming.metrics}


def _begins(connection: Connection, run_id: str, first: FirstPoint) -> bool:
    """Whether a run on record begins with this point."""
    names = ("name", "step", "value", "time")
    row = connection.execute(reading.rows_after(schema.metrics, run_id, 0, names).limit(1)).first()
    if row is None:
        return False
    name, step, value, time = row
    same = reading.number(value) == first.value or (value is None and math.isnan(first.value))
    return (name, step) == first[:2] and same and first.time in (None, time)


def _create(connection: Connection, incoming: Incoming) -> str:
    run_id = new_id()
    while connection.scalar(select(schema.runs.c.id).where(schema.runs.c.id == run_id)) is not None:
        run_id = new_id()
    values = {"kind": KIND, "task": TASK, "attempt": 1, "created": incoming.created, **_told(incoming)}
    connection.execute(insert(schema.runs).values(id=run_id, name=incoming.name, **values))
    _tag(connection, run_id, incoming)
    return run_id


def _empty(connection: Connection, run_id: str, incoming: Incoming) -> int:
    """Takes away what a run on record consists of, and returns the number of its next attempt.

    The numbers of its rows go on, so that a reader who watches it sees that it was written anew.
    """
    runs = schema.runs
    changes = {**_told(incoming), **({"name": incoming.name} if incoming.rename else {})}
    connection.execute(update(runs).where(runs.c.id == run_id).values(attempt=runs.c.attempt + 1, **changes))
    for table in (schema.metrics, schema.summaries, schema.log_lines):
        connection.execute(delete(table).where(table.c.run_id == run_id))
    _tag(connection, run_id, incoming)
    return int(connection.execute(select(runs.c.attempt).where(runs.c.id == run_id)).scalar_one())


def _told(incoming: Incoming) -> dict[str, Any]:
    return {
        "status": "finished",
        "config": json.dumps(incoming.config),
        "config_hash": incoming.config_hash,
        "data_hash": incoming.content,
        "env": json.dumps(incoming.env),
        "workspace": incoming.workspace,
        "heartbeat": DatabaseNow(),
        "started": incoming.started,
        "ended": incoming.ended,
    }


def _tag(connection: Connection, run_id: str, incoming: Incoming) -> None:
    table = schema.tags
    present = set(connection.scalars(select(table.c.tag).where(table.c.run_id == run_id)))
    for tag in dict.fromkeys(incoming.tags):
        if tag not in present:
            connection.execute(insert(table), {"run_id": run_id, "tag": tag})


def _fill(connection: Connection, run_id: str, attempt: int, incoming: Incoming) -> None:
    known: dict[str, Summary] = {}
    items: list[batch.Item] = []
    values = 0
    for item in incoming.items():
        items.append(item)
        values += len(item.values) if isinstance(item, batch.Points) else 1
        if values >= _VALUES_AT_ONCE:
            known = batch.append(connection, run_id, attempt, items, {}, known, incoming.directions).summaries
            items, values = [], 0
    batch.append(connection, run_id, attempt, items, {}, known, incoming.directions)
