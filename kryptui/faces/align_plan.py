"""How a dataset is to be aligned, and the one picture that comes of it."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kryptui.data.align import Matrix, Points, moved, similarity
from kryptui.data.decode import BrokenImage, decode, fit
from kryptui.data.new_folder import write_error
from kryptui.errors import InputError
from kryptui.faces.finding import Finder
from kryptui.faces.found import Found
from kryptui.preprocess import Template, template_points

Missing = Literal["leave-out", "as-is"]

_JPEG: Final = frozenset((".jpg", ".jpeg", ".jpe", ".jfif"))
_QUALITY = 95


@dataclass(frozen=True)
class AlignPlan:
    """Onto which template, at which `size` (height, width), and what becomes of a picture without a face.

    `margin` is the room left round the template on each side, as a share of its own side; with any, the points do
    not lie where `template_points` says. `missing` None: as-is in a test tree, whose pairs all want an answer,
    and leave-out elsewhere. Raises InputError for a size or margin that makes no sense.
    """

    template: Template = "arcface"
    size: tuple[int, int] = (112, 112)
    margin: float = 0.0
    missing: Missing | None = None

    def __post_init__(self) -> None:
        if not all(8 <= side <= 4096 for side in self.size):
            raise InputError(f"the size {self.size[0]} x {self.size[1]} must lie between 8 and 4096 pixels")
        if not 0 <= self.margin <= 4:
            raise InputError(f"the margin {self.margin} must lie between 0 and 4, as a share of the side")

    def matrix(self, points: Points) -> Matrix:
        """From the picture with these points to the aligned one."""
        height, width = self.size
        middle = np.array([width - 1, height - 1]) / 2
        target = np.array(template_points(self.template, self.size))
        return similarity(points, middle + (target - middle) / (1 + 2 * self.margin))

    def make(self, path: Path, finder: Finder, target: Path) -> Found:
        """Aligns the face in the image file `path` and writes it to `target`, whole or not at all.

        A broken file, and one without a face unless it is taken as it is, leaves no file. Raises RunError where
        the disk is full, InputError where nothing can be written.
        """
        try:
            picture = decode(path)
        except BrokenImage as broken:
            return Found(None, 0, broken.reason, broken.detail)
        found = finder.look(picture)
        if found.face is not None:
            write_picture(moved(picture, self.matrix(found.face.points), self.size), target)
        elif self.missing == "as-is":
            write_picture(fit(picture, self.size), target)
        return found


def write_picture(pixels: NDArray[np.uint8], target: Path) -> None:
    """Writes an RGB picture (H, W, 3) atomically: as JPEG where the name says so, else as PNG whatever it says.

    Names are kept, so that whatever refers to them still fits; readers go by the content.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            if target.suffix.lower() in _JPEG:
                Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, subsampling=0)
            else:
                Image.fromarray(pixels).save(file, "PNG")
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise write_error(error, target) from error


def refuse_place(folders: Collection[Path], target: Path) -> None:
    """Raises InputError where `target` is, lies in or holds one of the source's real `folders`, or is a file."""
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; give a new folder")
    real = Path(os.path.realpath(target))
    around = next((place for place in (real, *real.parents) if place in folders), None)
    if around is not None:
        raise InputError(f"{target} lies in the source, which is never changed; give a folder outside {around}")
    if any(real in place.parents for place in folders):
        raise InputError(f"{target} holds the source, which is never changed; give a new folder")
