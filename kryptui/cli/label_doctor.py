"""`kryptui data doctor`: photos under a wrong label, and people under two."""

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
)

_TOLD = 10  # problems that are named


def doctor(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="A contest tree, class folders, or a manifest csv.")
    ],
    model: Model,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="CSV", help="The overlay to write, for data prepare.")
    ] = None,
    sheets: Annotated[
        Path | None, typer.Option("--sheets", metavar="DIR", help="A new folder of pictures: suspects, medoids.")
    ] = None,
    certainty: Annotated[
        float, typer.Option("--certainty", min=0.01, max=0.99, help="Of the suspects that are told.")
    ] = 0.5,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=-1.0,
            max=1.0,
            metavar="COSINE",
            help="Where two photos are as likely of one person as of two; default: by the data.",
        ),
    ] = None,
    with_fakes: Annotated[
        bool, typer.Option("--with-fakes", help="Fakes count as photos of the person they are filed under.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an overlay that is there.")] = False,
    which: WhichFace = Which.central,
    aligned: Aligned = False,
    margin: Margin = None,
    detector: DetectorFile = None,
    config: Config = None,
    checkpoint: Checkpoint = "best",
    device: DeviceName = None,
    json_output: Json = False,
    database: Database = DATABASE,
) -> None:
    """Finds photos under a wrong label, and people under two.

    The photos of a person that are alike form a group, and who fits another person or nobody is a suspect; what is
    likely comes from the data itself. Fakes have no say. The overlay holds what is sure as drop, move and merge,
    and all else as keep with its reason, to be looked at; data prepare --overlay carries it out. The source is
    never changed.

    --json: {"source", "photos", "identities", "photo_threshold", "template_threshold", "wrong_share", "findings":
    [{"kind": "stranger" | "unsure" | "split", "photo", "identity", "medoid", "other", "other_medoid", "certainty",
    "own", "near", "is_sure", "suggestion": {"action", "path", "identity", "into", "reason"}}], "problems":
    [{"path", "why"}], "overlay": the csv, "sheets": [png]}; null where there is none.
    """
    from kryptui.cli.console import console
    from kryptui.data.layouts import read_dataset
    from kryptui.data.whole_file import check_place
    from kryptui.draw.console import render_report
    from kryptui.figures import Report
    from kryptui.jobs.label_doctor import Review, examine_labels

    if output is not None:
        check_place(output)
        _refuse(
            output,
            source,
            not output.exists() or overwrite,
            "holds decisions, perhaps; give --overwrite to lose them",
        )
    if sheets is not None:
        _refuse(sheets, source, not (sheets.is_dir() and any(sheets.iterdir())), "is not empty; give a new folder")
    manifest = read_dataset(source)
    with (
        recogniser(
            model, config, checkpoint, device, database,
            detector=detector, which=which.value, aligned=aligned, margin=margin,
        ) as (opened, _, _),
        counting("embedding") as progress,
    ):  # fmt: skip
        report = examine_labels(
            manifest,
            opened,
            include_fakes=with_fakes,
            threshold=threshold,
            certainty=certainty,
            progress=progress,
        )
    overlay = output if report.findings else None
    if overlay is not None:
        Review(report).save(overlay)
    pictures: list[Path] = []
    if sheets is not None and report.findings:
        from kryptui.draw.sheet_file import write_sheets

        pictures = write_sheets(report.sheet(), sheets)
    if json_output:
        files = {"overlay": None if overlay is None else str(overlay), "sheets": [str(path) for path in pictures]}
        typer.echo(json.dumps({**report.to_json(), **files}, indent=1))
        return
    told = report.to_report()
    screen = console()
    tables = [figure for figure in told.figures if figure.kind != "images"]
    screen.print(render_report(Report(told.title, told.scalars, tables), screen.width))
    for path, why in report.problems[:_TOLD]:
        typer.echo(f"left out: {path}: {why}", err=True)
    if len(report.problems) > _TOLD:
        typer.echo(f"left out: {len(report.problems) - _TOLD} more", err=True)
    if overlay is not None:
        typer.echo(f"written to {overlay}: look at it, then data prepare {source} --overlay {overlay} -o DIR")
    elif output is not None:
        typer.echo(f"nothing is suspect, so {output} was not written")
    if pictures:
        typer.echo(f"{len(pictures)} sheets are in {sheets}")


def _refuse(place: Path, source: Path, is_free: bool, why: str) -> None:
    """Raises InputError for a place to write to that is not free, or lies in the source."""
    import os

    from kryptui.errors import InputError

    if not is_free:
        raise InputError(f"{place} {why}")
    if Path(os.path.realpath(source)) in Path(os.path.realpath(place)).parents:
        raise InputError(f"{place} lies in the source, which is never changed; give a place outside {source}")
