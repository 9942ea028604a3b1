"""Conditions on settings: every configuration that meets one holds a trace of it, so none is overlooked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kryptui.runs import settings

names = st.sampled_from(["seed", "lr", "Kind", "0", "größe", 'a"b', ""])
words = st.sampled_from(["1", "true", "null", "Triplet", "1e-05", "a\\b", "ä", '"', "[0.5, 0.5]", "nan", "-0"])
numbers = st.integers(-3, 3) | st.sampled_from([10**20, 2**63]) | st.floats()
leaves = st.none() | st.booleans() | numbers | words | st.text("ab1.", max_size=4)
configs = st.dictionaries(names, st.recursive(leaves, lambda inner: st.lists(inner, max_size=3)), max_size=3)
nested = st.dictionaries(names, configs | leaves, max_size=3)
values = words | st.text("ab1.", min_size=1, max_size=4) | numbers.map(str) | numbers.map(repr)
paths = st.lists(names, min_size=1, max_size=3)


def holds_one(config: dict[str, Any], traces: tuple[str, ...]) -> bool:
    text = json.dumps(config).lower()
    return not traces or any(trace in text for trace in traces)


@given(config=nested, path=paths, value=values)
@example(config={"seed": 1}, path=["seed"], value="1.0")
@example(config={"seed": -0.0}, path=["seed"], value="0")
@example(config={"lr": 1e-5}, path=["lr"], value="0.00001")
@example(config={"lr": 1e20}, path=["lr"], value="1e20")
@example(config={"lr": 10**20}, path=["lr"], value="1e20")
@example(config={"lr": float("inf")}, path=["lr"], value="1e999")
@example(config={"sizes": [3, 4]}, path=["sizes", "1"], value="4")
@example(config={"mean": [0.5, 0.5]}, path=["mean"], value="[0.5, 0.5]")
def test_a_setting_that_equals_a_value_leaves_a_trace(config: dict[str, Any], path: list[str], value: str) -> None:
    if settings.equals(config, path, value):
        assert holds_one(config, settings.traces_of_value(path, value))


@given(config=nested, path=paths, text=values)
def test_a_setting_that_contains_a_text_leaves_a_trace(config: dict[str, Any], path: list[str], text: str) -> None:
    text = text.lower()
    if settings.contains(config, path, text) or settings.found_below(config, path[0], text):
        assert holds_one(config, settings.traces_of_text(text))


@pytest.mark.parametrize(
    ("path", "value", "traces"),
    [
        (["seed"], "1", {'"seed": 1', '"seed": "1"', '"seed": 1.0'}),
        (["stages", "0", "Kind"], "Hard", {'"kind": hard', '"kind": "hard"'}),
        (["größe"], "1", set()),
        (["name"], 'say "a"', set()),
    ],
)
def test_the_traces_of_a_value_are_as_json_writes_it(path: list[str], value: str, traces: set[str]) -> None:
    assert set(settings.traces_of_value(path, value)) == traces
