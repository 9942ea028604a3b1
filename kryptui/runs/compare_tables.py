"""A comparison as flat tables for other tools: a row a run, or a row a point of a curve."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from kryptui.runs import compare, flat
from kryptui.runs.compare import Metric, Setting, Statistic
from kryptui.runs.flat import Column, FlatTable, Row
from kryptui.runs.rows import RunRow
from kryptui.runs.store import Store

_FACTS = ("id", "name", "task", "kind", "status")
_STATISTICS: tuple[Statistic, ...] = ("best", "last")


def summary_table(runs: Sequence[RunRow], metrics: Sequence[Metric], baseline: RunRow) -> FlatTable:
    """A row a run: who it is, the settings that differ, and of each metric the best with its step, and the last.

    `<metric>.best.difference` and `<metric>.last.difference` are to the baseline, whose own are empty.
    """
    settings = compare.settings(runs)
    columns = [
        *(Column(name, "text") for name in _FACTS),
        Column("is_baseline", "flag"),
        *(Column(f"cfg.{setting.path}", "mixed") for setting in settings),
    ]
    for metric in metrics:
        columns += [Column(f"{metric.name}.best_step", "whole")]
        for which in _STATISTICS:
            columns += [Column(f"{metric.name}.{which}", "real")]
            columns += [Column(f"{metric.name}.{which}.difference", "real")]
    return FlatTable(tuple(columns), [[_row(run, settings, metrics, baseline) for run in runs]])


def curve_table(store: Store, runs: Sequence[RunRow], metric: str) -> FlatTable:
    """A row a point of one metric of these runs, as `flat.table` has it, neither smoothed nor thinned."""
    whole = flat.table(store, runs, "metrics")
    at = [column.name for column in whole.columns].index("metric")

    def pages() -> Iterator[Sequence[Row]]:
        for page in whole.pages:
            yield [row for row in page if row[at] == metric]

    return FlatTable(whole.columns, pages())


def _row(run: RunRow, settings: Sequence[Setting], metrics: Sequence[Metric], baseline: RunRow) -> Row:
    cells = [*(getattr(run, name) for name in _FACTS), run.id == baseline.id]
    cells += [setting.values.get(run.id) for setting in settings]
    for metric in metrics:
        found = metric.summaries.get(run.id)
        cells.append(None if found is None else found.best_step)
        for which in _STATISTICS:
            value, base = metric.value(run.id, which), metric.value(baseline.id, which)
            cells += [value, None if run.id == baseline.id else _difference(value, base)]
    return tuple(cells)


def _difference(value: float | None, base: float | None) -> float | None:
    if value is None or base is None or not (math.isfinite(value) and math.isfinite(base)):
        return None
    return value - base
