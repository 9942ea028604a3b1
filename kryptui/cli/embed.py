"""`kryptui embed`: what a model makes of every picture of a dataset, in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from kryptui.cli.answer import counting
from kryptui.cli.options import DATABASE, Database, DeviceName, Json
from kryptui.cli.recognising import (
    Aligned,
    Checkpoint,
    Config,
    DetectorFile,
    Margin,
    Model,
    Which,
    WhichFace,
    recogniser,
    tell_found,
    tell_problems,
)


def embed(
    source: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="A dataset in any layout, a manifest csv, or a folder of pictures."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="What to write: FILE.parquet or FILE.npz.")
    ],
    model: Model,
    which: WhichFace = Which.central,
    aligned: Aligned = False,
    margin: Margin = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Make all anew, and keep nothing.")] = False,
    detector: DetectorFile = None,
    config: Config = None,
    checkpoint: Checkpoint = "best",
    device: DeviceName = None,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Embeds every picture of a dataset, and stores that.

    The columns are path (relative to DIR), identity and is_fake where the layout knows them, embedding, box,
    points (x and y of left eye, right eye, nose, left and right of the mouth) and score; NaN where there is no
    face. What was made of a picture is kept in the user's cache folder, by the picture's content, the model and
    its contract, the detector and the choice of face.

    --json: {"path", "images", "embedded", "identities" or null, "size": of an embedding, "problems": [{"path",
    "why"}]}.
    """
    from kryptui.data.embeddings import check_suffix, write_embeddings
    from kryptui.data.whole_file import check_place
    from kryptui.jobs.embedding import embed_dataset

    check_suffix(output)
    check_place(output)
    with (
        recogniser(
            model, config, checkpoint, device, database,
            detector=detector, which=which.value, aligned=aligned, margin=margin, cached=not no_cache,
        ) as (opened, _, _),
        counting("embedding") as progress,
    ):  # fmt: skip
        found, seen = embed_dataset(opened, source, progress)
    write_embeddings(output, found)
    problems = seen.problems
    people = None if found.identities is None else len(set(found.identities))
    if json_output:
        facts = {
            "path": str(output),
            "images": len(found),
            "embedded": len(found) - len(problems),
            "identities": people,
            "size": found.embeddings.shape[1],
            "problems": [{"path": str(problem.path), "why": problem.why} for problem in problems],
        }
        typer.echo(json.dumps(facts))
        return
    tell_problems(problems)
    tell_found(seen.found)
    whose = "" if people is None else f" of {people} people"
    typer.echo(
        f"{output}: {len(found) - len(problems)} of {len(found)} pictures{whose}, "
        f"{found.embeddings.shape[1]} numbers each"
    )
