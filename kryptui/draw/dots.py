"""Lines as the dots of braille characters: 2 across and 4 up in each cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ACROSS, UP = 2, 4
"""The dots of a cell."""

_BLANK = 0x2800
_BITS = np.array([[0x40, 0x80], [0x04, 0x20], [0x02, 0x10], [0x01, 0x08]])  # (UP, ACROSS), from below

Points = NDArray[np.float64]
Ints = NDArray[np.intp]


def cell(place: float, cells: int, dots: int) -> int:
    """The cell that has the dot for a place from 0 to 1 along an axis of so many cells with so many dots each."""
    return round(min(max(place, 0.0), 1.0) * (cells * dots - 1)) // dots


def polyline(x: Points, y: Points, width: int, height: int) -> dict[tuple[int, int], str]:
    """The cells that straight lines from point to point go through, as column and row from below, with their dots.

    `x` and `y` (N,) lie between 0 and 1, which are the outermost dots of `width` x `height` cells. Each line has
    as many dots as it is long in its longer direction.
    """
    across, up = _places(x, width * ACROSS), _places(y, height * UP)
    lengths = np.maximum(np.abs(np.diff(across)), np.abs(np.diff(up)))
    line = np.repeat(np.arange(len(lengths)), lengths)
    along = np.arange(len(line)) - (np.cumsum(lengths) - lengths)[line]
    dots = np.zeros((height * UP, width * ACROSS), dtype=bool)
    dots[_between(up, line, along, lengths), _between(across, line, along, lengths)] = True
    dots[up[-1:], across[-1:]] = True
    cells = dots.reshape(height, UP, width, ACROSS)
    filled = (cells * _BITS[:, None, :]).sum(axis=(1, 3), dtype=np.intp)
    rows, columns = np.nonzero(filled)
    found = zip(columns.tolist(), rows.tolist(), filled[rows, columns].tolist(), strict=True)
    return {(column, row): chr(_BLANK + bits) for column, row, bits in found}


def _places(values: Points, dots: int) -> Ints:
    """The dots of places from 0 to 1 along an axis."""
    places: Ints = np.floor(np.round(values * (dots - 1) + 0.5, 8)).astype(np.intp)
    return places


def _between(ends: Ints, line: Ints, along: Ints, lengths: Ints) -> Ints:
    """The dots of the lines on one axis: `along` counts those of a `line` from its first end on."""
    places: Ints = ends[:-1][line] + along * np.diff(ends)[line] // lengths[line]
    return places
