"""The parts of a line of YAML that have a colour."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kryptui.tui.configure.colours import spans


def parts(line: str) -> list[tuple[str, str]]:
    return [(line[start:end], name) for start, end, name in spans(line) if name != "sign"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("name: quick start  # words", [("name", "key"), ("# words", "comment")]),
        ("# all of it: words", [("# all of it: words", "comment")]),
        ("  - {lr: 1.0e-3, kind: cosine}", [("lr", "key"), ("1.0e-3", "number"), ("kind", "key")]),
        ("a: 'x # y'", [("a", "key"), ("'x # y'", "text")]),
        ("on: true", [("on", "key"), ("true", "word")]),
        ("set: {task.losses.0.mining: hard}", [("set", "key"), ("task.losses.0.mining", "key")]),
        ("url: http://host:3/x#y", [("url", "key")]),
        ("seed: 3  # of all", [("seed", "key"), ("3", "number"), ("# of all", "comment")]),
        ("every: 15 epochs", [("every", "key")]),
    ],
)
def test_keys_values_and_comments(line: str, found: list[tuple[str, str]]) -> None:
    assert parts(line) == found


@given(st.text(st.characters(exclude_characters="\n"), max_size=60) | st.text("ab:# -{}[],'\"&*0.e", max_size=40))
def test_any_line_has_parts_in_order_that_do_not_overlap(line: str) -> None:
    last = 0
    for start, end, _ in spans(line):
        assert last <= start < end <= len(line)
        last = end
