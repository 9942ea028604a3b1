"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kryptui.cli.completion import complete_filter, complete_run
from kryptui.machine import cores

if TYPE_CHECKING:
    from kryptui.jobs.workspace import Workspace

Database = Annotated[
    str, typer.Option("--db", envvar="KRYPTUI_DB", metavar="PATH|URL", help="The record of all runs.")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("-o", "--override", metavar="KEY=VALUE", help="Change a setting, e.g. -o stages.0.lr=3e-4."),
]
RunName = Annotated[
    str,
    typer.Argument(metavar="RUN", help="An id, the beginning of one, or a name.", autocompletion=complete_run),
]
RunNames = Annotated[
    list[str],
    typer.Argument(metavar="RUN...", help="Ids, the beginnings of ids, or names.", autocompletion=complete_run),
]
ChosenRuns = Annotated[
    list[str] | None,
    typer.Argument(metavar="[RUN]...", help="Ids, the beginnings of ids, or names.", autocompletion=complete_run),
]
Filter = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="FILTER",
        help="The runs that it finds, as in runs list.",
        autocompletion=complete_filter,
    ),
]
FilterWords = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILTER]",
        help="Such as: status:finished kind:train cfg.seed=1 eer<0.1",
        autocompletion=complete_filter,
    ),
]
DeviceName = Annotated[
    str | None,
    typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N; default: the model's own."),
]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads that decode images.")]

DATABASE = "runs.db"
THREADS = cores()


def workspace(database: str) -> Workspace:
    """The workspace is the working directory."""
    from kryptui.errors import InputError
    from kryptui.jobs.workspace import Workspace

    try:
        root = Path.cwd()
    except FileNotFoundError:
        raise InputError("the working directory has been deleted; go to another one") from None
    return Workspace(root, database, lambda text: typer.echo(f"notice: {text}", err=True))
