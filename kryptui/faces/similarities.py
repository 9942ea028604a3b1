"""The similarities of all pictures in a folder, person beside person, and the pairs that look wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kryptui.data.labels import known_fake
from kryptui.faces.found import Found
from kryptui.faces.pictures import Pictures
from kryptui.faces.recognised import Problem
from kryptui.figures import Matrix

_TAIL = re.compile(r"[\W_]*\d+[\W_]*$")


class Suspect(NamedTuple):
    """Two pictures by their place, and their similarity."""

    first: int
    second: int
    similarity: float


@dataclass(frozen=True, eq=False)
class SimilarityMatrix:
    """Cosines `values` (N, N) of pictures: `names`, `paths` and `people` (N each), one person's side by side.

    `found` (N) tells of their faces, `problems` of the pictures without one.
    """

    names: Sequence[str]
    paths: Sequence[Path]
    people: Sequence[str]
    values: NDArray[np.float32]
    found: Sequence[Found | None]
    problems: Sequence[Problem]

    def figure(self, title: str) -> Matrix:
        """To be drawn; the columns' names lack what all have in common, and their endings."""
        start = _common_start(min(self.names), max(self.names)) if len(self.names) > 1 else 0
        columns = [PurePosixPath(name[start:]).with_suffix("").as_posix() for name in self.names]
        return Matrix(title, list(self.names), columns, [[float(v) for v in row] for row in self.values])

    def least_alike(self, count: int) -> list[Suspect]:
        """The least similar pairs of one person, the worst first: one of both may be somebody else."""
        return self._suspects(count, of_one=True)

    def most_alike(self, count: int) -> list[Suspect]:
        """The most similar pairs of two people, the worst first: both may be one."""
        return self._suspects(count, of_one=False)

    def _suspects(self, count: int, *, of_one: bool) -> list[Suspect]:
        people = np.unique(np.array(self.people, dtype=str), return_inverse=True)[1]
        first, second = np.nonzero(np.triu((people[:, None] == people) == of_one, 1))
        scores = self.values[first, second]
        worst = np.argsort(scores if of_one else -scores, kind="stable")[:count]
        return [Suspect(int(first[at]), int(second[at]), float(scores[at])) for at in worst]


def person_of(name: str) -> str:
    """The person that a picture's name tells: its folder, else the name up to its closing number."""
    path = PurePosixPath(name)
    if path.parent.name:
        return path.parent.as_posix()
    return _TAIL.sub("", path.stem) or path.stem


def arrange(pictures: Pictures) -> tuple[list[str], list[Path], list[str]]:
    """Names, paths and people of pictures, person by person and sorted by name, numbers by their value.

    The layout names the people, where it does; else the names of folders and files. The fakes of a person stand
    apart, behind it.
    """
    names = pictures.names
    people = [person_of(name) for name in names] if pictures.identities is None else list(pictures.identities)
    if pictures.manifest is not None:
        fake = known_fake(pictures.manifest.table)
        people = [f"{person} fake" if is_fake else person for person, is_fake in zip(people, fake, strict=True)]
    order = sorted(range(len(names)), key=lambda row: (_natural(people[row]), people[row], _natural(names[row])))
    shown = [names[row].removeprefix("images/") for row in order]
    return shown, [pictures.paths[row] for row in order], [people[row] for row in order]


def _common_start(first: str, second: str) -> int:
    """How many letters two names begin with alike."""
    letters = zip(first, second, strict=False)
    return next((place for place, (one, other) in enumerate(letters) if one != other), 0)


def _natural(name: str) -> list[tuple[int, str]]:
    """A sorting key by which 2 stands before 10, and a name without a number before those with one."""
    parts = re.split(r"(\d+)", PurePosixPath(name).with_suffix("").as_posix().casefold())
    return [(int(part), "") if part.isdigit() and part.isascii() else (-1, part) for part in parts]
