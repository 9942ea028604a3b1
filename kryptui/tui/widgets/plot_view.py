"""Curves in a pane: legend, plot and axis, redrawn only when what they show has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.text import Text
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from kryptui.draw.curves import legend_entry
from kryptui.draw.lines import Line, plot
from kryptui.draw.words import line


@dataclass(frozen=True)
class Shown:
    """What is to be seen: lines, the axes, the part of x that is looked at, and a cursor on it."""

    lines: Sequence[Line] = ()
    x_label: str = ""
    log_y: bool = False
    window: tuple[float, float] | None = None
    cursor: float | None = None
    note: str = ""
    """What stands where there is nothing to draw."""
    readout: Sequence[Text] = field(default=())
    """What stands in place of the legend, as the values at the cursor."""


class PlotView(Widget):
    """Lines that are set from outside; it keeps what it drew until they, or its size, change."""

    def __init__(self, title: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = title
        self._shown = Shown(note="no data yet")
        self._drawn: tuple[Shown, Size, list[Strip]] | None = None

    @property
    def shown(self) -> Shown:
        """What is to be seen."""
        return self._shown

    @shown.setter
    def shown(self, shown: Shown) -> None:
        self._shown = shown
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of what was drawn."""
        if self._drawn is None or self._drawn[0] is not self._shown or self._drawn[1] != self.size:
            self._drawn = self._shown, self.size, self._draw()
        strips = self._drawn[2]
        style = self.rich_style
        blank = Strip.blank(self.size.width, style)
        return strips[y].apply_style(style) if y < len(strips) else blank

    def notify_style_update(self) -> None:
        """Colours have changed."""
        self._drawn = None
        super().notify_style_update()

    def _draw(self) -> list[Strip]:
        width, height = self.size
        if width < 12 or height < 5:
            return [self._strip(line(self._shown.note))] if height else []
        shown = self._shown
        below = 3 if shown.x_label and height >= 12 else 2
        found = plot(
            shown.lines,
            width,
            height - 1 - below,
            x_label=shown.x_label if below == 3 else "",
            log_y=shown.log_y,
            window=shown.window,
            cursor=shown.cursor,
        )
        if found is None:
            return [self._strip(line(shown.note, "dim"))]
        entries = list(shown.readout) or [legend_entry(entry) for entry in shown.lines if entry.marker]
        legend = self._legend(entries, width)
        return [self._strip(text) for text in (legend, *found.rows, *found.axis)]

    def _legend(self, entries: Sequence[Text], width: int) -> Text:
        """All in one line where they fit; else the names of the first, whole."""
        text = line()
        for entry in entries:
            gap = "   " if text else ""
            if text.cell_len + cell_len(gap) + entry.cell_len > width:
                text.append("…" if text.cell_len < width else "", "dim")
                break
            text.append(gap).append_text(entry)
        return text

    def _strip(self, text: Text) -> Strip:
        width = self.size.width
        strip = Strip(text.render(self.app.console))
        return strip.adjust_cell_length(width) if strip.cell_length != width else strip
