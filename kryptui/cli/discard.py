"""`kryptui runs delete` and `prune`: what goes for good, after it was said and agreed to."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kryptui.cli.completion import choices
from kryptui.cli.keep import chosen_runs
from kryptui.cli.options import DATABASE, ChosenRuns, Database, Filter, FilterWords, Json, workspace
from kryptui.draw.numerals import size
from kryptui.spans import seconds_of

if TYPE_CHECKING:
    from rich.table import Table

    from kryptui.jobs.pruning import Removal, Rule
    from kryptui.jobs.stored import Folder
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store

Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]

_NAME_WIDTH = 24


def delete(
    runs: ChosenRuns = None,
    filter: Filter = None,
    keep_files: Annotated[
        bool, typer.Option("--keep-files", help="Leave the checkpoints where they are, without a record.")
    ] = False,
    yes: Yes = False,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Deletes runs for good, and their checkpoints on this machine.

    Says what goes, and asks. None goes if one of them is in progress or waits. Evaluations and submissions of a
    run stay.

    --json, with --yes: {"deleted": [{"id", "name", "rows", "folder", "steps", "bytes"}], "problems": [text]}.
    """
    from kryptui.errors import InputError
    from kryptui.jobs import pruning, stored
    from kryptui.runs import keeping

    _check_that_somebody_can_answer(yes, json_output)
    where = workspace(database)
    with where.open(create=False) as store:
        chosen = chosen_runs(store, runs, filter)
        for run in chosen:
            keeping.refuse_busy(run)
        rows = keeping.count_rows(store, [run.id for run in chosen])
        found = {run.id: stored.folder_of(where, run) for run in chosen}
        files = {} if keep_files else {key: folder for key, folder in found.items() if folder is not None}
        if not json_output:
            _print(_delete_table(chosen, rows, files))
            _say_what_is_elsewhere(store, [run for run in chosen if found[run.id] is None])
        if not (yes or _agreed(f"Delete {_counted(len(chosen), 'run')} for good?")):
            raise typer.Exit(1)
        deleted: list[RunRow] = []
        problems: list[str] = []
        for run in chosen:
            try:
                problems += pruning.delete(store, where, run, keep_files=keep_files)
                deleted.append(run)
            except InputError as error:  # what was free to go has been resumed, or is gone, since
                problems.append(str(error))
    if json_output:
        facts = [
            {"id": run.id, "name": run.name, "rows": rows[run.id], **_folder_json(files.get(run.id))}
            for run in deleted
        ]
        typer.echo(json.dumps({"deleted": facts, "problems": problems}))
    else:
        typer.echo(f"deleted {_counted(len(deleted), 'run')}")
    _fail_for(problems)


