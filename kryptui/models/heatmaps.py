"""Points as heatmaps: drawn as Gaussians to learn from, and read back from what a network drew.

Places are x and y in pixels of the picture that the network sees, 0 amid the first one.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 1e-6
"""What a cell holds at least, so that it has a logarithm; and the least curvature."""


def draw(points: Tensor, size: tuple[int, int], stride: int, sigma: float) -> Tensor:
    """Gaussians of height 1 around points (B, K, 2): (B, K, H, W) with (H, W) = `size`, `sigma` in cells."""
    height, width = size
    places = to_cells(points, stride)
    x = torch.arange(width, device=points.device) - places[..., :1]
    y = torch.arange(height, device=points.device) - places[..., 1:]
    rows, columns = (torch.exp(-(distance**2) / (2 * sigma**2)) for distance in (y, x))
    return rows[..., :, None] * columns[..., None, :]


def decode(heatmaps: Tensor, stride: int) -> Tensor:
    """The points (B, K, 2) of heatmaps (B, K, H, W): the highest cell of each, refined below the cell.

    By one step of Newton's method on the logarithm, of a cell at most, which is exact for a Gaussian (DARK, Zhang
    et al. 2020). A peak at the border, or where the logarithm is not curved down, stays where it is.
    """
    height, width = heatmaps.shape[2:]
    flat = heatmaps.flatten(2)
    best = flat.argmax(dim=2)
    row, column = best // width, best % width
    inside = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)

    def near(down: int, right: int) -> Tensor:
        """The logarithm of the cells that lie so from the peaks, (B, K)."""
        cell = (row + down).clamp(0, height - 1) * width + (column + right).clamp(0, width - 1)
        return flat.gather(2, cell[..., None])[..., 0].clamp(min=_LEAST).log()

    x1, y1 = (near(0, 1) - near(0, -1)) / 2, (near(1, 0) - near(-1, 0)) / 2
    xx, yy = near(0, 1) - 2 * near(0, 0) + near(0, -1), near(1, 0) - 2 * near(0, 0) + near(-1, 0)
    xy = (near(1, 1) - near(1, -1) - near(-1, 1) + near(-1, -1)) / 4
    determinant = xx * yy - xy * xy
    curved = inside & (xx < 0) & (determinant > _LEAST)
    below = torch.where(curved, determinant, 1.0)
    dx, dy = ((xy * y1 - yy * x1) / below).clamp(-1, 1), ((xy * x1 - xx * y1) / below).clamp(-1, 1)
    cells = torch.stack([column + dx * curved, row + dy * curved], dim=2)
    return to_pixels(cells, stride)


def to_cells(points: Tensor, stride: int) -> Tensor:
    """Places in the picture as places in the heatmap."""
    return (points + 0.5) / stride - 0.5


def to_pixels(cells: Tensor, stride: int) -> Tensor:
    """Places in the heatmap as places in the picture."""
    return (cells + 0.5) * stride - 0.5
