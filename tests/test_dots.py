"""Lines in braille: the right dots, those that plotext sets too."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotext._figure import _figure_class

from kryptui.draw.dots import ACROSS, UP, cell, polyline

PLACE = st.floats(0, 1, allow_subnormal=False)
POINTS = st.lists(st.tuples(PLACE, PLACE), min_size=1, max_size=12)
CELLS = st.integers(2, 20)


def by_plotext(points: list[tuple[float, float]], width: int, height: int) -> list[str]:
    figure: Any = _figure_class()
    figure._limit_size(False, False)
    figure.theme("clear")
    figure.plot_size(width, height)
    figure.xaxes(False, False)
    figure.yaxes(False, False)
    figure.xticks([])
    figure.yticks([])
    figure.xlim(0, 1)
    figure.ylim(0, 1)
    figure.plot(*map(list, zip(*points, strict=True)), marker="braille")
    return [row.removesuffix("\x1b[0m") for row in figure.build().split("\n")][:height]


def ours(points: list[tuple[float, float]], width: int, height: int) -> list[str]:
    x, y = np.array(points).T
    cells = polyline(x, y, width, height)
    return ["".join(cells.get((column, row), " ") for column in range(width)) for row in reversed(range(height))]


def slowly(points: list[tuple[float, float]], width: int, height: int) -> list[str]:
    """Dot by dot, with fractions."""

    def place(value: float, dots: int) -> int:
        return math.floor(round(value * (dots - 1) + 0.5, 8))

    corners = [(place(x, width * ACROSS), place(y, height * UP)) for x, y in points]
    dots = {corners[-1]}
    for (x, y), (next_x, next_y) in pairwise(corners):
        steps = max(abs(next_x - x), abs(next_y - y))
        for step in range(steps):
            share = Fraction(step, steps)
            dots.add((math.floor(x + share * (next_x - x)), math.floor(y + share * (next_y - y))))
    rows = [[0x2800] * width for _ in range(height)]
    for x, y in dots:
        from_above = UP - 1 - y % UP
        number = 6 + x % ACROSS if from_above == 3 else from_above + 3 * (x % ACROSS)  # of the dot, in Unicode
        rows[height - 1 - y // UP][x // ACROSS] |= 1 << number
    return ["".join(map(chr, row)).replace("\u2800", " ") for row in rows]


@given(POINTS, CELLS, CELLS)
def test_the_dots_are_those_of_a_slow_version(points: list[tuple[float, float]], width: int, height: int) -> None:
    assert ours(points, width, height) == slowly(points, width, height)


def test_a_curve_looks_as_plotext_draws_it() -> None:
    points = [(n / 40, 0.5 + 0.5 * math.sin(n / 5)) for n in range(41)]
    assert ours(points, 60, 15) == by_plotext(points, 60, 15)


def test_a_single_point_is_a_single_dot() -> None:
    assert polyline(np.array([0.0]), np.array([0.0]), 3, 2) == {(0, 0): "⡀"}
    assert polyline(np.array([1.0]), np.array([1.0]), 3, 2) == {(2, 1): "⠈"}


def test_a_line_from_corner_to_corner() -> None:
    assert ours([(0, 0), (1, 1)], 4, 2) == ["  ⡠⠊", "⡠⠊  "]


@pytest.mark.parametrize("dots", [ACROSS, UP])
def test_the_cell_of_a_place_is_the_one_that_has_its_dot(dots: int) -> None:
    assert [cell(place, 10, dots) for place in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0, 0, 5, 9, 9]
