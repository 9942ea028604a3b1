"""`kryptui runs export` and `kryptui runs import`: the record for other tools, and their runs for the record."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kryptui.cli.options import DATABASE, Database, Json, workspace

if TYPE_CHECKING:
    from kryptui.jobs.importing import Imported

Metrics = list[str] | None


def export_runs(
    query: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILTER", help="As in runs list, or ids and whole names; without one, all runs."),
    ] = None,
    what: Annotated[
        str, typer.Option("--what", help="metrics: a row a value; runs: a row a run; logs: a row a line.")
    ] = "metrics",
    format: Annotated[
        str | None, typer.Option("--format", help="csv, json or parquet; else as the file ends, else csv.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to; else to stdout.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it is there.")] = False,
    database: Database = DATABASE,
) -> None:
    """The record for other tools, in csv, JSON or parquet.

    metrics: run (its id), name (the run's), attempt, metric, step, epoch, time (seconds since 1970), value. logs:
    run, attempt, time, level, text. runs: id, name and what else is known of each, its settings as cfg.PATH, its
    metrics as METRIC.best and METRIC.last.

    Nothing is rounded. JSON is an array, an object a line; in it numbers that are not finite are the texts "NaN",
    "Infinity" and "-Infinity". In csv, text stands as it is, also where a spreadsheet would take it for a formula:
    import such columns as text.
    """
    from kryptui.errors import InputError, nearest
    from kryptui.jobs import exporting
    from kryptui.runs import flat

    if what not in flat.WHATS:
        raise InputError(f"--what {what!r}: must be {', '.join(flat.WHATS)}{nearest(what, flat.WHATS, 1)}")
    chosen = exporting.choose_format(format, output)
    if chosen == "parquet" and output is None:
        raise InputError("--format parquet: is not for a terminal or a pipe; name a file by -o")
    with workspace(database).open(create=False, write=False) as store:
        runs = flat.find_runs(store, query or [])
        if not runs:
            typer.echo("notice: no run is found" if query else "notice: the record holds no run yet", err=True)
        table = flat.table(store, runs, what)
        if output is None:
            written = exporting.write_table(table, chosen, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with exporting.new_file(output, overwrite=overwrite) as file:
                written = exporting.write_table(table, chosen, file)
            rows = "row" if written.rows == 1 else "rows"
            typer.echo(f"{output}: {written.rows:,} {rows} of {_count(len(runs), 'run')}", err=True)
    if written.formula is not None:
        text = repr(written.formula[:40])
        typer.echo(f"notice: a spreadsheet may compute text such as {text}; import such columns as text", err=True)


def import_runs(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="A TensorBoard log folder, an event file, or a csv file of curves."
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="The run's name; of several runs, what their names begin with.")
    ] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="May be repeated.")] = None,
    lower: Annotated[
        Metrics, typer.Option("--lower", metavar="METRIC", help="Lower is better; may be repeated.")
    ] = None,
    higher: Annotated[
        Metrics, typer.Option("--higher", metavar="METRIC", help="Higher is better; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Runs of other tools for the record, to compare with its own.

    Filters find them by kind:import. Each folder of a log folder that holds event files is one run. A csv file has
    a row a value (columns metric, step, value, perhaps run, epoch, time) or a row a step (column step or epoch,
    each other column of numbers a metric). What is on record already is not imported again; a source that has
    grown since replaces its run. Losses and error rates count as better when lower, accuracies and the like when
    higher.

    --json: a list of {"source", "name", "outcome": new | known | replaced | empty | refused, "run": its id or
    null, "points": how many, "metrics": [name], "remarks": [text], "error": text or null}.
    """
    from kryptui.jobs import importing

    choices = importing.Choices(name, tags or (), lower or (), higher or ())
    results = []
    for result in importing.import_runs(paths, choices, workspace(database), dry_run=dry_run):
        results.append(result)
        _tell(result, dry_run=dry_run, quiet=json_output)
    if json_output:
        typer.echo(json.dumps([_json(result) for result in results]))
    _tell_unused((*choices.lower, *choices.higher), results)
    code = max((result.error.exit_code for result in results if result.error is not None), default=0)
    if code:
        raise typer.Exit(code)


def _tell(result: Imported, *, dry_run: bool, quiet: bool) -> None:
    """One line a run on stdout, and on stderr what was left out of it or why it was refused."""
    from kryptui.draw.words import clean

    for remark in result.remarks:
        typer.echo(clean(f"notice: {result.source}: {remark}"), err=True)
    if result.error is not None:
        typer.echo(clean(f"error: {result.error}"), err=True)
    elif not quiet:
        run = f"{result.run_id} {result.name}".strip()
        points = f"{_count(result.points, 'point')} of {_count(len(result.metrics), 'metric')}"
        lines = {
            "new": f"{'would import' if dry_run else 'imported'} {run}: {points}",
            "replaced": f"{'would replace' if dry_run else 'replaced'} {run}: {points}",
            "known": f"unchanged {run}: on record already",
            "empty": f"left out {run}: no curves in {result.source}",
        }
        typer.echo(clean(lines[result.outcome]))


def _tell_unused(names: Iterable[str], results: Iterable[Imported]) -> None:
    from kryptui.errors import nearest

    known = sorted({metric for result in results for metric in result.metrics})
    for name in names:
        if known and name not in known:
            typer.echo(f"notice: metric {name!r}: none of the runs has it{nearest(name, known)}", err=True)


def _json(result: Imported) -> dict[str, object]:
    return {
        "source": str(result.source),
        "name": result.name,
        "outcome": result.outcome,
        "run": result.run_id or None,
        "points": result.points,
        "metrics": list(result.metrics),
        "remarks": list(result.remarks),
        "error": None if result.error is None else str(result.error),
    }


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
