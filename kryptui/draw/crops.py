"""Pictures in memory, such as aligned faces: half blocks side by side, each above its caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

from kryptui.draw.console import MIN_WIDTH, Drawing
from kryptui.draw.pictures import beside, half_blocks
from kryptui.draw.words import clip_left, heading, line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WIDEST, _NARROWEST = 28, 12  # cells of a picture
_GAP = 2


@dataclass(frozen=True, eq=False)
class Captioned:
    """A picture (H, W, 3) in RGB, and what is said below it, of which the end counts most."""

    pixels: NDArray[np.uint8]
    caption: str


def draw_crops(title: str, pictures: Sequence[Captioned], width: int) -> RenderableType:
    """Pictures under a title and above a blank line, as many abreast as fit; nothing where there is no colour."""
    return Drawing(_Crops(title, pictures, max(width, MIN_WIDTH)))


@dataclass(frozen=True, eq=False)
class _Crops:
    title: str
    pictures: Sequence[Captioned]
    width: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if console.color_system is None or console.no_color or not self.pictures:
            return
        from PIL import Image

        across = min(len(self.pictures), (self.width + _GAP) // (_NARROWEST + _GAP))
        size = min(_WIDEST, (self.width + _GAP) // across - _GAP)
        yield heading(self.title, "", self.width)
        for start in range(0, len(self.pictures), across):
            if start:
                yield line()
            tiles = [
                [*half_blocks(Image.fromarray(one.pixels), size), line(clip_left(one.caption, size), "dim")]
                for one in self.pictures[start : start + across]
            ]
            yield from beside(tiles, size, _GAP)
        yield line()
