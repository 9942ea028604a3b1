"""Two faces compared: how alike they are, how likely they are one person, and whether that is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kryptui.faces.recognised import Crop, Problem
from kryptui.metrics.calibration import Calibration


@dataclass(frozen=True)
class Judge:
    """What a similarity means: the `threshold` of a match, its source, and the calibration; None where unknown."""

    threshold: float | None = None
    source: str = ""
    calibration: Calibration | None = None

    def matches(self, similarity: float) -> bool | None:
        """Whether it is a match; None where no threshold is known."""
        return None if self.threshold is None else similarity >= self.threshold

    def probability(self, similarity: float) -> float | None:
        """That it is one person, were genuine pairs and others equally many; None where nothing is known."""
        return None if self.calibration is None else float(self.calibration.probability(similarity))


class Compared(NamedTuple):
    """Two faces by their place in the list, and what is found of them."""

    first: int
    second: int
    similarity: float
    probability: float | None
    match: bool | None


@dataclass(frozen=True, eq=False)
class Verified:
    """The faces that were found, `names` (N) and `crops` (N), each two of them compared, and what gave no face."""

    names: Sequence[str]
    crops: Sequence[Crop]
    pairs: Sequence[Compared]
    problems: Sequence[Problem]
    judge: Judge


def compare(embeddings: NDArray[np.float32], judge: Judge) -> list[Compared]:
    """Each two of embeddings (N, D) of length one."""
    similar = embeddings @ embeddings.T
    return [
        Compared(first, second, value, judge.probability(value), judge.matches(value))
        for first in range(len(similar))
        for second in range(first + 1, len(similar))
        for value in [float(similar[first, second])]
    ]
