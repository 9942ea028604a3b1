"""`kryptui doctor`: what this machine offers and what is wrong with it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from kryptui.cli.options import DATABASE, Database, Json, workspace

if TYPE_CHECKING:
    from kryptui.jobs.doctor.finding import Section

_MARKS = {"ok": "✓ ok", "note": "! note", "problem": "✗ problem"}
_STYLES = {"ok": "green", "note": "yellow", "problem": "red"}
_STATE_CELLS = 11
_WAITING = "  looking further ..."


def doctor(json_output: Json = False, database: Database = DATABASE) -> None:
    """What this machine offers, what is wrong, and what to do.

    Exits 1 where there is a problem.

    --json: {"problems": n, "notes": n, "sections": [{"name": ..., "findings": [...]}]}, a finding being
    {"subject": ..., "state": "ok" | "note" | "problem", "fact": ..., "remedy": text, null where all is well}.
    """
    from kryptui.jobs.doctor.examine import examine

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what the terminal lacks is a finding, not an error
    sections = []
    for section in _announced(examine(workspace(database))):
        sections.append(section)
        if not json_output:
            _show(section)
    states = [finding.state for section in sections for finding in section.findings]
    problems, notes = states.count("problem"), states.count("note")
    if json_output:
        from dataclasses import asdict

        found = [asdict(section) for section in sections]
        typer.echo(json.dumps({"problems": problems, "notes": notes, "sections": found}, indent=1))
    else:
        typer.echo(_verdict(problems, notes))
    if problems:
        raise typer.Exit(1)


def _announced(sections: Iterator[Section]) -> Iterator[Section]:
    """The sections, and on a terminal a line that more is coming while the next one is awaited."""
    shown = sys.stderr.isatty()
    while True:
        if shown:
            sys.stderr.write(_WAITING)
            sys.stderr.flush()
        try:
            section = next(sections, None)
        finally:
            if shown:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
        if section is None:
            return
        yield section


def _show(section: Section) -> None:
    """The findings under their section's name: folded to a terminal's width, not folded in a pipe."""
    from rich.text import Text

    from kryptui.cli.console import console
    from kryptui.draw.words import clean, pad

    screen = console()
    subjects = max((len(finding.subject) for finding in section.findings), default=0)
    indent = 2 + _STATE_CELLS + subjects + 2

    def below(text: str) -> list[Text]:
        words = Text(clean(text))
        return list(words.wrap(screen, max(screen.width - indent, 20))) if screen.is_terminal else [words]

    screen.print(Text(section.name, "bold"))
    for finding in section.findings:
        lines = below(finding.fact) + (below(f"→ {finding.remedy}") if finding.remedy else [])
        state = (f"  {_MARKS[finding.state]:<{_STATE_CELLS}}", _STYLES[finding.state])
        screen.print(Text.assemble(state, f"{pad(finding.subject, subjects)}  ", lines[0]), soft_wrap=True)
        for line in lines[1:]:
            screen.print(Text.assemble(" " * indent, line), soft_wrap=True)


def _verdict(problems: int, notes: int) -> str:
    if not problems + notes:
        return "✓ all is well"
    counts = [
        f"{count} {word}{'s' * (count != 1)}" for count, word in ((problems, "problem"), (notes, "note")) if count
    ]
    return f"{'✗' if problems else '!'} {', '.join(counts)}"
