"""A form of a configuration: a row a setting, folded where nothing is given, changed in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from kryptui.tui.configure.draft import Checked, changes
from kryptui.tui.configure.edits import choices_of
from kryptui.tui.configure.fields import Row
from kryptui.tui.configure.outline import Place
from kryptui.tui.configure.seen import Seen, nearest_of
from kryptui.tui.configure.setting_line import PARTS, Look, setting_line, value_column
from kryptui.tui.configure.shapes import Kind
from kryptui.tui.configure.value_input import ValueInput
from kryptui.tui.widgets.line_list import LineList

Deed = Literal["choose", "turn", "add", "take out"]


class _Rows(LineList, inherit_bindings=False):
    """The rows; they scroll with the cursor alone, so that left and right are the form's."""

    BINDINGS = LineList.BINDINGS


class SettingsForm(Container):
    """Rows of settings, one under the cursor. It changes nothing itself: it says what is wanted."""

    BINDINGS = [
        Binding("enter", "change", "Change", tooltip="type or choose the value; folds a block"),
        Binding("space", "turn", "Next", show=False, tooltip="the next of a few values; folds a block"),
        Binding("right", "right", "Next", show=False, tooltip="the next of a few values; unfolds a block"),
        Binding("left", "left", "Before", show=False, tooltip="the value before; folds the block around it"),
        Binding("a", "ask('add')", "Add", tooltip="one more entry of a list, such as a stage"),
        Binding("x,delete", "ask('take out')", "Take out", key_display="x",
                tooltip="take the entry out; or the value, so that its default holds"),
    ]  # fmt: skip

    COMPONENT_CLASSES = {f"form--{part}" for part in PARTS}

    @dataclass
    class Moved(Message):
        """The cursor stands on another row, or on none."""

        row: Row | None

    @dataclass
    class Wanted(Message):
        """Something is to be done to a row."""

        deed: Deed
        row: Row
        by: int = 1

    @dataclass
    class Typed(Message):
        """What stands in the field now."""

        row: Row
        text: str

    @dataclass
    class Ended(Message):
        """Typing has ended; whether what was typed is to be kept."""

        row: Row
        keep: bool

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.seen = Seen()
        self.offers: dict[Place, Suggester] = {}
        """Of places whose values are found elsewhere than in the schema: what offers them as they are typed."""
        self._remark: tuple[Place, str] | None = None
        self._draft, self._start = Checked(""), Checked("")
        self._rows: list[Row] = []
        self._typing: Row | None = None

    def compose(self) -> ComposeResult:
        yield _Rows(self._line, id="rows")
        yield ValueInput(id="value")

    # What is shown

    @property
    def _list(self) -> LineList:
        return self.query_one(LineList)

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        at = self._list.cursor
        return self._rows[at] if at < len(self._rows) else None

    @property
    def is_typing(self) -> bool:
        """Whether a value is being typed."""
        return self._typing is not None

    def take_focus(self) -> None:
        """The keys act on the rows."""
        self._list.focus()

    def put(self, draft: Checked, start: Checked) -> None:
        """Shows a draft beside what it began with; a text that cannot be read leaves the rows as they were."""
        self._start = start
        self.set_class(draft.form is None, "-stale")
        if draft.form is None:
            draft = Checked(draft.text, form=self._draft.form, problems=draft.problems, error=draft.error)
        self._draft = draft
        self.rearrange()

    def remark(self, place: Place | None, text: str = "") -> None:
        """Says at a row what is no matter of the text: why a run could not begin with it."""
        form = self._draft.form
        row = form.nearest(place) if place and form else None
        self._remark = (row.place, text) if row is not None else None
        self._list.refresh()

    def go_to(self, place: Place) -> None:
        """Puts the cursor on the row of a place, unfolding and showing what hides it."""
        form = self._draft.form
        row = form.nearest(place) if form else None
        if row is None:
            return
        if not any(seen.place == row.place for seen in self._rows):
            self.seen.unfold_to(row.place)
        self.rearrange(row.place)

    def go_to_found(self) -> None:
        """Shows the rows that are looked for, the cursor on the first of them."""
        rows = self._draft.form.rows if self._draft.form else []
        found = next((row for row in rows if self.seen.finds(row, self._start)), None)
        self.rearrange(found.place if found and self.seen.is_sifted else None)

    def rearrange(self, place: Place | None = None) -> None:
        """Works out which rows are seen; the cursor stays on its place, or goes to the one that is given."""
        here = self.row
        place = place or (here.place if here else None)
        self._rows = self.seen.of(self._draft.form.rows if self._draft.form else [], self._start)
        self._list.show(len(self._rows), nearest_of(self._rows, place) if place else None)
        self._lay_field()
        if self.row != here:
            self.post_message(self.Moved(self.row))

    def problem_of(self, row: Row) -> str:
        """What is wrong with a row, or inside it where that is folded."""
        if self._remark is not None and self._remark[0] == row.place:
            return self._remark[1]
        problems = self._draft.problems_by_row
        found = problems.get(row.place, "")
        if not found and self.seen.is_folded(row):
            inside = sum(place[: len(row.place)] == row.place for place in problems)
            return f"{inside} wrong inside" if inside else ""
        return found

    def _line(self, place: int, width: int) -> Text:
        row = self._rows[place]
        look = Look(self.problem_of(row), changes(row, self._start), self.seen.is_folded(row), row is self._typing)
        styles = {part: self.get_component_rich_style(f"form--{part}", partial=True) for part in PARTS}
        return setting_line(row, look, min(width, self._list.scrollable_content_region.width), styles)

    # Keys

    def action_change(self) -> None:
        """Types the value in place; where there are a few words for it, chooses; folds a block."""
        row = self.row
        if row is None:
            return
        shape = row.shape
        if row.role != "value":
            if row.role == "block" and (shape.kinds or shape.is_nullable) and not row.is_entry:
                self.post_message(self.Wanted("choose", row))
            else:
                self._fold(row, not self.seen.is_folded(row))
        elif shape.kinds == (Kind.FLAG,) and not shape.is_nullable:
            self.post_message(self.Wanted("turn", row))
        elif shape.blocks or (choices_of(row) and not shape.takes_text):
            self.post_message(self.Wanted("choose", row))
        elif row.takes_more:
            self.post_message(self.Wanted("add", row))
        else:
            self.type_in(row)

    def action_turn(self) -> None:
        """The next of a few values; folds a block; else types."""
        row = self.row
        if row is None:
            return
        if row.role != "value":
            self._fold(row, not self.seen.is_folded(row))
        elif _turns(row):
            self.post_message(self.Wanted("turn", row))
        else:
            self.action_change()

    def action_right(self) -> None:
        """Unfolds a block, or the next value."""
        row = self.row
        if row is not None and row.role != "value":
            self._fold(row, False)
        elif row is not None and _turns(row):
            self.post_message(self.Wanted("turn", row))

    def action_left(self) -> None:
        """The value before; else folds the block, or goes to the one around."""
        row = self.row
        if row is None:
            return
        if row.role != "value" and not self.seen.is_folded(row):
            self._fold(row, True)
        elif row.role == "value" and _turns(row):
            self.post_message(self.Wanted("turn", row, -1))
        elif len(row.place) > 1:
            self.rearrange(row.place[:-1])

    def action_ask(self, deed: Deed) -> None:
        """Has something done to the row; what is added goes to the nearest list around it."""
        row = self.row
        if row is None:
            return
        if deed == "add" and not row.takes_more and self._draft.form is not None:
            around = (self._draft.form.row(row.place[:length]) for length in range(len(row.place) - 1, 0, -1))
            row = next((found for found in around if found is not None and found.takes_more), row)
        self.post_message(self.Wanted(deed, row))

    def _fold(self, row: Row, folded: bool) -> None:
        self.seen.folds[row.place] = folded
        self.rearrange(row.place)

    # Typing a value

    def type_in(self, row: Row) -> None:
        """Begins to type a row's value."""
        self._typing = row
        field = self.query_one(ValueInput)
        field.begin(row, self.offers.get(row.place))
        self._lay_field()
        field.add_class("-shown")
        field.focus()
        self._list.refresh()

    def _lay_field(self) -> None:
        """Lays the field over its row."""
        if self._typing is None:
            return
        at = nearest_of(self._rows, self._typing.place) or 0
        left = value_column() - 1
        field = self.query_one(ValueInput)
        field.styles.offset = (left, at - round(self._list.scroll_y))
        field.styles.width = max(12, min(self._list.size.width - left, 64))

    @on(Input.Changed, "#value")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._typing is not None:
            self.post_message(self.Typed(self._typing, event.value))

    @on(ValueInput.Ended)
    def _ended(self, event: ValueInput.Ended) -> None:
        event.stop()
        self._end(event.keep)
        self._list.focus()
        if event.move:
            self._list.action_move(event.move)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """To go elsewhere keeps what was typed."""
        if event.widget is self.query_one(ValueInput):
            self._end(True)

    def _end(self, keep: bool) -> None:
        row, self._typing = self._typing, None
        self.query_one(ValueInput).remove_class("-shown")
        self._list.refresh()
        if row is not None:
            self.post_message(self.Ended(row, keep))

    # The list

    def on_mount(self) -> None:
        """The field stays on its row."""
        self.watch(self._list, "scroll_y", self._lay_field, init=False)

    def on_resize(self) -> None:
        """The field is as wide as there is room."""
        self._lay_field()

    @on(LineList.Chosen)
    def _chosen(self, event: LineList.Chosen) -> None:
        event.stop()
        self.action_change()

    @on(LineList.Moved)
    def _moved(self, event: LineList.Moved) -> None:
        event.stop()
        self.post_message(self.Moved(self.row))


def _turns(row: Row) -> bool:
    """Whether a value has a next one."""
    return bool(choices_of(row) or row.shape.examples)
