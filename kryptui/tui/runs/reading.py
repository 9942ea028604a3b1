"""What the Runs page reads: the whole list when it may have changed, else only the runs in progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kryptui import config as configuration
from kryptui.errors import InputError
from kryptui.runs import compare, listing
from kryptui.runs.compare import Points
from kryptui.runs.rows import ArtifactRow, RunRow
from kryptui.runs.store import Store
from kryptui.tasks import registry
from kryptui.tell.run import loss, model
from kryptui.tui.runs.request import NEWEST, Request

WHOLE_SECONDS = 3.0
"""How often the whole list is read though nothing tells that it has changed: tags and notes leave no trace."""

_ENDS: dict[str | None, Literal["min", "max"]] = {"lower": "min", "higher": "max"}

_BY_ROW: dict[str, Callable[[RunRow], Any]] = {
    "model": model,
    "loss": loss,
    "stage": lambda run: str(run.progress.get("stage", "")),
    "epoch": lambda run: run.progress.get("epoch", -1),
    "tags": lambda run: " ".join(run.tags),
}
"""Columns that the database cannot sort by."""


Differs = tuple[tuple[str, Any, Any], ...]
"""Settings in which a run differs from a preset: path, there, here."""

Nearest = tuple[str | None, Differs]
"""The preset that differs least from a run, and in what."""


@dataclass(frozen=True)
class Detail:
    """What the pane below says of one run."""

    run: RunRow
    preset: str | None
    differs: Differs
    best: ArtifactRow | None
    headline: str


@dataclass(frozen=True)
class Listed:
    """What was read. `runs` is None where the list need not be drawn anew: `changed` then has what is newer."""

    request: Request
    total: int
    metrics: tuple[str, ...]
    known_metrics: tuple[str, ...]
    runs: Sequence[RunRow] | None = None
    changed: dict[str, RunRow] = field(default_factory=dict)
    error: str | None = None
    detail: Detail | None = None
    curves: dict[str, tuple[str, Points, Points]] = field(default_factory=dict)
    """By run id: its name, and the x and y of its headline."""
    headline: str = ""
    best: Literal["min", "max"] | None = None
    """Which end of the headline is better."""
    gone: tuple[str, ...] = ()
    """Marked runs that are on record no more, by id."""


class RunsReader:
    """Reads for the page, in the feed's thread; keeps what need not be read again."""

    def __init__(self) -> None:
        self._read: tuple[str, str] | None = None
        self._pulse: listing.Pulse | None = None
        self._due = 0.0
        self._stale = False
        self._metrics: tuple[str, ...] = ()
        self._known: tuple[str, ...] = ()
        self._presets: dict[str, dict[str, Any]] | None = None
        self._nearest: tuple[tuple[str, int], Nearest] | None = None
        self._curves: dict[str, tuple[int, tuple[str, Points, Points]]] = {}

    def forget(self) -> None:
        """The next look reads the whole list, as something was changed from here."""
        self._stale = True

    def read(self, store: Store, request: Request) -> Listed:
        """The list, or what is new in it."""
        pulse, now = listing.pulse(store), time.monotonic()
        wanted = request.filter, request.sort
        is_new = wanted != self._read or pulse != self._pulse or self._stale or now >= self._due
        runs: Sequence[RunRow] | None = None
        changed: dict[str, RunRow] = {}
        error = None
        if is_new:
            self._stale = False
            try:
                self._known = tuple(store.metric_names())
                self._metrics = tuple(shown_metrics(store, request.sort, self._known))
                runs = _sorted(store, request, self._metrics)
                self._read, self._pulse = wanted, pulse
            except InputError as problem:
                error = str(problem)
            took = time.monotonic() - now
            self._due = time.monotonic() + max(WHOLE_SECONDS, 20 * took)
        if runs is None:
            changed = {run.id: run for run in listing.live(store)}
        ids = dict.fromkeys([*request.marked, *([request.run_id] if request.run_id else [])])
        found = {run.id: run for run in listing.some(store, list(ids))}
        here = found.get(request.run_id or "")
        detail = None if here is None else self._detail(store, here)
        headline = "" if detail is None else detail.headline
        curves = self._headlines(store, request, found, headline)
        gone = tuple(run_id for run_id in request.marked if run_id not in found)
        summary = None if detail is None else detail.run.summaries.get(headline)
        best = _ENDS.get(summary.direction) if summary is not None else None
        total = pulse.runs
        return Listed(
            request, total, self._metrics, self._known, runs, changed, error, detail, curves, headline, best, gone
        )

    def _detail(self, store: Store, run: RunRow) -> Detail:
        of = run.id, run.attempt
        if self._nearest is None or self._nearest[0] != of:
            self._nearest = of, self._nearest_preset(run)
        preset, differs = self._nearest[1]
        name = _headline(run)
        headline = run.summaries.get(name)
        step = None if headline is None else headline.best_step
        files = [file for file in store.artifacts(run.id) if file.kind == "checkpoint" and file.step is not None]
        best = next((file for file in files if file.step == step), files[-1] if files else None)
        return Detail(run, preset, differs, best, name)

    def _headlines(
        self, store: Store, request: Request, found: Mapping[str, RunRow], headline: str
    ) -> dict[str, tuple[str, Points, Points]]:
        """The curves of the marked runs, or of the one under the cursor; those that have grown are read again."""
        ids = request.marked or ((request.run_id,) if request.run_id else ())
        kept = {}
        for run_id in ids:
            if run_id not in found or not headline:
                continue
            run = found[run_id]
            before = self._curves.get(run_id)
            if before is None or before[0] != run.last_seq or before[1][0] != headline:
                before = run.last_seq, (headline, *compare.series(store, run_id, headline))
            kept[run_id] = before
        self._curves = kept
        return {run_id: (found[run_id].name, x, y) for run_id, (_, (_, x, y)) in kept.items()}

    def _nearest_preset(self, run: RunRow) -> Nearest:
        """The preset of the run's task that differs least from it, and in what: path, there, here."""
        if run.kind != "train" or not run.config:
            return None, ()
        if self._presets is None:
            self._presets = _resolved_presets()
        mine = _settings(run.config)
        nearest: Nearest = None, ()
        for name, settings in self._presets.items():
            if settings.get("task.kind") != mine.get("task.kind"):
                continue
            paths = dict.fromkeys([*mine, *settings])
            differs = tuple(
                (path, settings.get(path), mine.get(path))
                for path in paths
                if settings.get(path) != mine.get(path)
            )
            if nearest[0] is None or len(differs) < len(nearest[1]):
                nearest = name, differs
        return nearest


