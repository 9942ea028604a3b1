"""Choosing which metric of compared runs is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kryptui.draw.words import clip
from kryptui.tui.dialogs import Choice, Choose

if TYPE_CHECKING:
    from kryptui.runs.compare import Metric
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.compare.reading import Compared


def choose(app: KryptuiApp, compared: Compared, chosen: Callable[[str], object]) -> None:
    """Asks for one of the metrics that the runs have recorded; calls `chosen` with its name."""
    if compared.metric is None:
        return
    names = [metric.name for metric in compared.metrics]
    choices = [
        Choice(str(at), clip(metric.name, 32), _about(metric, len(compared.runs)))
        for at, metric in enumerate(compared.metrics)
    ]

    def answered(answer: str | None) -> None:
        if answer is not None:
            chosen(names[int(answer)])

    start = str(names.index(compared.metric.name))
    app.push_screen(Choose("Draw which metric?", choices, start=start), answered)


def _about(metric: Metric, runs: int) -> str:
    better = f"{metric.direction} is better" if metric.direction else ""
    some = "" if len(metric.summaries) == runs else f"{len(metric.summaries)} of {runs} runs"
    return " · ".join(filter(None, (better, some)))
