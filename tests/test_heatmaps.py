"""Heatmaps: what is drawn is found again, below the cell, and places are those of the picture."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kryptui.models.heatmaps import decode, draw

SIZE = (24, 32)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_gaussian_has_its_height_and_width(stride):
    at = (torch.tensor([12.0, 7.0]) + 0.5) * stride - 0.5
    heatmap = draw(at.view(1, 1, 2), SIZE, stride, sigma=2.0)[0, 0]
    assert heatmap.shape == SIZE
    assert heatmap[7, 12] == 1
    assert heatmap[7, 14].item() == pytest.approx(math.exp(-0.5))
    assert heatmap[9, 14].item() == pytest.approx(math.exp(-1))


@settings(deadline=None)
@given(st.floats(8, 23), st.floats(8, 15), st.sampled_from([1, 2, 4]), st.sampled_from([1.5, 2.0]))
def test_what_is_drawn_is_found_below_the_cell(x, y, stride, sigma):
    points = (torch.tensor([[[x, y]]]) + 0.5) * stride - 0.5
    found = decode(draw(points, SIZE, stride, sigma), stride)
    assert (found - points).abs().max() < 1e-3 * stride


def test_each_heatmap_has_its_own_point():
    points = torch.tensor([[[5.0, 6], [20, 9]], [[11, 3], [30, 22]]])
    found = decode(draw(points, SIZE, 1, 1.5), 1)
    torch.testing.assert_close(found, points, atol=1e-3, rtol=0)


def test_a_peak_in_a_corner_stays_in_the_picture():
    heatmap = torch.zeros(1, 1, *SIZE)
    heatmap[0, 0, 0, 31] = 1
    found = decode(heatmap, 4)[0, 0]
    torch.testing.assert_close(found, torch.tensor([31 * 4 + 1.5, 1.5]))


def test_an_empty_heatmap_gives_numbers():
    for value in (0.0, -1.0):
        assert decode(torch.full((1, 2, *SIZE), value), 4).isfinite().all()


def test_the_level_of_a_heatmap_far_from_the_peak_does_not_matter():
    points = torch.tensor([[[12.3, 9.6]]])
    heatmap = draw(points, SIZE, 1, 2.0)
    other = heatmap.clone()
    other[0, 0, :4] = 0.8
    assert torch.equal(decode(other, 1), decode(heatmap, 1))


def test_heatmaps_that_are_scaled_give_the_same_points():
    points = torch.tensor([[[12.3, 9.6]]])
    torch.testing.assert_close(decode(0.3 * draw(points, SIZE, 1, 2.0), 1), points, atol=1e-3, rtol=0)


def test_a_point_is_refined_by_a_cell_at_most():
    heatmap = torch.zeros(1, 1, *SIZE)
    heatmap[0, 0, 7:10, 11:14] = 1 - 1e-7
    heatmap[0, 0, 8, 12] = 1
    heatmap[0, 0, 8, 13] = 1 - 1e-7
    assert (decode(heatmap, 1) - torch.tensor([12.0, 8])).abs().max() <= 1
