"""A drawing of any length that is made in a thread of its own and scrolled by keys."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kryptui.draw.words import line

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp

Draw = Callable[[int], RenderableType]
"""Makes a drawing for a width in cells; called in a thread, and what it gives is rendered there."""


@dataclass(frozen=True)
class _Drawn:
    """What lies in the view: the drawing of which key, at which width, as lines."""

    key: Any
    width: int
    strips: list[Strip]


class DrawnView(ScrollView, can_focus=True, inherit_bindings=False):
    """What was drawn last stays until what is wanted now is drawn: nothing flickers, and no key waits."""

    BINDINGS = [
        Binding("up", "scroll_by(-1)", "Up", show=False),
        Binding("down", "scroll_by(1)", "Down", show=False),
        Binding("pageup", "scroll_pages(-1)", "Page up", show=False),
        Binding("pagedown", "scroll_pages(1)", "Page down", show=False),
        Binding("home", "to_top", "Top", show=False),
        Binding("end", "to_end", "End", show=False),
    ]

    app: KryptuiApp

    def __init__(self, title: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = title
        self._wanted: tuple[Any, Draw] | None = None
        self._drawn: _Drawn | None = None
        self._drawing: tuple[Any, int] | None = None

    def want(self, key: Any, draw: Draw) -> None:
        """Asks for a drawing; nothing is done where that of an equal key is there already."""
        self._wanted = key, draw
        self._catch_up()

    @property
    def is_current(self) -> bool:
        """Whether what is seen is what was asked for."""
        drawn, wanted = self._drawn, self._wanted
        return wanted is not None and drawn is not None and (drawn.key, drawn.width) == (wanted[0], self._width)

    @property
    def _width(self) -> int:
        """Cells of a line; a column is always kept free for the scroll bar, so that it moves nothing."""
        return max(0, self.content_region.width - self.styles.scrollbar_size_vertical)

    def on_resize(self) -> None:
        """Other lines fit now."""
        self._catch_up()

    def _catch_up(self) -> None:
        width = self._width
        if self._wanted is None or self._drawing is not None or self.is_current or width < 1:
            return
        key, draw = self._wanted
        self._drawing = key, width
        plain = self.app.no_color

        def work() -> _Drawn:
            console = Console(
                file=io.StringIO(), width=width, force_terminal=True, color_system=None if plain else "truecolor",
                no_color=plain, legacy_windows=False, _environ={},
            )  # fmt: skip
            lines = console.render_lines(draw(width), console.options, pad=False)
            return _Drawn(key, width, [Strip(segments) for segments in lines])

        self.app.act(work, self._take, self._failed)

    def _take(self, drawn: _Drawn) -> None:
        self._drawing = None
        self._drawn = drawn
        self.virtual_size = Size(drawn.width, len(drawn.strips))
        self.scroll_to(y=min(self.scroll_offset.y, self.max_scroll_y), animate=False)
        self.refresh()
        self._catch_up()

    def _failed(self, reason: str) -> None:
        assert self._drawing is not None
        key, width = self._drawing
        self._take(_Drawn(key, width, [Strip(line(reason, "red").render(self.app.console))]))

    def action_scroll_by(self, lines: int) -> None:
        """Moves by lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_scroll_pages(self, pages: int) -> None:
        """Moves by what is seen at once, less a line."""
        self.action_scroll_by(pages * max(1, self.size.height - 1))

    def action_to_top(self) -> None:
        """To the first line."""
        self.scroll_home(animate=False)

    def action_to_end(self) -> None:
        """To the last line."""
        self.scroll_end(animate=False)

    def render_line(self, y: int) -> Strip:
        """One line of what was drawn."""
        width, style = self.scrollable_content_region.width, self.rich_style
        place = y + self.scroll_offset.y
        strips = self._drawn.strips if self._drawn is not None else [Strip(line("…").render(self.app.console))]
        if place >= len(strips):
            return Strip.blank(width, style)
        return strips[place].crop(0, width).apply_style(style).extend_cell_length(width, style)
