"""`kryptui runs list` and `runs show`: what is on record."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kryptui.cli.completion import complete_sort
from kryptui.cli.options import DATABASE, Database, FilterWords, Json, RunName, workspace

if TYPE_CHECKING:
    from kryptui.runs.store import Store

app = typer.Typer(help="The record of all runs.", no_args_is_help=True, rich_markup_mode=None)

COLUMNS = ("eer", "eer_real", "eer_fake")
"""Headlines that are known without asking a task, which takes longer than the list itself."""

_FEWEST = 10  # runs that a list on a terminal shows, however low that is


@app.command("list")
def list_runs(
    query: FilterWords = None,
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            metavar="NAME",
            help="A metric, best first, or a column, smallest first; -NAME the other way.",
            autocompletion=complete_sort,
        ),
    ] = "-created",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="So many; on a terminal as many as it holds.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every run, also on a terminal.")] = False,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """All runs, the newest first, or those a filter finds.

    A metric counts by its best value where it has one.

    --json: a list of runs, each with id, name, kind, task, status, attempt, tags, note, error, host, workspace,
    parent (an id), progress, config_hash, data_hash, created, started, ended (seconds since 1970), seconds (from
    the first start to the end or the last sign of life), and metrics: {name: {last, best, best_step}}.
    """
    from kryptui.cli.console import console
    from kryptui.runs import listing
    from kryptui.tell.run import run_json, run_list

    words = " ".join(query or ())
    screen = console()
    most = limit
    if most is None and screen.is_terminal and not (everything or json_output):
        most = max(_FEWEST, screen.height - 4)
    with workspace(database).open(create=False, write=False) as store:
        known = store.metric_names()
        metrics = known if json_output else _shown_metrics(store, sort, known)
        # One more than is shown tells whether there are more.
        found = store.list_runs(words, sort, None if most is None else most + 1, metrics)
        total = listing.count(store)
    more = most is not None and len(found) > most
    found = found[:most]
    if json_output:
        typer.echo(json.dumps([run_json(run) for run in found]))
        return
    lines = run_list(found, metrics, sort, screen.width)
    if screen.is_terminal:
        for line in lines:
            screen.print(line)
    else:
        sys.stdout.write("".join(f"{line.plain}\n" for line in lines))
    typer.echo(_count(len(found), total, words, more, limit is None), err=True)


def _shown_metrics(store: Store, sort: str, known: Sequence[str]) -> list[str]:
    """The metrics that a list shows: the one that it is sorted by, and the headlines of the tasks on record."""
    from kryptui.errors import InputError
    from kryptui.runs import listing

    shown = [sort.removeprefix("-").removesuffix(".best").removesuffix(".last"), *COLUMNS]
    for task in listing.tasks_without(store, COLUMNS):
        from kryptui.tasks import registry

        try:
            shown.append(registry.get(task).headline)
        except InputError:  # recorded elsewhere, or its package is not installed here
            continue
    return [name for name in dict.fromkeys(shown) if name in known]


def _count(shown: int, total: int, query: str, more: bool, by_screen: bool) -> str:
    rest = "; the rest with --all" if by_screen else ""
    if not total:
        return "no runs on record yet; start one: kryptui run --headless CFG"
    if more:
        return f"the first {shown} that match of {total} runs{rest}" if query else f"{shown} of {total} runs{rest}"
    return f"{shown} of {total} runs" if query else f"{total} run{'s' if total > 1 else ''}"


@app.command("show")
def show(
    run: RunName,
    log: Annotated[bool, typer.Option("--log", help="The whole log instead, as runs logs prints it.")] = False,
    config: Annotated[bool, typer.Option("--config", help="The configuration as YAML instead.")] = False,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """One run: how it stands, what to do, and what it recorded.

    That is its metrics, its last evaluation, its files, and the commands sent to it.

    --json: what runs list has of a run, and explanation, process, env, config, artifacts: [{kind, path, host,
    step, bytes, sha256}], commands: [{command, issuer, issued, handled, answer}]; handled is null while unheard.
    """
    from kryptui.errors import InputError
    from kryptui.runs import commands, listing

    if log:
        from kryptui.cli.logs import logs

        logs(run, json_output=json_output, database=database)
        return
    with workspace(database).open(create=False, write=False) as store:
        row = store.get_run(store.resolve_run(run))
        if config:
            from kryptui import yaml_text

            typer.echo(yaml_text.dump(row.config), nl=False)
            return
        evaluation = listing.last_evaluation(store, row.id)
        artifacts = store.artifacts(row.id)
        sent = commands.of_run(store, row.id)
        try:
            parent = None if row.parent is None else store.get_run(row.parent)
        except InputError:  # deleted since
            parent = None
    if json_output:
        from kryptui.runs.explain import explain
        from kryptui.tell.run import run_json

        facts = {"explanation": explain(row), "process": row.process, "env": row.env, "config": row.config}
        files = [
            {"kind": file.kind, "path": file.path, "host": file.host, "step": file.step, "bytes": file.bytes,
             "sha256": file.sha256}
            for file in artifacts
        ]  # fmt: skip
        heard = [
            {"command": command.command, "issuer": command.issuer, "issued": command.issued,
             "handled": command.handled, "answer": command.answer}
            for command in sent
        ]  # fmt: skip
        typer.echo(json.dumps(run_json(row) | facts | {"artifacts": files, "commands": heard}))
        return
    from kryptui.cli.console import console
    from kryptui.draw.console import render, render_report
    from kryptui.figures import Report, Table
    from kryptui.tell import run as tell

    screen = console()
    for part in tell.facts(row, parent):
        screen.print(part)
    if row.summaries:
        screen.print(tell.metric_table(row))
    if evaluation is not None:
        report = Report(f"evaluation at step {evaluation.step}", dict(evaluation.scalars), evaluation.figures)
        screen.print()
        screen.print(render_report(report, screen.width))
    if artifacts:
        screen.print()
    for file in artifacts:
        screen.print(tell.file_line(file), soft_wrap=True)
    if sent:
        rows: list[list[str | float | int | None]] = [
            [tell.local(command.issued), command.command, command.issuer, command.answer or "not heard yet"]
            for command in sent
        ]
        screen.print()
        screen.print(render(Table("commands sent to it", ["when", "command", "by", "answer"], rows), screen.width))
