"""`kryptui runs stop`, `pause`, `resume`, `checkpoint` and `evaluate`: steer a run from any shell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from kryptui.cli.options import DATABASE, Database, Json, RunNames, workspace

if TYPE_CHECKING:
    from kryptui.runs.commands import Command

Wait = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0.1, help="How long the run may take to answer.")
]
WAIT = 5.0


def stop(runs: RunNames, wait: Wait = WAIT, json_output: Json = False, database: Database = DATABASE) -> None:
    """Ends a run after its batch, with a checkpoint.

    One that is queued leaves the queue. --json: a list of {"run", "command", "answer", "sent"}.
    """
    _steer(runs, "stop", wait, json_output, database)


def pause(runs: RunNames, wait: Wait = WAIT, json_output: Json = False, database: Database = DATABASE) -> None:
    """Holds a run after its batch, with a checkpoint.

    --json: a list of {"run", "command", "answer", "sent"}.
    """
    _steer(runs, "pause", wait, json_output, database)


def resume(runs: RunNames, wait: Wait = WAIT, json_output: Json = False, database: Database = DATABASE) -> None:
    """Ends a pause; queues a run that stopped, failed or crashed.

    --json: a list of {"run", "command", "answer", "sent"}.
    """
    _steer(runs, "resume", wait, json_output, database)


def checkpoint(
    runs: RunNames, wait: Wait = WAIT, json_output: Json = False, database: Database = DATABASE
) -> None:
    """Lets a run save a checkpoint after its batch.

    --json: a list of {"run", "command", "answer", "sent"}.
    """
    _steer(runs, "checkpoint", wait, json_output, database)


def evaluate(runs: RunNames, wait: Wait = WAIT, json_output: Json = False, database: Database = DATABASE) -> None:
    """Lets a run evaluate after its batch.

    It trains on as if it had not. --json: a list of {"run", "command", "answer", "sent"}.
    """
    _steer(runs, "evaluate", wait, json_output, database)


def _steer(names: list[str], command: Command, wait: float, json_output: bool, database: str) -> None:
    """A run that refuses does not keep the others from hearing; the exit code is that of the worst."""
    from kryptui.errors import KryptuiError
    from kryptui.jobs import steering

    code, answers = 0, []
    with workspace(database).open(create=False) as store:
        for name in names:
            try:
                answer = steering.steer(store, store.resolve_run(name), command, wait)
            except KryptuiError as error:
                typer.echo(f"error: {error}", err=True)
                code = max(code, error.exit_code)
                continue
            answers.append({"run": answer.run_id, "command": command, "answer": answer.text, "sent": answer.sent})
            if not json_output:
                typer.echo(f"run {answer.run_id}: {answer.text}")
    if json_output:
        typer.echo(json.dumps(answers))
    if code:
        raise typer.Exit(code)
