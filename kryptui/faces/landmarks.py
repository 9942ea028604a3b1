"""The points of a whole dataset's faces, found in threads and stored in a csv."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kryptui.data.manifest import LeftOut, rebase, write_atomic
from kryptui.errors import InputError
from kryptui.faces.finding import Finder
from kryptui.faces.found import Found
from kryptui.faces.journal import in_order, open_journal
from kryptui.faces.pictures import Pictures, read_pictures
from kryptui.faces.points import COLUMNS, csv_text, row_of

Progress = Callable[[int, int], None]

TURNED = 45.0
"""Faces rolled by more degrees than this are reported as turned."""


@dataclass
class Tally:
    """What was found in a dataset; `problems` counts pictures without a face that counts, by reason."""

    layout: str
    images: int = 0
    faces: int = 0
    several: int = 0
    turned: int = 0
    problems: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, layout: str, found: list[Found], left_out: tuple[LeftOut, ...]) -> Tally:
        """Counts what was found; what the layout left out is among the problems."""
        faces = [one for one in found if one.face is not None]
        reasons = [one.problem for one in found if one.face is None] + [item.reason for item in left_out]
        return cls(
            layout=layout,
            images=len(found) + len(left_out),
            faces=len(faces),
            several=sum(one.faces > 1 for one in faces),
            turned=sum(abs(one.turned or 0.0) > TURNED for one in faces),
            problems=dict(sorted(Counter(reasons).items())),
        )


def fingerprint(pictures: Pictures) -> str:
    """A digest of the pictures' names and sizes in bytes: it tells whether a source has changed."""
    import hashlib

    lines = [f"{name}\0{_bytes(path)}" for name, path in zip(pictures.names, pictures.paths, strict=True)]
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def find_landmarks(
    source: Path, output: Path, finder: Finder, *, threads: int = 1, progress: Progress | None = None
) -> Tally:
    """Finds the face that counts in each picture of `source` and writes `output`, which `read_points` reads.

    A line a picture, sorted; where no face counts, `problem` says why. Started again after a kill it goes on where
    it stopped, to the same file. Raises InputError as `read_pictures` does, and where `output` is no csv to write,
    or was begun with another detector or choice.
    """
    if output.suffix.lower() != ".csv" or output.is_dir():
        raise InputError(f"{output} must be the name of a csv file")
    pictures = read_pictures(source)
    settings: dict[str, Any] = {
        "source": os.path.realpath(source),
        "pictures": fingerprint(pictures),
        "which": finder.which,
        "least": finder.least,
        "detector": finder.name,
    }
    place = output.with_name(f".{output.name}.journal")
    with open_journal(place, settings, str(output)) as journal:
        found = {name: Found.from_json(entry) for name, entry in journal.known.items()}
        todo = [row for row, name in enumerate(pictures.names) if name not in found]
        for row, one in in_order(lambda row: finder.look_in(pictures.paths[row]), todo, threads):
            found[pictures.names[row]] = one
            journal.write(pictures.names[row], one.to_json())
            if progress is not None:
                progress(len(found), len(pictures))
        results = [found[name] for name in pictures.names]
        names = rebase((str(path) for path in pictures.paths), Path(os.curdir), output.parent)
        rows = [row_of(name, one) for name, one in zip(names, results, strict=True)]
        write_atomic(output, csv_text(COLUMNS, sorted(rows, key=lambda row: str(row[0]))))
        place.unlink()
    return Tally.of(pictures.layout, results, pictures.left_out)


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
