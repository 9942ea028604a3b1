"""Reads curves from csv files: a row a value (long), or a row a step and a column a metric (wide).

Read row by row, so that millions of rows take no more memory than their numbers.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO, TypeVar

from kryptui.errors import InputError
from kryptui.jobs.foreign import LATEST, STEPS, ForeignRun

T = TypeVar("T")
Row = tuple[int, list[str]]
"""The line on which a row ends, and its cells."""

_STEP = ("step", "global_step", "_step", "trainer/global_step", "iteration", "iter")
_EPOCH = ("epoch",)
_TIME = ("time", "wall_time", "wall time", "walltime", "timestamp", "_timestamp")
_METRIC = ("metric", "tag", "key")
_ABSENT = ("", "none", "null", "na", "n/a")
_EARLIEST = 1e8
"""In 1973: a time before it counts the seconds of the run, and is no clock's."""

_COMMON_NAMES = ("metrics", "results", "history", "log", "logs", "progress", "training")
_SHOWN = 60
_MOST_NAMED = 10


@dataclass(frozen=True)
class _Columns:
    """Which column holds what, by number; None where none does."""

    names: list[str]
    step: int
    epoch: int | None
    time: int | None
    metric: int | None = None
    value: int | None = None
    run: int | None = None
    title: int | None = None
    """The run's name, where `run` only tells one run from another."""
    is_ours: bool = False
    """Whether `kryptui runs export` wrote it, which knows what it says."""

    def rest(self) -> list[int]:
        """The columns that hold nothing of these."""
        known = (self.step, self.epoch, self.time, self.metric, self.value, self.run, self.title)
        return [at for at in range(len(self.names)) if at not in known]


class _CellError(Exception):
    """A cell that is not what it must be."""

    def __init__(self, at: int, must: str) -> None:
        self.at, self.must = at, must


