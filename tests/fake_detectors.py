"""Detectors for tests of what is done with faces: they find a face wherever a picture is bright."""

from __future__ import annotations

import numpy as np

from kryptui.faces.face import Face, Pixels
from kryptui.preprocess import template_points


class BrightDetector:
    """One upright face amid every picture whose first pixel is bright, as wide as half the picture.

    A picture with a bright last pixel has a second, smaller face in its corner.
    """

    name = "bright 1"

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.seen = 0

    def find(self, pixels: Pixels) -> list[Face]:
        self.seen += 1
        if self.stop_after is not None and self.seen > self.stop_after:
            raise KeyboardInterrupt
        height, width = pixels.shape[:2]
        faces = []
        if pixels[0, 0].mean() > 60:
            faces.append(face_at(width / 4, height / 4, width / 2, 0.9))
        if pixels[-1, -1].mean() > 250:
            faces.append(face_at(0, 0, width / 5, 0.8))
        return faces


def face_at(x: float, y: float, side: float, score: float = 0.9) -> Face:
    """An upright face in a square box."""
    points = np.array(template_points("arcface", (112, 112))) * side / 112 + [x, y]
    return Face((x, y, side, side), points, score)
