"""What the Runs page reads: the whole list when it may have changed, else only the runs in progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from kryptui import config as configuration
from kryptui.errors import InputError
from kryptui.runs import listing, query
from kryptui.runs.rows import ArtifactRow, RunRow
from kryptui.runs.store import Store
from kryptui.tasks import registry
from kryptui.tell.run import loss, model
from kryptui.tui.runs.request import NEWEST, Request

if TYPE_CHECKING:
    from kryptui.runs.compare import Points

WHOLE_SECONDS = 3.0
"""How often the whole list is read though nothing tells that it has changed: tags and notes leave no trace."""

FIRST_RUNS = 200
"""How many runs are read before all of them are, so that there is something to see at once."""

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
    more: bool = False
    """Whether `runs` are but the first ones."""


class RunsReader:
    """Reads for the page, in the feed's thread; keeps what need not be read again."""

    def __init__(self) -> None:
        self._read: tuple[str, str] | None = None
        self._pulse: listing.Pulse | None = None
        self._rows: dict[str, RunRow] = {}
        self._due = 0.0
        self._stale = False
        self._metrics: tuple[str, ...] = ()
        self._known: tuple[str, ...] = ()
        self._tasks: list[str] = []
        self._presets: dict[str, dict[str, Any]] | None = None
        self._nearest: tuple[tuple[str, int], Nearest] | None = None
        self._curves: dict[str, tuple[int, tuple[str, Points, Points]]] = {}

    def forget(self) -> None:
        """The next look reads the whole list, as something was changed from here."""
        self._stale = True

    def read(self, store: Store, request: Request) -> Listed:
        """The list, or what is new in it."""
        pulse = listing.pulse(store)
        is_old = pulse != self._pulse or self._stale or time.monotonic() >= self._due
        wanted = request.filter, request.sort
        changed = {run.id: run for run in listing.live(store)}
        runs: Sequence[RunRow] | None = None
        error, more = None, False
        if is_old or wanted != self._read:
            try:
                runs, more = self._list(store, request, pulse, changed, is_old)
                self._read = wanted
            except InputError as problem:
                error = str(problem)
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
            request,
            total,
            self._metrics,
            self._known,
            runs,
            changed,
            error,
            detail,
            curves,
            headline,
            best,
            gone,
            more,
        )

    def _list(
        self, store: Store, request: Request, pulse: listing.Pulse, live: Mapping[str, RunRow], is_old: bool
    ) -> tuple[list[RunRow], bool]:
        """The runs that are wanted, in order, and whether a better answer is worth asking for at once."""
        if is_old:
            self._known, self._tasks = tuple(store.metric_names()), listing.tasks(store)
        before, self._metrics = self._metrics, tuple(shown_metrics(self._tasks, request.sort, self._known))
        if self._read is None and _key(request) not in _BY_ROW:
            runs = store.list_runs(request.filter, request.sort, FIRST_RUNS, self._metrics)
            if len(runs) == FIRST_RUNS:
                return runs, True
        # Another order or filter is answered at once from what is known, though that is old.
        can_wait = (request.filter, request.sort) != self._read and bool(self._rows)
        if before != self._metrics or (is_old and not can_wait):
            self._read_all(store, pulse)
            is_old = False
        self._rows |= {run_id: run for run_id, run in live.items() if run_id in self._rows}
        return _chosen(store, request, self._rows), is_old

    def _read_all(self, store: Store, pulse: listing.Pulse) -> None:
        began = time.monotonic()
        self._rows = {run.id: run for run in store.list_runs("", NEWEST, None, self._metrics)}
        self._pulse, self._stale, now = pulse, False, time.monotonic()
        self._due = now + max(WHOLE_SECONDS, 20 * (now - began))

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
        if not ids or not headline:
            return {}
        from kryptui.runs import compare  # and numpy: a list can be seen before

        kept = {}
        for run_id in ids:
            if run_id not in found:
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


def shown_metrics(tasks: Sequence[str], sort: str, known: Sequence[str]) -> list[str]:
    """The metrics that the table shows: those of the tasks on record, and the one that is sorted by."""
    names: list[str] = []
    for task in tasks:
        try:
            spec = registry.get(task)
        except InputError:  # recorded elsewhere, or its package is not installed here
            continue
        names += [spec.headline, *spec.columns]
    key = sort.removeprefix("-").removesuffix(".best").removesuffix(".last")
    names += [key]
    return [name for name in dict.fromkeys(names) if name in known]


def _chosen(store: Store, request: Request, runs: Mapping[str, RunRow]) -> list[RunRow]:
    """Those of the runs that are wanted, in order: the database says which, and need not send them again."""
    parsed = query.parse(request.filter)
    ids = store.order_runs(request.filter, NEWEST if _key(request) in _BY_ROW else request.sort)
    found = [runs[run_id] for run_id in ids if run_id in runs]
    if not query.in_sql_alone(parsed):
        found = [run for run in found if query.matches(parsed, run)]
    return _by_row(request, found) if _key(request) in _BY_ROW else found


def _by_row(request: Request, runs: Sequence[RunRow]) -> list[RunRow]:
    """Sorted by what the database cannot sort by; runs that have none of it stand last."""
    value = _BY_ROW[_key(request)]
    keyed = [(value(run), run) for run in runs]
    there = [pair for pair in keyed if pair[0] not in ("", -1)]
    there.sort(key=lambda pair: pair[0], reverse=request.sort.startswith("-"))
    return [run for _, run in there] + [run for of, run in keyed if of in ("", -1)]


def _key(request: Request) -> str:
    return request.sort.removeprefix("-")


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
    from kryptui.runs import compare

    aside = ("name", "device", "threads", "task.train")
    return {path: value for path, value in compare.flatten(config).items() if path not in aside}
