"""Runs as people and programs read them: lines in a list, the facts of one, a table at the end, a JSON object."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kryptui.draw.numerals import NOTHING, column
from kryptui.draw.words import clean, line, pad
from kryptui.runs.explain import age, explain
from kryptui.runs.rows import ArtifactRow, RunRow
from kryptui.runs.status import WITH_PROCESS
from kryptui.spans import duration

STATUS_MARKS = {
    "queued": "…",
    "running": "▶",
    "paused": "‖",
    "finished": "✓",
    "stopped": "■",
    "failed": "✗",
    "crashed": "☠",
    "hung": "?",
}

STATUS_STYLES = {"running": "green", "failed": "red", "crashed": "red", "hung": "yellow", "paused": "yellow"}

_GAP = 2
_NAME = 24  # cells that a name gets before what is less important
_LONGEST_NAME = 48
_LONGEST = 24  # of a model, a loss or tags


def run_json(run: RunRow) -> dict[str, Any]:
    """A run as plain JSON types: the shape that every --json output has for a run.

    id, name, kind, task, status, attempt, tags, note, error, created, started, ended (seconds since 1970),
    seconds (see `seconds`), host, workspace, parent, progress, config_hash, data_hash, and metrics: name -> last,
    best, best_step.
    """
    return {
        "id": run.id,
        "name": run.name,
        "kind": run.kind,
        "task": run.task,
        "status": run.status,
        "attempt": run.attempt,
        "tags": list(run.tags),
        "note": run.note,
        "error": run.error,
        "created": run.created,
        "started": run.started,
        "ended": run.ended,
        "seconds": seconds(run),
        "host": run.host,
        "workspace": run.workspace,
        "parent": run.parent,
        "progress": run.progress,
        "config_hash": run.config_hash,
        "data_hash": run.data_hash,
        "metrics": {
            name: {"last": finite(found.last), "best": finite(found.best), "best_step": found.best_step}
            for name, found in sorted(run.summaries.items())
        },
    }


def finite(value: float | None) -> float | None:
    """JSON has no NaN: null stands for it."""
    return value if value is not None and math.isfinite(value) else None


def seconds(run: RunRow) -> float | None:
    """From a run's first start to its end, or to its last sign of life; None before that and in the queue."""
    until = run.heartbeat if run.ended is None else run.ended
    if run.status == "queued" or run.started is None or until is None:
        return None
    return max(0.0, until - run.started)


def epochs(run: RunRow) -> str:
    """How far the running stage is, such as 3/5; nothing for a run that has no epochs."""
    progress = run.progress
    return f"{progress['epoch']}/{progress['epochs']}" if {"epoch", "epochs"} <= progress.keys() else ""


@dataclass(frozen=True)
class _Column:
    """A column of the list; of those that find no room, the one of the highest `rank` goes first."""

    name: str
    cells: list[str]
    rank: int
    right: bool = False

    @cached_property
    def width(self) -> int:
        return max(cell_len(self.name), *map(cell_len, self.cells))


def run_list(runs: Sequence[RunRow], metrics: Sequence[str], sort: str, width: int) -> Iterator[Text]:
    """A line of names, then one a run: as many columns as `width` holds, the most telling first."""
    if not runs:
        return
    names = [clean(run.name) for run in runs]
    columns = [_marked(entry, sort) for entry in _columns(runs, metrics) if any(entry.cells)]
    natural = max(map(cell_len, names))
    room = width - 2 - min(natural, _NAME)  # beside the mark and the name
    kept = []
    for entry in sorted(columns, key=lambda entry: entry.rank):
        if entry.width + _GAP <= room:
            room -= entry.width + _GAP
            kept.append(entry)
    shown = [entry for entry in columns if entry in kept]
    size = min(natural, _LONGEST_NAME, min(natural, _NAME) + room)
    heads = [pad("name", max(size, 4)), *(pad(entry.name, entry.width, right=entry.right) for entry in shown)]
    yield line("  ").append((" " * _GAP).join(heads).rstrip(), "dim")
    for place, run in enumerate(runs):
        text = line().append(STATUS_MARKS[run.status], STATUS_STYLES.get(run.status, ""))
        text.append(" ").append(pad(names[place], max(size, 4)))
        for entry in shown:
            cell = pad(entry.cells[place] or NOTHING, entry.width, right=entry.right)
            is_status = entry.name.startswith("status")
            style = STATUS_STYLES.get(run.status, "") if is_status else "" if entry.cells[place] else "dim"
            text.append(" " * _GAP).append(cell, style)
        text.rstrip()
        yield text


def _marked(entry: _Column, sort: str) -> _Column:
    """The column, its name with an arrow where the list is sorted by it."""
    if entry.name != sort.removeprefix("-"):
        return entry
    return replace(entry, name=f"{entry.name}{'▼' if sort.startswith('-') else '▲'}")


def _columns(runs: Sequence[RunRow], metrics: Sequence[str]) -> list[_Column]:
    """Every column that a list can have, from left to right."""
    kinds = [run.kind for run in runs]
    took = [seconds(run) for run in runs]
    columns = [
        _Column("id", [run.id for run in runs], 0),
        _Column("status", [run.status for run in runs], 1),
        _Column("kind", kinds if set(kinds) != {"train"} else [""], 4),
        _Column("model", [_clipped(model(run)) for run in runs], 13),
        _Column("loss", [_clipped(loss(run)) for run in runs], 12),
        _Column("stage", [_clipped(str(run.progress.get("stage", ""))) for run in runs], 11),
        _Column("epoch", [epochs(run) for run in runs], 3, right=True),
    ]
    for place, name in enumerate(metrics):
        found = [run.summaries.get(name) for run in runs]
        values = column([None if summary is None else summary.headline for summary in found])
        cells = ["" if summary is None else value for summary, value in zip(found, values, strict=True)]
        columns.append(_Column(name, cells, 2 if place == 0 else 7 + min(place, 3), right=True))
    return [
        *columns,
        _Column("took", ["" if value is None else duration(value) for value in took], 6, right=True),
        _Column("age", [age(run.created, run.read) for run in runs], 5, right=True),
        _Column("tags", [_clipped(",".join(run.tags)) for run in runs], 7),
    ]


