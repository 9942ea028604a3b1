"""The language that finds and sorts runs, such as `status:running tag:x loss:quadruplet cfg.seed=1 eer<0.1`.

Terms stand side by side and all must hold; `-` before one means it must not. Quotes keep spaces: name:"my run".

    word                 the name contains it, or the id begins with it
    status:running       the honest status
    tag:x                has the tag
    name:x               a column contains it: id, name, kind, task, host, note, error, parent; name=x: is equal
    loss:quadruplet      a setting at or below a key of this name, or its plural, contains it
    cfg.stages.0.lr<1e-3 one setting, by its path; also = != <= > >=, and : for contains
    eer<0.1              a metric: its best value where it has a direction, else its last; eer.best, eer.last
    took>30m             numbers of a run: attempt, took (s, m, h, d or w; first start to end, or to the last sign
                         of life; none while it is queued); dates: created, queued, started, ended
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, not_, null, or_, select

from kryptui.errors import InputError, nearest
from kryptui.runs import settings
from kryptui.runs.rows import RunRow
from kryptui.runs.schema import ByCode, runs, summaries, tags
from kryptui.runs.status import LIVE, STATUSES, STORED
from kryptui.spans import seconds_of

Kind = Literal["word", "status", "tag", "text", "number", "metric", "setting", "search"]

_TEXT_COLUMNS = ("id", "name", "kind", "task", "host", "note", "error", "parent")
_DATES = ("created", "queued", "started", "ended")
_NUMBERS = ("attempt", "took", *_DATES)
_SORTABLE = ("id", "name", "kind", "task", "status", "host", *_NUMBERS)
_ON_CONFIG = ("setting", "search")

_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*")+')
_TERM = re.compile(r"([^:=<>!]+)(:|<=|>=|!=|=|<|>)(.*)", re.DOTALL)

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Term:
    """One condition. `number` is the value of a comparison of numbers; text is compared without regard to case."""

    kind: Kind
    key: str
    op: str
    value: str
    number: float | None = None
    negated: bool = False


@dataclass(frozen=True)
class Query:
    """The conditions of a filter; without any, it finds every run."""

    terms: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Sort:
    """What to sort by: a column, the smallest first, or a metric, the best first; `descending` turns that round.

    A metric without a direction goes from its smallest value; runs without a value come last either way.
    """

    key: str
    descending: bool = False
    is_metric: bool = False


def parse(text: str) -> Query:
    """The query that a text means; raises InputError naming the term that has no meaning."""
    check_text(text)
    if text.count('"') % 2:
        raise InputError(f"filter {text!r}: a quote is not closed")
    return Query(tuple(_parse_term(token) for token in _TOKEN.findall(text)))


def parse_sort(text: str) -> Sort:
    """What to sort by: a column or a metric, `-` before it for the other way round; raises InputError if empty."""
    check_text(text)
    key = text.strip().removeprefix("-")
    if not key:
        raise InputError(f"sort {text!r}: name a metric or one of {', '.join(_SORTABLE)}")
    return Sort(key, text.strip().startswith("-"), key not in _SORTABLE)


def metric_names(query: Query, sort: Sort) -> list[str]:
    """The metrics that a query and its sorting speak of."""
    named = [term.key for term in query.terms if term.kind == "metric"]
    return [_split_metric(key)[0] for key in ([*named, sort.key] if sort.is_metric else named)]


def apply(selected: Select[*tuple[Any, ...]], query: Query, sort: Sort) -> Select[*tuple[Any, ...]]:
    """The selection of runs narrowed to what can match, as far as SQL can say, and sorted."""
    for term in query.terms:
        condition = _condition(term)
        if condition is not None:
            selected = selected.where(condition)
    if sort.is_metric:
        name, statistic = _split_metric(sort.key)
        selected = selected.outerjoin(summaries, and_(summaries.c.run_id == runs.c.id, summaries.c.name == name))
        value = _statistic(statistic)
        by: ColumnElement[Any] = case((summaries.c.direction == "higher", -value), else_=value)
    else:
        by = _column(sort.key)
    directed = by.desc() if sort.descending else by.asc()
    return selected.order_by(directed.nulls_last(), runs.c.created.desc(), runs.c.id)


def in_sql_alone(query: Query) -> bool:
    """Whether `apply` says everything, so that `matches` need not be asked."""
    return not any(_needs_row(term) for term in query.terms)


def matches(query: Query, run: RunRow) -> bool:
    """Whether a run that `apply` let through meets the conditions that SQL cannot judge."""
    unclear = []
    text = run.config_json.lower()
    for term in query.terms:
        if term.kind not in _ON_CONFIG:
            if _needs_row(term) and not _row_matches(term, run):
                return False
        elif not _traces(term) or any(trace in text for trace in _traces(term)):
            unclear.append(term)
        elif term.negated == (term.op == "!="):
            return False
    if not unclear:
        return True
    config = json.loads(run.config_json)  # and not run.config, which thousands of rows would keep
    return all(_config_matches(term, config) for term in unclear)


def check_text(text: str) -> None:
    """Refuses characters that no database compares, such as bytes of a terminal that are not UTF-8."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputError(f"{text!r}: holds what is not text")


