"""Groups of photos that are alike on average: average linkage, cut at a threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]


def linked(similarities: ArrayLike, threshold: float) -> Ints:
    """Groups of N photos from their similarities (N, N): a number for each (N,), the largest group 0.

    Two groups are joined while the mean similarity between them is at least the threshold, the most alike first
    (average linkage), so that one chance likeness does not join two people. By chains of nearest neighbours
    (Murtagh 1983), in O(N * N). Groups of one size come in the order of their first photo.
    """
    mean = np.array(similarities, dtype=np.float64)
    size = len(mean)
    np.fill_diagonal(mean, -np.inf)
    weight = np.ones(size)
    group = np.arange(size)
    active = np.ones(size, dtype=np.bool_)
    chain: list[int] = []
    while active.any():
        if not chain:
            chain.append(int(np.argmax(active)))
        last = chain[-1]
        nearest = int(np.argmax(mean[last]))
        if len(chain) > 1 and mean[last, chain[-2]] >= mean[last, nearest]:
            nearest = chain[-2]
        if not mean[last, nearest] >= threshold:
            # Nothing that others do brings it nearer to them: joined means lie between those that join.
            active[last] = False
            mean[:, last] = mean[last] = -np.inf
            chain.clear()
        elif len(chain) > 1 and nearest == chain[-2]:
            keep, gone = min(last, nearest), max(last, nearest)
            joined = (weight[keep] * mean[keep] + weight[gone] * mean[gone]) / (weight[keep] + weight[gone])
            mean[keep], mean[:, keep] = joined, joined
            mean[gone] = mean[:, gone] = -np.inf
            mean[keep, keep] = -np.inf
            weight[keep] += weight[gone]
            group[group == gone] = keep
            active[gone] = False
            del chain[-2:]
        else:
            chain.append(nearest)
    names, first, inverse, sizes = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    place = np.empty(len(names), dtype=np.int64)
    place[np.lexsort((first, -sizes))] = np.arange(len(names))
    numbers: Ints = place[inverse]
    return numbers
