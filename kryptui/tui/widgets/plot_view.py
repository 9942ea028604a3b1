"""Curves in a pane: legend, plot and axis, redrawn only when what they show has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from kryptui.draw.words import line

if TYPE_CHECKING:
    from kryptui.draw.lines import Line


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
        if not shown.lines:
            return [self._strip(line(shown.note, "dim"))]
        # plotext and numpy load with the first curve, not with the first frame.
        from kryptui.draw.curves import legend_entry
        from kryptui.draw.lines import plot

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
        marked = [entry for entry in shown.lines if entry.marker]
        # Where all bests do not fit, the first line's alone, which the others explain; else the last values.
        first = [
            legend_entry(replace(entry, star=entry.star if not place else None))
            for place, entry in enumerate(marked)
        ]
        plain = [legend_entry(replace(entry, star=None)) for entry in marked]
        choices = [list(shown.readout)] if shown.readout else [[*map(legend_entry, marked)], first, plain]
        legend = self._legend(choices, width)
        return [self._strip(text) for text in (legend, *found.rows, *found.axis)]

    def _legend(self, choices: Sequence[Sequence[Text]], width: int) -> Text:
        """The first of the choices that fits into one line; else of the last as many whole entries as do."""
        wide = (sum(entry.cell_len + 3 for entry in choice) - 3 for choice in choices)
        entries = next((choice for choice, size in zip(choices, wide, strict=True) if size <= width), choices[-1])
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
