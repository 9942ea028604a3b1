"""`kryptui presets`: the configurations that ship with the package."""

from __future__ import annotations

from typing import Annotated

import typer

from kryptui.cli.completion import complete_preset

app = typer.Typer(help="Ready-made run configurations.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_presets() -> None:
    """Names, and what each is for."""
    from kryptui import config

    for name in config.preset_names():
        first = config.preset_path(name).read_text(encoding="utf-8").splitlines()[0]
        typer.echo(f"{name:<14}{first.removeprefix('# ')}")


@app.command("show")
def show_preset(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_preset)],
) -> None:
    """A preset's YAML, to save and change."""
    from kryptui import config

    typer.echo(config.preset_path(name).read_text(encoding="utf-8"), nl=False)
