"""A curve that grows without end in memory that does not: old points become ranges that lose no extreme."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

CAPACITY: Final = 8192
"""Buckets that a trace holds at most; some forty for each column of a wide plot."""

_X, _LOW, _HIGH, _MEAN, _LAST, _COUNT = range(6)
_FIELDS = 6


class Trace:
    """Points (x, y) in the order of x, each bucket being one point until `capacity` is reached.

    Then two neighbouring buckets become one, with the lowest, highest, mean and last value of both, and so again
    whenever it is full: what is drawn has every extreme, and x is never further off than a bucket is wide.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._buckets = np.empty((_FIELDS, 2 * capacity))
        self._size = 0
        self._together = 1
        self.revision = 0
        """Counts up with every change."""

    def __len__(self) -> int:
        return self._size

    @property
    def is_exact(self) -> bool:
        """Whether every bucket is one point."""
        return self._together == 1

    @property
    def x(self) -> Points:
        """Where each bucket ends (N,)."""
        return self._buckets[_X, : self._size]

    @property
    def mean(self) -> Points:
        """The mean value of each bucket (N,)."""
        return self._buckets[_MEAN, : self._size]

    @property
    def last(self) -> float:
        """The latest value; not-a-number before the first."""
        return float(self._buckets[_LAST, self._size - 1]) if self._size else float("nan")

    def extend(self, x: Points, y: Points) -> None:
        """Adds points (N,) that lie at or beyond the last one; those that are not finite are left out."""
        kept = np.isfinite(x) & np.isfinite(y)
        x, y = x[kept], y[kept]
        for start in range(0, len(x), self._capacity):
            self._add(x[start : start + self._capacity], y[start : start + self._capacity])

    def clear(self) -> None:
        """Forgets all points."""
        self._size, self._together = 0, 1
        self.revision += 1

    def outline(self) -> tuple[Points, Points]:
        """The points to draw: one a bucket while exact, else its lowest and highest (2N,), at one x."""
        if self.is_exact:
            return self.x, self.mean
        low, high = self._buckets[_LOW, : self._size], self._buckets[_HIGH, : self._size]
        return np.repeat(self.x, 2), np.stack([low, high], axis=1).reshape(-1)

    def smoothed(self, weight: float) -> Points:
        """The exponential mean at each bucket (N,), without bias towards 0; `weight` is in [0, 1).

        A bucket of k points weighs as they do one by one, as far as its mean can tell.
        """
        count, mean = self._buckets[_COUNT, : self._size], self.mean
        if not weight or not self._size:
            return mean
        keep = weight**count
        out = np.empty(self._size)
        total, share = 0.0, 0.0
        for place, (factor, value) in enumerate(zip(keep.tolist(), mean.tolist(), strict=True)):
            total = factor * total + (1 - factor) * value
            share = factor * share + (1 - factor)
            out[place] = total / share
        return out

    def near(self, x: float) -> tuple[float, float, float, float] | None:
        """The bucket nearest to `x`: its x, its lowest, mean and highest value; None where there is none."""
        if not self._size:
            return None
        at = int(np.searchsorted(self.x, x))
        if at == self._size or (at and x - self.x[at - 1] <= self.x[at] - x):
            at -= 1
        found = self._buckets[:, at]
        return float(found[_X]), float(found[_LOW]), float(found[_MEAN]), float(found[_HIGH])

    def _add(self, x: Points, y: Points) -> None:
        if not len(x):
            return
        end = self._size + len(x)
        new = self._buckets[:, self._size : end]
        new[_X], new[_COUNT] = x, 1.0
        new[_LOW] = new[_HIGH] = new[_MEAN] = new[_LAST] = y
        self._size = end
        if not self.is_exact:
            self._merge_tail()
        while self._size > self._capacity:
            self._together *= 2
            self._replace(0, _pairs(self._buckets[:, : self._size]))
        self.revision += 1

    def _merge_tail(self) -> None:
        """Brings what came last to the width of the other buckets."""
        counts = self._buckets[_COUNT, : self._size]
        thin = np.flatnonzero(counts < self._together)
        if not len(thin):
            return
        first = int(thin[0])
        tail = self._buckets[:, first : self._size]
        filled = np.cumsum(tail[_COUNT])
        group = ((filled - tail[_COUNT]) // self._together).astype(np.intp)
        self._replace(first, _grouped(tail, np.flatnonzero(np.diff(group, prepend=-1))))

    def _replace(self, first: int, buckets: Points) -> None:
        self._size = first + buckets.shape[1]
        self._buckets[:, first : self._size] = buckets


def _pairs(buckets: Points) -> Points:
    return _grouped(buckets, np.arange(0, buckets.shape[1], 2))


def _grouped(buckets: Points, starts: NDArray[np.intp]) -> Points:
    """Buckets (fields, N) merged in groups that begin at `starts`."""
    ends = np.append(starts[1:], buckets.shape[1]) - 1
    count = np.add.reduceat(buckets[_COUNT], starts)
    merged = np.empty((_FIELDS, len(starts)))
    merged[_X], merged[_LAST] = buckets[_X, ends], buckets[_LAST, ends]
    merged[_LOW] = np.minimum.reduceat(buckets[_LOW], starts)
    merged[_HIGH] = np.maximum.reduceat(buckets[_HIGH], starts)
    merged[_MEAN] = np.add.reduceat(buckets[_MEAN] * buckets[_COUNT], starts) / count
    merged[_COUNT] = count
    return merged
