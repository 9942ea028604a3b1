"""The curves of the run that is watched: kept in bounded memory, put in groups, drawn over step, epoch or time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kryptui.draw.lines import Line, Points, drawable, looks
from kryptui.draw.numerals import number
from kryptui.draw.trace import Trace
from kryptui.runs.compare import Axis
from kryptui.runs.growth import Gained
from kryptui.runs.summaries import Summary

LOSS = "loss"
_ASIDE = ("lr",)  # shown in words, not as a curve unless it is asked for


@dataclass(frozen=True)
class Group:
    """Metrics that are drawn together, and the name for them; `short` names each within the group."""

    title: str
    metrics: tuple[str, ...]

    def short(self, metric: str) -> str:
        """The metric's name without what it shares with the group."""
        return metric.removeprefix(f"{self.title}_") if len(self.metrics) > 1 else metric


@dataclass(frozen=True)
class Look:
    """How curves are looked at."""

    axis: Axis = "step"
    smoothing: float = 0.6
    log_y: bool = False


class LiveCurves:
    """Every metric of one run as a trace over its steps; epochs and times are found by the step."""

    def __init__(self) -> None:
        self.traces: dict[str, Trace] = {}
        self._epochs, self._seconds = Trace(), Trace()

    def clear(self) -> None:
        """Forgets all."""
        self.__init__()  # type: ignore[misc]

    def extend(self, gained: Gained, running: Points) -> None:
        """Takes in what was read, `running` being the seconds of running at its places (M,)."""
        self._epochs.extend(gained.steps, gained.epochs)
        self._seconds.extend(gained.steps, running)
        for name, (steps, values) in gained.values.items():
            self.traces.setdefault(name, Trace()).extend(steps, values)

    @property
    def revision(self) -> int:
        """Changes with every point."""
        return sum(trace.revision for trace in self.traces.values())

    def place(self, steps: Points, axis: Axis) -> Points:
        """Where steps (N,) lie on an axis; time in seconds of running."""
        if axis == "step" or not len(self._epochs):
            return steps
        known = self._epochs if axis == "epoch" else self._seconds
        return np.interp(steps, known.x, known.mean)

    def unit(self, axis: Axis) -> tuple[float, str]:
        """By how much an axis is divided, and what it is called."""
        if axis != "time":
            return 1.0, axis
        longest = self._seconds.last if len(self._seconds) else 0.0
        return (1.0, "seconds") if longest < 300 else (60.0, "minutes") if longest < 10_800 else (3600.0, "hours")

    def lines(
        self, group: Group, look: Look, summaries: Mapping[str, Summary], smoothed: bool = False
    ) -> list[Line]:
        """The lines of a group; where it is `smoothed`, the raw values lie faint behind."""
        found = []
        unit, _ = self.unit(look.axis)
        for name, (marker, colour), trace in self._drawn(group):
            summary = summaries.get(name)
            is_smooth = smoothed and look.smoothing > 0 and len(trace) > 2
            if is_smooth:
                x, y = trace.outline()
                x, y = drawable(self.place(x, look.axis) / unit, y, log_y=look.log_y)
                found.append(Line(f"{group.short(name)} raw", "", "gray", x, y))
            x, y = (trace.x, trace.smoothed(look.smoothing)) if is_smooth else trace.outline()
            x, y = drawable(self.place(x, look.axis) / unit, y, log_y=look.log_y)
            found.append(Line(group.short(name), marker, colour, x, y, self._star(summary, look, unit)))
        return found

    def _drawn(self, group: Group) -> Iterator[tuple[str, tuple[str, str], Trace]]:
        """The metrics of a group that have points, each with its marker and colour."""
        for place, name in enumerate(group.metrics):
            trace = self.traces.get(name)
            if trace is not None and len(trace):
                yield name, looks(place), trace

    def _star(self, summary: Summary | None, look: Look, unit: float) -> tuple[float, float] | None:
        if summary is None or summary.best is None or summary.best_step is None or summary.name == LOSS:
            return None
        if look.log_y and summary.best <= 0:
            return None
        at = self.place(np.array([summary.best_step], float), look.axis) / unit
        return float(at[0]), summary.best

    def reading(self, group: Group, look: Look, x: float) -> list[tuple[str, str, str, str]]:
        """What each line of a group has nearest to `x` on the axis: marker, colour, name, value in words."""
        found = []
        unit, _ = self.unit(look.axis)
        for name, (marker, colour), trace in self._drawn(group):
            places = self.place(trace.x, look.axis) / unit
            at = int(np.abs(places - x).argmin())
            near = trace.near(float(trace.x[at]))
            assert near is not None
            _, low, mean, high = near
            words = number(mean) if low == high else f"{number(low)}–{number(high)}"
            found.append((marker, colour, group.short(name), words))
        return found

    def span(self, axis: Axis) -> tuple[float, float] | None:
        """Where the curves begin and end on an axis; None before the first point."""
        if not len(self._epochs):
            return None
        unit, _ = self.unit(axis)
        ends = self.place(self._epochs.x[[0, -1]], axis) / unit
        first = min(0.0, float(ends[0])) if axis != "step" else float(ends[0])
        return (first, float(ends[1])) if ends[1] > first else None


def groups(metrics: Sequence[str], headline: str, columns: Sequence[str]) -> list[Group]:
    """Loss, headline with what a list shows beside it, then the rest by what their names begin with.

    Of the rest, those come first that have most in common, such as distances; what stands alone comes last.
    """
    left = [name for name in metrics if name not in (LOSS, *_ASIDE)]
    found = [Group(LOSS, (LOSS,))] if LOSS in metrics else []
    leading = tuple(name for name in (headline, *columns) if name in left)
    if leading:
        found.append(Group(headline, leading))
    by_prefix: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(left) - set(leading)):
        by_prefix[name.partition("_")[0]].append(name)
    several = [Group(prefix, tuple(names)) for prefix, names in by_prefix.items() if len(names) > 1]
    alone = [Group(names[0], tuple(names)) for names in by_prefix.values() if len(names) == 1]
    aside = [Group(name, (name,)) for name in _ASIDE if name in metrics]
    return [*found, *several, *alone, *aside]
