"""The residual networks of face recognition, as ArcFace (insightface) and AdaFace build and name them.

Deng et al., ArcFace (2019); Kim et al., AdaFace (2022). A first convolution without stride, normalisation before
the convolutions of a block too, PReLU, and a linear layer over the whole last map.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

SIZE = 512
"""Numbers in the embedding of the published weights."""

Depths = tuple[int, int, int, int]
"""How many blocks each of the four layers has."""

DEPTHS: Mapping[int, Depths] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 14, 3),
    100: (3, 13, 30, 3),
}
"""By the number in the network's name."""

_SIDE = 7


class IResNet(nn.Module):
    """Faces (B, 3, 112, 112) -> embeddings (B, `embedding_size`), the parts named as insightface names them.

    AdaFace's differ in three things: the first block takes every other pixel as it is where insightface has a
    convolution, the last normalisation has no weights, and features are dropped out before the linear layer.
    """

    def __init__(self, depths: Depths, embedding_size: int = SIZE, adaface: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        self.layer1 = _layer(64, 64, depths[0], plain=adaface)
        self.layer2 = _layer(64, 128, depths[1])
        self.layer3 = _layer(128, 256, depths[2])
        self.layer4 = _layer(256, 512, depths[3])
        self.bn2 = nn.BatchNorm2d(512)
        self.dropout = nn.Dropout(0.4 if adaface else 0.0)
        self.fc = nn.Linear(512 * _SIDE * _SIDE, embedding_size)
        self.features = nn.BatchNorm1d(embedding_size, affine=not adaface)
        if not adaface:
            self.features.weight.requires_grad = False
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.normal_(part.weight, 0, 0.1)

    def forward(self, images: Tensor) -> Tensor:
        """The last map is (B, 512, 7, 7)."""
        x = self.prelu(self.bn1(self.conv1(images)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = self.dropout(self.bn2(x).flatten(1))
        embeddings: Tensor = self.features(self.fc(x))
        return embeddings


class _Block(nn.Module):
    def __init__(self, before: int, after: int, stride: int, downsample: nn.Module) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.prelu = nn.PReLU(after)
        self.conv2 = nn.Conv2d(after, after, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        added: Tensor = self.downsample(x)
        return y + added


def _layer(before: int, after: int, depth: int, plain: bool = False) -> nn.Sequential:
    """Blocks of which the first halves the map; what is added to it is halved by a convolution unless `plain`."""
    halved: nn.Module = nn.MaxPool2d(1, 2)
    if not plain:
        halved = nn.Sequential(nn.Conv2d(before, after, 1, 2, bias=False), nn.BatchNorm2d(after))
    return nn.Sequential(
        _Block(before, after, 2, halved), *(_Block(after, after, 1, nn.Identity()) for _ in range(depth - 1))
    )


_OF_BLOCK = {
    "res_layer.0": "bn1",
    "res_layer.1": "conv1",
    "res_layer.2": "bn2",
    "res_layer.3": "prelu",
    "res_layer.4": "conv2",
    "res_layer.5": "bn3",
    "shortcut_layer.0": "downsample.0",
    "shortcut_layer.1": "downsample.1",
}
_OUTSIDE = {
    "input_layer.0": "conv1",
    "input_layer.1": "bn1",
    "input_layer.2": "prelu",
    "output_layer.0": "bn2",
    "output_layer.3": "fc",
    "output_layer.4": "features",
}


def from_adaface(weights: Mapping[str, Tensor], depths: Depths) -> dict[str, Tensor]:
    """AdaFace's weights by the names that `IResNet` has; without those of its training head, which stand beside.

    Names that are not AdaFace's stay as they are.
    """
    parts = dict(_OUTSIDE)
    blocks = (f"layer{layer}.{block}" for layer, depth in enumerate(depths, 1) for block in range(depth))
    for number, block in enumerate(blocks):
        parts |= {f"body.{number}.{theirs}": f"{block}.{ours}" for theirs, ours in _OF_BLOCK.items()}
    renamed = {}
    for name, tensor in weights.items():
        if name.startswith("head."):
            continue
        part, _, kind = name.removeprefix("model.").rpartition(".")
        renamed[f"{parts[part]}.{kind}" if part in parts else name] = tensor
    return renamed
