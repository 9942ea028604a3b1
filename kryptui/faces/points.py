"""Stored landmarks: a csv with the five points of the face in each picture, and reading points from one."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kryptui.data.align import Points
from kryptui.data.manifest import LANDMARK_COLUMNS, is_number
from kryptui.data.tables import TextTable, find_root, read_table, require_columns
from kryptui.errors import InputError
from kryptui.faces.found import Found

BOX_COLUMNS: Final = ("box_x", "box_y", "box_width", "box_height")
COLUMNS: Final = ("path", *LANDMARK_COLUMNS, *BOX_COLUMNS, "score", "faces", "turned", "problem")

_SEED_TREES = ("", "images", "train/images", "data/train/images")
"""Where the folders of people may lie beside seed 1's csv."""

Row = Sequence[str | float | None]


def row_of(path: str, found: Found) -> list[str | float | None]:
    """A line of the csv: empty cells and the problem where no face counts."""
    face = found.face
    if face is None:
        empty = [None] * (len(LANDMARK_COLUMNS) + len(BOX_COLUMNS) + 1)
        return [path, *empty, found.faces, None, found.problem]
    return [path, *face.points.ravel().tolist(), *face.box, face.score, found.faces, found.turned, ""]


def csv_text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """A csv file's text; None becomes an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


@dataclass(frozen=True)
class StoredPoints:
    """Points read from a csv: `paths` are real paths, `points` (N, 5, 2), NaN where no face was found."""

    source: Path
    paths: list[str]
    points: NDArray[np.float64]

    def by_path(self) -> dict[str, Points | None]:
        """The points by real path; None where no face was found."""
        known = np.isfinite(self.points).all(axis=(1, 2))
        return {
            path: points if is_known else None
            for path, points, is_known in zip(self.paths, self.points, known, strict=True)
        }

    def points_of(self, paths: Sequence[Path]) -> NDArray[np.float64]:
        """The points (N, 5, 2) of the pictures at `paths`: NaN where none was found, or none is stored."""
        rows = {path: row for row, path in enumerate(self.paths)}
        found = np.full((len(paths), 5, 2), np.nan)
        for place, path in enumerate(paths):
            row = rows.get(os.path.realpath(path))
            if row is not None:
                found[place] = self.points[row]
        return found


def read_points(path: Path) -> StoredPoints:
    """Reads a csv with `path` and the ten columns of `LANDMARK_COLUMNS`, all ten empty where there is no face.

    Paths count from the csv's folder, or else as `find_root` says; other columns are passed over. Seed 1's csv is
    read too: `img_index` (`<identity>/<file>`), or `folder` and `image`, instead of `path`; the people's folders
    then lie beside it, or in `images`, `train/images` or `data/train/images`. Raises InputError: no csv, a column
    missing, a cell that is no number, a picture twice.
    """
    table = read_table(path)
    names = table.columns.keys()
    if "path" not in names and ("img_index" in names or {"folder", "image"} <= names):
        paths = _seed_paths(table)
        column = "img_index" if "img_index" in names else "image"
    else:
        require_columns(table, ("path", *LANDMARK_COLUMNS), tuple(names))
        root = find_root(table, "path")
        paths, column = [os.path.realpath(root / name) for name in table.columns["path"]], "path"
    require_columns(table, LANDMARK_COLUMNS, tuple(names))
    seen: dict[str, int] = {}
    for row, name in enumerate(paths):
        if name in seen:
            raise table.bad(
                row, column, f"a picture that does not stand in line {table.lines[seen[name]]} already"
            )
        seen[name] = row
    values = np.array([table.parse(name, _pixels, "a number of pixels") for name in LANDMARK_COLUMNS]).T
    known = np.isfinite(values)
    for row in np.flatnonzero(known.any(axis=1) & ~known.all(axis=1)):
        empty = LANDMARK_COLUMNS[int(np.argmin(known[row]))]
        raise table.bad(int(row), empty, "a number, as the others of this picture are, or all ten empty")
    return StoredPoints(path, paths, values.reshape(-1, 5, 2))


def _pixels(text: str) -> float:
    if not text:
        return math.nan
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _seed_paths(table: TextTable) -> list[str]:
    """Seed 1 names pictures by the person's number and the file, whatever the padding of the folder."""
    if "img_index" in table.columns:
        keys = [tuple(name.replace("\\", "/").rpartition("/")[::2]) for name in table.columns["img_index"]]
    else:
        keys = list(zip(table.columns["folder"], table.columns["image"], strict=True))
    beside = Path(os.path.realpath(table.path.parent))
    for place in _SEED_TREES:
        tree = beside / place
        folders = {int(entry.name): entry for entry in _entries(tree) if is_number(entry.name)}
        if folders:
            break
    else:
        raise InputError(
            f"{table.path}: the people's folders were looked for beside it, in images, train/images and "
            "data/train/images; put it beside one of these"
        )
    return [os.path.realpath(folders.get(_number(name), tree / name) / file) for name, file in keys]


def _entries(folder: Path) -> list[Path]:
    try:
        return [entry for entry in folder.iterdir() if entry.is_dir()]
    except OSError:
        return []


def _number(name: str) -> int:
    return int(name) if is_number(name) else -1
