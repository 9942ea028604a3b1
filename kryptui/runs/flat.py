"""The record as flat tables, for spreadsheets and data frames: its points, its log lines, or a row for each run.

Read in pages, so that a table may be larger than memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Table

from kryptui.runs import query, reading, schema
from kryptui.runs.compare import flatten
from kryptui.runs.rows import RunRow
from kryptui.runs.store import Store

What = Literal["metrics", "runs", "logs"]
WHATS: tuple[What, ...] = get_args(What)

Kind = Literal["text", "whole", "real", "flag", "time", "words", "mixed"]
"""What a column holds besides None: `time` is seconds since 1970, `words` several texts, `mixed` JSON leaves."""

Row = tuple[Any, ...]

_PAGE = 50_000
_WHOLE = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Column:
    """The name of a column and the kind of its cells."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class FlatTable:
    """Rows with a cell for each column; `pages` are read from the record as they are asked for."""

    columns: tuple[Column, ...]
    pages: Iterable[Sequence[Row]]


def find_runs(store: Store, words: Sequence[str]) -> list[RunRow]:
    """The runs that are meant: those of which each word is the id or the whole name, else those a filter finds.

    Raises InputError for a filter without meaning.
    """
    for word in words:
        query.check_text(word)
    named = [_called(store, word) for word in words]
    if named and all(named):
        return list({run.id: run for runs in named for run in runs}.values())
    return store.list_runs(" ".join(words))


def table(store: Store, runs: Sequence[RunRow], what: What) -> FlatTable:
    """Some runs' `metrics` (a row a value), `logs` (a row a line), or the `runs` themselves (a row a run).

    metrics: run (its id), name (its name), attempt, metric, step, epoch, time (seconds since 1970), value.
    logs: run, attempt, time, level, text.
    runs: id, name, kind, task, status, attempt, tags, note, error, created, started, ended, host, workspace,
    parent, config_hash, data_hash; each setting as cfg.<path>; of each metric <metric>.best and <metric>.last.
    """
    if what == "runs":
        return _runs_table(store, runs)
    return _metrics_table(store, runs) if what == "metrics" else _logs_table(store, runs)


def _called(store: Store, word: str) -> list[RunRow]:
    for key, value in (("id", word.lower()), ("name", word)):
        runs = store.list_runs(query.Query((query.Term("text", key, "=", value),)))
        if runs:
            return runs
    return []


def _metrics_table(store: Store, runs: Sequence[RunRow]) -> FlatTable:
    texts, reals = ("run", "name", "metric"), ("epoch", "time", "value")
    names = ("run", "name", "attempt", "metric", "step", "epoch", "time", "value")
    columns = [Column(name, "text" if name in texts else "real" if name in reals else "whole") for name in names]

    def pages() -> Iterator[Sequence[Row]]:
        for run in runs:
            fields = ("seq", "attempt", "name", "step", "epoch", "time", "value")
            for page in _pages(store, schema.metrics, run.id, fields):
                yield [
                    (run.id, run.name, attempt, name, step, epoch, time, reading.number(value))
                    for _, attempt, name, step, epoch, time, value in page
                ]

    return FlatTable(tuple(columns), pages())


def _logs_table(store: Store, runs: Sequence[RunRow]) -> FlatTable:
    columns = (
        Column("run", "text"),
        Column("attempt", "whole"),
        Column("time", "time"),
        Column("level", "text"),
        Column("text", "text"),
    )

    def pages() -> Iterator[Sequence[Row]]:
        for run in runs:
            for page in _pages(store, schema.log_lines, run.id, ("seq", "attempt", "time", "level", "text")):
                yield [(run.id, *row[1:]) for row in page]

    return FlatTable(columns, pages())


def _pages(store: Store, rows: Table, run_id: str, fields: Sequence[str]) -> Iterator[Sequence[Row]]:
    """A run's rows in their order, `seq` first. A transaction a page: a reader that stops holds up nobody."""
    last_seq = 0
    while True:
        with store.reading() as connection:
            page = connection.execute(reading.rows_after(rows, run_id, last_seq, fields).limit(_PAGE)).all()
        if not page:
            return
        last_seq = page[-1][0]
        yield page


_FACTS: dict[str, Kind] = {
    "id": "text",
    "name": "text",
    "kind": "text",
    "task": "text",
    "status": "text",
    "attempt": "whole",
    "tags": "words",
    "note": "text",
    "error": "text",
    "created": "time",
    "started": "time",
    "ended": "time",
    "host": "text",
    "workspace": "text",
    "parent": "text",
    "config_hash": "text",
    "data_hash": "text",
}


def _runs_table(store: Store, runs: Sequence[RunRow]) -> FlatTable:
    with store.reading() as connection:
        summaries = reading.summaries(connection, [run.id for run in runs])
    kinds: dict[str, set[Kind]] = {}
    for run in runs:
        for path, value in _settings(run).items():
            kinds.setdefault(path, set()).update(_kinds(value))
    settings = {path: _common(found) for path, found in kinds.items()}
    metrics = sorted({name for run in runs for name in summaries.get(run.id, {})})
    columns = [
        *(Column(name, kind) for name, kind in _FACTS.items()),
        *(Column(f"cfg.{path}", kind) for path, kind in settings.items()),
        *(Column(f"{name}.{statistic}", "real") for name in metrics for statistic in ("best", "last")),
    ]

    def row(run: RunRow) -> Row:
        cells = [getattr(run, name) for name in _FACTS]
        own = _settings(run)
        for path, kind in settings.items():
            value = own.get(path)
            cells.append(float(value) if kind == "real" and value is not None else value)
        for name in metrics:
            found = summaries.get(run.id, {}).get(name)
            cells += [None, None] if found is None else [found.best, found.last]
        return tuple(cells)

    return FlatTable(tuple(columns), ([row(run)] for run in runs))


def _settings(run: RunRow) -> dict[str, Any]:
    # Not run.config, which thousands of rows would keep.
    return flatten(json.loads(run.config_json))


def _kinds(value: Any) -> set[Kind]:
    if value is None:
        return set()
    if isinstance(value, bool):
        return {"flag"}
    if isinstance(value, int) and value in _WHOLE:
        return {"whole"}
    return {"real"} if isinstance(value, float) else {"text"} if isinstance(value, str) else {"mixed"}


def _common(kinds: set[Kind]) -> Kind:
    """The kind of a column whose cells are of these kinds."""
    if len(kinds) == 1:
        return next(iter(kinds))
    return "real" if kinds == {"whole", "real"} else "mixed" if kinds else "text"