def _parse_term(token: str) -> Term:
    negated = token.startswith("-") and len(token) > 1
    body = token[1:] if negated else token
    found = None if body.startswith('"') else _TERM.fullmatch(body)
    if found is None:
        return Term("word", "", ":", body.replace('"', ""), negated=negated)
    key, op, value = found[1].replace('"', ""), found[2], found[3].replace('"', "")
    if not value:
        raise InputError(f"filter {token!r}: nothing stands after {op!r}")
    kind = _kind(key, op)
    if kind in ("status", "tag", "text") and op not in (":", "=", "!="):
        raise InputError(f"filter {token!r}: {key} is text; compare it with : or = or !=")
    if kind == "status" and value not in STATUSES:
        raise InputError(
            f"filter {token!r}: no such status{nearest(value, STATUSES)}; one of {', '.join(STATUSES)}"
        )
    number = None
    if kind in ("number", "metric") or (kind == "setting" and op not in (":", "=", "!=")):
        number = _number(token, key, op, value)
    return Term(kind, key, op, value, number, negated)


def _kind(key: str, op: str) -> Kind:
    if key == "status":
        return "status"
    if key == "tag":
        return "tag"
    if key in _TEXT_COLUMNS:
        return "text"
    if key in _NUMBERS:
        return "number"
    if key.startswith("cfg."):
        return "setting"
    return "search" if op == ":" else "metric"


def _number(token: str, key: str, op: str, value: str) -> float:
    if op == ":":
        raise InputError(f"filter {token!r}: {key} is a number; compare it with = != < <= > or >=")
    try:
        if key in _DATES:
            return datetime.fromisoformat(value).timestamp()
        span = seconds_of(value) if key == "took" else None
        number = float(value) if span is None else span
        if not math.isnan(number):
            return number
    except (ValueError, OverflowError, OSError):
        pass
    if key in _DATES:
        raise InputError(f"filter {token!r}: {value!r} is no date; write one such as 2025-01-31")
    hint = f"; for a setting write {key}:{value}" if _kind(key, op) == "metric" else ""
    raise InputError(f"filter {token!r}: {value!r} is not a number{hint}")


def _split_metric(key: str) -> tuple[str, str]:
    """A metric's name, and which of its values is meant: last, best or headline."""
    name, _, statistic = key.rpartition(".")
    return (name, statistic) if name and statistic in ("last", "best") else (key, "headline")


def _statistic(statistic: str) -> ColumnElement[Any]:
    if statistic == "last":
        return summaries.c.last
    return summaries.c.best if statistic == "best" else func.coalesce(summaries.c.best, summaries.c.last)


def _column(name: str) -> ColumnElement[Any]:
    if name == "took":
        return _took()
    return runs.c[name] if name in _NUMBERS else ByCode(runs.c[name])


