"""A face in a picture, and whatever finds faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kryptui.data.align import Points

Pixels = NDArray[np.uint8]
"""A picture (H, W, 3), RGB."""


@dataclass(frozen=True, eq=False)
class Face:
    """Where a face is: `box` (x, y, width, height) and `points` (5, 2) in pixels, `score` from 0 to 1."""

    box: tuple[float, float, float, float]
    points: Points
    score: float

    @property
    def area(self) -> float:
        """Of its box, in square pixels."""
        return self.box[2] * self.box[3]

    @property
    def centre(self) -> tuple[float, float]:
        """Of its box: x and y."""
        x, y, width, height = self.box
        return x + width / 2, y + height / 2


class Landmarker(Protocol):
    """Places the five points of a face that was found; safe to use from one thread at a time."""

    name: str
    """What it is and with which weights."""

    def place(self, pixels: Pixels, box: tuple[float, float, float, float]) -> Points:
        """The points (5, 2) of the face in a box (x, y, width, height), in pixels of the picture."""


class Detector(Protocol):
    """Finds faces; safe to use from one thread at a time."""

    name: str
    """What it is and with which weights, so that two that could differ in their findings differ in name."""

    def find(self, pixels: Pixels) -> list[Face]:
        """All faces in a picture, the surest first; an empty list where there is none."""
