"""What landmarks tells of a dataset before any training; see `tasks.datasets`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from kryptui.config import Settings
from kryptui.data.decode import BrokenImage, decode
from kryptui.data.landmark_data import TRAIN, points_of, read_landmarks
from kryptui.data.manifest import identity_order
from kryptui.figures import Histogram, ImageSheet, Report, Table
from kryptui.tasks.datasets import Choice, Concern, Count, Finding, Group, Level, Prepared, Remainder, Value

_TINY = 8.0
_BINS = 20
_ROUND = 64
"""Pictures that are looked at between two questions whether to stop."""

_BROKEN, _OUTSIDE = "broken images", "points outside the picture"
_MATTERS: tuple[tuple[str, Level, str], ...] = (
    (_BROKEN, "wrong", "they do not decode; training leaves them out"),
    (
        _OUTSIDE,
        "wrong",
        "a point that nobody can see teaches nothing; are the points those of this picture's size?",
    ),
    ("left out", "wrong", "faces without points, and pictures that are not there"),
    ("people in two splits", "wrong", "the same person in training and validation makes figures too good"),
    ("eyes that changed sides", "doubtful", "left is left as seen in the picture; is it the person's own here?"),
    ("tiny faces", "note", f"the eyes are less than {_TINY:g} pixels apart"),
)


class LandmarkDataset:
    """Faces with five points each; see `tasks.datasets.Dataset`. Raises InputError for what is no dataset."""

    choices: Sequence[Choice] = ()
    preparation: type[Settings] | None = None

    def __init__(self, path: Path, name: str) -> None:
        self._faces = read_landmarks(path)
        table, self._points = self._faces.table, points_of(self._faces)
        self._eyes = np.linalg.norm(self._points[:, 0] - self._points[:, 1], axis=1)
        self._rows = {str(person): rows for person, rows in table.groupby("identity").indices.items()}
        self.groups = [
            Group(person, f"{len(self._rows[person])} faces") for person in sorted(self._rows, key=identity_order)
        ]
        self._findings: dict[str, list[Finding] | None] = {
            _BROKEN: None,
            _OUTSIDE: None,
            "left out": [Finding(item.path, item.reason) for item in self._faces.left_out],
            "people in two splits": self._in_two_splits(),
            "eyes that changed sides": self._of_rows(self._points[:, 0, 0] > self._points[:, 1, 0]),
            "tiny faces": self._of_rows(self._eyes < _TINY),
        }

    @property
    def subject(self) -> str:
        """What is trained on: the training split, where there is one."""
        split = self._faces.split(TRAIN)
        return f"{len(split):,} faces of the training split" if len(split) else f"all {len(self._faces):,} faces"

    @property
    def notices(self) -> Sequence[str]:
        """What its reader had to say."""
        return self._faces.notices

    def report(self) -> Report:
        """Counts of faces and people, how large the faces are, and the splits."""
        table = self._faces.table
        counts, edges = np.histogram(self._eyes, bins=_BINS)
        sizes = Histogram("size of faces", "pixels between the eyes", edges.tolist(), {"faces": counts.tolist()})
        by_split = table.groupby("split")["identity"].agg(["size", "nunique"])
        rows: list[list[str | float | int | None]] = [
            [str(name) or "none", int(row["size"]), int(row["nunique"])] for name, row in by_split.iterrows()
        ]
        scalars = {"faces": len(table), "people": len(self._rows), "left out": len(self._faces.left_out)}
        return Report("", scalars, [sizes, Table("splits", ["split", "faces", "people"], rows)])

    def concerns(self) -> Sequence[Concern]:
        """All that is looked for."""
        return [Concern(title, about, level, self._findings[title]) for title, level, about in _MATTERS]

    def remains(self, chosen: Mapping[str, Value]) -> Remainder:
        """All of them."""
        split = self._faces.split(TRAIN)
        return Remainder({"faces": len(split) or len(self._faces)})

    def samples(self, group: str) -> Sequence[ImageSheet]:
        """The pictures of a person."""
        rows = self._rows[group]
        paths = [str(self._faces.root / path) for path in self._faces.table["path"].iloc[rows]]
        return [ImageSheet(f"{len(rows)} faces", paths, [Path(path).name for path in paths])]

    def inspect(
        self,
        *,
        threads: int,
        count: Count,
        found: Callable[[str, Finding], None],
        stop: Callable[[], bool],
    ) -> None:
        """Decodes every picture."""
        findings: dict[str, list[Finding]] = {_BROKEN: [], _OUTSIDE: []}
        paths = self._faces.absolute_paths()
        with ThreadPoolExecutor(threads) as pool:
            for start in range(0, len(paths), _ROUND):
                if stop():
                    return
                rows = range(start, min(start + _ROUND, len(paths)))
                for finding in pool.map(self._look, rows, [paths[row] for row in rows]):
                    if finding is not None:
                        findings[finding[0]].append(finding[1])
                        found(*finding)
                count("reading images", rows.stop, len(paths))
        self._findings |= findings

    def prepare(
        self, out: Path, options: Any, *, overwrite: bool, threads: int, count: Count, stop: Callable[[], bool]
    ) -> Prepared | None:
        """There is nothing to prepare: runs split by people themselves."""
        raise NotImplementedError

    def command(self, out: str | None = None, options: Any = None) -> str:
        """No command does the same."""
        return ""

    def _look(self, row: int, path: Path) -> tuple[str, Finding] | None:
        try:
            width, height = decode(path).size
        except BrokenImage as problem:
            return _BROKEN, Finding(self._name(row), str(problem).partition(": ")[2])
        points = self._points[row]
        if (points >= -0.5).all() and (points <= np.array([width, height]) - 0.5).all():
            return None
        return _OUTSIDE, self._finding(row, f"{width} x {height}")

    def _in_two_splits(self) -> list[Finding]:
        known = self._faces.table[(self._faces.table["identity"] != "") & (self._faces.table["split"] != "")]
        splits = known.groupby("identity")["split"].nunique()
        people = sorted((str(person) for person in splits[splits > 1].index), key=identity_order)
        return [Finding(person, groups=(person,)) for person in people]

    def _of_rows(self, wanted: np.ndarray[Any, Any]) -> list[Finding]:
        return [self._finding(int(row), f"{self._eyes[row]:.1f} pixels") for row in np.flatnonzero(wanted)]

    def _finding(self, row: int, about: str) -> Finding:
        path = self._name(row)
        sheet = ImageSheet("", [str(self._faces.root / path)], [path])
        return Finding(path, about, sheet, (str(self._faces.table["identity"].iloc[row]),))

    def _name(self, row: int) -> str:
        return str(self._faces.table["path"].iloc[row])
