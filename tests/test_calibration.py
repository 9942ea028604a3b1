"""Calibration against scikit-learn's logistic regression, and where it has no answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from kryptui.metrics.calibration import Calibration, calibrate


def by_scikit_learn(genuine, others):
    """Soft targets as two weighted copies of each score."""
    scores, labels, weights = [], [], []
    for group, target in ((genuine, (len(genuine) + 1) / (len(genuine) + 2)), (others, 1 / (len(others) + 2))):
        for label, share in ((1, target), (0, 1 - target)):
            scores += list(group)
            labels += [label] * len(group)
            weights += [share / len(group)] * len(group)
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000)
    weights = np.array(weights) / np.mean(weights)
    model.fit(np.array(scores)[:, None], labels, sample_weight=weights)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


@pytest.mark.parametrize(("count", "others", "apart"), [(40, 200, 0.5), (300, 30, 0.2), (25, 25, 3.0)])
def test_it_is_scikit_learns_logistic_regression(count, others, apart):
    rng = np.random.default_rng(count)
    genuine, rest = rng.normal(apart, 0.2, count), rng.normal(0, 0.2, others)
    found = calibrate(genuine, rest)
    assert found == pytest.approx(by_scikit_learn(genuine, rest), rel=1e-3)


@given(st.integers(0, 999), st.floats(0.05, 5), st.floats(1e-3, 1e3), st.floats(-10, 10))
def test_at_the_fit_the_average_probability_is_the_average_target(seed, apart, scale, shift):
    rng = np.random.default_rng(seed)
    genuine, rest = (shift + scale * rng.normal(mean, 1, 50) for mean in (apart, 0))
    found = calibrate(genuine, rest)
    if found is None:  # by chance the genuine ones lie lower
        assert np.mean(genuine) < np.mean(rest)
        return
    assert np.mean(found.probability(np.concatenate([genuine, rest]))) == pytest.approx(0.5, abs=1e-6)
    assert found.probability(genuine).mean() >= found.probability(rest).mean()


@pytest.mark.parametrize(
    ("genuine", "others"),
    [([], [0.1]), ([0.1], []), ([0.5, 0.5], [0.5]), ([0.1, 0.2], [0.8, 0.9]), ([np.nan], [0])],
)
def test_scores_that_tell_nothing_have_no_calibration(genuine, others):
    assert calibrate(genuine, others) is None


def test_probabilities_stay_between_0_and_1_and_unknown_stays_unknown():
    found = Calibration(1e6, 0.0).probability([-1.0, 0.0, 1.0, np.nan])
    assert found[:3].tolist() == pytest.approx([0, 0.5, 1])
    assert np.isnan(found[3])
