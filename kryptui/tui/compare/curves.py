"""One metric of several runs over each other: on which scale, how much of it, and what is read at a place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from kryptui.tui.widgets.plot_view import PlotView, Shown

if TYPE_CHECKING:
    from kryptui.draw.grids import Label
    from kryptui.draw.lines import Line
    from kryptui.tui.compare.reading import Compared

_RAW_BESIDE = 4  # smoothed curves beside which the raw ones can still be told apart


class ComparisonCurves(PlotView, can_focus=True):
    """The plot, with the cursor and the part of the axis that belong to it."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._compared: Compared | None = None
        self._labels: Sequence[Label] = ()
        self.log_scale = False
        """Whether the scale is logarithmic."""
        self.cursor: float | None = None
        """The place on the axis at which values are read."""
        self.window: tuple[float, float] | None = None
        """The part of the axis that is seen, where it is not all."""

    def show(self, compared: Compared, labels: Sequence[Label]) -> None:
        """Draws a comparison."""
        before = self._compared
        if before is not None and (before.metric is None or compared.metric is None or (
            before.metric.name, before.x_label) != (compared.metric.name, compared.x_label)):  # fmt: skip
            self.cursor = self.window = None
        self._compared, self._labels = compared, labels
        self.draw()

    def draw(self) -> None:
        """Draws as it is looked at now."""
        from kryptui.tui.compare import rows

        compared = self._compared
        if compared is None:
            return
        title = rows.title(compared, log=self.log_scale)
        self.border_title = title
        has_frame = bool(self.styles.border_top[0])
        if self.cursor is not None:
            readout = rows.readout(compared, self._labels, self.cursor)
        else:
            readout = self._legend_line(compared) if has_frame else [Text(title, "dim")]
        note = "no metric on record yet"
        if compared.metric is not None:
            note = "nothing above 0 for a logarithmic scale" if self.log_scale else "no value that can be drawn"
        label = compared.x_label if has_frame else ""
        self.shown = Shown(self._lines(compared), label, self.log_scale, self.window, self.cursor, note, readout)

    def _legend_line(self, compared: Compared) -> list[Text]:
        """Nothing where names and last values fit; else the values alone: the names stand in the list of runs."""
        from kryptui.tui.compare import rows

        entries = rows.lasts(compared, self._labels)
        names = sum(len(label.name) + 3 for label in self._labels)
        room = self.size.width - sum(entry.cell_len + 3 for entry in entries[1:])
        return [] if names <= room else entries

    def _lines(self, compared: Compared) -> list[Line]:
        from kryptui.draw.lines import Line, drawable

        found = []
        for run, label in zip(compared.runs, self._labels, strict=True):
            track = compared.tracks.get(run.id)
            if track is None:
                continue
            star = None if track.star is None or (self.log_scale and track.star[1] <= 0) else track.star
            points = drawable(track.x, track.y, log_y=self.log_scale)
            if compared.wish.smoothing:
                if len(compared.tracks) <= _RAW_BESIDE:
                    found.append(Line(label.name, "", "gray", *points))
                points = drawable(track.at, track.smooth, log_y=self.log_scale)
            found.append(Line(label.name, label.marker, label.colour, *points, star=star))
        return found

    # Looking closer

    def move(self, by: int) -> None:
        """Reads at the next place that has a value, so many columns on; at first at the last one."""
        import numpy as np

        ends = self._ends()
        if self._compared is None or ends is None:
            return
        low, high = self.window or ends
        places = np.unique(np.concatenate([track.at for track in self._compared.tracks.values()]))
        places = places[(places >= low) & (places <= high)]
        if not len(places):
            return
        if self.cursor is None:
            at = len(places) - 1
        else:
            wanted = self.cursor + by * (high - low) / max(self.size.width, 1)
            at = int(np.searchsorted(places, wanted, side="left" if by > 0 else "right")) - (by < 0)
        self.cursor = float(places[max(0, min(at, len(places) - 1))])

    def zoom(self, factor: float) -> None:
        """Shows so much more or less of the axis, about the cursor or else towards its end."""
        ends = self._ends()
        if ends is None:
            return
        low, high = self.window or ends
        span = (high - low) * factor
        if span >= ends[1] - ends[0]:
            self.window = None
        elif span > 1e-6 * (ends[1] - ends[0]):
            middle = (low + high) / 2 if factor > 1 else high if self.cursor is None else self.cursor
            start = max(ends[0], min(middle - span / 2, ends[1] - span))
            self.window = start, start + span

    def back(self) -> bool:
        """Ends reading, else zooming; whether there was either."""
        found = self.cursor is not None or self.window is not None
        if self.cursor is not None:
            self.cursor = None
        else:
            self.window = None
        return found

    def _ends(self) -> tuple[float, float] | None:
        """Where the first curve begins and the last one ends."""
        tracks = () if self._compared is None else self._compared.tracks.values()
        places = [track.at for track in tracks if len(track.at)]
        return (min(float(at[0]) for at in places), max(float(at[-1]) for at in places)) if places else None
