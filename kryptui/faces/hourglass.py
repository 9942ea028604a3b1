"""The points of a face by a trained hourglass: finer than a detector's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from kryptui.data.align import Points, moved
from kryptui.data.augment import normalize, to_unit
from kryptui.data.crops import Shake, crop_matrix, move_back
from kryptui.faces.face import Pixels
from kryptui.models.heatmaps import decode
from kryptui.preprocess import Preprocessing


@dataclass(frozen=True)
class HourglassLandmarker:
    """Looks at the square around a face's box; see `face.Landmarker`.

    `infer` is a network in evaluation mode that makes heatmaps (B, stacks, 5, H / stride, W / stride) of pictures
    that went through `contract`; the square has `margin` times the side of the box.
    """

    infer: Callable[[Tensor], Tensor]
    contract: Preprocessing
    stride: int
    margin: float
    device: torch.device
    name: str

    def place(self, pixels: Pixels, box: tuple[float, float, float, float]) -> Points:
        """The points (5, 2) of the face in a box (x, y, width, height), in pixels of the picture.

        Raises ValueError where the box has no area, RuntimeError where the network gives no numbers.
        """
        if not min(box[2:]) > 0:
            raise ValueError(f"the box {box} has no area")
        picture = Image.fromarray(pixels)
        matrix = crop_matrix(
            np.array(box, dtype=np.float64), picture.size, self.contract.size[0], self.margin, Shake.none(1), 0
        )
        square = torch.from_numpy(moved(picture, matrix, self.contract.size).copy()).permute(2, 0, 1)[None]
        with torch.inference_mode():
            heatmaps = self.infer(normalize(to_unit(square.to(self.device)), self.contract))
            found = decode(heatmaps[:, -1], self.stride).cpu().numpy().astype(np.float64)
        points: Points = move_back(found, matrix[None])[0]
        if not np.isfinite(points).all():
            raise RuntimeError(f"{self.name} gave points that are no numbers")
        return points