def shown_metrics(store: Store, sort: str, known: Sequence[str]) -> list[str]:
    """The metrics that the table shows: those of the tasks on record, and the one that is sorted by."""
    names: list[str] = []
    for task in listing.tasks(store):
        try:
            spec = registry.get(task)
        except InputError:  # recorded elsewhere, or its package is not installed here
            continue
        names += [spec.headline, *spec.columns]
    key = sort.removeprefix("-").removesuffix(".best").removesuffix(".last")
    names += [key]
    return [name for name in dict.fromkeys(names) if name in known]


def _sorted(store: Store, request: Request, metrics: Sequence[str]) -> list[RunRow]:
    key = request.sort.removeprefix("-")
    if key not in _BY_ROW:
        return store.list_runs(request.filter, request.sort, None, metrics)
    runs = store.list_runs(request.filter, NEWEST, None, metrics)
    value = _BY_ROW[key]
    keyed = [(value(run), run) for run in runs]
    there = [pair for pair in keyed if pair[0] not in ("", -1)]
    there.sort(key=lambda pair: pair[0], reverse=request.sort.startswith("-"))
    return [run for _, run in there] + [run for of, run in keyed if of in ("", -1)]


def _headline(run: RunRow) -> str:
    try:
        return registry.get(run.task).headline
    except InputError:
        return next((name for name, found in run.summaries.items() if found.direction), "")


def _resolved_presets() -> dict[str, dict[str, Any]]:
    found = {}
    for name in configuration.preset_names():
        config = configuration.load(configuration.preset_path(name), registry.settings_of)
        found[name] = _settings(configuration.to_plain(config))
    return found


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    """What decides of the result, by path: not the name, nor what a machine decides."""
    aside = ("name", "device", "threads", "task.train")
    return {path: value for path, value in compare.flatten(config).items() if path not in aside}
