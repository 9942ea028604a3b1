"""One setting as a line: its mark, its name, its value, and what is wrong with it or what it is about."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from kryptui.draw.words import clip, line, pad
from kryptui.tui.configure.fields import Row, summary
from kryptui.tui.configure.shapes import MISSING, show

PARTS = ("given", "changed", "problem", "default", "about", "head", "fold", "value")
"""What has a style of its own."""

LABEL = 25
"""Cells of the indent and the name."""

_VALUE = 24
_MARK = 2


@dataclass(frozen=True)
class Look:
    """How a row stands: what is wrong with it, whether it differs from the start, is folded, or is being typed."""

    problem: str = ""
    is_changed: bool = False
    is_folded: bool = False
    is_typed: bool = False


def value_column() -> int:
    """The cell in which values begin."""
    return _MARK + LABEL + 1


def setting_line(row: Row, look: Look, width: int, styles: dict[str, Style]) -> Text:
    """The line at a width; the value is cut where something stands behind it."""
    text = line()
    if look.problem:
        text.append("✗ ", styles["problem"])
    elif look.is_changed:
        text.append("* ", styles["changed"])
    else:
        text.append("• " if row.is_given else "  ", styles["given"])
    text.append("  " * row.depth)
    if row.role != "value":
        text.append("▸ " if look.is_folded else "▾ ", styles["fold"])
    elif row.depth:
        text.append("  ")
    name = f"{row.label}  {_entry_name(row)}" if row.is_entry else row.label
    room = max(4, _MARK + LABEL - text.cell_len)
    text.append(pad(name, room), styles["head"] if row.role != "value" else Style.null()).append(" ")
    note, part = (look.problem, "problem") if look.problem else (row.about, "about")
    if row.role != "value":
        words = summary(row.value) if look.is_folded or row.role == "list" else ""
        note, part = (note, part) if look.problem or not words else ("", part)
    else:
        words = "must be given" if row.value is MISSING else "" if look.is_typed else show(row.value)
    most = _VALUE if note else max(_VALUE, width - text.cell_len)
    text.append(pad(words, _VALUE) if cell_len(words) <= _VALUE else clip(words, most), styles[_part(row, look)])
    room = width - text.cell_len - 2
    if note and room >= 8:
        text.append("  ").append(clip(note, room), styles[part])
    return text


def _part(row: Row, look: Look) -> str:
    if look.problem and row.role == "value":
        return "problem"
    return "value" if row.is_given and row.role == "value" else "default"


def _entry_name(row: Row) -> str:
    """What an entry calls itself: its name, else its kind."""
    value = row.value if isinstance(row.value, dict) else {}
    return next((str(value[key]) for key in ("name", "kind") if isinstance(value.get(key), str)), "")
