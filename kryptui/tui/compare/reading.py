"""What the Compare page reads: runs, the curves of one metric, an evaluation of each; only what has grown anew."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from kryptui.draw.trace import Trace
from kryptui.errors import InputError
from kryptui.runs import compare, listing
from kryptui.runs.compare import Axis, Evaluated, Metric, Points, Setting, Statistic
from kryptui.runs.rows import EvaluationRow, RunRow
from kryptui.runs.store import Store
from kryptui.tell.comparison import Intervals, time_unit
from kryptui.tell.run import epochs, seconds
from kryptui.tui.compare.wish import Wish
from kryptui.tui.news import headline_of

_BUCKETS = 2048  # of a curve; some ten for each column of a wide plot
_CURVES = 128  # that are kept, should one come back to them
_EVALUATIONS = 128


@dataclass(frozen=True)
class Track:
    """One run's curve: its outline to draw, its values one by one as far as they are kept, and its best."""

    x: Points
    y: Points
    at: Points
    value: Points
    smooth: Points
    """The smoothed values at `at` (N,)."""
    star: tuple[float, float] | None = None
    last: float = float("nan")

    def near(self, x: float) -> float | None:
        """The value that is nearest to a place on the axis; None before the first and beyond the last point."""
        if not len(self.at) or not self.at[0] <= x <= self.at[-1]:
            return None
        place = int(np.abs(self.at - x).argmin())
        return float(self.value[place])


@dataclass(frozen=True)
class Stored:
    """The evaluation of one run that is shown, or in words why there is none."""

    words: str
    row: EvaluationRow | None = None


@dataclass(frozen=True)
class Compared:
    """What was read; `gone` are the runs that are not on record any more."""

    replaces: ClassVar[bool] = True

    wish: Wish
    runs: tuple[RunRow, ...]
    gone: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    metric: Metric | None = None
    tracks: Mapping[str, Track] = field(default_factory=dict)
    x_label: str = ""
    differing: Sequence[Setting] = ()
    settings: Sequence[Setting] = ()
    around: Sequence[Setting] = ()
    warnings: Sequence[str] = ()
    intervals: Intervals = field(default_factory=dict)
    evaluations: Mapping[str, Stored] = field(default_factory=dict)


