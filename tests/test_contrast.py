"""What tells genuine from impostor, learned from labels of which some are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kryptui.metrics.contrast import Contrast, NoContrast, count


def normal(mean, spread, size, seed=0):
    return np.clip(np.random.default_rng(seed).normal(mean, spread, size), -1, 1)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
def test_wrong_labels_do_not_move_what_is_learned(share):
    wrong = round(20_000 * share)
    within = np.concatenate([normal(0.6, 0.1, 20_000 - wrong), normal(0.0, 0.1, wrong, 1)])
    found = Contrast.fit(count(within), count(normal(0.0, 0.1, 50_000, 2)))
    assert found.genuine == pytest.approx(0.6, abs=0.01)
    assert found.genuine_spread == pytest.approx(0.1, abs=0.01)
    assert found.impostor == pytest.approx(0.0, abs=0.01)
    assert found.impostor_spread == pytest.approx(0.1, abs=0.01)
    assert found.wrong == pytest.approx(share, abs=0.01)


def test_the_threshold_is_where_both_error_rates_of_normal_scores_are_equal():
    found = Contrast(genuine=0.7, genuine_spread=0.2, impostor=0.1, impostor_spread=0.1, wrong=0.1)
    rejected = (normal(0.7, 0.2, 200_000) < found.threshold).mean()
    accepted = (normal(0.1, 0.1, 200_000, 1) >= found.threshold).mean()
    assert rejected == pytest.approx(accepted, abs=0.003)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_the_log_ratio_never_falls_and_is_nothing_at_the_threshold(one, other):
    contrast = Contrast(genuine=0.6, genuine_spread=0.15, impostor=0.05, impostor_spread=0.1, wrong=0.1)
    low, high = sorted((one, other))
    assert contrast.log_ratio(low) <= contrast.log_ratio(high)
    assert contrast.log_ratio(contrast.threshold) == pytest.approx(0, abs=1e-9)


def test_between_both_centres_the_log_ratio_is_that_of_the_densities():
    contrast = Contrast(genuine=0.6, genuine_spread=0.15, impostor=0.05, impostor_spread=0.1, wrong=0.1)
    logs = [-(((0.3 - mean) / spread) ** 2) / 2 for mean, spread in ((0.6, 0.15), (0.05, 0.1))]
    assert contrast.log_ratio(0.3) == pytest.approx(logs[0] - logs[1])


def test_a_given_threshold_is_the_threshold():
    within, between = count(normal(0.6, 0.1, 50)), count(normal(0.0, 0.1, 5000, 1))
    assert Contrast.given(within, between, 0.42).threshold == pytest.approx(0.42)


def test_a_threshold_among_the_impostors_is_refused():
    with pytest.raises(NoContrast, match=r"alike, above 0\.1"):
        Contrast.given(count(normal(0.6, 0.1, 50)), count(normal(0.0, 0.1, 5000, 1)), 0.1)


def test_a_model_that_tells_nobody_apart_is_refused():
    with pytest.raises(NoContrast, match="does not tell them apart"):
        Contrast.fit(count(normal(0.1, 0.1, 5000)), count(normal(0.0, 0.1, 5000, 1)))


@pytest.mark.parametrize(("within", "between"), [([], [0.1]), ([0.5], [])])
def test_nothing_to_learn_from_is_refused(within, between):
    with pytest.raises(NoContrast, match="no two"):
        Contrast.fit(count(within), count(between))


def test_similarities_just_over_1_are_counted():
    assert count([1.0, 1.0000001, -1.0000001]).sum() == 3
