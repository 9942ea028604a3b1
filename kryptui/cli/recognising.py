"""What the commands that recognise faces share: which model, which face, and how they are opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kryptui.cli.answer import Checkpoint as Checkpoint
from kryptui.cli.answer import Config as Config
from kryptui.cli.completion import complete_run
from kryptui.cli.faces import DetectorFile as DetectorFile
from kryptui.cli.faces import Which as Which
from kryptui.cli.faces import WhichFace as WhichFace
from kryptui.cli.options import workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kryptui.faces.found import Found
    from kryptui.faces.recognised import Problem
    from kryptui.jobs.recogniser import Recogniser
    from kryptui.runs.store import Store


Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="WHAT",
        help="A run, a checkpoint's folder, or a file of weights.",
        autocompletion=complete_run,
    ),
]
Aligned = Annotated[
    bool, typer.Option("--aligned", help="The pictures are aligned already: no face is looked for in them.")
]
Margin = Annotated[
    float | None,
    typer.Option(
        "--margin",
        min=0,
        metavar="SHARE",
        help="For models that take unaligned pictures: cut out the face's box, grown by this on each side.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", metavar="SIMILARITY", help="Of a match; default: the checkpoint's own."),
]

_TOLD = 10  # problems that are named


@contextmanager
def recogniser(
    model: str,
    config: str | None,
    checkpoint: str,
    device: str | None,
    database: str,
    *,
    detector: Path | None,
    which: Literal["largest", "central", "all"],
    aligned: bool,
    margin: float | None,
    cached: bool = True,
) -> Iterator[tuple[Recogniser, Mapping[str, Any], Store | None]]:
    """The recogniser that the options describe, where its model came from, and the record, if there is one."""
    from kryptui.config import find
    from kryptui.errors import InputError
    from kryptui.jobs import sources
    from kryptui.jobs.recogniser import open_recogniser

    where = workspace(database)
    with ExitStack() as stack:
        store = None
        try:
            store = stack.enter_context(where.open(create=False, write=False))
        except InputError:
            if not sources.is_path(model):
                raise
        path = None if config is None else find(config)
        restored, origin = sources.open_model(model, where, store, path, device, checkpoint)
        opened = open_recogniser(
            restored, detector=detector, which=which, is_aligned=aligned, margin=margin, cached=cached
        )
        yield opened, origin, store


def tell_found(found: Sequence[Found | None]) -> None:
    """Says on stderr what is unusual about faces."""
    from kryptui.tell.verified import found_lines

    for line in found_lines(found):
        typer.echo(line, err=True)


def tell_problems(problems: Sequence[Problem]) -> None:
    """Names on stderr what gave no embedding, some of many."""
    from kryptui.tell.verified import problem_line

    for problem in problems[:_TOLD]:
        typer.echo(f"left out: {problem_line(problem)}", err=True)
    if len(problems) > _TOLD:
        typer.echo(f"left out: {len(problems) - _TOLD} more", err=True)
