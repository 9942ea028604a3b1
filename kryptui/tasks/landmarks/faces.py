"""Faces to load: their crops for training, shaken anew each epoch, and for measuring, which stay."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kryptui.data.crop_loading import CropLoader
from kryptui.data.crops import Boxes, Shake, boxes_around
from kryptui.data.landmark_data import points_of
from kryptui.data.manifest import Manifest
from kryptui.preprocess import Preprocessing
from kryptui.tasks.landmarks.settings import LandmarkSettings

_MEASURED = 0
"""Seed of where the squares of an evaluation lie: the same for every run, so that all are measured alike."""


def contract_of(settings: LandmarkSettings) -> Preprocessing:
    """What the network sees: a square of RGB from -1 to 1."""
    side = settings.image_size
    return Preprocessing((side, side), (0.5,) * 3, (0.5,) * 3, interpolation="bilinear")


def boxes_of(manifest: Manifest, settings: LandmarkSettings) -> Boxes:
    """Boxes as a detector would draw them, or none where the whole picture is seen."""
    if settings.crop.around == "picture":
        return np.full((len(manifest), 4), np.nan)
    return boxes_around(points_of(manifest))


def training_shake(settings: LandmarkSettings, count: int, rng: np.random.Generator) -> Shake:
    """Squares that lie off as a detector's boxes do, turned, scaled and mirrored besides."""
    how = settings.augment
    return Shake.draw(rng, count, jitter=settings.crop.jitter, zoom=how.scale, turn=how.rotate, mirror=how.flip)


def measuring_shake(settings: LandmarkSettings, count: int) -> Shake:
    """Squares that lie off as a detector's boxes do, and as much too large or too small."""
    jitter = settings.crop.jitter
    rng = np.random.default_rng(_MEASURED)
    return Shake.draw(rng, count, jitter=jitter, zoom=jitter, turn=0.0, mirror=0.0)


def loader_of(manifest: Manifest, settings: LandmarkSettings, contract: Preprocessing, threads: int) -> CropLoader:
    """Loads the faces of a manifest as an evaluation sees them."""
    return make_loader(
        manifest.absolute_paths(),
        boxes_of(manifest, settings),
        measuring_shake(settings, len(manifest)),
        settings,
        contract,
        threads,
    )


def make_loader(
    paths: list[Any],
    boxes: Boxes,
    shake: Shake,
    settings: LandmarkSettings,
    contract: Preprocessing,
    threads: int,
) -> CropLoader:
    """Loads the squares around boxes."""
    return CropLoader(
        paths, contract, threads, settings.max_pixels, boxes=boxes, margin=settings.crop.margin, shake=shake
    )


def in_batches(count: int, size: int) -> list[NDArray[np.int64]]:
    """Row numbers in order, `size` at a time."""
    return np.split(np.arange(count), range(size, count, size)) if count else []
