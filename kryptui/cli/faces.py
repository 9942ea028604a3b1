"""`kryptui data landmarks` and `data align`: find the faces of a dataset, and bring them onto a template."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kryptui.cli.answer import counting
from kryptui.cli.completion import complete_run
from kryptui.cli.options import DATABASE, THREADS, Database, Json, Threads, workspace

if TYPE_CHECKING:
    from kryptui.faces.finding import Finder
    from kryptui.faces.landmarks import Tally


class Which(StrEnum):
    """Which face counts where there are several."""

    central = "central"
    largest = "largest"


class Missing(StrEnum):
    """What becomes of a picture without a face."""

    leave_out = "leave-out"
    as_is = "as-is"


class TemplateName(StrEnum):
    """Where the points come to lie."""

    arcface = "arcface"


Source = Annotated[
    Path,
    typer.Argument(metavar="SRC", help="A contest tree, class folders, manifest csv, test tree, or any folder."),
]
WhichFace = Annotated[Which, typer.Option("--which", help="The face that counts where there are several.")]
DetectorFile = Annotated[
    Path | None,
    typer.Option("--detector", metavar="PATH", help="YuNet's onnx; default: as weights get yunet left it."),
]
Least = Annotated[
    float, typer.Option("--least", min=1, metavar="PIXELS", help="Faces narrower or lower than this do not count.")
]
LandmarkerModel = Annotated[
    str | None,
    typer.Option(
        "--landmarker",
        metavar="WHAT",
        help="A run of landmarks, or its checkpoint, that places the points; default: the detector's.",
        autocompletion=complete_run,
    ),
]
LEAST = 16.0


def landmarks(
    source: Source,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="CSV", help="Where the points go.")],
    which: WhichFace = Which.central,
    detector: DetectorFile = None,
    landmarker: LandmarkerModel = None,
    least: Least = LEAST,
    threads: Threads = THREADS,
    database: Database = DATABASE,
    json_output: Json = False,
) -> None:
    """Finds the five points of every face and stores them.

    A line a picture, sorted by path (relative to the csv): path, x and y of left_eye, right_eye, nose, left_mouth
    and right_mouth (left as seen), the box, the score, how many faces there were, how far the face is turned in
    degrees, and the problem where no face counts. Started again after it was stopped, it goes on.

    --json: {"layout", "images", "faces": pictures with one that counts, "several": of these with more than one,
    "turned": by more than 45 degrees, "problems": {reason: how many}}.
    """
    from kryptui.faces.landmarks import find_landmarks

    finder = _finder(detector, which, least, landmarker, database)
    with counting("finding faces") as progress:
        tally = find_landmarks(source, output, finder, threads=threads, progress=progress)
    head = f"faces      {tally.faces} in {tally.images} images ({tally.layout})"
    _tell(tally, json_output, head, output, "its column problem says why")


def align(
    source: Source,
    target: Annotated[Path, typer.Argument(metavar="DST", help="A new folder, or one to go on with.")],
    template: Annotated[
        TemplateName, typer.Option("--template", help="Where the points come to lie.")
    ] = TemplateName.arcface,
    size: Annotated[str, typer.Option("--size", metavar="PIXELS", help="Side, or HEIGHTxWIDTH.")] = "112",
    which: WhichFace = Which.central,
    margin: Annotated[
        float, typer.Option("--margin", min=0, help="Room round the template, as a share of its side.")
    ] = 0.0,
    top_n: Annotated[
        int | None, typer.Option("--top-n", min=1, metavar="N", help="Only the N people with the most pictures.")
    ] = None,
    debug: Annotated[
        Path | None, typer.Option("--debug", metavar="DIR", help="Sheets of points on the originals go there.")
    ] = None,
    missing: Annotated[
        Missing | None,
        typer.Option("--missing", help="Pictures without a face; default: leave-out, in a test tree as-is."),
    ] = None,
    detector: DetectorFile = None,
    landmarker: LandmarkerModel = None,
    least: Least = LEAST,
    threads: Threads = THREADS,
    database: Database = DATABASE,
    json_output: Json = False,
) -> None:
    """Aligns every face of a dataset, in a copy with the same names.

    meta.json, manifest, splits and pairs come along; landmarks.csv holds the points in the aligned picture and in
    the original, failed.csv what failed and why, align.json how it was made. The source is never changed. Started
    again after it was stopped, it goes on, to the same files.

    --json: as data landmarks --json.
    """
    from kryptui.faces.align_plan import AlignPlan
    from kryptui.faces.aligning import align_dataset

    plan = AlignPlan(template.value, _size(size), margin, None if missing is None else missing.value)
    finder = _finder(detector, which, least, landmarker, database)
    with counting("aligning") as progress:
        tally = align_dataset(
            source, target, finder, plan, top=top_n, debug=debug, threads=threads, progress=progress
        )
    onto = f"{template.value} {plan.size[0]} x {plan.size[1]}"
    head = f"aligned    {tally.faces} of {tally.images} images ({tally.layout}) onto {onto}"
    _tell(tally, json_output, head, target, "failed.csv in it says why")


def _finder(detector: Path | None, which: Which, least: float, landmarker: str | None, database: str) -> Finder:
    from kryptui.faces.finding import Finder

    if landmarker is None:
        return Finder.of(detector, which.value, least)
    from kryptui.jobs.landmarker import open_landmarker
    from kryptui.jobs.sources import is_path, open_model

    where = workspace(database)
    if is_path(landmarker):
        model, _ = open_model(landmarker, where, None)
    else:
        with where.open(create=False, write=False) as store:
            model, _ = open_model(landmarker, where, store)
    return Finder.of(detector, which.value, least, open_landmarker(model))


def _tell(tally: Tally, json_output: bool, head: str, place: Path, why: str) -> None:
    if json_output:
        from dataclasses import asdict

        typer.echo(json.dumps(asdict(tally)))
        return
    typer.echo(head)
    if tally.several:
        typer.echo(f"several    {tally.several} with more faces than the one that counts")
    if tally.turned:
        typer.echo(f"turned     {tally.turned} by more than 45 degrees")
    for reason, count in tally.problems.items():
        typer.echo(f"without    {count}: {reason}")
    typer.echo(f"written to {place}" + (f"; {why}" if tally.problems else ""))


def _size(text: str) -> tuple[int, int]:
    from kryptui.errors import InputError

    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdigit() and len(side) <= 5 for side in sides):
        raise InputError(
            f"--size: {text!r} must be a number of pixels such as 112, or HEIGHTxWIDTH such as 112x96"
        )
    return int(sides[0]), int(sides[-1])
