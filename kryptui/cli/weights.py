"""`kryptui weights`: fetch files of weights that are known by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from kryptui.cli.answer import counting
from kryptui.cli.options import Json

app = typer.Typer(
    help="Fetch the weights of detectors, and see where they lie.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("get")
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As weights list names it, such as yunet.")],
    source: Annotated[
        Path | None, typer.Option("--from", metavar="PATH", help="Copy this file instead, once it is checked.")
    ] = None,
) -> None:
    """Fetches a file of weights, with resume, and checks it.

    It goes to the folder that KRYPTUI_WEIGHTS names, else to the user's cache.
    """
    from kryptui.faces.weights import get_weights

    with counting("bytes") as count:
        place = get_weights(
            name, source, None if count is None else lambda done, total: count(done, total or done)
        )
    typer.echo(str(place))


@app.command("list")
def list_weights(json_output: Json = False) -> None:
    """The weights that are known by name, and which are here.

    --json: [{"name", "what", "file", "url", "sha256", "bytes", "licence", "path", "here": true or false}].
    """
    from dataclasses import asdict

    from kryptui.faces.weights import KNOWN, is_here, weights_place

    if json_output:
        rows = [
            {"name": name, **asdict(known), "path": str(weights_place(name)), "here": is_here(name)}
            for name, known in KNOWN.items()
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    for name, known in KNOWN.items():
        state = "here" if is_here(name) else f"not here; kryptui weights get {name}"
        typer.echo(f"{name:<8}{known.what}, {known.bytes:,} bytes, {known.licence}")
        typer.echo(f"{'':<8}{weights_place(name)} ({state})")
