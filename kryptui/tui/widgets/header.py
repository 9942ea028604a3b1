"""The line at the top: the pages, and at the right the device, what runs now and which record this is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from kryptui.draw.words import clip
from kryptui.tui.feed import Overview
from kryptui.tui.pages import PAGES

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp

_NAME = "◆ kryptui"


class Header(Widget):
    """Pages by number, the one that is shown marked; what does not fit at the right is left out, last first."""

    COMPONENT_CLASSES = {"header--name", "header--key", "header--page", "header--here", "header--going"}

    ALLOW_SELECT = False

    overview: reactive[Overview] = reactive(Overview())
    device: reactive[str] = reactive("")
    activity: reactive[str] = reactive("")

    app: KryptuiApp

    def on_mount(self) -> None:
        """Follows what the app knows."""
        self.watch(self.app, "overview", self._take_overview)
        self.watch(self.app, "device_line", self._take_device)
        self.watch(self.app, "activity", self._take_activity)

    def _take_overview(self, overview: Overview) -> None:
        self.overview = overview

    def _take_device(self, line: str) -> None:
        self.device = line

    def _take_activity(self, activity: str) -> None:
        self.activity = activity

    def render(self) -> Text:
        """One line of exactly the width that there is."""
        width = self.size.width
        facts = self._facts(width)
        left = self._left(3) if width >= 100 else self._left(2)
        if width - left.cell_len - 2 < cell_len(facts[0][0]) <= width - self._left(1).cell_len - 2:
            left = self._left(1)  # what runs now is worth the gaps
        if left.cell_len > width:
            left = self._left(1, titles=False)
        room = width - left.cell_len - 2
        right = Text()
        for words, style in facts:
            size = cell_len(words) + (3 if right else 0)
            if size > room:
                continue
            room -= size
            right.append(" · " if right else "", "dim").append(words, style)
        left.append(" " * (width - left.cell_len - right.cell_len - 1)).append_text(right).append(" ")
        left.no_wrap = True
        return left

    def _left(self, gap: int, *, titles: bool = True) -> Text:
        """The pages, `gap` cells between them."""
        name, key, page, here = (
            self.get_component_rich_style(f"header--{part}") for part in ("name", "key", "page", "here")
        )
        text = Text().append(f" {_NAME} " if gap > 2 else f" {_NAME[0]} ", name)
        shown = getattr(self.screen, "PAGE", "")
        for number, spec in enumerate(PAGES, 1):
            is_here = spec.name == shown
            click = Style(meta={"@click": f"app.go('{spec.name}')"})
            words = f" {spec.title}" if titles or is_here else ""
            text.append(" " * gap).append(str(number), (here if is_here else key) + click)
            text.append(words, (here if is_here else page) + click)
        return text

    def _facts(self, width: int) -> list[tuple[str, Style]]:
        """The most telling first; it stands at the left of the others."""
        going = self.get_component_rich_style("header--going")
        page = self.get_component_rich_style("header--page")
        facts = []
        if self.activity:
            facts.append((self.activity, going))
        if self.overview.going:
            facts.append((f"▶ {self.overview.going} running", going))
        if self.overview.queued:
            facts.append((f"… {self.overview.queued} queued", page))
        if self.device:
            facts.append((clip(self.device, 32), page))
        facts.append((clip(self.app.record_name, 24), page))
        return facts
