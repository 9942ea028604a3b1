"""The terminal: its size, its colours, and the letters that it can be sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from kryptui.draw.words import ELLIPSIS, MARKERS
from kryptui.jobs.doctor.finding import Finding, guarded, note, ok, problem

COLUMNS, ROWS = 80, 24
LETTERS = MARKERS + ELLIPSIS + "─━│✓✗☠‖▶▀▄█▁▇░▓⠿"
"""Of each kind of sign that kryptui draws, some."""


@dataclass(frozen=True)
class Terminal:
    """What is known of the terminal without asking it; `columns` and `rows` are None where output is none."""

    environment: Mapping[str, str]
    encoding: str
    columns: int | None = None
    rows: int | None = None

    @classmethod
    def here(cls) -> Terminal:
        """The one that this process writes to."""
        columns = rows = None
        if sys.stdout.isatty():
            columns, rows = os.get_terminal_size(sys.stdout.fileno())
        return cls(dict(os.environ), sys.stdout.encoding or "ascii", columns, rows)

    @property
    def kind(self) -> str:
        """What TERM says."""
        return self.environment.get("TERM", "")

    @property
    def true_colour(self) -> bool:
        """Whether it takes 16 million colours, as far as it says."""
        return self.environment.get("COLORTERM") in ("truecolor", "24bit") or self.kind.endswith("-direct")


def examine() -> list[Finding]:
    """What the terminal of this process can show."""
    found = guarded("terminal", lambda: check_screen(Terminal.here()))
    found += guarded("colours", lambda: check_colours(Terminal.here()))
    return found + guarded("letters", lambda: check_letters(Terminal.here()))


def check_screen(terminal: Terminal) -> Finding:
    """Whether screens can be drawn, and are large enough."""
    over = " over SSH" if {"SSH_CONNECTION", "SSH_TTY"} & terminal.environment.keys() else ""
    if terminal.columns is None or terminal.rows is None:
        return ok("terminal", f"output is no terminal{over}: plain text")
    if terminal.kind in ("", "dumb", "unknown"):
        return note(
            "terminal",
            f"TERM is {terminal.kind or 'not set'}, so nothing can be drawn in place",
            "export TERM=xterm-256color, if the terminal is a common one",
        )
    fact = f"{terminal.kind}, {terminal.columns} x {terminal.rows}{over}"
    if terminal.columns < COLUMNS or terminal.rows < ROWS:
        return note("terminal", f"{fact}: screens are cut", f"make it {COLUMNS} x {ROWS} or larger")
    return ok("terminal", fact)


def check_colours(terminal: Terminal) -> Finding:
    """How many colours, and why not more; pictures need all, the rest is content with 16."""
    environment = terminal.environment
    if environment.get("NO_COLOR"):
        return ok("colours", "none, as NO_COLOR wishes")
    if terminal.columns is None:
        return ok("colours", "none, as output is no terminal")
    if terminal.true_colour:
        return ok("colours", "16 million")
    count = 256 if "256color" in terminal.kind else 0 if terminal.kind in ("", "dumb", "unknown") else 16
    fact = f"{count or 'none'} as far as it says: pictures are drawn coarsely"
    if "TMUX" in environment:
        remedy = "in ~/.tmux.conf: set -as terminal-features ',*:RGB'; then export COLORTERM=truecolor"
    elif "STY" in environment:
        remedy = "GNU screen 5: truecolor on in ~/.screenrc, then export COLORTERM=truecolor; older: use tmux"
    elif {"SSH_CONNECTION", "SSH_TTY"} & environment.keys():
        remedy = "if the terminal at home has more, export COLORTERM=truecolor here: SSH does not carry it over"
    else:
        remedy = "if the terminal has more, export COLORTERM=truecolor"
    return note("colours", fact, remedy)


def check_letters(terminal: Terminal) -> Finding:
    """Whether marks, frames, half blocks and braille can be written."""
    try:
        lost = sum(not _fits(sign, terminal.encoding) for sign in LETTERS)
    except LookupError:
        lost = len(LETTERS)
    if lost:
        fact = f"{terminal.encoding} lacks {lost} of the {len(LETTERS)} signs that are drawn with"
        return problem("letters", fact, "export LC_ALL=C.UTF-8")
    if terminal.kind == "linux":
        fact = f"{terminal.encoding}, but the console's font lacks braille, so that curves show as boxes"
        return note("letters", fact, "come in over SSH from another terminal")
    return ok("letters", f"{terminal.encoding}: marks, half blocks and braille")


def _fits(sign: str, encoding: str) -> bool:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
