"""A recogniser without a model: who is seen is told by a picture's name, as `ada-1.png` shows ada."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from kryptui.faces.recognised import Crop, Embedded, Problem

SIZE = 16
NO_FACE = "no face was found"

_LENGTH = 64


class FakeRecogniser:
    """Faces of one name are alike, of two hardly; a name with `nobody` has no face, one with `two` has two.

    `gate`, where it is set, is waited for before each picture; `fail` raises instead of finding.
    """

    def __init__(self, gate: threading.Event | None = None, fail: Callable[[], None] | None = None) -> None:
        self.model = SimpleNamespace(source=Path("fake.pt"), step=None)
        self.gate, self.fail = gate, fail
        self.looked: list[str] = []

    def crops(self, path: Path) -> list[Crop] | Problem:
        self._wait()
        self.looked.append(path.name)
        if "nobody" in path.name:
            return Problem(path, NO_FACE)
        pixels = np.full((SIZE, SIZE, 3), zlib.crc32(path.name.encode()) % 200 + 30, dtype=np.uint8)
        return [Crop(path, None, pixels)] * (2 if "two" in path.name else 1)

    def embed_crops(self, crops: Sequence[Crop]) -> np.ndarray:
        return np.stack([vector(crop.path) for crop in crops])

    def embed(self, paths: Sequence[Path], progress: Any = None, stop: threading.Event | None = None) -> Embedded:
        rows, problems = [], []
        for done, path in enumerate(paths, 1):
            self._wait()
            is_there = "nobody" not in path.name
            rows.append(vector(path) if is_there else np.full(_LENGTH, np.nan, dtype=np.float32))
            problems += [] if is_there else [Problem(path, NO_FACE)]
            if progress is not None:
                progress(done, len(paths))
        return Embedded(list(paths), np.stack(rows), [None] * len(paths), problems)

    def _wait(self) -> None:
        if self.gate is not None:
            assert self.gate.wait(20)
        if self.fail is not None:
            self.fail()


def vector(path: Path) -> np.ndarray:
    """Length one: most of it by the person, the rest by the picture; a ninth picture is like nobody's."""
    person, _, number = path.stem.partition("-")
    dice = np.random.default_rng(zlib.crc32(person.encode()))
    own = np.random.default_rng(zlib.crc32(path.name.encode()))
    share = 0.0 if number == "9" else 1.0
    found = share * dice.normal(size=_LENGTH) + 0.4 * own.normal(size=_LENGTH)
    return (found / np.linalg.norm(found)).astype(np.float32)
