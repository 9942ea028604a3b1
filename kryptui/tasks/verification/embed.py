"""Embedding a list of images once each, as fast as the device takes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from kryptui.data.augment import normalize, to_unit
from kryptui.data.decode import BrokenImage
from kryptui.data.loading import ImageLoader, Locate
from kryptui.preprocess import Preprocessing
from kryptui.tasks.protocol import Infer, Progress

_PAIRS_AT_ONCE = 1 << 14  # millions of pairs at once would take gigabytes of copied embeddings


def embed_images(
    infer: Infer,
    device: torch.device,
    paths: Sequence[Path],
    contract: Preprocessing,
    *,
    batch: int,
    threads: int,
    max_pixels: int,
    locate: Locate | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[Any], list[BrokenImage]]:
    """Embeddings float32 (N, D) of length one, NaN for broken images, and these.

    `locate` finds the faces that the contract wants aligned. The device is waited for once, at the end: batches
    queue up on it while the next are decoded.
    """
    loader = ImageLoader(paths, contract, threads, max_pixels, locate)
    plan = np.split(np.arange(len(paths)), range(batch, len(paths), batch)) if paths else []
    parts, places, done = [], [], 0
    for planned, (images, loaded) in zip(plan, loader.batches(plan, pin=device.type == "cuda"), strict=True):
        if len(loaded):
            inputs = normalize(to_unit(images.to(device, non_blocking=True)), contract)
            parts.append(F.normalize(infer(inputs), dim=1))
            places.append(loaded)
        done += len(planned)
        if progress is not None:
            progress(done, len(paths))
    broken = [loader.broken[index] for index in sorted(loader.broken)]
    if not parts:
        return np.full((len(paths), 1), np.nan, dtype=np.float32), broken
    found = torch.cat(parts).cpu().numpy()
    embeddings = np.full((len(paths), found.shape[1]), np.nan, dtype=np.float32)
    embeddings[np.concatenate(places)] = found
    return embeddings, broken


def embed_pixels(
    infer: Infer, device: torch.device, pixels: NDArray[np.uint8], contract: Preprocessing, *, batch: int
) -> NDArray[Any]:
    """Embeddings float32 (N, D) of length one, from RGB uint8 (N, H, W, 3) that are of the contract's size."""
    if pixels.shape[1:] != (*contract.size, 3):
        raise ValueError(f"pixels of {pixels.shape[1:]} for a contract of {contract.size}")
    parts = []
    for start in range(0, len(pixels), batch):
        images = torch.from_numpy(pixels[start : start + batch]).permute(0, 3, 1, 2).to(device)
        parts.append(F.normalize(infer(normalize(to_unit(images), contract)), dim=1))
    found: NDArray[Any] = torch.cat(parts).cpu().numpy()
    return found


def similarities(embeddings: NDArray[Any], first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Cosines of embeddings of length one at row numbers `first` and `second`, float32 (N,)."""
    cosines = np.empty(len(first), dtype=np.float32)
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        np.einsum("nd,nd->n", embeddings[first[part]], embeddings[second[part]], out=cosines[part])
    return cosines


def number_paths(pairs: Sequence[tuple[Path, Path]]) -> tuple[list[Path], NDArray[Any], NDArray[Any]]:
    """Each path once, in order of appearance, and for each pair the numbers of its two."""
    numbers: dict[Path, int] = {}
    both = [[numbers.setdefault(path, len(numbers)) for path in pair] for pair in pairs]
    columns = np.array(both, dtype=np.int64).reshape(-1, 2)
    return list(numbers), columns[:, 0], columns[:, 1]
