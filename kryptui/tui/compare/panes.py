"""What stands in the panes of the Compare page beside the curves: each as a key and how it is drawn."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from kryptui.draw.console import Drawing
from kryptui.draw.grids import Label, draw_grid
from kryptui.draw.words import STAR, clip, heading
from kryptui.runs.compare import Setting
from kryptui.tell import comparison, evaluations
from kryptui.tell.evaluations import Told
from kryptui.tui.compare.reading import Compared
from kryptui.tui.widgets.drawn_view import Draw

Pane = tuple[Any, Draw]
"""What it is of, by which it is told whether it must be drawn anew, and how it is drawn."""


def titles(compared: Compared, *, everything: bool, pictures: str) -> dict[str, str]:
    """What the list of runs and the panes are called, by their ids."""
    differing, every = len(compared.differing), len(compared.settings)
    return {
        "legend": f"{len(compared.runs)} runs",
        "settings": f"all {every} settings" if everything else f"{differing} of {every} settings differ",
        "figures": f"{compared.wish.which} evaluations",
        "pictures": pictures,
    }


def metrics(compared: Compared, labels: Sequence[Label], baseline: str) -> Pane:
    """Best and last of every metric, the better ones starred, and differences to the baseline."""
    at = next((place for place, run in enumerate(compared.runs) if run.id == baseline), 0)

    def draw(width: int) -> RenderableType:
        parts: list[RenderableType] = list(comparison.warning_lines(compared.runs))
        if not compared.metrics:
            return Drawing(Group(*parts, Text("no metric on record yet", "dim")))
        base = labels[at]
        note = Text().append(f"{STAR} best · differences to ", "dim").append(base.marker, base.colour)
        grid = comparison.metrics_grid(compared.runs, labels, compared.metrics, at, compared.intervals)
        return Drawing(Group(*parts, note.append(f" {clip(base.name, 24)}"), draw_grid(None, "", grid, width)))

    return (compared.wish.ids, [run.last_seq for run in compared.runs], labels, baseline), draw


def settings(compared: Compared, labels: Sequence[Label], head: str, *, everything: bool, around: bool) -> Pane:
    """The settings that differ, or all, under a line; on demand also what the runs ran on."""

    def draw(width: int) -> RenderableType:
        runs = compared.runs
        parts: list[RenderableType] = list(comparison.warning_lines(runs))
        if head:
            parts.append(Text(head, "dim"))
        shown = compared.settings if everything else compared.differing
        if shown:
            parts.append(_grid(compared, labels, shown, width))
        elif not compared.settings:
            parts.append(Text("no settings on record", "dim"))
        parts += comparison.alien_lines(runs)
        if around:
            parts += [Text(""), heading("what they ran on", "", width)]
            if compared.around:
                parts.append(_grid(compared, labels, compared.around, width))
            else:
                parts.append(Text("no difference is known", "dim"))
        return Drawing(Group(*parts))

    attempts = [(run.id, run.attempt, run.config_json, run.data_hash) for run in compared.runs]
    return (attempts, labels, head, everything, around), draw


def figures(compared: Compared, labels: Sequence[Label]) -> Pane:
    """The evaluations' curves, histograms, matrices and tables."""
    told = _told(compared, labels)
    return _key(compared, labels), lambda width: evaluations.draw_figures(told, width)


def pictures(compared: Compared, labels: Sequence[Label], title: str | None, head: str) -> Pane:
    """The evaluations' pictures of one title, under a line."""
    told = _told(compared, labels)

    def draw(width: int) -> RenderableType:
        if title is None:
            return Text("no pictures on record: none of these evaluations has any", "dim")
        return evaluations.draw_sheets(told, title, width, head)

    return (_key(compared, labels), title, head), draw


def sheet_titles(compared: Compared, labels: Sequence[Label]) -> list[str]:
    """The titles of the pictures that there are."""
    return evaluations.sheet_titles(_told(compared, labels))


def _grid(compared: Compared, labels: Sequence[Label], shown: Sequence[Setting], width: int) -> RenderableType:
    return draw_grid(None, "", comparison.settings_grid(compared.runs, labels, shown), width)


def _told(compared: Compared, labels: Sequence[Label]) -> list[Told]:
    here = socket.gethostname()
    found = []
    for run, label in zip(compared.runs, labels, strict=True):
        stored = compared.evaluations[run.id]
        kept = () if stored.row is None else stored.row.figures
        found.append(Told(label, stored.words, kept, run.workspace, "" if run.host == here else run.host or ""))
    return found


def _key(compared: Compared, labels: Sequence[Label]) -> Any:
    stored = [compared.evaluations[run.id] for run in compared.runs]
    shown = [(one.words, None if one.row is None else one.row.seq) for one in stored]
    return [run.id for run in compared.runs], shown, labels
