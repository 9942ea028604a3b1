"""The stacked hourglass: its shapes, its supervision, and what its settings change."""

from __future__ import annotations

import pytest
import torch

from kryptui.models.hourglass import StackedHourglass


@pytest.mark.parametrize(("stacks", "depth", "stride"), [(1, 1, 2), (2, 2, 4), (3, 3, 8)])
def test_every_stack_gives_a_heatmap_a_point(stacks, depth, stride):
    network = StackedHourglass(5, stacks, 8, depth, stride)
    side = stride * 2**depth * 2
    heatmaps = network(torch.zeros(2, 3, side, 2 * side))
    assert heatmaps.shape == (2, stacks, 5, side // stride, 2 * side // stride)


def test_each_stack_is_trained_by_its_own_heatmaps():
    network = StackedHourglass(5, 2, 8, 2, 4)
    network(torch.rand(2, 3, 32, 32))[:, 0].sum().backward()
    first, second = ([p.grad.abs().sum() for p in part.parameters()] for part in network.hourglasses)
    assert sum(first) > 0
    assert sum(second) == 0


def test_a_stack_sees_the_heatmaps_of_the_one_before():
    network = StackedHourglass(5, 2, 8, 2, 4).eval()
    picture = torch.rand(1, 3, 32, 32)
    before = network(picture)
    with torch.no_grad():
        network.guessed[0].weight += 1
    after = network(picture)
    assert torch.equal(before[:, 0], after[:, 0])
    assert not torch.equal(before[:, 1], after[:, 1])


def test_a_cell_sees_the_whole_picture():
    network = StackedHourglass(1, 1, 8, 4, 4).eval()
    picture = torch.rand(1, 3, 128, 128, requires_grad=True)
    network(picture)[0, 0, 0, 0, 0].backward()
    assert picture.grad is not None
    assert picture.grad[0, :, -1, -1].abs().max() > 0


def test_heatmaps_are_in_float32_whatever_it_computes_in():
    network = StackedHourglass(5, 1, 8, 1, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert network(torch.zeros(1, 3, 8, 8)).dtype == torch.float32
