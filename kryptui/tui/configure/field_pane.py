"""What a setting is about: what is wrong with it, what it does, what it may be, and what it was."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual.widget import Widget

from kryptui.draw.words import clip
from kryptui.tui.configure.fields import Row, summary
from kryptui.tui.configure.shapes import MISSING, show

_LONGEST = 60
_SEEN = 24  # cells of a value that the form shows


class FieldPane(Widget):
    """The field at hand, in as many lines as there are."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[tuple[str, str]] = []

    def put(self, row: Row | None, problem: str = "", before: Any = MISSING) -> None:
        """Shows a row; `before` is its value at the start where that is another one."""
        self.border_title = Text(clip(row.name, 60)) if row is not None else ""
        self._lines = list(_lines(row, problem, before)) if row is not None else [(clip(problem, 300), "bold red")]
        self.refresh()

    def render(self) -> Text:
        """The most telling first."""
        height = max(1, self.size.height)
        lines = self._lines
        if height < len(lines):
            facts = " · ".join(words for words, style in lines[height - 1 :])
            lines = [*lines[: height - 1], (facts, "dim")]
        return Text("\n").join(Text(words, style, overflow="ellipsis") for words, style in lines)


def _lines(row: Row, problem: str, before: Any) -> list[tuple[str, str]]:
    found = []
    if problem:
        found.append((clip(problem, 300), "bold red"))
    if row.about:
        found.append((row.about, ""))
    if not row.is_known:
        found.append(("the schema has no such setting", ""))
    if row.role == "value" and row.value is not MISSING and len(show(row.value)) > _SEEN:
        found.append((f"is {clip(show(row.value), 400)}", ""))
    takes = row.shape.words
    if takes and (row.role == "value" or row.shape.kinds or row.shape.is_nullable):
        found.append((f"takes {takes}", "dim"))
    facts = []
    if row.default is not MISSING and row.role == "value":
        facts.append(f"default {_short(row.default)}")
    elif row.default is MISSING and row.role == "value" and row.is_known and not row.is_entry:
        facts.append("must be given")
    if before is not MISSING:
        facts.append(f"began with {_short(before)}")
    facts.append("stands in the YAML" if row.is_given else "not in the YAML")
    return [*found, (" · ".join(facts), "dim")]


def _short(value: Any) -> str:
    words = show(value) if not isinstance(value, dict) else summary(value) or "an empty block"
    return clip(words, _LONGEST)
