"""What two or more runs have in common and what not: settings, surroundings, metrics, curves, evaluations."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from kryptui.errors import InputError
from kryptui.runs import blobs, schema
from kryptui.runs.rows import EvaluationRow, RunRow
from kryptui.runs.store import Store
from kryptui.runs.summaries import Direction, Summary

Axis = Literal["step", "epoch", "time"]
Statistic = Literal["best", "last"]
Points = NDArray[np.float64]

AXES: tuple[Axis, ...] = get_args(Axis)


@dataclass(frozen=True)
class Setting:
    """One setting by its dotted path; `values` by run id lacks the runs that lack it."""

    path: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Metric:
    """One metric of several runs; `summaries` by run id lacks the runs that have not recorded it.

    `direction` is None where the runs do not agree which way is better.
    """

    name: str
    direction: Direction | None
    summaries: dict[str, Summary]

    def value(self, run_id: str, which: Statistic) -> float | None:
        """The best or the last value of a run; None where it has none."""
        found = self.summaries.get(run_id)
        return None if found is None else found.best if which == "best" else found.last

    def winners(self, which: Statistic) -> set[str]:
        """The ids of the runs whose value is best: none where no finite value is worse than another."""
        values = {run_id: self.value(run_id, which) for run_id in self.summaries}
        finite = {run_id: value for run_id, value in values.items() if value is not None and math.isfinite(value)}
        if self.direction is None or len(set(finite.values())) < 2:
            return set()
        best = (min if self.direction == "lower" else max)(finite.values())
        return {run_id for run_id, value in finite.items() if value == best}


def flatten(value: Any, path: str = "") -> dict[str, Any]:
    """The leaves of nested mappings and lists by dotted path, such as `stages.0.lr`; what is empty is a leaf."""
    if not isinstance(value, dict | list) or not value:
        return {path: value} if path else {}
    children = value.items() if isinstance(value, dict) else enumerate(value)
    leaves: dict[str, Any] = {}
    for key, child in children:
        leaves |= flatten(child, f"{path}.{key}" if path else str(key))
    return leaves


def configured(runs: Sequence[RunRow]) -> list[RunRow]:
    """The runs whose settings can be compared: ours, or where all are imports of others' runs, those."""
    ours = [run for run in runs if run.kind != "import"]
    return [run for run in ours or runs if run.config]


def settings(runs: Sequence[RunRow], *, all_settings: bool = False) -> list[Setting]:
    """The settings that differ between the `configured` runs, or all, in the order of their configurations.

    The run's name is not one of them.
    """
    found = _compared({run.id: flatten(run.config) for run in configured(runs)}, all_settings)
    return [setting for setting in found if setting.path != "name"]


def surroundings(runs: Sequence[RunRow]) -> list[Setting]:
    """What differs in what the runs ran on: host, device, code, versions. The command line says nothing new.

    A run of which nothing is known differs in nothing.
    """
    leaves = {}
    for run in runs:
        facts = {key: value for key, value in run.env.items() if key != "command"}
        if facts:
            leaves[run.id] = flatten({"host": run.host, **facts} if run.host else facts)
    return _compared(leaves, False)


def warnings(runs: Sequence[RunRow]) -> list[str]:
    """Why the metrics of these runs may not be comparable: another task, or other data, than the first one's."""
    found = []
    others = [f"{_named(run)}, {run.task}" for run in runs if run.task != runs[0].task]
    if others:
        found.append(f"other task than {_named(runs[0])}, {runs[0].task}: {'; '.join(others)}")
    known = [run for run in runs if run.data_hash is not None]
    others = [_named(run) for run in known if run.data_hash != known[0].data_hash]
    if others:
        found.append(
            f"other data than {_named(known[0])}: {', '.join(others)}; "
            "not comparable, unless the validation pairs are the same"
        )
    return found


def metrics(runs: Sequence[RunRow], first: Sequence[str] = ()) -> list[Metric]:
    """Every metric that one of the runs has recorded: those named `first` and their parts, such as `eer_real` of
    `eer`, then those with a direction, then the others.
    """
    names = dict.fromkeys(name for run in runs for name in run.summaries)

    def rank(metric: Metric) -> tuple[int, bool, str]:
        led = (place for place, name in enumerate(first) if f"{metric.name}_".startswith(f"{name}_"))
        return next(led, len(first)), metric.direction is None, metric.name

    return sorted((_metric(name, runs) for name in names), key=rank)


def bounded(metrics: Sequence[Metric]) -> dict[str, tuple[str, str]]:
    """The metrics of which the ends of an interval are recorded too: their name, and those of its two ends."""
    names = {metric.name for metric in metrics}
    ends = {name: (f"{name}_low", f"{name}_high") for name in names}
    return {name: found for name, found in ends.items() if names.issuperset(found)}


def series(store: Store, run_id: str, name: str, axis: Axis = "step") -> tuple[Points, Points]:
    """One metric of a run as plain columns x and y (N,), in the order of x; what is not a number is left out.

    On the axis `time`, x is seconds of running: attempts follow each other without the pauses between them.
    """
    fields = ("time", "attempt", "value") if axis == "time" else (axis, "value")
    x, *attempt, y = recorded(store, run_id, name, fields)
    if axis == "time":
        x = running(x, attempt[0], attempts(store, run_id))
    if np.any(x[1:] < x[:-1]):
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


