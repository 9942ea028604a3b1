"""Copies among images: exact ones by digest, near ones by perceptual hash and then by looking again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from kryptui.data.scan import HASH_BITS, Scanned, Stopped

MAX_DISTANCE: Final = 10
"""How many of the 64 bits of the perceptual hash may differ between near copies."""

MIN_CORRELATION: Final = 0.95
"""The least correlation of the two grey 32 x 32 thumbnails of near copies.

The hash alone calls two frontal faces alike too often: among 2,913 face crops of 359 people 311 pairs of two
people are within 10 bits and none of them is above this correlation; copies saved anew lie above 0.99.
"""

_BLOCK = 512


def exact_groups(images: Sequence[Scanned], digest: Callable[[Scanned], bytes]) -> list[list[int]]:
    """Groups of two or more images with one digest, as places in `images`, in order of first appearance."""
    groups: dict[bytes, list[int]] = {}
    for place, image in enumerate(images):
        groups.setdefault(digest(image), []).append(place)
    return [group for group in groups.values() if len(group) > 1]


def near_pairs(
    images: Sequence[Scanned],
    *,
    max_distance: int = MAX_DISTANCE,
    min_correlation: float = MIN_CORRELATION,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[tuple[int, int, int, float]]:
    """Pairs of look-alikes that are not pixel for pixel the same: (place, place, differing bits, correlation).

    All pairs are compared: bits as +1 and -1 make the Hamming distance a matrix product, (64 - a.b) / 2, done in
    blocks of rows. 100,000 images take 26 MB for bits, 100 MB for thumbnails, and 200 MB for a block.
    `progress` is told how many images of how many have been compared with all others. Raises Stopped.
    """
    if len(images) < 2:
        return []
    signs = np.stack([image.bits for image in images]).astype(np.float32) * 2 - 1
    thumbnails = np.stack([image.thumbnail.ravel() for image in images])
    _, pixels = np.unique([image.pixel_hash for image in images], return_inverse=True)
    pairs: list[tuple[int, int, int, float]] = []
    for start in range(0, len(images), _BLOCK):
        if stop is not None and stop():
            raise Stopped
        products = signs[start : start + _BLOCK] @ signs[start:].T
        rows, columns = np.nonzero(products >= HASH_BITS - 2 * max_distance)
        later = columns > rows
        rows, columns = rows[later], columns[later]
        distances = ((HASH_BITS - products[rows, columns]) / 2).astype(int)
        first, second = rows + start, columns + start
        for part in range(0, len(first), _BLOCK):
            one, other = first[part : part + _BLOCK], second[part : part + _BLOCK]
            correlations = _correlate(thumbnails[one], thumbnails[other])
            alike = (correlations >= min_correlation) & (pixels[one] != pixels[other])
            for k in np.flatnonzero(alike):
                pairs.append((int(one[k]), int(other[k]), int(distances[part + k]), float(correlations[k])))
        if progress is not None:
            progress(min(start + _BLOCK, len(images)), len(images))
    return sorted(pairs)


def _correlate(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    # Pearson's correlation of rows: (N, D), (N, D) -> (N,). A picture of one colour correlates with nothing.
    one = first - first.mean(axis=1, keepdims=True, dtype=np.float32)
    other = second - second.mean(axis=1, keepdims=True, dtype=np.float32)
    product = np.einsum("nd,nd->n", one, other)
    norms = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    correlation: npt.NDArray[np.float32] = np.divide(product, norms, out=np.zeros_like(product), where=norms > 0)
    return correlation
