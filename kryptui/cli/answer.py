"""`kryptui eval`, `submit` and `score`: what a trained model is worth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kryptui.cli.completion import complete_configuration, complete_run
from kryptui.cli.options import DATABASE, Database, DeviceName, Json, workspace

What = Annotated[
    str,
    typer.Argument(
        metavar="WHAT", help="A run, a checkpoint's folder, or a file of weights.", autocompletion=complete_run
    ),
]
Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="CFG",
        help="Configuration or preset that a file of weights belongs to.",
        autocompletion=complete_configuration,
    ),
]
Checkpoint = Annotated[
    str, typer.Option("--checkpoint", metavar="NAME", help="Which of a run's: best, last or step-N.")
]


def evaluate(
    what: What,
    pairs: Annotated[Path, typer.Option("--pairs", "--data", metavar="CSV", help="The labelled pairs to score.")],
    config: Config = None,
    checkpoint: Checkpoint = "best",
    device: DeviceName = None,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Evaluates a model on a pair list, and keeps that on record.

    --json: {"run": the evaluation's id on record, "seconds", "metrics": {name: value, or null for no number}}.
    """
    from kryptui.cli.console import console
    from kryptui.draw.console import render_report
    from kryptui.figures import Report
    from kryptui.jobs import answering, sources
    from kryptui.tell.run import finite

    where = workspace(database)
    with where.open() as store:
        restored, origin = sources.open_model(what, where, store, _config(config), device, checkpoint)
        with counting("embedding") as progress:
            done = answering.evaluate(restored, origin, pairs, where, store, progress)
    scalars = dict(done.evaluation.scalars)
    if json_output:
        numbers = {name: finite(value) for name, value in scalars.items()}
        typer.echo(json.dumps({"run": done.run_id, "seconds": round(done.seconds, 3), "metrics": numbers}))
        return
    figures = [figure for figure in done.evaluation.figures if figure.kind != "images"]
    screen = console()
    screen.print(render_report(Report(f"{what} on {pairs}", scalars, figures), screen.width))
    screen.print(f"{done.seconds:.1f} s on {restored.device.label}; on record as {done.run_id}")


def submit(
    what: What,
    test: Annotated[Path, typer.Option("--test", metavar="DIR", help="The test tree: <pair id>/0.jpg and 1.jpg.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="CSV", help="The submission to write.")],
    fill_missing: Annotated[
        float | None,
        typer.Option("--fill-missing", metavar="VALUE", help="Similarity for pairs without two whole images."),
    ] = None,
    config: Config = None,
    checkpoint: Checkpoint = "best",
    device: DeviceName = None,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Writes a submission: one similarity a pair, in pair order.

    It is checked whole before the file appears; beside it CSV.json says how it was made.

    --json: {"run": the submission's id on record, "path", "sha256", "seconds"} and what the task tells:
    verification "pairs" and "images" (how many), "filled" (pair ids), "problems" and "notices" (texts).
    """
    import math

    from kryptui.errors import InputError
    from kryptui.jobs import answering, sources

    if fill_missing is not None and not math.isfinite(fill_missing):
        raise InputError(f"--fill-missing: {fill_missing} is not a finite number")
    where = workspace(database)
    with where.open() as store:
        restored, origin = sources.open_model(what, where, store, _config(config), device, checkpoint)
        options = {} if fill_missing is None else {"fill_missing": fill_missing}
        with counting("embedding") as progress:
            run_id, written = answering.submit(restored, origin, test, output, options, where, store, progress)
    notes = written.prediction.notes
    if json_output:
        facts = {"run": run_id, "path": str(written.path), "sha256": written.sha256, **notes}
        typer.echo(json.dumps({**facts, "seconds": round(written.seconds, 3)}))
        return
    for notice in [*notes.get("notices", []), *notes.get("problems", [])]:
        typer.echo(notice, err=True)
    filled = notes.get("filled", [])
    if filled:
        typer.echo(f"{len(filled)} pairs filled with {fill_missing:g}: {', '.join(filled[:10])}", err=True)
    images = int(notes.get("images", 0))
    typer.echo(
        f"{written.path}: {len(written.prediction.rows)} pairs, {images} images in {written.seconds:.1f} s "
        f"({images / max(written.seconds, 1e-9):.0f} img/s); how it was made: {written.sidecar}"
    )


def score(
    submission: Annotated[Path, typer.Argument(metavar="CSV", help="pair_id,similarity")],
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="pair_id,label; 1 = genuine")],
    json_output: Json = False,
) -> None:
    """The organisers' EER of a submission.

    One that is out of order or incomplete is refused.

    --json: {"eer_contest": by the organisers' formula, "eer": interpolated, "pairs": how many}.
    """
    from kryptui.tasks.verification.score import score_submission

    found = score_submission(submission, labels)
    if json_output:
        typer.echo(json.dumps(found))
        return
    typer.echo(f"eer_contest {found['eer_contest']:.6f}   (organisers' formula)")
    typer.echo(f"eer         {found['eer']:.6f}   (interpolated)   {found['pairs']} pairs")


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal's stderr while something is counted up; None in a pipe."""
    import sys

    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(bar_width=None), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)


def _config(text: str | None) -> Path | None:
    from kryptui.config import find

    return None if text is None else find(text)