def recorded(
    store: Store, run_id: str, name: str, fields: Sequence[str], after_seq: int = 0, until_seq: int | None = None
) -> Points:
    """Columns (fields, N) of a metric as it was recorded between two cursors, the second included.

    What is not a number is left out. Fields are attempt, step, epoch, time (the wall clock) and value.
    """
    table = schema.metrics
    selected = select(*(table.c[field] for field in fields)).where(
        table.c.run_id == run_id, table.c.seq > after_seq, table.c.name == name, table.c.value.is_not(None)
    )
    if until_seq is not None:
        selected = selected.where(table.c.seq <= until_seq)
    with store.reading() as connection:
        rows = connection.execute(selected.order_by(table.c.seq))
        # Straight into an array: a list of a million rows would take twenty times the memory, and seconds.
        flat = np.fromiter(chain.from_iterable(rows), dtype=np.float64)
    return flat.reshape(-1, len(fields)).T


def attempts(store: Store, run_id: str) -> list[tuple[int, float, float]]:
    """Each attempt of a run with the moments of its first and its last point."""
    table = schema.metrics
    selected = select(table.c.attempt, func.min(table.c.time), func.max(table.c.time))
    selected = selected.where(table.c.run_id == run_id).group_by(table.c.attempt).order_by(table.c.attempt)
    with store.reading() as connection:
        return [(attempt, first, last) for attempt, first, last in connection.execute(selected).all()]


def running(moments: Points, attempt: Points, attempts: Iterable[tuple[int, float, float]]) -> Points:
    """Seconds of running at each moment (N,), of which `attempt` (N,) says in which attempt it was."""
    x = moments.copy()
    before = 0.0
    for number, first, last in attempts:
        mine = attempt == number
        x[mine] += before - first
        before += last - first
    return x


def smooth(y: Points, weight: float) -> Points:
    """The exponential mean of what came before each point, without bias towards 0; `weight` is in [0, 1).

    Values that are not finite stay, and weigh nothing. As in TensorBoard's and other trackers' curves.
    """
    if not weight:
        return y
    finite = np.isfinite(y)
    values = y[finite]
    sums = accumulate(values.tolist(), lambda mean, value: weight * mean + (1 - weight) * value, initial=0.0)
    means = np.fromiter(sums, dtype=np.float64, count=len(values) + 1)[1:]
    smoothed = y.copy()
    smoothed[finite] = means / (1 - weight ** np.arange(1, len(values) + 1))
    return smoothed


class Evaluated(NamedTuple):
    """That there is an evaluation, and of which step; `wished` if somebody asked for it."""

    seq: int
    step: int
    wished: bool


def evaluated(store: Store, run_id: str) -> list[Evaluated]:
    """The evaluations of a run, the latest last, without what they found."""
    table = schema.evaluations
    selected = select(table.c.seq, table.c.step, table.c.wished).where(table.c.run_id == run_id)
    with store.reading() as connection:
        return [Evaluated(*row) for row in connection.execute(selected.order_by(table.c.seq))]


def chosen(found: Sequence[Evaluated], which: Statistic, best_step: int | None) -> Evaluated | None:
    """The last evaluation, or that of the best step, which none is that somebody wished for; None without one."""
    if which == "last":
        return found[-1] if found else None
    return next((one for one in reversed(found) if one.step == best_step and not one.wished), None)


def evaluation(store: Store, run_id: str, seq: int) -> EvaluationRow | None:
    """One evaluation of a run, or None where it is gone; raises InputError where it cannot be read."""
    table = schema.evaluations
    columns = [table.c[name] for name in EvaluationRow._fields]
    selected = select(*columns).where(table.c.run_id == run_id, table.c.seq == seq)
    with store.reading() as connection:
        row = connection.execute(selected).first()
    if row is None:
        return None
    try:
        scalars, figures = json.loads(row.scalars), blobs.unpack_figures(row.figures)
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"run {run_id}: its evaluation of step {row.step} cannot be read ({reason})") from None
    return EvaluationRow(row.seq, row.attempt, row.step, row.time, scalars, figures, row.wished)


def _named(run: RunRow) -> str:
    return f"{run.name} ({run.id})"


def _compared(leaves: Mapping[str, Mapping[str, Any]], everything: bool) -> list[Setting]:
    found = [
        Setting(path, {run_id: values[path] for run_id, values in leaves.items() if path in values})
        for path in _merged(leaves.values())
    ]
    return found if everything else [setting for setting in found if _differs(setting, len(leaves))]


def _merged(orders: Iterable[Iterable[str]]) -> list[str]:
    """The paths of all in one order: what an earlier one lacks comes after the path that it follows."""
    merged: list[str] = []
    known: set[str] = set()
    for order in orders:
        at = 0
        for path in order:
            if path in known:
                at = merged.index(path) + 1
            else:
                merged.insert(at, path)
                known.add(path)
                at += 1
    return merged


def _differs(setting: Setting, runs: int) -> bool:
    return len(setting.values) < runs or len({_identity(value) for value in setting.values.values()}) > 1


def _identity(value: Any) -> tuple[str, Any]:
    """What equal settings share: 1 is 1.0 but not true, and not-a-number is itself."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__, value if isinstance(value, str | bool) else None
    return "number", "nan" if value != value else value


def _metric(name: str, runs: Sequence[RunRow]) -> Metric:
    summaries = {run.id: run.summaries[name] for run in runs if name in run.summaries}
    directions = {summary.direction for summary in summaries.values()}
    return Metric(name, directions.pop() if len(directions) == 1 else None, summaries)
