"""`kryptui verify` and `matrix`: how alike the faces in some pictures are, and in a folder."""

from __future__ import annotations

import json
from enum import StrEnum
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
    Threshold,
    Which,
    WhichFace,
    recogniser,
    tell_found,
    tell_problems,
)


class WhichFaces(StrEnum):
    """Which faces count where there are several."""

    central = "central"
    largest = "largest"
    all = "all"


def verify(
    pictures: Annotated[list[Path], typer.Argument(metavar="A B [C ...]", help="Two pictures or more.")],
    model: Model,
    which: Annotated[
        WhichFaces, typer.Option("--which", help="The faces that count where a picture shows several.")
    ] = WhichFaces.central,
    threshold: Threshold = None,
    aligned: Aligned = False,
    margin: Margin = None,
    detector: DetectorFile = None,
    config: Config = None,
    checkpoint: Checkpoint = "best",
    device: DeviceName = None,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Compares the faces in pictures, each with each.

    A face is found, aligned as the model wants it and embedded; two that are at least as similar as the threshold
    match. The probability is that of one person where such pairs and others are equally many, by the scores of the
    run's own evaluation. On a terminal with colours the faces are shown as the model sees them.

    --json: {"model", "threshold", "threshold_from": "checkpoint" or "--threshold", "faces": [{"name", "path",
    "box": [x, y, width, height], "points": [[x, y]], "score"}], "pairs": [{"first" and "second": places in faces,
    "similarity", "probability", "match": true or false}], "problems": [{"path", "why"}]}; null for what is not
    known.
    """
    from kryptui.cli.console import console
    from kryptui.draw.console import render
    from kryptui.draw.crops import draw_crops
    from kryptui.jobs.verifying import judge_of
    from kryptui.jobs.verifying import verify as compare
    from kryptui.tell import verified as tell

    with recogniser(
        model, config, checkpoint, device, database,
        detector=detector, which=which.value, aligned=aligned, margin=margin, cached=False,
    ) as (opened, origin, store):  # fmt: skip
        judge = judge_of(opened.model, origin, store, threshold)
        with counting("finding faces") as progress:
            found = compare(opened, pictures, judge, progress)
    if json_output:
        typer.echo(json.dumps(tell.verified_json(found, model)))
        return
    tell_problems(found.problems)
    for line in tell.crop_lines(found):
        typer.echo(line, err=True)
    screen = console()
    screen.print(draw_crops("as the model sees them", tell.captioned(found), screen.width), end="")
    screen.print(render(tell.verified_table(found), screen.width))
    for line in tell.verified_lines(found):
        typer.echo(line)


def matrix(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Pictures, or a dataset in any layout.")],
    model: Model,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="CSV", help="Write the similarities there.")] = None,
    png: Annotated[Path | None, typer.Option("--png", metavar="PNG", help="Draw the matrix there.")] = None,
    which: WhichFace = Which.central,
    threshold: Threshold = None,
    aligned: Aligned = False,
    margin: Margin = None,
    detector: DetectorFile = None,
    config: Config = None,
    checkpoint: Checkpoint = "best",
    device: DeviceName = None,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Shows how alike all faces of a folder are, person by person.

    Pictures are sorted by name, so that those of one person form a square: of one identity of a dataset, of one
    folder, or with one name but for the number at its end. Below stand the pairs that are most likely wrong.

    --json: {"model", "names", "people", "values": [[similarity]], "least_alike" of one person and "most_alike" of
    two: [{"first", "second", "similarity"}], "problems": [{"path", "why"}]}.
    """
    from kryptui.cli.console import console
    from kryptui.data.manifest import write_atomic
    from kryptui.data.whole_file import check_place, whole_file
    from kryptui.draw.console import render
    from kryptui.jobs.verifying import judge_of, similarity_matrix
    from kryptui.tell import similarities as tell

    for output in (csv, png):
        if output is not None:
            check_place(output)
    with recogniser(
        model, config, checkpoint, device, database,
        detector=detector, which=which.value, aligned=aligned, margin=margin,
    ) as (opened, origin, store):  # fmt: skip
        judge = judge_of(opened.model, origin, store, threshold)
        with counting("embedding") as progress:
            found = similarity_matrix(opened, folder, progress)
    figure = found.figure(f"similarity of {len(found.names)} faces")
    if csv is not None:
        write_atomic(csv, tell.matrix_csv(found))
    if png is not None:
        from kryptui.draw.matrix_picture import matrix_png

        with whole_file(png) as file:
            file.write(matrix_png(figure))
    if json_output:
        typer.echo(json.dumps(tell.matrix_json(found, model)))
        return
    tell_problems(found.problems)
    tell_found(found.found)
    screen = console()
    screen.print(render(figure, screen.width))
    for table in tell.suspect_tables(found, judge.threshold):
        screen.print()
        screen.print(render(table, screen.width))
    for output in (csv, png):
        if output is not None:
            typer.echo(f"written to {output}")
