"""From files to uint8 batches of faces, each the square around its box."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kryptui.data.align import moved
from kryptui.data.crops import Boxes, Shake, crop_matrix, mirrored
from kryptui.data.loading import ImageLoader, Pixels


@dataclass
class CropLoader(ImageLoader):
    """Loads the square around each face; `geometry.size` is its size.

    `matrices` (N, 2, 3) tells how each picture that was loaded was moved.
    """

    boxes: Boxes = field(kw_only=True)
    margin: float = field(kw_only=True)
    shake: Shake = field(kw_only=True)
    matrices: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.matrices = np.full((len(self.paths), 2, 3), np.nan)

    def shaken(self, shake: Shake) -> CropLoader:
        """The same pictures, cut anew; what is known to be broken is known to both."""
        return replace(self, shake=shake)

    def cut(self, index: int, picture: Image.Image) -> Pixels:
        """The square around the face, shaken; `matrices` then holds how it was moved."""
        side = self.geometry.size[0]
        matrix = crop_matrix(self.boxes[index], picture.size, side, self.margin, self.shake, index)
        pixels = moved(picture, matrix, self.geometry.size)
        if self.shake.mirror[index]:
            matrix, pixels = mirrored(matrix, side), pixels[:, ::-1]
        self.matrices[index] = matrix
        return pixels
