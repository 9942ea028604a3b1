"""Pictures on their way through a model that knows faces, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kryptui.faces.face import Face, Pixels
from kryptui.faces.found import Found


@dataclass(frozen=True, eq=False)
class Crop:
    """What the model sees of a picture: `pixels` (H, W, 3) of its contract, of a `face` or of all there is.

    `others` says how many faces of the picture are not looked at.
    """

    path: Path
    face: Face | None
    pixels: Pixels
    others: int = 0


class Problem(NamedTuple):
    """A picture that gives no embedding, and why."""

    path: Path
    why: str


@dataclass(frozen=True, eq=False)
class Embedded:
    """One row a picture: `embeddings` float32 (N, D), NaN for those in `problems`.

    `found` (N) says where the faces are; None for pictures that were taken as they are, or are broken.
    """

    paths: Sequence[Path]
    embeddings: NDArray[np.float32]
    found: Sequence[Found | None]
    problems: Sequence[Problem]

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Which rows have an embedding: (N,)."""
        found: NDArray[np.bool_] = np.isfinite(self.embeddings).all(axis=1)
        return found