def prune(
    query: FilterWords = None,
    keep: Annotated[
        str,
        typer.Option(
            "--keep",
            metavar="best|last|both",
            help="Which checkpoints of a run stay.",
            autocompletion=choices("best", "last", "both"),
        ),
    ] = "both",
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="Only of runs that ended so long ago: 12h, 7d, 4w."),
    ] = None,
    even_resumable: Annotated[
        bool,
        typer.Option("--even-resumable", help="Also what stopped, failed and crashed runs would be resumed from."),
    ] = False,
    orphans: Annotated[
        bool, typer.Option("--orphans", help="Instead: folders in checkpoints/ that no record here knows.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Yes = False,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Deletes old checkpoints of runs, all or those a filter finds.

    Says what that frees, and asks. Never of a run in progress or waiting, never the best of a tagged run; a run
    that could still be resumed keeps what that takes. Records stay as they are, but for the checkpoints that have
    gone.

    --json, with --yes or --dry-run: {"dry_run", "bytes", "removed": [{"run", "name", "folder", "steps", "kept",
    "unfinished", "bytes"}], "orphans": [{"name", "folder", "steps", "bytes"}], "problems": [text]}; the first
    "bytes" is what all of them free.
    """
    from kryptui.errors import InputError, nearest
    from kryptui.jobs import pruning, stored

    if keep not in pruning.KEEP:
        raise InputError(f"--keep {keep!r}: must be best, last or both{nearest(keep, pruning.KEEP)}")
    if orphans and (query or older_than or even_resumable or keep != "both"):
        raise InputError(
            "--orphans: no run is known of these, so there is nothing to filter by; leave the rest out"
        )
    age = None if older_than is None else _age(older_than)
    if not dry_run:
        _check_that_somebody_can_answer(yes, json_output)
    where = workspace(database)
    with where.open(create=False, write=not dry_run) as store:
        folders: list[Folder] = pruning.orphans(store, where) if orphans else []
        rule = pruning.Rule(
            next(word for word in pruning.KEEP if word == keep),
            None if age is None else pruning.moment_ago(store, age),
            even_resumable,
        )
        found = [] if orphans else store.list_runs(" ".join(query or ()))
        removals = pruning.plan(found, pruning.survey(where, found), rule)
        lost = [{"name": stored.name_of(folder), **_folder_json(folder)} for folder in folders]
        freed = sum(folder.bytes for folder in folders) + sum(removal.bytes for removal in removals)
        if not json_output:
            _say_what_goes(removals, folders, freed)
        problems: list[str] = []
        if (removals or folders) and not dry_run:
            if not (yes or _agreed("Delete them for good?")):
                raise typer.Exit(1)
            problems = [text for folder in folders for text in stored.clear(folder)]
            problems += [text for removal in removals for text in _carried_out(store, removal, rule)]
            freed = sum(map(_freed, (*folders, *(removal.folder for removal in removals))))
            if not json_output:
                typer.echo(f"freed {size(freed)}")
    if json_output:
        facts = {"dry_run": dry_run, "bytes": freed, "removed": list(map(_removal_json, removals))}
        typer.echo(json.dumps({**facts, "orphans": lost, "problems": problems}))
    _fail_for(problems)


def _say_what_goes(removals: Sequence[Removal], folders: Sequence[Folder], freed: int) -> None:
    if folders:
        _print(_orphan_table(folders))
    elif removals:
        _print(_prune_table(removals))
    else:
        typer.echo("nothing to prune")
        return
    count = _counted(len(folders), "folder") if folders else _counted(len(removals), "run")
    typer.echo(f"frees {size(freed)} of {count}")


def _freed(before: Folder) -> int:
    """The bytes of a folder that are no longer there."""
    from kryptui.jobs.stored import look

    now = look(before.path)
    return before.bytes - (0 if now is None else now.bytes)


def _carried_out(store: Store, removal: Removal, rule: Rule) -> list[str]:
    from kryptui.errors import InputError
    from kryptui.jobs import pruning

    try:
        return pruning.carry_out(store, removal, rule)
    except InputError as error:  # it has been resumed, or is gone, since
        return [str(error)]


def _check_that_somebody_can_answer(yes: bool, json_output: bool) -> None:
    from kryptui.errors import InputError

    if not yes and (json_output or not sys.stdin.isatty()):
        why = "--json asks nothing" if json_output else "there is no terminal to ask on"
        raise InputError(f"this deletes for good and {why}; add --yes")


def _agreed(question: str) -> bool:
    if typer.confirm(question, err=True):
        return True
    typer.echo("nothing was deleted", err=True)
    return False


def _fail_for(problems: Sequence[str]) -> None:
    """Says what could not be done, and exits 1 for it."""
    for text in problems:
        typer.echo(f"error: {text}", err=True)
    if problems:
        raise typer.Exit(1)


def _say_what_is_elsewhere(store: Store, runs: Iterable[RunRow]) -> None:
    """Checkpoints that this machine cannot reach stay where they are."""
    from kryptui.draw.words import clean

    for run in runs:
        saved = [artifact for artifact in store.artifacts(run.id) if artifact.kind == "checkpoint"]
        if saved:
            typer.echo(
                f"notice: {run.id}: checkpoints written on {clean(saved[-1].host)} are not here; they stay",
                err=True,
            )


def _delete_table(runs: Sequence[RunRow], rows: dict[str, int], files: dict[str, Folder]) -> Table:
    table = _table("id", "name", "status", rows="right", checkpoints="right")
    for run in runs:
        folder = files.get(run.id)
        held = "-" if folder is None else f"{len(folder.steps)}, {size(folder.bytes)}"
        table.add_row(run.id, _words(run.name), run.status, f"{rows[run.id]:,}", held)
    return table


def _prune_table(removals: Sequence[Removal]) -> Table:
    table = _table("id", "name", "status", goes="right", **{"kept steps": "left"}, frees="right")
    for removal in removals:
        goes = f"{len(removal.steps)} of {len(removal.folder.steps)}" if removal.steps else "unfinished"
        stays = " ".join(map(str, removal.kept)) or "-"
        run = removal.run
        table.add_row(run.id, _words(run.name), run.status, goes, stays, size(removal.bytes))
    return table


def _orphan_table(folders: Sequence[Folder]) -> Table:
    from kryptui.jobs.stored import name_of

    table = _table("folder", "name", steps="right", frees="right")
    for folder in folders:
        name = name_of(folder)
        words = "-" if name is None else _words(name)
        table.add_row(f"checkpoints/{folder.path.name}", words, str(len(folder.steps)), size(folder.bytes))
    return table


def _table(*names: str, **others: Any) -> Table:
    """Columns of words, then columns with their justification; the second gives way where there is no room."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, (name, justify) in enumerate([*((name, "left") for name in names), *others.items()]):
        table.add_column(
            name, justify=justify, no_wrap=True, overflow="ellipsis", min_width=None if index == 1 else len(name)
        )
    return table


def _words(name: str) -> str:
    from rich.markup import escape

    from kryptui.draw.words import clip

    return escape(clip(name, _NAME_WIDTH))


def _print(table: Table) -> None:
    from kryptui.cli.console import console

    console().print(table)


def _removal_json(removal: Removal) -> dict[str, Any]:
    run = removal.run
    return {
        "run": run.id,
        "name": run.name,
        "folder": str(removal.folder.path),
        "steps": list(removal.steps),
        "kept": list(removal.kept),
        "unfinished": list(removal.unfinished),
        "bytes": removal.bytes,
    }


def _folder_json(folder: Folder | None) -> dict[str, Any]:
    if folder is None:
        return {"folder": None, "steps": [], "bytes": 0}
    return {"folder": str(folder.path), "steps": sorted(folder.steps), "bytes": folder.bytes}


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _age(text: str) -> float:
    from kryptui.errors import InputError

    seconds = seconds_of(text)
    if seconds is None:
        raise InputError(f"--older-than {text!r}: must be a number and a unit, s, m, h, d or w, such as 7d")
    return seconds