def _clipped(text: str) -> str:
    return pad(text, _LONGEST).rstrip()


def model(run: RunRow) -> str:
    model = run.config.get("model")
    return str(model.get("backbone") or "") if isinstance(model, dict) else ""


def loss(run: RunRow) -> str:
    """The kinds of the losses of a task that has any, such as `triplet+arcface`."""
    task = run.config.get("task")
    losses = task.get("losses") if isinstance(task, dict) else None
    found = losses if isinstance(losses, list) else []
    return "+".join(str(loss["kind"]) for loss in found if isinstance(loss, dict) and "kind" in loss)


def facts(run: RunRow, parent: RunRow | None) -> Iterator[RenderableType]:
    """What `runs show` says of a run before its metrics: its status in words, and what is known of it."""
    style = STATUS_STYLES.get(run.status, "")
    yield Text.assemble((f"{STATUS_MARKS[run.status]} ", style), (clean(run.name), "bold"), f"  {run.id}")
    yield Text(f"{run.status}: {explain(run)}".replace("; ", ";\n  "), style=style)
    yield Text("")
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    rows = {
        "task": f"{run.task} ({run.kind}){attempt}",
        "progress": progress(run),
        "device": " on ".join(str(word) for word in (run.env.get("device"), run.host) if word),
        "code": code(run),
        "folder": run.workspace,
        "when": _when(run),
        "tags": ", ".join(run.tags),
        "note": run.note or "",
        "parent": f"{parent.name} ({parent.id})" if parent is not None else "",
        "error": run.error or "",
    }
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, text in rows.items():
        if text:
            lines = "\n".join(map(clean, text.splitlines()))
            grid.add_row(name, Text(lines, style="red" if name == "error" else ""))
    yield grid
    yield Text("")


def progress(run: RunRow) -> str:
    """How far a training run is or came, and how fast it goes while it does."""
    at = run.progress
    words = [f"{at['stage']} {epochs(run)}"] if epochs(run) and "stage" in at else []
    if {"step", "total"} <= at.keys():
        share = f" ({100 * at['step'] // at['total']} %)" if at["total"] else ""
        words.append(f"step {at['step']:,} of {at['total']:,}{share}")
    if run.status == "running":
        if at.get("images_per_second"):
            words.append(f"{at['images_per_second']:,.0f} img/s")
        if at.get("seconds_left"):
            words.append(f"left {duration(at['seconds_left'])}")
        if at.get("to_evaluate", 0) > at.get("evaluated", 0):
            words.append(f"evaluates {at['evaluated']:,} of {at['to_evaluate']:,}")
    return " · ".join(words)


def code(run: RunRow) -> str:
    git = run.env.get("git")
    if not isinstance(git, dict) or "commit" not in git:
        return ""
    return f"commit {str(git['commit'])[:10]}{' and changes' if git.get('changed') else ''}"


def _when(run: RunRow) -> str:
    moments = (("created", run.created), ("started", run.started), ("ended", run.ended))
    words = [f"{name} {local(moment)}" for name, moment in moments if moment is not None]
    took = seconds(run)
    if took is not None:
        since = " since its first start" if run.attempt > 1 else ""
        going = run.status in WITH_PROCESS
        words.append(f"{duration(took)} so far" if going else f"took {duration(took)}{since}")
    return " · ".join(words)


def file_line(file: ArtifactRow) -> Text:
    """A file of a run: its whole path first, so that it can be copied, then kind, step and size."""
    step = [] if file.step is None else [f"step {file.step}"]
    size = [] if file.bytes is None else [_size(file.bytes)]
    return Text.assemble(clean(file.path), ("  " + ", ".join([clean(file.kind), *step, *size]), "dim"))


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size:,} B"


def local(moment: float) -> str:
    """A moment in this place's time, to the second."""
    return datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M:%S")


def metric_table(run: RunRow) -> Table:
    """Best and last of every metric."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, justify in (("metric", "left"), ("best", "right"), ("at step", "right"), ("last", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for name, found in sorted(run.summaries.items()):
        at = "" if found.best_step is None else str(found.best_step)
        table.add_row(Text(clean(name)), number(found.best), at, number(found.last))
    return table


def number(value: float | None) -> str:
    """Four significant digits, a dash for nothing, n/a for what is not a number."""
    if value is None:
        return "-"
    return f"{value:.4g}" if math.isfinite(value) else "n/a"


def ending(run: RunRow, folder: Path) -> RenderableType:
    """What stands at the end of a training run: how it went, where things are, what to do next."""
    took = duration(seconds(run) or 0) + (" since its first start" if run.attempt > 1 else "")
    title = f"\n{STATUS_MARKS[run.status]} {clean(run.name)} ({run.id}) {run.status} after {took}\n"
    paths = [f"\ncheckpoint  {folder / 'best'}", f"record      kryptui runs show {run.id}"]
    if run.status == "finished":
        paths.append(f"submit      kryptui submit {run.id} --test DIR -o submission.csv")
    else:
        paths.append(f"go on       kryptui run --headless --resume {run.id}")
    return Group(Text(title), metric_table(run), *(Text(path, no_wrap=True, overflow="ignore") for path in paths))
