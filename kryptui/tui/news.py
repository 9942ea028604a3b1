"""What is worth a toast: runs that ended, new bests, and values that are not numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal

from kryptui.errors import InputError
from kryptui.runs.rows import RunRow
from kryptui.spans import duration
from kryptui.tasks import registry
from kryptui.tell.run import number, seconds
from kryptui.tui.feed import Overview

Severity = Literal["information", "warning", "error"]

_LONGEST = 160


def news(before: Mapping[str, RunRow], overview: Overview) -> Iterator[tuple[str, str, Severity]]:
    """Title, text and severity of a toast for each thing that happened since `before`, runs by id."""
    for run in overview.ended:
        yield from _ended(run)
    for run in overview.live:
        known = before.get(run.id)
        if known is None:
            continue
        if run.status != known.status and run.status in ("crashed", "hung"):
            yield (
                run.name,
                f"{run.status}; see Live for what to do",
                "error" if run.status == "crashed" else "warning",
            )
        yield from _values(known, run)


def _ended(run: RunRow) -> Iterator[tuple[str, str, Severity]]:
    if run.kind != "train":
        return
    name, took = run.name, seconds(run)
    after = "" if took is None else f" after {duration(took)}"
    match run.status:
        case "finished":
            yield name, f"finished{after}{_best(run)}", "information"
        case "failed":
            why = " ".join((run.error or "").split())
            yield name, f"failed: {why[:_LONGEST]}", "error"
        case "stopped":
            yield name, f"stopped{after}; r resumes it", "warning"


def _values(before: RunRow, run: RunRow) -> Iterator[tuple[str, str, Severity]]:
    headline = headline_of(run)
    new, old = run.summaries.get(headline), before.summaries.get(headline)
    if new is not None and old is not None and new.best is not None and new.best != old.best:
        yield run.name, f"new best {headline} {number(new.best)} at step {new.best_step}", "information"
    for name, summary in run.summaries.items():
        known = before.summaries.get(name)
        was_number = known is not None and not math.isnan(known.last)
        if was_number and math.isnan(summary.last) and summary.direction is not None:
            yield run.name, f"{name} is not a number since step {summary.last_step}", "warning"


def _best(run: RunRow) -> str:
    summary = run.summaries.get(headline_of(run))
    return "" if summary is None or summary.best is None else f": best {headline_of(run)} {number(summary.best)}"


def headline_of(run: RunRow) -> str:
    """The metric that decides of a run's task; none of a task that is not installed here."""
    return headline_and_columns(run)[0]


@lru_cache
def _of_task(task: str) -> tuple[str, tuple[str, ...]]:
    try:
        spec = registry.get(task)
    except InputError:
        return "", ()
    return spec.headline, spec.columns


def headline_and_columns(run: RunRow) -> tuple[str, tuple[str, ...]]:
    """The metric that decides of a run's task, and those that a list shows beside it."""
    return _of_task(run.task)
