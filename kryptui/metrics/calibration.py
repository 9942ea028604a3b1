"""From a similarity to a probability: logistic calibration (Platt 2000) on scores of known pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_STEPS = 100
_SMALLEST = 1e-12
_LARGEST = 500.0  # beyond it exp() is 0 or infinite


class Calibration(NamedTuple):
    """The probability of a genuine pair: 1 / (1 + exp(-(slope x score + offset)))."""

    slope: float
    offset: float

    def probability(self, scores: ArrayLike) -> Floats:
        """Of each score, where genuine pairs and others are equally many; NaN stays NaN."""
        return _logistic(self.slope * np.asarray(scores, dtype=np.float64) + self.offset)


def calibrate(genuine: ArrayLike, others: ArrayLike) -> Calibration | None:
    """Fits a logistic curve to scores of genuine and of other pairs, each group with half of the weight.

    The targets are Platt's, (n + 1) / (n + 2) and 1 / (n + 2), so that groups that do not overlap have an answer
    too. None where a group is empty, all scores are one, or higher scores are not more often genuine. Scores that
    are not finite are left out.
    """
    groups = [np.asarray(group, dtype=np.float64).ravel() for group in (genuine, others)]
    positive, negative = (group[np.isfinite(group)] for group in groups)
    if not positive.size or not negative.size:
        return None
    scores = np.concatenate([positive, negative])
    centre, scale = float(scores.mean()), float(scores.std())
    if not scale > 0:
        return None
    inputs = (scores - centre) / scale
    sizes = np.array([positive.size, negative.size])
    weights = np.repeat(0.5 / sizes, sizes)
    targets = np.repeat([(sizes[0] + 1) / (sizes[0] + 2), 1 / (sizes[1] + 2)], sizes)
    slope, offset = _newton(inputs, targets, weights)
    return Calibration(slope / scale, offset - slope * centre / scale) if slope > 0 else None


def _newton(inputs: Floats, targets: Floats, weights: Floats) -> tuple[float, float]:
    """Slope and offset of the least weighted cross entropy; a step that does not lower it is halved."""
    design = np.stack([inputs, np.ones_like(inputs)])  # (2, N)
    at = np.zeros(2)
    loss = _cross_entropy(at @ design, targets, weights)
    for _ in range(_STEPS):
        chance = _logistic(at @ design)
        gradient = design @ (weights * (chance - targets))
        curvature = (design * (weights * chance * (1 - chance))) @ design.T
        step = np.linalg.solve(curvature + _SMALLEST * np.eye(2), gradient)
        new = _cross_entropy((at - step) @ design, targets, weights)
        while new > loss and np.abs(step).max() > _SMALLEST:
            step /= 2
            new = _cross_entropy((at - step) @ design, targets, weights)
        at, loss = at - step, new
        if np.abs(step).max() < _SMALLEST * max(1.0, np.abs(at).max()) * 100:
            break
    return float(at[0]), float(at[1])


def _cross_entropy(logits: Floats, targets: Floats, weights: Floats) -> float:
    return float(weights @ (np.logaddexp(0, logits) - targets * logits))


def _logistic(logits: Floats) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-np.clip(logits, -_LARGEST, _LARGEST)))
    return chance
