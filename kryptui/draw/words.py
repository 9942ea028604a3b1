"""What every drawing shares: clean and clipped words, the line above a figure, colours and markers by order."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

COLOURS = ("green", "cyan", "magenta", "yellow", "blue", "red")
"""Names in the terminal's own palette, which its owner made readable on its background."""

MARKERS = "●▲■◆○△□◇abcdefghijklmnopqrstuvwxyz"
"""One for each line of a curve, so that lines differ without colour."""

STAR = "★"
"""Marks the best."""

ELLIPSIS = "…"


def clean(text: str) -> str:
    """The text with what would move the cursor, hide or fail to print (controls, lone surrogates) as `�`."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "�" for char in text)


def clip(text: str, width: int) -> str:
    """The cleaned text in at most `width` cells, an ellipsis for the end that is cut."""
    text = clean(text)
    if cell_len(text) <= width:
        return text
    return _fitting(text[:width], width, from_left=False)


def clip_left(text: str, width: int) -> str:
    """The cleaned text in at most `width` cells, its beginning cut: a path tells more by its end."""
    text = clean(text)
    if cell_len(text) <= width:
        return text
    return _fitting(text[-width:] if width else "", width, from_left=True)


def _fitting(text: str, width: int, *, from_left: bool) -> str:
    while text and cell_len(text) + 1 > width:
        text = text[1:] if from_left else text[:-1]
    if not width:
        return ""
    return ELLIPSIS + text if from_left else text + ELLIPSIS


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text clipped and filled with blanks to exactly `width` cells, on the left where `right` aligned."""
    text = clip(text, width)
    blanks = " " * (width - cell_len(text))
    return blanks + text if right else text + blanks


def line(text: str = "", style: str = "") -> Text:
    """One line of a drawing: never wrapped, cropped where the place is narrower than asked for."""
    return Text(text, style=style, no_wrap=True, overflow="crop")


def heading(title: str, note: str, width: int, *, heavy: bool = False) -> Text:
    """`─ title ── note ─────`, exactly `width` cells; the note is left out where there is no room for it."""
    rule = "━" if heavy else "─"
    text = line()
    title = clip(title, width - 4)
    text.append(f"{rule} ", "dim").append(title, "bold").append(" ")
    room = width - text.cell_len
    if note and room >= 12:
        text.append(f"{rule * 2} ", "dim").append(clip(note, room - 5)).append(" ")
    return text.append(rule * (width - text.cell_len), "dim")


def nothing_here(title: str, width: int) -> Text:
    """What stands in place of a figure without content."""
    return heading(title, "no data", width)
