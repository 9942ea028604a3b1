"""The square around a face: where it lies, shaken at random where that is wanted, and how points move into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kryptui.data.align import Matrix

Boxes = NDArray[np.float64]
"""(N, 4): x, y, width and height in pixels; a row that is not numbers stands for the whole picture."""

MIRRORED = (1, 0, 2, 4, 3)
"""The points of a mirrored face in their order: its left eye was the right one."""

_YUNET = (-0.05, -0.38, 3.48, 4.61)


def boxes_around(points: NDArray[np.float64]) -> Boxes:
    """The boxes (N, 4) that a detector would draw around faces with these points (N, 5, 2).

    YuNet's, as they lie on average to the points of 416 faces in videos: their centre from the points' mean, width
    and height, in units of the points' root mean square distance from it.
    """
    centre = points.mean(axis=1)
    spread = np.sqrt(((points - centre[:, None]) ** 2).sum(axis=2).mean(axis=1))[:, None]
    shift, size = np.array(_YUNET[:2]), np.array(_YUNET[2:])
    return np.hstack([centre + spread * (shift - size / 2), spread * size])


@dataclass(frozen=True)
class Shake:
    """How each of N crops differs from the plain one.

    `turn` (N,) in radians, `zoom` (N,) as a factor, `shift` (N, 2) in shares of the crop's side, `mirror` (N,).
    """

    turn: NDArray[np.float64]
    zoom: NDArray[np.float64]
    shift: NDArray[np.float64]
    mirror: NDArray[np.bool_]

    @classmethod
    def none(cls, count: int) -> Shake:
        """Plain crops."""
        zeros = np.zeros(count)
        return cls(zeros, np.ones(count), np.zeros((count, 2)), np.zeros(count, dtype=bool))

    @classmethod
    def draw(
        cls, rng: np.random.Generator, count: int, *, jitter: float, zoom: float, turn: float, mirror: float
    ) -> Shake:
        """Crops off by up to `jitter` of their side, `zoom` of their size, `turn` degrees; some mirrored.

        All numbers are drawn whatever their spread is, so that one of them does not change the others.
        """
        numbers = rng.uniform(-1, 1, (5, count))
        return cls(
            np.deg2rad(turn * numbers[0]),
            1 + zoom * numbers[1],
            jitter * numbers[2:4].T,
            numbers[4] < 2 * mirror - 1,
        )


def crop_matrix(
    box: NDArray[np.float64], picture: tuple[int, int], side: int, margin: float, shake: Shake, row: int
) -> Matrix:
    """From a picture of this (width, height) to the square of `side` pixels around a face, not yet mirrored.

    The square is `margin` times the box, which is taken as a square of its area; the whole picture has no margin,
    and what it lacks of a square stays black. `row` says which of the shakes is meant.
    """
    if np.isfinite(box).all():
        centre, wide = box[:2] + box[2:] / 2 - 0.5, margin * float(np.sqrt(box[2] * box[3]))
    else:
        centre, wide = np.array(picture) / 2 - 0.5, float(max(picture))
    centre = centre + shake.shift[row] * wide
    turn = side / wide * shake.zoom[row] * np.exp(1j * shake.turn[row])
    middle = (side - 1) / 2
    shift = complex(middle, middle) - turn * complex(*centre)
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def mirrored(matrix: Matrix, side: int) -> Matrix:
    """A matrix to a square of `side` pixels, as a matrix to its mirror image."""
    return np.array([[0, 0, side - 1] - matrix[0], matrix[1]])


def move_points(points: NDArray[np.float64], matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (N, K, 2) moved by matrices (N, 2, 3); those of mirrored crops change sides."""
    moved_points = np.einsum("nij,nkj->nki", matrices[:, :, :2], points) + matrices[:, None, :, 2]
    return _mirror(moved_points, matrices)


def move_back(points: NDArray[np.float64], matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (N, K, 2) in crops back in their pictures."""
    back = np.linalg.inv(matrices[:, :, :2])
    found: NDArray[np.float64] = np.einsum("nij,nkj->nki", back, points - matrices[:, None, :, 2])
    return _mirror(found, matrices)


def _mirror(points: NDArray[np.float64], matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points in their order again, where a matrix mirrors."""
    turns = matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0]
    return np.where((turns < 0)[:, None, None], points[:, MIRRORED], points)
