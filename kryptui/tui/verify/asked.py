"""What is asked for: which pictures, by which model, how; and the command that does the same in a shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kryptui.tui.paths import short

Faces = Literal["central", "largest", "all", "aligned"]
"""Which faces count in a picture; `aligned`: it is one, and none is looked for."""

FACES: dict[Faces, str] = {
    "central": "the most central of each",
    "largest": "the largest of each",
    "all": "all of each picture",
    "aligned": "pictures aligned already",
}

_DATABASE = "runs.db"


@dataclass(frozen=True)
class ModelAsked:
    """A run, a checkpoint's folder or a file of weights; `place` tells one state of it from the next."""

    what: str
    name: str
    place: Path
    checkpoint: str = "best"
    config: str | None = None
    device: str | None = None
    detector: Path | None = None
    faces: Faces = "central"


@dataclass(frozen=True)
class Asked:
    """A comparison: of some pictures each with each, or of all in a folder where `is_folder` is set."""

    model: ModelAsked
    pictures: tuple[Path, ...]
    is_folder: bool
    threshold: float | None = None


def is_folder(paths: Sequence[Path]) -> bool:
    """Whether these mean a folder's matrix: one folder, or one table of pictures."""
    return len(paths) == 1 and (paths[0].is_dir() or paths[0].suffix.lower() == ".csv")


def command(asked: Asked, root: Path, database: str, csv: Path | None = None, png: Path | None = None) -> str:
    """To be typed in the workspace; a database's address, which may hold a password, is left to KRYPTUI_DB."""
    words = ["kryptui", "matrix" if asked.is_folder else "verify"]
    words += [_plain(short(path, root)) for path in asked.pictures]
    words += _options(asked, root)
    for option, path in (("--csv", csv), ("--png", png)):
        if path is not None and asked.is_folder:
            words += [option, short(path, root)]
    if database != _DATABASE and "://" not in database:
        words += ["--db", database]
    return shlex.join(words)


def _options(asked: Asked, root: Path) -> Iterator[str]:
    model = asked.model
    what = Path(model.what)
    yield from ("--model", short(what, root) if what.is_absolute() else model.what)
    if model.checkpoint != "best":
        yield from ("--checkpoint", model.checkpoint)
    if model.config is not None:
        yield from ("--config", model.config)
    if model.faces == "aligned":
        yield "--aligned"
    elif model.faces != "central":
        yield from ("--which", model.faces)
    if model.detector is not None:
        yield from ("--detector", short(model.detector, root))
    if asked.threshold is not None:
        yield from ("--threshold", f"{asked.threshold:g}")
    if model.device is not None:
        yield from ("--device", model.device)


def _plain(path: str) -> str:
    """A name that begins with a dash is no option."""
    return f"./{path}" if path.startswith("-") else path
