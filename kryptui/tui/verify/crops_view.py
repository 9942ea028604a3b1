"""Faces as the model sees them: pictures in memory, drawn as pictures on disk are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kryptui.figures import ImageSheet
from kryptui.tui.widgets.pictures_view import PicturesView

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


class CropsView(PicturesView):
    """Faces by name, with captions; where there is no colour, captions and names alone."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pixels: dict[str, NDArray[np.uint8]] = {}

    def show(self, faces: Sequence[tuple[str, str, NDArray[np.uint8]]]) -> None:
        """Shows faces: name, caption and pixels (H, W, 3) of each; one name is one face until `forget`."""
        self._pixels |= {name: pixels for name, _, pixels in faces}
        names, captions = [name for name, _, _ in faces], [caption for _, caption, _ in faces]
        self.sheets = [ImageSheet("", names, captions, len(faces))] if faces else []

    def forget(self) -> None:
        """Lets go of all faces: the names may mean others now."""
        super().forget()
        self._pixels.clear()

    def picture(self, path: str) -> Image:
        """The face of that name."""
        from PIL import Image

        return Image.fromarray(self._pixels[path])
