"""Inception-ResNet-v1, the network of FaceNet's successors, its parts named as facenet-pytorch names them.

Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning (2016); weights
from D. Sandberg's facenet, by T. Esler's facenet-pytorch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIZE = 512
"""Numbers in the embedding of the published weights."""


class InceptionResnetV1(nn.Module):
    """Faces (B, 3, H, W), published for 160 x 160 -> embeddings (B, `embedding_size`), not yet of length one."""

    def __init__(self, embedding_size: int = SIZE) -> None:
        super().__init__()
        self.conv2d_1a = _Unit(3, 32, 3, stride=2)
        self.conv2d_2a = _Unit(32, 32, 3)
        self.conv2d_2b = _Unit(32, 64, 3, padding=1)
        self.maxpool_3a = nn.MaxPool2d(3, 2)
        self.conv2d_3b = _Unit(64, 80, 1)
        self.conv2d_4a = _Unit(80, 192, 3)
        self.conv2d_4b = _Unit(192, 256, 3, stride=2)
        self.repeat_1 = nn.Sequential(*(_block35() for _ in range(5)))
        self.mixed_6a = _mixed_6a()
        self.repeat_2 = nn.Sequential(*(_block17() for _ in range(10)))
        self.mixed_7a = _mixed_7a()
        self.repeat_3 = nn.Sequential(*(_block8(0.2) for _ in range(5)))
        self.block8 = _block8(1.0, last=True)
        self.dropout = nn.Dropout(0.6)
        self.last_linear = nn.Linear(1792, embedding_size, bias=False)
        self.last_bn = nn.BatchNorm1d(embedding_size, eps=0.001)

    def forward(self, images: Tensor) -> Tensor:
        """The last map is (B, 1792, 3, 3) for 160 x 160, then averaged."""
        x = self.maxpool_3a(self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(images))))
        x = self.conv2d_4b(self.conv2d_4a(self.conv2d_3b(x)))
        x = self.mixed_6a(self.repeat_1(x))
        x = self.mixed_7a(self.repeat_2(x))
        x = self.block8(self.repeat_3(x))
        embeddings: Tensor = self.last_bn(self.last_linear(self.dropout(x.mean((2, 3)))))
        return embeddings


class _Unit(nn.Module):
    """A convolution, its normalisation and a ReLU."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class _Branches(nn.Module):
    """Branches side by side, their maps stacked."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.names = [f"branch{number}" for number in range(len(branches))]
        for name, branch in zip(self.names, branches, strict=True):
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.get_submodule(name)(x) for name in self.names], 1)


class _Residual(_Branches):
    """Branches whose maps are brought back to the input's channels and added to it by a share."""

    def __init__(
        self, share: float, channels: int, stacked: int, *branches: nn.Module, last: bool = False
    ) -> None:
        super().__init__(*branches)
        self.conv2d = nn.Conv2d(stacked, channels, 1)
        self.share, self.last = share, last

    def forward(self, x: Tensor) -> Tensor:
        y = x + self.share * self.conv2d(super().forward(x))
        return y if self.last else torch.relu(y)


def _block35() -> nn.Module:
    return _Residual(
        0.17,
        256,
        96,
        _Unit(256, 32, 1),
        nn.Sequential(_Unit(256, 32, 1), _Unit(32, 32, 3, padding=1)),
        nn.Sequential(_Unit(256, 32, 1), _Unit(32, 32, 3, padding=1), _Unit(32, 32, 3, padding=1)),
    )


def _block17() -> nn.Module:
    return _Residual(
        0.1,
        896,
        256,
        _Unit(896, 128, 1),
        nn.Sequential(
            _Unit(896, 128, 1),
            _Unit(128, 128, (1, 7), padding=(0, 3)),
            _Unit(128, 128, (7, 1), padding=(3, 0)),
        ),
    )


def _block8(share: float, last: bool = False) -> nn.Module:
    return _Residual(
        share,
        1792,
        384,
        _Unit(1792, 192, 1),
        nn.Sequential(
            _Unit(1792, 192, 1),
            _Unit(192, 192, (1, 3), padding=(0, 1)),
            _Unit(192, 192, (3, 1), padding=(1, 0)),
        ),
        last=last,
    )


def _mixed_6a() -> nn.Module:
    return _Branches(
        _Unit(256, 384, 3, stride=2),
        nn.Sequential(_Unit(256, 192, 1), _Unit(192, 192, 3, padding=1), _Unit(192, 256, 3, stride=2)),
        nn.MaxPool2d(3, 2),
    )


def _mixed_7a() -> nn.Module:
    return _Branches(
        nn.Sequential(_Unit(896, 256, 1), _Unit(256, 384, 3, stride=2)),
        nn.Sequential(_Unit(896, 256, 1), _Unit(256, 256, 3, stride=2)),
        nn.Sequential(_Unit(896, 256, 1), _Unit(256, 256, 3, padding=1), _Unit(256, 256, 3, stride=2)),
        nn.MaxPool2d(3, 2),
    )