class ComparisonReader:
    """Reads for the page, in the feed's thread; keeps what need not be read again."""

    def __init__(self) -> None:
        self._told: tuple[Any, ...] | None = None
        self._curves: OrderedDict[tuple[str, str, Axis], _Curve] = OrderedDict()
        self._evaluated: dict[str, tuple[int, list[Evaluated]]] = {}
        self._rows: OrderedDict[tuple[str, int], EvaluationRow | str | None] = OrderedDict()
        self._contrast: tuple[Any, tuple[Sequence[Setting], Sequence[Setting], Sequence[Setting]]] | None = None

    def read(self, store: Store, wish: Wish) -> Compared | None:
        """The comparison; None where nothing has changed since the last."""
        by_id = {run.id: run for run in listing.some(store, wish.ids)}
        runs = tuple(by_id[run_id] for run_id in wish.ids if run_id in by_id)
        key = wish, tuple(map(_shown, runs))
        if key == self._told:
            return None
        found = self._compared(store, wish, runs)
        self._told = key
        return found

    def _compared(self, store: Store, wish: Wish, runs: tuple[RunRow, ...]) -> Compared:
        gone = tuple(sorted(set(wish.ids) - {run.id for run in runs}))
        if not runs:
            return Compared(wish, (), gone)
        headlines = dict.fromkeys(filter(None, map(headline_of, runs)))
        recorded = compare.metrics(runs, [*headlines, "loss"])
        bounds = compare.bounded(recorded)
        ends = {end for both in bounds.values() for end in both}
        metrics = tuple(metric for metric in recorded if metric.name not in ends)
        metric = next((one for one in metrics if one.name == wish.metric), metrics[0] if metrics else None)
        evaluated = {run.id: self._evaluations_of(store, run) for run in runs}
        tracks, x_label = self._tracks(store, wish, runs, metric)
        differing, settings, around = self._settings(runs)
        return Compared(
            wish,
            runs,
            gone,
            metrics,
            metric,
            tracks,
            x_label,
            differing,
            settings,
            around,
            compare.warnings(runs),
            self._intervals(store, runs, metrics, bounds, evaluated),
            {run.id: self._stored(store, run, wish.which, evaluated[run.id]) for run in runs},
        )

    # Curves

    def _tracks(
        self, store: Store, wish: Wish, runs: Sequence[RunRow], metric: Metric | None
    ) -> tuple[dict[str, Track], str]:
        """Each run's curve, and what the axis counts."""
        if metric is None:
            return {}, ""
        curves = {run.id: self._curve(store, run, metric, wish.axis) for run in runs if run.id in metric.summaries}
        longest = max((float(curve.trace.x[-1]) for curve in curves.values() if len(curve.trace)), default=0.0)
        unit, x_label = time_unit(longest) if wish.axis == "time" else (1.0, str(wish.axis))
        return {run_id: curve.track(unit, wish.smoothing) for run_id, curve in curves.items()}, x_label

    def _curve(self, store: Store, run: RunRow, metric: Metric, axis: Axis) -> _Curve:
        key = run.id, metric.name, axis
        curve = self._curves.setdefault(key, _Curve(axis))
        self._curves.move_to_end(key)
        while len(self._curves) > _CURVES:
            self._curves.popitem(last=False)
        summary = metric.summaries[run.id]
        best = None if summary.best is None or summary.best_step is None else (summary.best_step, summary.best)
        curve.catch_up(store, run, metric.name, best)
        return curve

    # Settings

    def _settings(self, runs: Sequence[RunRow]) -> tuple[Sequence[Setting], Sequence[Setting], Sequence[Setting]]:
        """Those that differ, all, and what differs around the runs; they change with an attempt at most."""
        key = tuple((run.id, run.attempt, run.config_json, run.env_json) for run in runs)
        if self._contrast is None or self._contrast[0] != key:
            everything = compare.settings(runs, all_settings=True)
            self._contrast = key, (compare.settings(runs), everything, compare.surroundings(runs))
        return self._contrast[1]

    # Evaluations

    def _evaluations_of(self, store: Store, run: RunRow) -> list[Evaluated]:
        seq, found = self._evaluated.get(run.id, (-1, []))
        if seq != run.last_seq:
            found = compare.evaluated(store, run.id)
            self._evaluated[run.id] = run.last_seq, found
        return found

    def _stored(self, store: Store, run: RunRow, which: Statistic, found: Sequence[Evaluated]) -> Stored:
        headline = run.summaries.get(headline_of(run))
        best_step = None if headline is None else headline.best_step
        one = compare.chosen(found, which, best_step)
        words = f"{which} of {len(found)}"
        if one is None and found:
            # What decides is unknown here, or the best was never evaluated with figures.
            one, words = found[-1], f"last of {len(found)}, best unknown"
        if one is None:
            return Stored("no evaluation on record")
        row = self._row(store, run.id, one.seq)
        if isinstance(row, str) or row is None:
            return Stored(row or "the evaluation is gone")
        return Stored(f"step {row.step:,}, {words}", row)

    def _row(self, store: Store, run_id: str, seq: int) -> EvaluationRow | str | None:
        """An evaluation, which never changes, or why it cannot be read."""
        key = run_id, seq
        if key not in self._rows:
            try:
                self._rows[key] = compare.evaluation(store, run_id, seq)
            except InputError as error:
                self._rows[key] = str(error)
        self._rows.move_to_end(key)
        while len(self._rows) > _EVALUATIONS:
            self._rows.popitem(last=False)
        return self._rows[key]

    def _intervals(
        self,
        store: Store,
        runs: Sequence[RunRow],
        metrics: Sequence[Metric],
        bounds: Mapping[str, tuple[str, str]],
        evaluated: Mapping[str, Sequence[Evaluated]],
    ) -> Intervals:
        """The intervals that runs recorded with their best and last values."""
        intervals: dict[tuple[str, str, Statistic], tuple[float, float]] = {}
        for metric in (one for one in metrics if one.name in bounds):
            low, high = bounds[metric.name]
            for run in runs:
                found = metric.summaries.get(run.id)
                if found is None:
                    continue
                ends = [run.summaries.get(end) for end in (low, high)]
                if ends[0] is not None and ends[1] is not None:
                    intervals[run.id, metric.name, "last"] = ends[0].last, ends[1].last
                one = compare.chosen(evaluated[run.id], "best", found.best_step)
                row = None if one is None else self._row(store, run.id, one.seq)
                if isinstance(row, EvaluationRow) and {low, high} <= row.scalars.keys():
                    intervals[run.id, metric.name, "best"] = row.scalars[low], row.scalars[high]
        return intervals


