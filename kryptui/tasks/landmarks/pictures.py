"""Pictures whose points are asked for: a folder, or a csv that may say where the faces are. Torch-free."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kryptui.data.crops import Boxes, boxes_around
from kryptui.data.image_names import is_image_name
from kryptui.data.manifest import LANDMARK_COLUMNS
from kryptui.data.tables import TextTable, is_file, read_table, require_columns
from kryptui.errors import InputError
from kryptui.tasks.protocol import Check

COLUMNS = ["path", *LANDMARK_COLUMNS]
_BOX = ("x", "y", "width", "height")


@dataclass(frozen=True)
class Pictures:
    """Pictures in order, as they are called and where they lie, and the box of the face in each."""

    names: list[str]
    paths: list[Path]
    boxes: Boxes
    notices: list[str]


def read_pictures(source: Path) -> Pictures:
    """The pictures in a folder and below it, or those that a csv names under `path`.

    A csv may have the columns x, y, width and height (a face's box), or the ten of points to start from. Without
    them the face is taken to fill the picture. Raises InputError: no picture there, a malformed csv, a picture
    that does not exist.
    """
    if source.is_dir():
        names = sorted(_below(source))
        if not names:
            raise InputError(f"{source} holds no pictures")
        return _whole(names, source)
    return _of_table(read_table(source))


def check_pictures(source: Path, options: Mapping[str, Any]) -> list[Check]:
    """Counts pictures and names empty ones; opens none. Raises InputError for what is no source of pictures."""
    pictures = read_pictures(source)
    count = len(pictures.names)
    checks = [Check("ok", f"{count:,} picture{'' if count == 1 else 's'}")]
    empty = [name for name, path in zip(pictures.names, pictures.paths, strict=True) if not path.stat().st_size]
    if empty:
        more = f" (and {len(empty) - 1:,} more)" if len(empty) > 1 else ""
        skip = bool(options.get("skip_broken"))
        then = "such pictures are left out" if skip else "mend it, or leave broken pictures out"
        checks.append(Check("note" if skip else "problem", f"{empty[0]}: zero bytes{more}; {then}"))
    return [*checks, *(Check("note", notice) for notice in pictures.notices)]


def _below(folder: Path) -> list[str]:
    return [
        Path(place, name).relative_to(folder).as_posix()
        for place, _, files in os.walk(folder)
        for name in files
        if is_image_name(name)
    ]


def _whole(names: list[str], root: Path) -> Pictures:
    notice = "no boxes are given: each face is taken to fill its picture"
    return Pictures(names, [root / name for name in names], np.full((len(names), 4), np.nan), [notice])


def _of_table(table: TextTable) -> Pictures:
    require_columns(table, ("path",))
    names, root = table.columns["path"], Path(os.path.realpath(table.path.parent))
    for row, name in enumerate(names):
        if not name or not is_file(root / name):
            raise table.bad(row, "path", f"a picture that can be found from {root}")
    if len(set(names)) < len(names):
        row = next(row for row, name in enumerate(names) if name in names[:row])
        raise table.bad(row, "path", "a picture that does not stand here twice")
    given = [group for group in (_BOX, LANDMARK_COLUMNS) if set(group) & table.columns.keys()]
    if not given:
        return _whole(names, root)
    require_columns(table, given[0])
    numbers = np.array([table.parse(name, _number, "a number of pixels") for name in given[0]]).T
    if given[0] is not _BOX:
        return Pictures(
            names, [root / name for name in names], boxes_around(numbers.reshape(len(names), -1, 2)), []
        )
    for row in np.flatnonzero((numbers[:, 2:] <= 0).any(axis=1)):
        raise table.bad(int(row), "width" if numbers[row, 2] <= 0 else "height", "above 0")
    return Pictures(names, [root / name for name in names], numbers, [])


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
