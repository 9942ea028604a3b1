"""The points of many faces by a network, as fast as the device takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kryptui.data.augment import normalize, to_unit
from kryptui.data.crop_loading import CropLoader
from kryptui.models.heatmaps import decode
from kryptui.preprocess import POINTS
from kryptui.tasks.landmarks.faces import in_batches
from kryptui.tasks.protocol import Infer, Progress


def locate(
    infer: Infer,
    device: torch.device,
    loader: CropLoader,
    stride: int,
    *,
    batch: int,
    progress: Progress | None = None,
) -> NDArray[Any]:
    """Points float64 (N, 5, 2) in the crops, NaN for broken pictures.

    The device is waited for once, at the end: batches queue up on it while the next are decoded.
    """
    count, parts, places, done = len(loader.paths), [], [], 0
    plan = in_batches(count, batch)
    for planned, (images, loaded) in zip(plan, loader.batches(plan, pin=device.type == "cuda"), strict=True):
        if len(loaded):
            inputs = normalize(to_unit(images.to(device, non_blocking=True)), loader.geometry)
            parts.append(decode(infer(inputs)[:, -1], stride))
            places.append(loaded)
        done += len(planned)
        if progress is not None:
            progress(done, count)
    points = np.full((count, len(POINTS), 2), np.nan)
    if parts:
        points[np.concatenate(places)] = torch.cat(parts).cpu().numpy()
    return points
