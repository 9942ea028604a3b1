"""MobileFaceNet: inverted bottlenecks without a classifier's pooling, of about a million parameters.

Chen et al., MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices (2018). The
parts are named as in its common PyTorch version, trained on CASIA-WebFace, so that those weights load by name.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

SIZE = 128
"""Numbers in the embedding of the published weights."""

_STRIDES = (2, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1)
_EXPANSIONS = (2, 2, 2, 2, 2, 4, 2, 2, 2, 2, 2, 2, 4, 2, 2)
_CHANNELS = (64, 64, 64, 64, 64, 64, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128)


class MobileFaceNet(nn.Module):
    """Faces (B, 3, 112, 96) -> embeddings (B, `embedding_size`)."""

    def __init__(self, embedding_size: int = SIZE) -> None:
        super().__init__()
        self.conv1 = _Unit(3, 64, 3, stride=2, padding=1)
        self.dw_conv1 = _Unit(64, 64, 3, padding=1, groups=64)
        self.blocks = nn.Sequential(
            *(
                _Bottleneck(before, after, stride, expansion)
                for (before, after), stride, expansion in zip(
                    pairwise(_CHANNELS), _STRIDES, _EXPANSIONS, strict=True
                )
            )
        )
        self.conv2 = _Unit(128, 512, 1)
        self.linear7 = _Unit(512, 512, (7, 6), groups=512, linear=True)
        self.linear1 = _Unit(512, embedding_size, 1, linear=True)
        self.apply(_start)

    def forward(self, images: Tensor) -> Tensor:
        """Each place of the last map, (B, 512, 7, 6), has weights of its own: eyes and mouth have their places."""
        features = self.conv2(self.blocks(self.dw_conv1(self.conv1(images))))
        embeddings: Tensor = self.linear1(self.linear7(features)).flatten(1)
        return embeddings


class _Unit(nn.Module):
    """A convolution and its normalisation, and a PReLU unless it is `linear`."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(after)
        self.prelu: Callable[[Tensor], Tensor] = nn.Identity() if linear else nn.PReLU(after)

    def forward(self, x: Tensor) -> Tensor:
        return self.prelu(self.bn(self.conv(x)))


class _Bottleneck(nn.Module):
    """Widens, filters each channel by itself, narrows; added to what came in where that has the same shape."""

    def __init__(self, before: int, after: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.conv = nn.Sequential(
            nn.Conv2d(before, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.PReLU(wide),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.PReLU(wide),
            nn.Conv2d(wide, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.adds = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.adds else y


@torch.no_grad()
def _start(part: nn.Module) -> None:
    if isinstance(part, nn.Conv2d):
        nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
