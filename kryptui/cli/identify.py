"""`kryptui identify`: how well embeddings find a person among others."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kryptui.cli.answer import counting
from kryptui.cli.options import DATABASE, Database, DeviceName, Json
from kryptui.cli.recognising import (
    Aligned,
    Checkpoint,
    Config,
    DetectorFile,
    Which,
    WhichFace,
    recogniser,
    tell_found,
    tell_problems,
)

if TYPE_CHECKING:
    from kryptui.data.embeddings import Embeddings


class Fakes(StrEnum):
    """What becomes of the query's fakes."""

    drop = "drop"
    distractors = "distractors"


_FORMS = "of kryptui embed; or a dataset, with --model."


def identify(
    query: Annotated[Path, typer.Argument(metavar="QUERY", help=f"Known people: a file {_FORMS}")],
    distractors: Annotated[
        Path | None, typer.Option("--distractors", metavar="FILE|DIR", help=f"Other people: a file {_FORMS}")
    ] = None,
    fpr: Annotated[float, typer.Option("--fpr", help="Share of negatives that may pass.")] = 1e-3,
    fpir: Annotated[float, typer.Option("--fpir", help="Share of searches for nobody that may find one.")] = 1e-2,
    fakes: Annotated[Fakes, typer.Option("--fakes", help="What becomes of the query's fakes.")] = Fakes.drop,
    model: Annotated[
        str | None, typer.Option("--model", metavar="WHAT", help="The model that embeds datasets.")
    ] = None,
    which: WhichFace = Which.central,
    aligned: Aligned = False,
    detector: DetectorFile = None,
    config: Config = None,
    checkpoint: Checkpoint = "best",
    device: DeviceName = None,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Measures how well embeddings tell people apart.

    The identification rate is the TPR at the threshold that lets a share of --fpr of the negatives pass: pairs of
    two people of the query, and of the query with distractors; with a 95 % interval by a bootstrap over people.
    CMC, FNIR at FPIR and nearest neighbours search the query for each of its pictures, which never finds itself.

    --json: {"samples", "people", "distractors", "genuine", "negatives", "resolution": lowest FPR that these show,
    "fpr", "identification_rate", "low", "high", "threshold", "cmc": {rank: share}, "fpir", "fnir",
    "fnir_threshold", "mated", "nonmated", "knn": {neighbours: accuracy}, "notices"}; null for what is no number.
    """
    from kryptui.cli.console import console
    from kryptui.draw.console import render
    from kryptui.faces.identifying import identify as measure
    from kryptui.tell import identified as tell

    def taken(source: Path) -> Embeddings:
        from kryptui.data.embeddings import SUFFIXES, read_embeddings
        from kryptui.errors import InputError

        if source.suffix.lower() in SUFFIXES and not source.is_dir():
            return read_embeddings(source)
        if model is None:
            raise InputError(f"{source}: is no file of embeddings (.parquet, .npz); give --model to embed it")
        from kryptui.jobs.embedding import embed_dataset

        with (
            recogniser(
                model, config, checkpoint, device, database,
                detector=detector, which=which.value, aligned=aligned, margin=None,
            ) as (opened, _, _),
            counting("embedding") as progress,
        ):  # fmt: skip
            found, seen = embed_dataset(opened, source, progress)
        tell_problems(seen.problems)
        tell_found(seen.found)
        return found

    asked = taken(query)
    others = None if distractors is None else taken(distractors)
    found = measure(asked, others, fpr=fpr, fpir=fpir, fakes=fakes.value)
    if json_output:
        typer.echo(json.dumps(tell.identified_json(found)))
        return
    for notice in found.notices:
        typer.echo(f"notice: {notice}", err=True)
    screen = console()
    screen.print(render(tell.identified_table(found), screen.width))
    for line in tell.identified_lines(found):
        typer.echo(line)
