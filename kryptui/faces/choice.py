"""Which of the faces in a picture counts, and how large and how far turned it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from kryptui.data.align import Points, similarity
from kryptui.faces.face import Face
from kryptui.preprocess import template_points

Which = Literal["largest", "central", "all"]
Box = tuple[float, float, float, float]

LEAST = 16.0
"""Faces whose box is narrower or lower than so many pixels say too little."""

_UPRIGHT = np.array(template_points("arcface", (112, 112)))


def choose(faces: Sequence[Face], size: tuple[int, int], which: Which) -> list[Face]:
    """The faces that count in a picture of `size` (height, width), the first one first; none where there is none.

    `largest` is the one with the largest box, `central` the one whose centre is nearest to that of the picture,
    `all` every face from the largest down. What is equal is settled by the score, then by place, so that the order
    of `faces` does not matter.
    """
    middle = (size[1] / 2, size[0] / 2)

    def settle(face: Face) -> tuple[float, ...]:
        return (-face.score, *face.box)

    by_area = sorted(faces, key=lambda face: (-face.area, *settle(face)))
    if which == "all":
        return by_area
    if which == "central":
        return sorted(by_area, key=lambda face: math.dist(face.centre, middle))[:1]
    return by_area[:1]


def is_tiny(face: Face, least: float = LEAST) -> bool:
    """Whether a face is narrower or lower than `least` pixels."""
    return min(face.box[2:]) < least


def widened(box: Box, margin: float) -> Box:
    """A box (x, y, width, height) grown on each side by a share of its own width and height."""
    x, y, width, height = box
    return (x - margin * width, y - margin * height, width * (1 + 2 * margin), height * (1 + 2 * margin))


def overlap(first: Box, second: Box) -> float:
    """The intersection of two boxes over their union, from 0 to 1."""
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    union = first[2] * first[3] + second[2] * second[3] - shared
    return shared / union if union > 0 else 0.0


def turned(points: Points) -> float:
    """How far a face is rolled clockwise as seen, in degrees from -180 to 180; 0 where it stands upright.

    By the similarity that brings the template onto its points, so that a nose seen from the side does not count.
    Raises ValueError where all points are one.
    """
    matrix = similarity(_UPRIGHT, points)
    return math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
