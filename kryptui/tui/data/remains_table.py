"""What each option of the choices leaves: all others as they stand, so that one sees what a step would do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kryptui.draw.numerals import NOTHING
from kryptui.draw.words import clip, line, pad
from kryptui.tasks.datasets import Choice, Remainder, Value

Chosen = Mapping[str, Value]
Look = Callable[[Chosen], Remainder | None]
"""What a choice leaves; None: not known yet, and it will be told when it is."""

_NAME = 13
_GAP = 1
_WIDEST = 10


@dataclass(frozen=True)
class _Row:
    """A line of the table: of a choice, or of one of its options, or of none."""

    text: Text
    choice: int | None = None
    option: Value | None = None


class RemainsTable(ScrollView, can_focus=True):
    """A block of options for each choice; left and right move between blocks, up and down change the option."""

    BINDINGS = [
        Binding("up,k", "step(-1)", "Option", key_display="↑↓", tooltip="take the option above"),
        Binding("down,j", "step(1)", "Option", show=False, tooltip="take the option below"),
        Binding("left,h", "turn(-1)", "Setting", key_display="←→", tooltip="go to the setting before"),
        Binding("right,l", "turn(1)", "Setting", show=False, tooltip="go to the next setting"),
        Binding("0,backspace", "default", "Default", key_display="0", tooltip="take the default of every setting"),
    ]

    COMPONENT_CLASSES = {
        "remains--head", "remains--here", "remains--chosen", "remains--dim", "remains--changed",
        "remains--problem",
    }  # fmt: skip

    @dataclass
    class Changed(Message):
        """Other options were chosen."""

        chosen: Chosen

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._choices: Sequence[Choice] = ()
        self._look: Look = lambda chosen: None
        self._chosen: dict[str, Value] = {}
        self._here = 0
        self._rows: list[_Row] = []
        self._note = ""

    @property
    def chosen(self) -> Chosen:
        """The option of each choice."""
        return self._chosen

    @property
    def has_defaults(self) -> bool:
        """Whether nothing was changed."""
        return all(self._chosen[choice.name] == choice.default for choice in self._choices)

    def show(self, choices: Sequence[Choice], look: Look, note: str) -> None:
        """Shows what another dataset leaves; options that were chosen stay. `note` says what is counted."""
        self._choices, self._look, self._note, self._here = choices, look, note, 0
        before = self._chosen
        self._chosen = {
            choice.name: before[choice.name] if before.get(choice.name) in choice.options else choice.default
            for choice in choices
        }
        self.update()

    def update(self, note: str | None = None) -> None:
        """Draws anew, as more is known now."""
        self._note = self._note if note is None else note
        self._rows = list(self._make()) if self.size.width else []
        self.virtual_size = Size(self.size.width, len(self._rows))
        self.refresh()

    def on_resize(self) -> None:
        """Columns are as wide as there is room."""
        self.update()
        self._reveal()

    def wanted(self) -> Iterator[Chosen]:
        """Every combination that is shown: the chosen one, the default, and each step from the chosen one."""
        yield dict(self._chosen)
        yield {choice.name: choice.default for choice in self._choices}
        for choice in self._choices:
            for option in choice.options:
                yield {**self._chosen, choice.name: option}

    # Choosing

    def action_step(self, by: int) -> None:
        """Takes the next option of the choice at hand."""
        if self._choices:
            choice = self._choices[self._here]
            at = choice.options.index(self._chosen[choice.name])
            self._choose(choice, choice.options[max(0, min(at + by, len(choice.options) - 1))])

    def action_turn(self, by: int) -> None:
        """Goes to the next choice."""
        if self._choices:
            self._here = (self._here + by) % len(self._choices)
            self.update()
            self._reveal()

    def action_default(self) -> None:
        """Takes all defaults."""
        if not self.has_defaults:
            self._chosen = {choice.name: choice.default for choice in self._choices}
            self._told()

    def on_click(self, event: events.Click) -> None:
        """Takes the option that was clicked."""
        place = event.y + self.scroll_offset.y
        row = self._rows[place] if place < len(self._rows) else _Row(line())
        if row.choice is not None:
            self._here = row.choice
            if row.option is not None:
                self._choose(self._choices[row.choice], row.option)
            self.update()

    def _choose(self, choice: Choice, option: Value) -> None:
        if option != self._chosen[choice.name]:
            self._chosen = {**self._chosen, choice.name: option}
            self._told()

    def _told(self) -> None:
        self.post_message(self.Changed(self._chosen))
        self.update()
        self._reveal()

    def _reveal(self) -> None:
        of_block = [place for place, row in enumerate(self._rows) if row.choice == self._here]
        if of_block:
            block = Region(0, of_block[0], 1, len(of_block))
            self.scroll_to_region(block, animate=False, force=True, immediate=True)

    # Drawing

    def _make(self) -> Iterator[_Row]:
        style = self._styles_by_name()
        if not self._choices:
            yield _Row(line("this dataset is taken as it is: there is nothing to choose", "dim"))
            return
        default = {choice.name: choice.default for choice in self._choices}
        now, before = self._look(self._chosen), self._look(default)
        known = now or before
        names = list(known.counts) if known is not None else []
        longest = max((cell_len(word) for name in names for word in name.split()), default=1)
        width = max(longest, min(_WIDEST, (self.size.width - _NAME - 2) // max(1, len(names)) - _GAP))
        names = names[: max(1, (self.size.width - _NAME - 2) // (width + _GAP))]
        yield from map(_Row, _head(names, width, style["head"]))
        if self.has_defaults:
            yield _Row(line(clip(f"the defaults, of {self._note}", self.size.width), "dim"))
        else:
            text = line().append(pad("against default", _NAME + 2), style["dim"])
            for name in names:
                by = (now.counts[name] - before.counts[name]) if now is not None and before is not None else 0
                shown = f"{by:+,}" if by else NOTHING
                text.append(" " * _GAP)
                text.append(pad(shown, width, right=True), style["changed" if by else "dim"])
            yield _Row(text)
        for number, choice in enumerate(self._choices):
            here = number == self._here
            head = line().append("▸ " if here else "  ", style["here"])
            head.append(choice.name, style["here"] if here else style["head"])
            about = clip(choice.about, max(0, self.size.width - head.cell_len - 2))
            yield _Row(head.append(f"  {about}", style["dim"]), number)
            for option in choice.options:
                yield _Row(self._option(choice, option, names, width, style), number, option)
        if now is not None and now.problem:
            yield _Row(line().append(clip(now.problem, self.size.width), style["problem"]))

    def _option(
        self, choice: Choice, option: Value, names: Sequence[str], width: int, style: Mapping[str, Style]
    ) -> Text:
        left = self._look({**self._chosen, choice.name: option})
        now = self._look(self._chosen)
        is_chosen = option == self._chosen[choice.name]
        base = style["chosen"] if is_chosen else Style.null()
        mark = "●" if is_chosen else "·" if option == choice.default else " "
        text = line().append(f"  {mark} ", base).append(pad(str(option), _NAME - 2), base)
        if left is None:
            return text.append(" …", style["dim"])
        for name in names:
            same = now is not None and left.counts[name] == now.counts[name] and not is_chosen
            shown = pad(f"{left.counts[name]:,}", width, right=True)
            text.append(" " * _GAP).append(shown, style["dim"] if same else base)
        return text.append(" !", style["problem"]) if left.problem else text

    def _styles_by_name(self) -> dict[str, Style]:
        return {
            name.removeprefix("remains--"): self.get_component_rich_style(name, partial=True)
            for name in self.COMPONENT_CLASSES
        }

    def notify_style_update(self) -> None:
        """Colours have changed."""
        super().notify_style_update()
        if self.is_mounted:
            self.update()

    def render_line(self, y: int) -> Strip:
        """One line of the table."""
        place, width = y + self.scroll_offset.y, self.size.width
        if place >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        strip = Strip(list(self._rows[place].text.render(self.app.console)))
        return strip.crop_extend(0, width, Style.null()).apply_style(self.rich_style)


def _head(names: Sequence[str], width: int, style: Style) -> Iterator[Text]:
    """The names of the columns, a word a line where they are too long."""
    words = [[name] if cell_len(name) <= width else name.split() for name in names]
    height = max(map(len, words), default=1)
    for level in range(height):
        text = line(" " * (_NAME + 2))
        for parts in words:
            at = level - height + len(parts)
            text.append(" " * _GAP).append(pad(parts[at] if at >= 0 else "", width, right=True), style)
        yield text
