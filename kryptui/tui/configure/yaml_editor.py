"""The YAML of a configuration as text to edit: coloured, with what is wrong said at the end of its line."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea

from kryptui.draw.words import clip
from kryptui.tui.configure.colours import spans

_LEAST = 12
"""Cells that a problem needs to be said in."""

_PARTS = ("key", "text", "number", "word", "sign", "comment")


class YamlEditor(TextArea):
    """A text area that knows YAML; what the form changes in it is one step back each."""

    BINDINGS = [
        Binding("escape", "leave", "Form", tooltip="back to the form, at the field of this line"),
        Binding("ctrl+s", "screen.save", "Save", tooltip="save it as a YAML file"),
        Binding("ctrl+z", "undo", "Undo", tooltip="take the last change back"),
        Binding("ctrl+y", "redo", "Redo", show=False, tooltip="and make it again"),
    ]

    COMPONENT_CLASSES = {f"yaml--{part}" for part in (*_PARTS, "problem", "problem-line")}

    class Left(Message):
        """The form is wanted."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(
            soft_wrap=False, show_line_numbers=True, tab_behavior="focus", compact=False, id=id, classes=classes
        )
        self.indent_width = 2
        self._problems: Mapping[int, str] = {}

    @property
    def problems(self) -> Mapping[int, str]:
        """What is wrong by line, from 1."""
        return self._problems

    @problems.setter
    def problems(self, problems: Mapping[int, str]) -> None:
        if problems != self._problems:
            self._problems = problems
            self.refresh()

    @property
    def line(self) -> int:
        """The line of the cursor, from 1."""
        return self.cursor_location[0] + 1

    @property
    def at(self) -> int:
        """The place of the cursor in the text, in characters."""
        row, column = self.cursor_location
        return sum(len(self.document.get_line(above)) + 1 for above in range(row)) + column

    def begin(self, text: str) -> None:
        """Shows another text, with no way back to the one before."""
        self.load_text(text.replace("\r\n", "\n").replace("\r", "\n"))

    def change(self, text: str) -> None:
        """Makes it this text by one edit of the part that differs."""
        before = self.text
        if text == before:
            return
        start = _shared(before, text)
        end = _shared(before[start:][::-1], text[start:][::-1])
        self.history.checkpoint()
        first, last = _location(before, start), _location(before, len(before) - end)
        self.replace(text[start : len(text) - end], first, last, maintain_selection_offset=True)
        self.history.checkpoint()

    def go_to(self, at: int) -> None:
        """Puts the cursor on a character of the text."""
        self.move_cursor(_location(self.text, at))
        self.call_after_refresh(self._show_beginning)

    def on_resize(self) -> None:
        """More of the lines may be seen now."""
        self._show_beginning()

    def _show_beginning(self) -> None:
        """Lines are seen from their first character, unless the cursor would then not be seen."""
        row, column = self.cursor_location
        room = self.scrollable_content_region.width - self.gutter_width
        if cell_len(self.document.get_line(row)[:column]) < room:
            self.scroll_to(x=0, animate=False, immediate=True)

    def go_to_line(self, line: int) -> None:
        """Puts the cursor on a line, from 1."""
        self.move_cursor((max(0, min(line - 1, self.document.line_count - 1)), 0))

    def action_leave(self) -> None:
        """Asks for the form."""
        self.post_message(self.Left())

    async def _on_key(self, event: events.Key) -> None:
        """A new line begins below the one before, or deeper if that opens a block."""
        if event.key != "enter":
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        row, column = self.selection.start if self.selection.start < self.selection.end else self.selection.end
        before = self.document.get_line(row)[:column]
        indent = len(before) - len(before.lstrip(" "))
        if before.rstrip().endswith(":"):
            indent += 2
        self._replace_via_keyboard("\n" + " " * indent, *self.selection)

    # Drawing

    def get_line(self, line_index: int) -> Text:
        """A line with its colours."""
        text = super().get_line(line_index)
        for start, end, part in spans(text.plain[:500]):
            text.stylize(self.get_component_rich_style(f"yaml--{part}", partial=True), start, end)
        return text

    def render_line(self, y: int) -> Strip:
        """A line, and what is wrong with it behind its end."""
        strip = super().render_line(y)
        row = y + self.scroll_offset.y
        problem = self._problems.get(row + 1)
        if problem is None or row >= self.document.line_count:
            return strip
        number = self.get_component_rich_style("yaml--problem-line", partial=True)
        gutter = Strip(
            [Segment(text, (style or number) + number) for text, style, _ in strip.crop(0, self.gutter_width)]
        )
        width = min(strip.cell_length, self.scrollable_content_region.width)
        end = min(width, max(self.gutter_width, self._end_of(row)))
        if width - end < _LEAST and not (self.has_focus and row + 1 == self.line):
            end = width - min(width // 2, cell_len(problem) + 4)  # over the end of a line that nobody edits
        room = width - end
        if room < _LEAST:
            return Strip.join([gutter, strip.crop(self.gutter_width, width)])
        said = clip(f"  ✗ {problem}", room)
        style = self.rich_style + self.get_component_rich_style("yaml--problem", partial=True)
        message = Strip([Segment(said, style)])
        rest = strip.crop(end + message.cell_length, width)
        return Strip.join([gutter, strip.crop(self.gutter_width, end), message, rest])

    def _end_of(self, row: int) -> int:
        """The cell behind the last character of a line, as it is scrolled."""
        return self.gutter_width + cell_len(self.document.get_line(row).expandtabs(2)) + 1 - self.scroll_offset.x


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    most = min(len(one), len(other))
    return next((at for at in range(most) if one[at] != other[at]), most)


def _location(text: str, at: int) -> tuple[int, int]:
    before = text[:at]
    return before.count("\n"), at - (before.rfind("\n") + 1)
