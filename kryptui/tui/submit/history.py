"""Past submissions in a list: when, of which model, where to, how it went, and whether the file is still there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from kryptui.draw.numerals import NOTHING, number
from kryptui.draw.words import clip, clip_left, line, pad
from kryptui.spans import age, duration
from kryptui.tell.run import STATUS_MARKS, STATUS_STYLES, seconds
from kryptui.tui.paths import short

if TYPE_CHECKING:
    from kryptui.tui.submit.reading import Past
    from kryptui.tui.submit.submissions import Score

_FILES = {
    "there": "there",
    "replaced": "replaced",
    "changed": "changed!",
    "gone": "gone",
    "elsewhere": "elsewhere",
    "none": NOTHING,
}
_GAP = 2


@dataclass(frozen=True)
class _Column:
    """A column; of those that find no room the one of the highest `rank` goes first."""

    title: str
    cells: list[str]
    rank: int
    right: bool = False
    most: int = 40

    @property
    def width(self) -> int:
        return min(self.most, max(len(self.title), *map(len, self.cells)))


class _List(OptionList):
    BINDINGS = [
        Binding("enter", "select", "Show", show=True, tooltip="show its file and how it was made"),
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]


class History(Vertical):
    """The submissions on record, the latest first."""

    @dataclass
    class Chosen(Message):
        """One is to be shown."""

        past: Past

    def __init__(self, root: Path, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._root = root
        self._past: Sequence[Past] = ()
        self._scores: Mapping[str, Score] = {}
        self._lines: list[Text] | None = None
        self._head, self.list = Static("", classes="history--head"), _List(id="past")

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.list

    @property
    def here(self) -> Past | None:
        """The one under the cursor."""
        place = self.list.highlighted
        return self._past[place] if place is not None and place < len(self._past) else None

    def show(self, past: Sequence[Past], scores: Mapping[str, Score]) -> None:
        """Shows these; the cursor stays on its own, or on the latest."""
        at = self.here if self.list.highlighted else None
        self._past, self._scores = past, scores
        lines = rows(past, scores, self._root, self.list.scrollable_content_region.width)
        if lines == self._lines:
            return
        self._lines = lines
        head = lines[0] if lines else Text("no submissions on record yet", "dim")
        self._head.update(head)
        self.list.set_options(Option(text) for text in lines[1:])
        self.border_subtitle = f"{len(past)} on record" if past else ""
        place = next((i for i, one in enumerate(past) if at is not None and one.run.id == at.run.id), 0)
        self.list.highlighted = place if past else None

    def on_resize(self) -> None:
        """Other columns may fit now."""
        self.call_after_refresh(lambda: self.show(self._past, dict(self._scores)))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(self._past[event.option_index]))


def rows(past: Sequence[Past], scores: Mapping[str, Score], root: Path, width: int) -> list[Text]:
    """The names of the columns, then a line for each, as many columns as the width holds."""
    if not past:
        return []
    columns = _columns(past, scores, root)
    room = width - 2
    kept: list[_Column] = []
    for column in sorted(columns, key=lambda column: column.rank):
        if any(column.cells) and column.width + _GAP <= room + _GAP * (not kept):
            room -= column.width + _GAP
            kept.append(column)
    shown = [column for column in columns if column in kept]
    heads = [pad(column.title, column.width, right=column.right) for column in shown]
    lines = [line("  " + (" " * _GAP).join(heads), "dim")]
    for place, one in enumerate(past):
        status = one.run.status
        text = line().append(f"{STATUS_MARKS[status]} ", STATUS_STYLES.get(status, ""))
        for number_of, column in enumerate(shown):
            style = "red" if column.cells[place] in (_FILES["changed"], "gone") else ""
            cell = (
                clip_left(column.cells[place], column.width) if column.title == "output" else column.cells[place]
            )
            text.append(" " * _GAP * (number_of > 0)).append(pad(cell, column.width, right=column.right), style)
        lines.append(text)
    return lines


def _columns(past: Sequence[Past], scores: Mapping[str, Score], root: Path) -> list[_Column]:
    runs = [one.run for one in past]
    took = [seconds(run) for run in runs]
    return [
        _Column("when", [age(run.read - run.created) for run in runs], 0, right=True),
        _Column("run", [clip(run.name, 28) for run in runs], 1),
        _Column("checkpoint", [_checkpoint(str(run.env.get("checkpoint", ""))) for run in runs], 5, most=16),
        _Column("test data", [short(Path(str(run.env.get("source", ""))), root) for run in runs], 5, most=32),
        _Column("output", [short(one.path, root) if str(one.path) != "." else "" for one in past], 2),
        _Column("rows", ["" if one.rows is None else f"{one.rows:,}" for one in past], 6, right=True),
        _Column("took", ["" if value is None else duration(value) for value in took], 7, right=True),
        _Column("file", [_FILES[one.state] for one in past], 4),
        _Column("score", [_score(scores.get(run.id)) for run in runs], 3, most=18),
        _Column("why", [clip(" ".join((run.error or "").split()), 60) for run in runs], 8, most=60),
    ]


def _checkpoint(path: str) -> str:
    """The step of a checkpoint, from the name of its folder."""
    name = Path(path).name
    step = name.removeprefix("step-")
    return f"step {int(step):,}" if step != name and step.isdecimal() else name


def _score(score: Score | None) -> str:
    if score is None:
        return ""
    if score.error:
        return "not scored"
    name, value = next(iter(score.values.items()))
    return f"{name} {number(value)}"
