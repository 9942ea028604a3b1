"""`kryptui demo`: the whole way on generated faces, from a folder to a scored submission."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from kryptui.cli.train import train_and_report

PRESET = "quickstart"
Directory = Annotated[Path, typer.Argument(metavar="[DIR]", help="A new folder, the workspace of it all.")]


def demo(directory: Directory = Path("demo")) -> None:
    """Draws faces, trains on them, writes a submission, scores it.

    Two minutes, no download.
    """
    from kryptui import config as configuration
    from kryptui.data.demo import write_demo
    from kryptui.data.prepare import prepare
    from kryptui.errors import InputError
    from kryptui.jobs import answering, sources
    from kryptui.jobs.workspace import Workspace
    from kryptui.spans import duration
    from kryptui.tasks import registry
    from kryptui.tasks.verification.score import score_submission

    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory}: is there already; name a new folder: kryptui demo DIR")
    began = time.monotonic()
    faces, prepared, output = Path("data/faces"), Path("data/prepared"), Path("submission.csv")
    drawn = write_demo(directory / faces)
    os.chdir(directory)  # so that the paths in its record hold for whoever works there next
    typer.echo(f"drew {drawn.images} pictures of {drawn.people + drawn.test_people} people")
    prepare(faces / "train", prepared)
    where = Workspace(Path(), "runs.db")
    config = configuration.load(
        configuration.preset_path(PRESET), registry.settings_of, [f"task.train={prepared}"]
    )
    code, run_id = train_and_report(config, where, json_lines=False)
    if code:
        raise typer.Exit(code)
    with where.open() as store:
        restored, origin = sources.open_model(run_id, where, store)
        answering.submit(restored, origin, faces / "test_public", output, {}, where, store)
    found = score_submission(output, faces / "test_labels.csv")
    typer.echo(
        f"\nEER on {found['pairs']} test pairs of people never seen: {found['eer']:.4f} "
        f"(organisers' formula {found['eer_contest']:.4f}), {duration(time.monotonic() - began)} in all"
    )
    typer.echo(f"\n{directory} holds\n")
    for path, what in (
        (faces, "generated faces: train, test_public, test_labels.csv"),
        (prepared, "the split and the frozen validation pairs"),
        (where.checkpoints(run_id) / "best", "the best checkpoint"),
        (Path(where.database), "the record of all runs"),
        (output, "the submission, and beside it how it was made"),
    ):
        typer.echo(f"  {path!s:<28}{what}")
    typer.echo(
        f"\nwhat to try next, after cd {directory}:\n\n"
        f"  kryptui runs show {PRESET}\n"
        f"  kryptui data inspect {faces / 'train'}\n"
        f"  kryptui run --headless {PRESET} -o task.train={prepared} -o task.losses.0.mining=hard"
    )
