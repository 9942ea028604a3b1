"""The commands by name, and how errors leave the program."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from kryptui import __version__
from kryptui.cli import (
    answer,
    compare,
    data,
    demo,
    discard,
    doctor,
    embed,
    exchange,
    identify,
    keep,
    logs,
    presets,
    runs,
    screen,
    steer,
    train,
    verify,
    weights,
    worker,
)
from kryptui.cli.options import DATABASE
from kryptui.errors import KryptuiError
from kryptui.jobs.signals import INTERRUPTED

app = typer.Typer(
    name="kryptui",
    help="A terminal experiment manager for face verification that deepfakes cannot fool.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(train.run)
app.command("demo")(demo.demo)
app.command("eval")(answer.evaluate)
app.command("submit")(answer.submit)
app.command("score")(answer.score)
app.command("verify")(verify.verify)
app.command("matrix")(verify.matrix)
app.command("embed")(embed.embed)
app.command("identify")(identify.identify)
app.command("worker")(worker.worker)
app.command("doctor")(doctor.doctor)
app.add_typer(data.app, name="data")
app.add_typer(runs.app, name="runs")
runs.app.command("export")(exchange.export_runs)
runs.app.command("import")(exchange.import_runs)
runs.app.command("tag")(keep.tag)
runs.app.command("note")(keep.note)
runs.app.command("rename")(keep.rename)
runs.app.command("delete")(discard.delete)
runs.app.command("prune")(discard.prune)
runs.app.command("compare")(compare.compare)
runs.app.command("logs")(logs.logs)
runs.app.command("stop")(steer.stop)
runs.app.command("pause")(steer.pause)
runs.app.command("resume")(steer.resume)
runs.app.command("checkpoint")(steer.checkpoint)
runs.app.command("evaluate")(steer.evaluate)
app.add_typer(presets.app, name="presets")
app.add_typer(weights.app, name="weights")


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=lambda on: _version(on))
    ] = False,
    database: Annotated[
        str,
        typer.Option("--db", envvar="KRYPTUI_DB", metavar="PATH|URL", help="The record that the app opens."),
    ] = DATABASE,
) -> None:
    """Trains, watches, compares and ships face-verification models.

    Alone, on a terminal, it opens the app in this folder.
    """
    if context.invoked_subcommand is not None:
        return
    if not screen.is_possible():
        typer.echo(context.get_help())
        return
    raise screen.open_app(database)


def main() -> NoReturn:
    """Runs the command line; exits 0 done, 1 failed, 2 bad input, 130 interrupted."""
    # Before torch loads: its threads then wait for each other asleep, not spinning. Beside any other work,
    # decoding included, spinning costs up to nine tenths of the speed; on an idle machine it gains nothing.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(standalone_mode=False)
    except KryptuiError as error:
        _say(f"error: {error}")
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted")
        code = INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except typer.Exit as leave:
        code = leave.exit_code
    except Exception as error:
        # Typer's own errors; where their classes live differs between its versions.
        if not hasattr(error, "format_message"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.format_message())
            code = 0
        else:
            _say(f"error: {error.format_message()}")
            code = 2
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """SIGTERM is Ctrl-C."""
    raise KeyboardInterrupt


def _version(on: bool) -> None:
    if on:
        typer.echo(f"kryptui {__version__}")
        raise typer.Exit


def _say(text: str) -> None:
    from kryptui.draw.words import clean

    sys.stderr.write(" ".join(clean(text).split()) + "\n")
