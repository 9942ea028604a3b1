"""Aligning a face: the similarity that brings its five points onto a template, and the picture moved by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kryptui.preprocess import Template, template_points

Points = NDArray[np.float64]
"""Points of a face (5, 2) in the order of `preprocess.POINTS`: x and y in pixels, 0 amid the first one."""

Matrix = NDArray[np.float64]
"""(2, 3): a place (x, y, 1) in one picture -> the place in another."""


def similarity(points: Points, target: Points) -> Matrix:
    """The rotation, uniform scale and shift that bring `points` (N, 2) closest to `target` (N, 2).

    Least squares over the four parameters (Umeyama 1991 without reflection), on the plane as complex numbers.
    Raises ValueError where all points are one.
    """
    source, wanted = points @ [1, 1j], target @ [1, 1j]
    centre, onto = source.mean(), wanted.mean()
    spread = np.vdot(source - centre, source - centre).real
    if not spread > 0:
        raise ValueError("all points are one")
    turn = np.vdot(source - centre, wanted - onto) / spread
    shift = onto - turn * centre
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def moved(image: Image.Image, matrix: Matrix, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An RGB picture moved by a similarity, as uint8 (H, W, 3) with (H, W) = `size`; black where it ends.

    A picture that gets less than half as large is averaged down first, so that fine patterns do not alias.
    """
    (a, b), shift = matrix[:, 0], matrix[:, 2]
    square = a * a + b * b
    factor = min(int(1 / square**0.5), *image.size)
    # The way back in closed form: solving for it would wake the threads of a BLAS for each picture.
    back = np.array([[a, b, 0.0], [-b, a, 0.0]]) / square
    back[:, 2] = -back[:, :2] @ shift
    if factor > 1:
        image = image.reduce(factor)
        # A place p in the large picture is (p + 1/2) / factor - 1/2 in the small one.
        back[:, :2] /= factor
        back[:, 2] = (back[:, 2] + 0.5) / factor - 0.5
    # Pillow counts places from the corner of the first pixel, not from its centre.
    back[:, 2] += 0.5 - back[:, :2] @ [0.5, 0.5]
    height, width = size
    turned = image.transform(
        (width, height), Image.Transform.AFFINE, tuple(back.ravel()), Image.Resampling.BILINEAR
    )
    return np.asarray(turned)


def aligned(image: Image.Image, points: Points, template: Template, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The face in an RGB picture, its points on those of the template, as uint8 (H, W, 3) with (H, W) = `size`."""
    return moved(image, similarity(points, np.array(template_points(template, size))), size)
