"""The compared runs as a legend that can be read without the plot: a row a run, with the values of one metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from kryptui.draw.grids import Label
from kryptui.draw.numerals import column, number, place
from kryptui.draw.words import STAR, clip
from kryptui.runs.compare import Statistic
from kryptui.runs.rows import RunRow
from kryptui.spans import duration
from kryptui.tell.comparison import difference, interval
from kryptui.tell.run import STATUS_MARKS, STATUS_STYLES, epochs, loss, model, seconds
from kryptui.tui.compare.reading import Compared

_LONGEST = 24

Looks = Callable[[str], tuple[str, str]]
"""The marker and the colour of a run."""


@dataclass(frozen=True)
class LegendColumn:
    """A column beside the name: its title and a text and a style for each run.

    Of those that find no room the one of the highest `rank` goes first.
    """

    title: str
    cells: Sequence[str]
    rank: int
    right: bool = True
    styles: Sequence[str] = ()


@dataclass(frozen=True)
class Legend:
    """Who is compared, in which order, and what is said of each."""

    runs: Sequence[RunRow]
    looks: Sequence[tuple[str, str]]
    columns: Sequence[LegendColumn]


def labels(runs: Sequence[RunRow], looks: Looks, length: int = _LONGEST) -> list[Label]:
    """The runs' names with their markers, and with the id where two have the same name."""
    names = [clip(run.name, length) for run in runs]
    return [
        Label(f"{name} {run.id}" if names.count(name) > 1 else name, *looks(run.id))
        for run, name in zip(runs, names, strict=True)
    ]


def legend(compared: Compared, looks: Looks, baseline: str, cursor: float | None) -> Legend:
    """A row a run; `cursor` is a place on the axis of the curves."""
    runs = compared.runs
    status = [STATUS_MARKS[run.status] for run in runs]
    styles = [STATUS_STYLES.get(run.status, "") for run in runs]
    took = [seconds(run) for run in runs]
    columns = [LegendColumn("", status, 0, right=False, styles=styles)]
    if compared.metric is not None:
        columns += _values(compared, baseline, cursor)
    columns += [
        LegendColumn("epoch", [epochs(run) for run in runs], 6),
        LegendColumn("took", ["" if value is None else duration(value) for value in took], 7),
        LegendColumn("model", [clip(model(run), _LONGEST) for run in runs], 8, right=False),
        LegendColumn("loss", [clip(loss(run), _LONGEST) for run in runs], 9, right=False),
        LegendColumn("id", [run.id for run in runs], 10, right=False, styles=["dim"] * len(runs)),
    ]
    return Legend(runs, [looks(run.id) for run in runs], [one for one in columns if any(one.cells)])


def _values(compared: Compared, baseline: str, cursor: float | None) -> list[LegendColumn]:
    metric = compared.metric
    assert metric is not None
    runs = compared.runs
    which: Statistic = "best" if metric.direction else "last"
    winners = metric.winners(which)
    values = [metric.value(run.id, which) for run in runs]
    texts = column(values)
    base = next((value for run, value in zip(runs, values, strict=True) if run.id == baseline), None)
    changes = [
        "baseline" if run.id == baseline else difference(value, base, text)
        for run, value, text in zip(runs, values, texts, strict=True)
    ]
    bold = ["bold" if run.id in winners else "" for run in runs]
    starred = [f"{text} {STAR if run.id in winners else ' '}" for run, text in zip(runs, texts, strict=True)]
    shown = [LegendColumn(f"{which} {clip(metric.name, 16)}  ", starred, 1, styles=bold)]
    bounds = [interval(compared.intervals.get((run.id, metric.name, which))) for run in runs]
    shown.append(LegendColumn("interval", bounds, 5, right=False))
    shown.append(LegendColumn("difference", changes, 2))
    if metric.direction:
        steps = [metric.summaries[run.id].best_step if run.id in metric.summaries else None for run in runs]
        shown.append(LegendColumn("at step", ["" if step is None else f"{step:,}" for step in steps], 4))
        shown.append(LegendColumn("last", column([metric.value(run.id, "last") for run in runs]), 3))
    if cursor is not None:
        found = [compared.tracks[run.id].near(cursor) if run.id in compared.tracks else None for run in runs]
        title = f"at {compared.x_label} {place(cursor)}"
        shown.append(LegendColumn(title, column(found), 0, styles=["bold"] * len(runs)))
    return shown


def title(compared: Compared, *, log: bool) -> str:
    """What the curves show, in words."""
    metric = compared.metric
    if metric is None:
        return "no metric"
    words = [clip(metric.name, 32)]
    if metric.direction:
        words.append(f"{metric.direction} is better")
    words.append(f"by {compared.x_label}")
    if log:
        words.append("log")
    if compared.wish.smoothing:
        words.append(f"smoothed {compared.wish.smoothing:g}")
    return " · ".join(words)


def readout(compared: Compared, labels: Sequence[Label], cursor: float) -> list[Text]:
    """The values at the cursor as they stand above the plot, where there is no room for names."""
    found = [compared.tracks[run.id].near(cursor) if run.id in compared.tracks else None for run in compared.runs]
    return [Text(f"at {compared.x_label} {place(cursor)}", "bold"), *_marked(labels, found)]


def lasts(compared: Compared, labels: Sequence[Label]) -> list[Text]:
    """The last values likewise."""
    found = [compared.tracks[run.id].last if run.id in compared.tracks else None for run in compared.runs]
    return [Text("last", "bold"), *_marked(labels, found)]


def _marked(labels: Sequence[Label], values: Sequence[float | None]) -> Iterator[Text]:
    for label, value in zip(labels, values, strict=True):
        text = Text(label.marker, label.colour)
        yield text.append(f" {number(value)}", "dim default" if value is None else "bold default")
