"""The loss of heatmaps."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from kryptui.models.heatmaps import draw


class HeatmapLoss(nn.Module):
    """Squared error of every stack's heatmaps (B, S, K, H, W) against Gaussians around the points (B, K, 2).

    A heatmap's error is a share of its Gaussian's energy, so that 1 is what an empty one costs; `loss` is the mean
    over stacks, faces and points, `loss_last` that of the last stack, which answers. A point outside the picture,
    or nearer to its border than a cell, teaches nothing.
    """

    def __init__(self, stride: int, sigma: float) -> None:
        super().__init__()
        self.stride, self.sigma = stride, sigma

    def forward(self, outputs: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`outputs` are the network's, `targets` holds `points` in pixels of its pictures."""
        points, size = targets["points"], (outputs.shape[-2], outputs.shape[-1])
        wanted = draw(points, size, self.stride, self.sigma)
        wide, high = size[1] * self.stride, size[0] * self.stride
        seen = ((points > -0.5) & (points < points.new_tensor([wide, high]) - 0.5)).all(dim=2)[:, None]
        errors = (outputs - wanted[:, None]).square().sum(dim=(3, 4)) / (math.pi * self.sigma**2)
        by_stack = (errors * seen).sum(dim=(0, 2)) / seen.sum().clamp(min=1)
        return {"loss": by_stack.mean(), "loss_last": by_stack[-1].detach()}