def _took() -> ColumnElement[Any]:
    """Seconds from the first start to the end, or to the last sign of life; NULL before that and in the queue."""
    until = func.coalesce(runs.c.ended, runs.c.heartbeat)
    took = until - runs.c.started
    return case((runs.c.status == "queued", null()), (took < 0, 0.0), else_=took)


def _condition(term: Term) -> ColumnElement[bool] | None:
    """What SQL can say of a term: the whole of it, or where a row is needed too, a wider condition or None."""
    if _needs_row(term):
        return None if term.negated or term.op == "!=" else _wider_condition(term)
    condition: ColumnElement[bool]
    match term.kind:
        case "word":
            condition = _contains(runs.c.name, term.value) | runs.c.id.startswith(
                term.value.lower(), autoescape=True
            )
        case "status":
            condition = _equal_or_not(runs.c.status, term)
        case "tag":
            here = tags.c.run_id == runs.c.id
            condition = exists(select(tags.c.tag).where(here, tags.c.tag == term.value).correlate(runs))
            condition = not_(condition) if term.op == "!=" else condition
        case "text":
            column = func.coalesce(runs.c[term.key], "")
            condition = _contains(column, term.value) if term.op == ":" else _equal_or_not(column, term)
        case "metric":
            name, statistic = _split_metric(term.key)
            compared = _COMPARE[term.op](_statistic(statistic), term.number)
            of_run = (summaries.c.run_id == runs.c.id) & (summaries.c.name == name)
            condition = exists(select(summaries.c.name).where(of_run, compared).correlate(runs))
        case _:
            compared = _COMPARE[term.op](_column(term.key), term.number)
            condition = func.coalesce(compared, False)
    return not_(condition) if term.negated else condition


def _needs_row(term: Term) -> bool:
    """Whether a term asks for more than is stored as such: a setting, or a status that depends on the process.

    Or for capital letters to be like small ones in other words than English: each database knows other ones.
    """
    if term.kind == "status":
        return term.value in LIVE or term.value not in STORED
    if term.kind in ("word", "text"):
        return term.op == ":" and not term.value.isascii()
    return term.kind in _ON_CONFIG


def _wider_condition(term: Term) -> ColumnElement[bool] | None:
    """A condition that every run that meets the term meets, so that few configurations need to be read."""
    if term.kind == "status":
        return runs.c.status.in_(LIVE)
    if term.kind in ("word", "text") or not _traces(term):
        return None
    return or_(*(_contains(runs.c.config, trace) for trace in _traces(term)))


def _contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """`text` in small letters is ASCII; only ASCII's capitals of the column are made small, on any database."""
    return func.lower(ByCode(column)).contains(text.lower(), autoescape=True)


def _equal_or_not(column: ColumnElement[Any], term: Term) -> ColumnElement[bool]:
    return column != term.value if term.op == "!=" else column == term.value


def _row_matches(term: Term, run: RunRow) -> bool:
    if term.kind == "status":
        return ((run.status == term.value) != (term.op == "!=")) != term.negated
    text = term.value.lower()
    if term.kind == "word":
        return (text in run.name.lower() or run.id.startswith(text)) != term.negated
    return (text in (getattr(run, term.key) or "").lower()) != term.negated


def _config_matches(term: Term, config: dict[str, Any]) -> bool:
    value = term.value.lower()
    if term.kind == "search":
        return settings.found_below(config, term.key, value) != term.negated
    path = _path(term)
    if term.op == ":":
        return settings.contains(config, path, value) != term.negated
    if term.op in ("=", "!="):
        return (settings.equals(config, path, value) != (term.op == "!=")) != term.negated
    assert term.number is not None
    return settings.compares(config, path, _COMPARE[term.op], term.number) != term.negated


@lru_cache
def _traces(term: Term) -> tuple[str, ...]:
    """Texts of which every configuration holds one that meets the term, `!=` and negation set aside; or none."""
    if term.op == ":":
        return settings.traces_of_text(term.value)
    return settings.traces_of_value(_path(term), term.value) if term.op in ("=", "!=") else ()


def _path(term: Term) -> list[str]:
    return term.key.split(".")[1:]
