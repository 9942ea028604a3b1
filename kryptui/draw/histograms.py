"""Histograms: a strip of bars for each group above one common axis, so that groups compare without colour."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from kryptui.draw.axes import LARGEST, Scale, below, beside, rule
from kryptui.draw.grids import Label
from kryptui.draw.numerals import count, tick_labels
from kryptui.draw.words import COLOURS, clip, heading, line, nothing_here, pad
from kryptui.figures import Histogram

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_WIDEST_BAR = 6
_NAME = 14
_WIDEST_COUNT = 7
_STRIP = 2  # lines of a strip where there are several histograms


def draw_histogram(histogram: Histogram, width: int) -> RenderableType:
    """Bars of eighth blocks; each group is scaled to its own highest bar, whose count stands at its axis.

    Bins that are empty in all groups at either end are cut off, neighbours are merged where bins outnumber
    cells, and a count above zero always shows.
    """
    shown = {name: counts for name, counts in histogram.counts.items() if any(counts)}
    empty = [name for name in histogram.counts if name not in shown]
    if not shown:
        return nothing_here(histogram.title, width)
    longest = max(max(cell_len(name), len(_size(counts))) for name, counts in shown.items())
    names = min(longest, _NAME, width // 4)
    edges, shown = _fitted(histogram.edges, shown, max(width - names - _WIDEST_COUNT - 2, 4))
    peaks = max(len(count(max(counts))) for counts in shown.values())
    indent = names + 1 + peaks + 1
    bins = len(edges) - 1
    bar = max(1, min(_WIDEST_BAR, (width - indent) // bins))
    ticks = _ticks(edges, bar)
    height = 5 if len(shown) == 1 else 3
    lines: list[Text] = []
    for index, (name, counts) in enumerate(shown.items()):
        colour = COLOURS[index % len(COLOURS)]
        rows = [line(row, colour) for row in _bars(counts, bar, height)]
        peak = count(max(counts)).rjust(peaks)
        sides = [pad(name, names), pad(_size(counts), names), *[" " * names] * (height - 2)]
        for side, row in zip(sides, beside(rows, {0: peak, height - 1: "0".rjust(peaks)}), strict=True):
            style = "bold" if side is sides[0] else "dim"
            lines.append(line().append(side + " ", style).append_text(row))
        if index < len(shown) - 1:
            lines.append(rule(bins * bar, ticks, indent))
    lines += below(bins * bar, ticks, histogram.x_label, indent)
    note = f"none: {', '.join(empty)}" if empty else ""
    return Group(heading(histogram.title, note, width), *lines)


def draw_histograms(title: str, named: Sequence[tuple[Label, Histogram]], width: int) -> RenderableType:
    """Several histograms of one thing, one below the other, over one common axis.

    Their bins may differ: a bar is as high as the bin it lies in, or as the mean of those that it covers. Beside
    each strip stands how much it counts, and the count of its fullest bin.
    """
    drawn = [(label, histogram) for label, histogram in named if _is_drawable(histogram)]
    if not drawn:
        return nothing_here(title, width)
    ends = [_filled_ends(histogram) for _, histogram in drawn]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    groups = {name: counts for _, histogram in drawn for name, counts in histogram.counts.items()}
    names = min(max(max(cell_len(name), len(_size(counts))) for name, counts in groups.items()), _NAME, width // 4)
    peaks = max(len(count(max(counts, default=0))) for _, entry in drawn for counts in entry.counts.values())
    indent = names + 1 + peaks + 1
    room = max(width - indent, 4)
    scale = Scale.over(low, high)
    values = scale.ticks(max(2, room // 12))
    columns = [min(int(scale.place(value) * room), room - 1) for value in values]
    ticks = dict(zip(columns, tick_labels(values), strict=True))
    lines: list[Text] = []
    for label, histogram in drawn:
        lines.append(line().append(label.marker, label.colour).append(f" {clip(label.name, width - 2)}", "bold"))
        for name, counts in histogram.counts.items():
            if any(counts):
                bars = _bars(_over(histogram.edges, counts, scale, room), 1, _STRIP)
                rows = [line(row, label.colour) for row in bars]
                peak = count(max(counts)).rjust(peaks)
                for side, row in zip((name, _size(counts)), beside(rows, {0: peak}), strict=True):
                    text = line().append(pad(side, names) + " ", "" if side is name else "dim")
                    lines.append(text.append_text(row))
        lines.append(rule(room, ticks, indent))
    lines[-1:] = below(room, ticks, drawn[0][1].x_label, indent)
    nothing = [label.name for label, histogram in named if not _is_drawable(histogram)]
    note = f"none: {', '.join(nothing)}" if nothing else ""
    return Group(heading(title, note, width), *lines)


def _is_drawable(histogram: Histogram) -> bool:
    edges = histogram.edges
    rising = len(edges) > 1 and all(map(math.isfinite, edges)) and all(a < b for a, b in pairwise(edges))
    bins = len(edges) - 1
    return rising and all(len(counts) == bins for counts in histogram.counts.values()) and _is_filled(histogram)


def _is_filled(histogram: Histogram) -> bool:
    return any(any(counts) for counts in histogram.counts.values())


def _filled_ends(histogram: Histogram) -> tuple[float, float]:
    """Where its first bin begins that holds something in any group, and its last one ends."""
    bins = len(histogram.edges) - 1
    filled = [at for at in range(bins) if any(counts[at] for counts in histogram.counts.values())]
    return histogram.edges[filled[0]], histogram.edges[filled[-1] + 1]


def _over(edges: list[float], counts: list[int], scale: Scale, cells: int) -> list[float]:
    """The mean height of a histogram over each cell of a scale, nothing beyond its own ends."""
    areas = [0.0, *accumulate(many * (b - a) for many, (a, b) in zip(counts, pairwise(edges), strict=True))]

    def area(x: float) -> float:
        at = bisect_right(edges, x) - 1
        if at < 0:
            return 0.0
        return areas[at] + (counts[at] * (x - edges[at]) if at < len(counts) else 0.0)

    size = scale.span / cells
    places = [area(scale.start + cell * size) for cell in range(cells + 1)]
    least = 1e-9 * areas[-1]  # what rounding leaves of nothing
    return [(right - left) / size if right - left > least else 0.0 for left, right in pairwise(places)]


def _size(counts: list[int]) -> str:
    return f"n {count(sum(counts))}"


def _fitted(
    edges: list[float], groups: dict[str, list[int]], room: int
) -> tuple[list[float], dict[str, list[int]]]:
    """Edges and counts without empty ends, merged to at most `room` bins."""
    filled = [index for index in range(len(edges) - 1) if any(counts[index] for counts in groups.values())]
    first, last = filled[0], filled[-1]
    together = -(-(last - first + 1) // room)
    starts = range(first, last + 1, together)
    merged = {
        name: [sum(counts[i : min(i + together, last + 1)]) for i in starts] for name, counts in groups.items()
    }
    return [edges[i] for i in starts] + [edges[min(starts[-1] + together, len(edges) - 1)]], merged


def _bars(counts: Sequence[float], bar: int, height: int) -> list[str]:
    highest = max(counts)
    eighths = [max(1, round(here * height * 8 / highest)) if here else 0 for here in counts]
    # Bars wider than two cells stand apart.
    ink, gap = (bar - 1, " ") if bar > 2 else (bar, "")
    return [
        "".join(_EIGHTHS[max(0, min(8, level - 8 * floor))] * ink + gap for level in eighths)
        for floor in range(height - 1, -1, -1)
    ]


def _ticks(edges: list[float], bar: int) -> dict[int, str]:
    """Labels by column: round values where bins are even, else some of the edges."""
    bins = len(edges) - 1
    width = bins * bar
    if not all(map(math.isfinite, edges)):
        return {}
    low, high = max(edges[0], -LARGEST), min(edges[-1], LARGEST)
    steps = [after - before for before, after in pairwise(edges)]
    scale = Scale.over(low, high)
    # The last bin may be a merger of fewer; what lies before it decides.
    even = 0 < steps[-1] <= steps[0] * 1.001 and all(math.isclose(s, steps[0], rel_tol=1e-3) for s in steps[:-1])
    if even and scale.start == low:
        one = bins * steps[0]
        values = [v for v in scale.ticks(max(2, width // 6)) if v - low <= one * (1 - 1e-9)]
        # A bin from 3 to 4 of counted things holds the threes: its label stands below its middle.
        middle = (bar - 1) // 2 if steps[0] == 1 and low == round(low) else 0
        columns = [min(round((value - low) / steps[0] * bar) + middle, width - 1) for value in values]
    else:
        every = -(-bins * 8 // width) if width else 1
        values = edges[:: max(every, 1)]
        columns = [min(index * max(every, 1) * bar, width - 1) for index in range(len(values))]
    return {column: clip(label, 10) for column, label in zip(columns, tick_labels(values), strict=True)}
