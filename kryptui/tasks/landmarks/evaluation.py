"""What found points say of a model: errors by face and by point, and the curve of both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kryptui.figures import Curve, Series, Table
from kryptui.metrics import landmarks as metrics
from kryptui.preprocess import POINTS
from kryptui.tasks.protocol import Evaluation

_CURVE_TO = 0.2
_CURVE_POINTS = 101
_HIGH = 0.9


def evaluate_points(found: NDArray[np.float64], true: NDArray[np.float64]) -> Evaluation:
    """The evaluation of points (N, 5, 2) against the true ones; points that are no numbers make `nme` none."""
    errors = metrics.point_errors(found, true)
    faces = errors.mean(axis=1)
    scalars = {
        "nme": metrics.nme(faces),
        "failure_rate": metrics.failure_rate(faces),
        "auc": metrics.curve_area(faces),
        **{f"nme_{point}": metrics.nme(errors[:, place]) for place, point in enumerate(POINTS)},
        "faces": float(len(faces)),
    }
    if not len(faces):
        return Evaluation(scalars)
    scores = {"found": found.astype(np.float32), "error": errors.astype(np.float32)}
    return Evaluation(scalars, [_curve(errors, faces), _table(errors, faces)], scores)


def _curve(errors: NDArray[np.float64], faces: NDArray[np.float64]) -> Curve:
    limits = np.linspace(0, _CURVE_TO, _CURVE_POINTS)
    lines = {"mean of a face": faces, **{_words(point): errors[:, k] for k, point in enumerate(POINTS)}}
    series = [
        Series(name, limits.tolist(), metrics.cumulative(values, limits).tolist())
        for name, values in lines.items()
    ]
    return Curve("cumulative error", "error (share of the distance between the eyes)", "share of faces", series)


def _table(errors: NDArray[np.float64], faces: NDArray[np.float64]) -> Table:
    rows: list[list[str | float | int | None]] = []
    lines = {**{_words(point): errors[:, k] for k, point in enumerate(POINTS)}, "mean of a face": faces}
    for name, values in lines.items():
        figures = [values.mean(), np.median(values), np.quantile(values, _HIGH), metrics.failure_rate(values)]
        rows.append([name, *(round(float(figure), 4) for figure in figures)])
    return Table("errors by point", ["point", "mean", "median", f"{_HIGH:.0%} below", "above 0.1"], rows)


def _words(point: str) -> str:
    return point.replace("_", " ")
