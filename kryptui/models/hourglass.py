"""The stacked hourglass: a picture to one heatmap for each point, guessed anew by every stack."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StackedHourglass(nn.Module):
    """Pictures (B, 3, H, W), normalised -> heatmaps float32 (B, stacks, points, H / stride, W / stride).

    Each stack sees the features and the heatmaps of the one before; the last one's are the answer, all are trained
    (intermediate supervision). H and W are multiples of stride x 2^depth. Newell et al. 2016, but with residuals
    of two 3 x 3 convolutions: bottlenecks would leave next to nothing of few channels.
    """

    def __init__(self, points: int, stacks: int, channels: int, depth: int, stride: int) -> None:
        super().__init__()
        self.stem = _stem(channels, stride)
        self.hourglasses = nn.ModuleList(_Hourglass(channels, depth) for _ in range(stacks))
        self.features = nn.ModuleList(_features(channels) for _ in range(stacks))
        self.heads = nn.ModuleList(nn.Conv2d(channels, points, 1) for _ in range(stacks))
        self.kept = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(stacks - 1))
        self.guessed = nn.ModuleList(nn.Conv2d(points, channels, 1) for _ in range(stacks - 1))

    def forward(self, images: Tensor) -> Tensor:
        """All stacks' heatmaps, in float32 whatever precision the network computes in."""
        x = self.stem(images)
        heatmaps = []
        for stack, hourglass in enumerate(self.hourglasses):
            features = self.features[stack](hourglass(x))
            heatmaps.append(self.heads[stack](features))
            if stack < len(self.kept):
                x = x + self.kept[stack](features) + self.guessed[stack](heatmaps[-1])
        return torch.stack(heatmaps, dim=1).float()


class _Residual(nn.Module):
    """Two 3 x 3 convolutions that correct what they are given; pre-activated (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.body(x)
        return found


class _Hourglass(nn.Module):
    """Halves the picture `depth` times and comes back up, each size beside a branch that stays as large."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.beside = _Residual(channels)
        self.down = _Residual(channels)
        self.inner = _Hourglass(channels, depth - 1) if depth > 1 else _Residual(channels)
        self.up = _Residual(channels)

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        found: Tensor = self.beside(x) + F.interpolate(low, scale_factor=2.0, mode="nearest")
        return found


def _stem(channels: int, stride: int) -> nn.Sequential:
    """From pixels to features at 1 / stride of the size."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        _Residual(channels),
    ]
    while stride > 2:
        layers += [nn.MaxPool2d(2), _Residual(channels)]
        stride //= 2
    return nn.Sequential(*layers)


def _features(channels: int) -> nn.Sequential:
    return nn.Sequential(
        _Residual(channels),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )
