"""What can be done to a setting from its row: the next value, one of a list, one more entry, none at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kryptui.tasks import registry
from kryptui.tui.configure import edits
from kryptui.tui.configure.draft import Checked
from kryptui.tui.configure.fields import Row
from kryptui.tui.configure.outline import Place
from kryptui.tui.configure.shapes import Kind, Shape, show
from kryptui.tui.dialogs import Ask, Choice, Choose

if TYPE_CHECKING:
    from kryptui.tui.configure.config_desk import ConfigDesk

_TASK_KIND = ("task", "kind")


def turn(desk: ConfigDesk, row: Row, by: int) -> None:
    """The next of a few values, or the one before."""
    words = edits.choices_of(row) or list(row.shape.examples)
    at = words.index(row.value) if row.value in words else -1 if by > 0 else 0
    if words:
        _set(desk, row, words[(at + by) % len(words)])


def choose(desk: ConfigDesk, row: Row) -> None:
    """A list of all that may stand there."""
    if row.place == _TASK_KIND[:1] and row.role == "value":
        row = replace(row, place=_TASK_KIND, shape=Shape((Kind.CHOICE,), tuple(registry.kinds())))
    words = edits.choices_of(row) or list(row.shape.examples if row.shape.takes_text else ())
    if None not in words and row.shape.is_nullable:
        words.append(None)
    offers = [Choice(str(number), show(word)) for number, word in enumerate(words)]
    if row.shape.takes_text:
        offers.append(Choice("type", "something else", "typed"))
    if row.shape.blocks:
        offers.append(Choice("block", "a block of its own", "with settings below"))

    def chosen(answer: str | None) -> None:
        if answer == "type":
            desk.form.type_in(replace(row, value="") if isinstance(row.value, dict) else row)
        elif answer == "block" and row.role != "block":
            desk.patch(lambda draft: edits.make_block(draft, row), lambda: desk.form.go_to(row.place))
        elif answer is not None and answer != "block":
            _set(desk, row, words[int(answer)])

    now = "block" if row.role == "block" else str(words.index(row.value)) if row.value in words else None
    desk.app.push_screen(Choose(row.name, offers, row.about, now), chosen)


def add(desk: ConfigDesk, row: Row) -> None:
    """One more entry, or another key."""
    if not row.takes_more:
        desk.app.say(f"{row.name} is no list; stages are one")
        return
    at: list[Place] = []

    def change(draft: Checked, key: str | None = None) -> str:
        text, place = edits.add(draft, row, key)
        at.append(place)
        return text

    def named(key: str | None) -> None:
        if key:
            desk.patch(lambda draft: change(draft, key.strip()), lambda: _type_at(desk, at[0]))

    if row.role != "block":
        desk.patch(change, lambda: desk.form.go_to(at[0]))
    else:
        desk.app.push_screen(Ask(f"a setting of {row.name}", hint="its name"), named)


def take_out(desk: ConfigDesk, row: Row) -> None:
    """The entry goes, or the value, so that its default holds."""
    if not row.is_given:
        desk.app.say(f"{row.name} does not stand in the YAML; what holds is its default")
    else:
        desk.patch(lambda draft: edits.leave_out(draft, row))


def _set(desk: ConfigDesk, row: Row, value: Any) -> None:
    if row.place == _TASK_KIND:
        _switch_task(desk, str(value))
    else:
        desk.patch(lambda draft: edits.set_value(draft, row.place, value))


def _switch_task(desk: ConfigDesk, kind: str) -> None:
    out: list[str] = []
    come: list[str] = []

    def change(draft: Checked) -> str:
        text, gone, new = edits.switch_task(draft.text, kind)
        out.extend(gone)
        come.extend(new)
        return text

    if desk.patch(change):
        words = [f"taken out: {', '.join(out)}"] if out else []
        words += [f"put in: {', '.join(come)}"] if come else []
        desk.app.say("; ".join([*words, "u takes it back"]), f"task {kind}")


def _type_at(desk: ConfigDesk, place: Place) -> None:
    desk.form.go_to(place)
    row = desk.form.row
    if row is not None and row.place == place:
        desk.form.type_in(row)
