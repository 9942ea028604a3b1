"""`kryptui runs logs`: the log of a run, once or as it grows."""

from __future__ import annotations

import json
import re
import select
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

import typer

from kryptui.cli.options import DATABASE, Database, Json, RunName, workspace
from kryptui.spans import seconds_of

if TYPE_CHECKING:
    from kryptui.runs.rows import LogRow, RunRow
    from kryptui.runs.store import Store

LOOK_SECONDS = 0.25
"""How often a log that is followed is looked at."""

_AT_ONCE = 20_000
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_INDENT = " " * 21


def logs(
    run: RunName,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on as the log grows, until the run has ended.")
    ] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", min=0, metavar="N", help="Begin with the last N lines.")
    ] = None,
    level: Annotated[
        str,
        typer.Option(
            "--level", metavar="LEVEL", help="Only lines as grave or graver: debug, info, warning, error."
        ),
    ] = "debug",
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="Only later lines: 10m, 2h or 1d ago, or 2025-01-31T12:00."),
    ] = None,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """What a run has logged, in local time, of all its attempts.

    --json: one object a line: seq, attempt, time (seconds since 1970), level, text.
    """
    from kryptui.errors import InputError, nearest
    from kryptui.runs.logs import LEVELS

    if level not in LEVELS:
        raise InputError(f"--level {level!r}: no such level{nearest(level, LEVELS)}; one of {', '.join(LEVELS)}")
    earliest = None if since is None else _moment(since)
    with workspace(database).open(create=False, write=False) as store:
        row = store.get_run(store.resolve_run(run))
        printer = Printer(json_output)
        for lines in _pages(store, row, tail, level, earliest):
            printer.print(lines)
        if follow:
            # What the run had recorded when it was read has been looked at, whether it was to be printed or not.
            _follow(store, row, printer, max(printer.seq, row.last_seq), level)


class Printer:
    """Writes lines of a log to stdout, a rule between two attempts; `seq` is that of the last one written."""

    def __init__(self, json_lines: bool = False) -> None:
        from kryptui.cli.console import console

        screen = console()
        self.seq = 0
        self._attempt = 1
        self._json = json_lines
        self._colour = screen.is_terminal and not screen.no_color
        self._width = min(screen.width, 80)

    def print(self, lines: list[LogRow]) -> None:
        """Writes lines at once."""
        if not lines:
            return
        write = self._as_json if self._json else self._as_text
        sys.stdout.write("".join(write(line) for line in lines))
        sys.stdout.flush()
        self.seq = lines[-1].seq

    @staticmethod
    def _as_json(line: LogRow) -> str:
        return json.dumps(line._asdict()) + "\n"

    def _as_text(self, line: LogRow) -> str:
        from kryptui.draw.words import clean

        text = line.text
        if not text.isprintable():
            # Colours of other programs are dropped; whatever else would drive the terminal is made visible.
            parts = _COLOURS.sub("", text).expandtabs().splitlines() or [""]
            text = f"\n{_INDENT}".join(map(clean, parts))
        word = "" if line.level == "info" else f"{clean(line.level)}: "
        if word and self._colour:
            word = typer.style(word, fg={"warning": "yellow", "error": "red"}.get(line.level), bold=True)
        return f"{self._rule(line.attempt)}{_clock(int(line.time))}  {word}{text}\n"

    def _rule(self, attempt: int) -> str:
        """What stands between the lines of two attempts; a run that waits for its first one has none yet."""
        if attempt <= self._attempt:
            return ""
        self._attempt = attempt
        return f"── attempt {attempt} ".ljust(self._width, "─") + "\n"


def _pages(store: Store, row: RunRow, tail: int | None, level: str, since: float | None) -> Iterator[list[LogRow]]:
    """What the log holds now, not all in memory at once unless the last lines are asked for."""
    from kryptui.runs.logs import read

    if tail is not None:
        yield read(store, row.id, level=level, since=since, limit=tail, last=True)
        return
    seq = 0
    while lines := read(store, row.id, after_seq=seq, level=level, since=since, limit=_AT_ONCE):
        yield lines
        seq = lines[-1].seq


def _follow(store: Store, row: RunRow, printer: Printer, seq: int, level: str) -> None:
    """Prints what comes until the run has ended; says on stderr how it stands whenever that has changed."""
    from kryptui.errors import InputError, RunError
    from kryptui.runs.logs import read
    from kryptui.runs.status import OVER

    told = "running"
    while True:
        try:
            row = store.get_run(row.id)
        except InputError:
            raise RunError(f"run {row.id}: has been deleted meanwhile") from None
        # The run is read before its lines, so that none is missed which it wrote before it ended.
        while lines := read(store, row.id, after_seq=seq, level=level, limit=_AT_ONCE):
            printer.print(lines)
            seq = lines[-1].seq
        if row.status != told:
            _tell(row)
            told = row.status
        if row.status in OVER:
            return
        if _reader_has_left(LOOK_SECONDS):
            raise BrokenPipeError


def _tell(row: RunRow) -> None:
    from kryptui.draw.words import clean
    from kryptui.runs.explain import explain
    from kryptui.tell.run import STATUS_MARKS

    typer.echo(f"{STATUS_MARKS[row.status]} {clean(row.name)} ({row.id}) {row.status}: {explain(row)}", err=True)


def _reader_has_left(seconds: float) -> bool:
    """Waits, or less long where whoever read stdout is gone, as `head` is when it has its lines."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)  # an error is always reported
        return bool(poll.poll(seconds * 1000))
    except (AttributeError, OSError, ValueError):  # a system without poll, an stdout that is no file
        time.sleep(seconds)
        return False


def _moment(text: str) -> float:
    """Seconds since 1970 of `10m`, which is ago, or of a date with or without a time; else raises InputError."""
    from kryptui.errors import InputError

    try:
        ago = seconds_of(text)
        return datetime.fromisoformat(text).timestamp() if ago is None else time.time() - ago
    except (ValueError, OverflowError, OSError):
        raise InputError(
            f"--since {text!r}: no moment; write how long ago, such as 30s, 10m, 2h or 1d, or 2025-01-31T12:00"
        ) from None


@lru_cache(maxsize=64)
def _clock(second: int) -> str:
    try:
        return datetime.fromtimestamp(second).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # a moment that no calendar has
        return f"{second:<19}"