class _Curve:
    """One metric of one run over one axis, as far as it was read."""

    def __init__(self, axis: Axis) -> None:
        self.axis = axis
        self.trace = Trace(_BUCKETS)
        self._attempt, self._seq = -1, 0
        self._clock: list[tuple[int, float, float]] = []
        self._best: tuple[int, float] | None = None
        self._star: float | None = None

    def catch_up(self, store: Store, run: RunRow, name: str, best: tuple[int, float] | None) -> None:
        """Reads what is new, and all where a new attempt may have taken rows back; `best` is step and value."""
        if run.attempt == self._attempt and run.last_seq == self._seq:
            return
        is_new = run.attempt != self._attempt
        if is_new or not self._extend(store, run, name, best):
            self.trace.clear()
            self._best = self._star = None
            self._clock = compare.attempts(store, run.id) if self.axis == "time" else []
            self._seq = 0
            self._extend(store, run, name, best)
        self._attempt, self._seq = run.attempt, run.last_seq

    def _extend(self, store: Store, run: RunRow, name: str, best: tuple[int, float] | None) -> bool:
        """Adds what was recorded since; whether it follows what there was."""
        fields = dict.fromkeys(("value", "step", self.axis, *(["attempt"] if self.axis == "time" else [])))
        columns = compare.recorded(store, run.id, name, list(fields), self._seq, run.last_seq)
        of = dict(zip(fields, columns, strict=True))
        places = of[self.axis]
        if self.axis == "time":
            known = {float(number) for number, *_ in self._clock}
            if self._seq and not known.issuperset(np.unique(of["attempt"]).tolist()):
                return False
            places = compare.running(places, of["attempt"], self._clock)
        x, y = places, of["value"]
        if np.any(x[1:] < x[:-1]):
            order = np.argsort(x, kind="stable")
            x, y = x[order], y[order]
        if len(x) and len(self.trace) and x[0] < self.trace.x[-1]:
            return False
        self.trace.extend(x, y)
        if best is not None and best != self._best:
            at = np.flatnonzero((of["step"] == best[0]) & (of["value"] == best[1]))
            self._star = float(places[at[0]]) if len(at) else None
        self._best = best
        return True

    def track(self, unit: float, smoothing: float) -> Track:
        """What is drawn of it, in units of the axis; copies, as it grows on in another thread than draws."""
        trace = self.trace
        x, y = trace.outline()
        star = None if self._star is None or self._best is None else (self._star / unit, self._best[1])
        smooth = trace.smoothed(smoothing).copy()
        return Track(x / unit, y.copy(), trace.x / unit, trace.mean.copy(), smooth, star, trace.last)


def _shown(run: RunRow) -> tuple[Any, ...]:
    """What of a run changes what is shown of it."""
    took = seconds(run)
    rest = (run.status, run.name, epochs(run), None if took is None else int(took))
    return run.id, run.last_seq, run.attempt, run.config_json, *rest
