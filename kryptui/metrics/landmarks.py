"""How far the points of a face lie off: the normalised mean error, its curve, and how often it is too large.

Points are (N, 5, 2) in the order of `preprocess.POINTS`. Every error is in units of the distance between the true
eyes (inter-ocular, Sagonas et al. 2016), so that a face counts alike whatever its size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating[Any]]
Errors = NDArray[np.float64]

FAILURE = 0.1
"""A face whose mean error is larger has failed."""


def point_errors(found: Points, true: Points) -> Errors:
    """The error of each point of each face, (N, 5). Raises ValueError where the true eyes of a face coincide."""
    eyes = np.linalg.norm(true[:, 0] - true[:, 1], axis=1)
    if not (eyes > 0).all():
        raise ValueError("the eyes of a face are at one place")
    errors: Errors = np.linalg.norm(found - true, axis=2) / eyes[:, None]
    return errors


def face_errors(found: Points, true: Points) -> Errors:
    """The mean error of each face, (N,)."""
    means: Errors = point_errors(found, true).mean(axis=1)
    return means


def nme(faces: Errors) -> float:
    """The mean of the faces' errors (N,); NaN of none."""
    return float(faces.mean()) if len(faces) else float("nan")


def failure_rate(faces: Errors, limit: float = FAILURE) -> float:
    """The share of faces (N,) whose error is above `limit` or no number; NaN of none."""
    return float(1 - (faces <= limit).mean()) if len(faces) else float("nan")


def cumulative(faces: Errors, limits: Errors) -> Errors:
    """The share of faces (N,) whose error is at most each of `limits` (M,): (M,). N is not 0."""
    ordered = np.sort(faces)  # what is no number comes last
    shares: Errors = np.searchsorted(ordered[~np.isnan(ordered)], limits, side="right") / len(faces)
    return shares


def curve_area(faces: Errors, limit: float = FAILURE) -> float:
    """The area under the cumulative curve from 0 to `limit`, as a share of all that is there; NaN of none.

    Exact: a face with error e lies under the curve from e on.
    """
    if not len(faces):
        return float("nan")
    return float(np.nan_to_num(np.clip(1 - faces / limit, 0, 1), nan=0.0).mean())
