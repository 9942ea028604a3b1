"""`kryptui runs tag`, `note` and `rename`: what people say of runs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kryptui.cli.completion import complete_tag
from kryptui.cli.options import (
    DATABASE,
    ChosenRuns,
    Database,
    Filter,
    Json,
    RunName,
    workspace,
)

if TYPE_CHECKING:
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store

_NAME_WIDTH = 24


def tag(
    runs: ChosenRuns = None,
    add: Annotated[
        list[str] | None,
        typer.Option("-a", "--add", metavar="TAG", help="May be repeated.", autocompletion=complete_tag),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("-r", "--remove", metavar="TAG", help="May be repeated.", autocompletion=complete_tag),
    ] = None,
    filter: Filter = None,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Adds and removes tags; without -a and -r shows them.

    All the runs that are named are changed, or none.

    --json: a list of {"id", "name", "tags"}.
    """
    from kryptui.runs import keeping

    changes = bool(add or remove)
    with workspace(database).open(create=False, write=changes) as store:
        chosen = chosen_runs(store, runs, filter)
        tags = {run.id: run.tags for run in chosen}
        if changes:
            tags = keeping.tag_runs(store, list(tags), add or (), remove or ())
    if json_output:
        shown = [{"id": run.id, "name": run.name, "tags": list(tags[run.id])} for run in chosen]
        typer.echo(json.dumps(shown))
        return
    from kryptui.draw.words import clean, pad

    width = min(_NAME_WIDTH, max(len(run.name) for run in chosen))
    for run in chosen:
        typer.echo(f"{run.id}  {pad(run.name, width)}  {' '.join(map(clean, tags[run.id])) or 'no tags'}")


def note(
    run: RunName,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="The new note; - reads it from stdin.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the note away.")] = False,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Replaces a run's note by TEXT; without TEXT shows it.

    TEXT is kept as it is.

    --json: {"id", "name", "note"}.
    """
    from kryptui.errors import InputError
    from kryptui.runs import keeping

    if clear and text is not None:
        raise InputError("--clear: takes the note away; leave TEXT out")
    changes = clear or text is not None
    written = _stdin() if text == "-" else text
    with workspace(database).open(create=False, write=changes) as store:
        run_id = store.resolve_run(run)
        if changes:
            keeping.set_note(store, run_id, written)
        row = store.get_run(run_id)
    if json_output:
        typer.echo(json.dumps({"id": row.id, "name": row.name, "note": row.note}))
    elif changes:
        typer.echo(f"run {row.id}: {'note taken away' if clear else 'noted'}")
    elif row.note is None:
        typer.echo(f"run {row.id}: has no note", err=True)
    else:
        typer.echo(_visible(row.note))


def rename(
    run: RunName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As a configuration may name it.")],
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Gives a run another name, while it is in progress too. Its configuration keeps the old one.

    --json: {"id", "name", "before"}.
    """
    from kryptui.draw.words import clean
    from kryptui.runs import keeping

    with workspace(database).open(create=False) as store:
        row = store.get_run(store.resolve_run(run))
        keeping.rename(store, row.id, name)
    if json_output:
        typer.echo(json.dumps({"id": row.id, "name": name, "before": row.name}))
    else:
        typer.echo(f"run {row.id}: {clean(row.name)} is now {name}")


def chosen_runs(store: Store, names: Sequence[str] | None, filter: str | None) -> list[RunRow]:
    """The runs to change: those that are named, or those that a filter finds."""
    from kryptui.errors import InputError

    if bool(names) == (filter is not None):
        raise InputError("name one or more runs, or find them by --filter; one of the two")
    if filter is None:
        return [store.get_run(run_id) for run_id in dict.fromkeys(map(store.resolve_run, names or ()))]
    if not filter.strip():
        raise InputError("--filter: is empty; every run is found by 'attempt>=0', if that is meant")
    found = store.list_runs(filter)
    if not found:
        raise InputError(f"--filter {filter!r}: finds no run")
    return found


def _stdin() -> str:
    """All of stdin as text, without the line break that a pipe puts at its end."""
    from kryptui.errors import InputError

    try:
        return re.sub(r"\r?\n\Z", "", sys.stdin.buffer.read().decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError("note: what stdin gives is not UTF-8 text") from None


def _visible(text: str) -> str:
    """The text with what would drive the terminal spelt out; line breaks and tabs stay."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode() for char in text
    )
