"""Lengths of time, written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kryptui import spans


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10m", 600), ("1.5h", 5400), ("7d", 604800), ("2w", 1209600), ("0s", 0)]
)
def test_a_length_is_read(text: str, seconds: float) -> None:
    assert spans.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "7", "7x", "-1d", "infd", "nans", "1e999d", "seven days"])
def test_what_is_no_length_is_none(text: str) -> None:
    assert spans.seconds_of(text) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0s"), (-5, "0s"), (59.9, "59s"), (60, "1m"), (7300, "2h"), (2e5, "2d")]
)
def test_an_age_is_said_in_its_largest_unit(seconds: float, words: str) -> None:
    assert spans.age(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(8.2, "8s"), (125, "2m05s"), (4020, "1h07m"), (90000, "25h00m"), (270000, "3d03h")]
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert spans.duration(seconds) == words


@given(st.integers(0, 10**9))
def test_an_age_is_never_more_than_it_was(seconds: int) -> None:
    read = spans.seconds_of(spans.age(seconds))
    assert read is not None
    assert seconds / 2 < read + 1 <= seconds + 1