def read_csv(path: Path) -> list[ForeignRun]:
    """The runs of a csv file: several where its long form has a column `run`.

    Long: a column metric (or tag, key, name) and a column value. Wide: every other column of numbers is a metric,
    blank cells are absent. Both: a column step (or global_step, iteration; without one the epoch counts), perhaps
    epoch and time (seconds since 1970, or ISO). Of several values of one step of a metric the last stands, except
    in what `kryptui runs export` wrote. Raises InputError that names file, line, column and value.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            written = path.stat().st_mtime
            rows = _rows(path, file)
            line, header = next(rows, (0, []))
            if not header:
                raise InputError(f"{path}: is empty; a csv file with a header is needed")
            names = [name.strip() for name in header]
            _check_header(path, line, names)
            first = next(rows, None)
            if first is None:
                raise InputError(f"{path}: has a header and no rows")
            columns = _find_columns(path, names, first[1])
            read = _read_wide if columns.value is None else _read_long
            return read(columns, ForeignRun(_name(path), path, written, "csv"), first, rows)
    except UnicodeDecodeError:
        raise InputError(f"{path}: is neither an event file of TensorBoard nor utf-8 text") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _rows(path: Path, file: TextIO) -> Iterator[Row]:
    """The rows that are not blank, with the line on which each ends, all as wide as the header."""
    reader = csv.reader(file, strict=True)
    width = 0
    try:
        for row in reader:
            width = width or len(row)
            if row and len(row) != width:
                line = reader.line_num
                raise InputError(f"{path}, line {line}: {len(row)} cells, where the header has {width}; mend it")
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: this is not csv: {error}") from None


def _check_header(path: Path, line: int, names: list[str]) -> None:
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise InputError(f"{path}, line {line}: the column {_shown(twice)} stands twice; rename or remove one")
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) == 1 and mark in names[0]:
            raise InputError(
                f"{path}, line {line}: the columns are separated by {word}; separate them by commas, and write "
                "numbers with a decimal point"
            )


def _find_columns(path: Path, names: list[str], first: list[str]) -> _Columns:
    """What the columns mean, by their names; raises InputError where there is no step."""
    places = {name.lower(): at for at, name in reversed(list(enumerate(names)))}

    def find(known: Sequence[str]) -> int | None:
        return next((places[name] for name in known if name in places), None)

    epoch = find(_EPOCH)
    step = find(_STEP)
    if step is None:
        step = epoch
    if step is None:
        raise InputError(
            f"{path}: has no column step (or {', '.join(_STEP[1:])}, epoch); name one so "
            f"(found: {', '.join(map(_shown, names[:20]))})"
        )
    time, value, metric, title = find(_TIME), find(("value",)), find(_METRIC), find(("name",))
    if metric is None:
        metric, title = title, None
    is_ours = {"run", "name", "attempt", "metric"} <= set(names)
    if time is not None and not is_ours and _is_duration(first[time]):
        time = None
    if value is None or metric is None:
        return _Columns(names, step, epoch, time)
    run = find(("run",))
    return _Columns(names, step, epoch, time, metric, value, title if run is None else run, title, is_ours)


def _is_duration(text: str) -> bool:
    try:
        return float(text) < _EARLIEST
    except ValueError:
        return False


def _read_long(columns: _Columns, whole: ForeignRun, first: Row, rows: Iterator[Row]) -> list[ForeignRun]:
    assert columns.metric is not None
    assert columns.value is not None
    runs: dict[str, ForeignRun] = {}
    for line, row in _and_then(first, rows):
        label = "" if columns.run is None else row[columns.run]
        run = runs.get(label)
        if run is None:
            title = label if columns.title is None else row[columns.title]
            run = ForeignRun(title or label or whole.name, whole.source, whole.written, whole.tool, label)
            runs[label] = run
        name = row[columns.metric]
        try:
            if not name.strip():
                raise _CellError(columns.metric, "the name of a metric")
            step, epoch, moment = _place(columns, row)
            value = _parse(row, columns.value, _value, "a number, nan or inf")
        except _CellError as bad:
            raise _refusal(whole.source, line, columns, row, bad) from None
        run.points.add(name, step, epoch, moment, value)
    unknown = [columns.names[at] for at in columns.rest() if columns.names[at] not in ("", "attempt")]
    for run in runs.values():
        _leave_out(run, unknown, "means nothing here")
        if not columns.is_ours:
            _settle(run)
    return list(runs.values())


def _read_wide(columns: _Columns, run: ForeignRun, first: Row, rows: Iterator[Row]) -> list[ForeignRun]:
    metrics = [(at, columns.names[at]) for at in columns.rest() if columns.names[at]]
    numbers: set[int] = set()
    words: dict[int, InputError] = {}
    for line, row in _and_then(first, rows):
        try:
            step, epoch, moment = _place(columns, row)
        except _CellError as bad:
            raise _refusal(run.source, line, columns, row, bad) from None
        for at, name in metrics:
            text = row[at]
            if not text:
                continue
            try:
                value = float(text)
            except ValueError:
                if text.strip().lower() not in _ABSENT and at not in words:
                    error = _CellError(at, "a number, as in other rows, or blank")
                    words[at] = _refusal(run.source, line, columns, row, error)
            else:
                numbers.add(at)
                run.points.add(name, step, epoch, moment, value)
    for at in sorted(numbers & words.keys()):
        raise words[at]
    _leave_out(run, [name for at, name in metrics if at in words], "holds no numbers")
    _settle(run)
    return [run]


def _place(columns: _Columns, row: list[str]) -> tuple[int, float, float]:
    """Step, epoch and time of a row; not-a-number for what it does not tell."""
    step = _parse(row, columns.step, _step, "a whole number of at most 63 bits")
    epoch = math.nan if columns.epoch is None else _parse(row, columns.epoch, _epoch, "a finite number or blank")
    if columns.time is None:
        return step, epoch, math.nan
    return step, epoch, _parse(row, columns.time, _moment, "seconds since 1970, an ISO date and time, or blank")


def _parse(row: list[str], at: int, parser: Callable[[str], T], must: str) -> T:
    try:
        return parser(row[at])
    except (ValueError, OverflowError, OSError):
        raise _CellError(at, must) from None


def _step(text: str) -> int:
    try:
        step = int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise
        step = int(number)
    if step not in STEPS:
        raise ValueError
    return step


def _epoch(text: str) -> float:
    number = _value(text)
    if math.isinf(number):
        raise ValueError
    return number


def _moment(text: str) -> float:
    try:
        moment = _value(text)
    except ValueError:
        moment = datetime.fromisoformat(text.strip()).timestamp()
    if not (math.isnan(moment) or 0 <= moment < LATEST):
        raise ValueError
    return moment


def _value(text: str) -> float:
    """A number; what is blank, as other tools write not-a-number, is that."""
    try:
        return float(text)
    except ValueError:
        if text.strip().lower() in _ABSENT:
            return math.nan
        raise


def _refusal(path: Path, line: int, columns: _Columns, row: list[str], bad: _CellError) -> InputError:
    column = _shown(columns.names[bad.at])
    return InputError(f"{path}, line {line}: {column} is {_shown(row[bad.at])}; it must be {bad.must}")


def _leave_out(run: ForeignRun, names: Sequence[str], why: str) -> None:
    shown = [_shown(name) for name in names[:_MOST_NAMED]]
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    if shown:
        run.remarks.append(f"left out, as it {why}: {', '.join(shown)}")


def _settle(run: ForeignRun) -> None:
    read = len(run.points)
    run.points = run.points.settled()
    if len(run.points) < read:
        run.remarks.append(
            f"{read - len(run.points)} values stand on a step twice and are left out; the last stand"
        )


def _name(path: Path) -> str:
    """What a run is called: as its file, or where many files are called so, as its folder."""
    return path.parent.name if path.stem.lower() in _COMMON_NAMES and path.parent.name else path.stem


def _and_then(first: Row, rows: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rows


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
