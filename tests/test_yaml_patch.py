"""A value changes in a YAML text, and nothing else: whatever its style, wherever its comments stand."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kryptui import config
from kryptui.errors import InputError
from kryptui.tui.configure.patch import append, put, take_out
from kryptui.yaml_text import inline, parse

TEXT = """\
# a recipe
name: one   # its name
model:
  backbone: resnet18
  preprocessing: auto  # the backbone's

stages:
  # first things first
  - {name: a, epochs: 3, lr: 1.0e-4}   # short
  - name: b
    epochs: 5   # long
    lr: 1e-6
task: {kind: toy, note: 'x y'}
"""


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines of one that the other lacks, each way, in order."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize(
    ("place", "value", "old", "new"),
    [
        (("name",), "two", "name: one   # its name", "name: two   # its name"),
        (("stages", 0, "lr"), 0.5, "  - {name: a, epochs: 3, lr: 1.0e-4}   # short",
         "  - {name: a, epochs: 3, lr: 0.5}   # short"),
        (("stages", 1, "epochs"), 6, "    epochs: 5   # long", "    epochs: 6   # long"),
        (("task", "note"), "it's", "task: {kind: toy, note: 'x y'}", "task: {kind: toy, note: 'it''s'}"),
        (("task", "rows"), [1], "task: {kind: toy, note: 'x y'}", "task: {kind: toy, note: 'x y', rows: [1]}"),
        (("model", "preprocessing", "crop"), 1.0, "  preprocessing: auto  # the backbone's",
         "  preprocessing: {crop: 1.0}  # the backbone's"),
    ],
)  # fmt: skip
def test_one_line_changes(place: Any, value: Any, old: str, new: str) -> None:
    assert changed_lines(TEXT, put(TEXT, place, value)) == ([old], [new])


def test_a_number_stays_as_it_was_typed() -> None:
    assert "lr: 3e-4}" in put(TEXT, ("stages", 0, "lr"), 3e-4, written="3e-4")


def test_a_new_key_takes_its_place_in_the_order() -> None:
    order = {(): ["name", "seed", "model"], ("stages", 1): ["name", "epochs", "lr", "start"]}
    text = put(TEXT, ("seed",), 1, order=lambda place: order.get(place, []))
    assert text.splitlines()[1:4] == ["name: one   # its name", "seed: 1", "model:"]
    text = put(TEXT, ("stages", 1, "start"), "last", order=lambda place: order.get(place, []))
    assert "    lr: 1e-6\n    start: last\ntask:" in text


def test_a_new_first_key_comes_first() -> None:
    assert put("b: 1\n", ("a",), 2, order=lambda _: ["a", "b"]) == "a: 2\nb: 1\n"
    assert put("- b: 1\n", (0, "a"), 2, order=lambda _: ["a", "b"]) == "- a: 2\n  b: 1\n"
    assert put("{b: 1}", ("a",), 2, order=lambda _: ["a", "b"]) == "{a: 2, b: 1}"


def test_an_entry_goes_with_its_lines_and_the_comments_above_stay() -> None:
    text = take_out(TEXT, ("stages", 1))
    assert changed_lines(TEXT, text) == (["  - name: b", "    epochs: 5   # long", "    lr: 1e-6"], [])
    assert "# first things first" in take_out(TEXT, ("stages", 0))


def test_the_last_of_a_block_leaves_it_empty() -> None:
    assert take_out("a:\n  b: 1\nc: 2\n", ("a", "b")) == "a: {}\nc: 2\n"
    assert take_out("a:\n- 1\n", ("a", 0)) == "a: []\n"


def test_a_new_entry_is_written_like_the_one_before_it() -> None:
    assert "    lr: 1e-6\n  - name: c\n    epochs: 1\ntask" in append(
        TEXT, ("stages",), {"name": "c", "epochs": 1}
    )
    assert append("a:\n  - {b: 1}\n", ("a",), {"b": 2}) == "a:\n  - {b: 1}\n  - {b: 2}\n"
    assert append("a: [1]", ("a",), 2) == "a: [1, 2]"
    assert append("b: 1\n", ("a",), 2) == "b: 1\na: [2]\n"


def test_an_empty_text_takes_a_first_value() -> None:
    assert put("# nothing yet", ("name",), "x") == "# nothing yet\nname: x\n"


@pytest.mark.parametrize("name", config.preset_names())
def test_every_value_of_a_preset_can_be_put_and_taken_out(name: str) -> None:
    text = config.preset_path(name).read_text(encoding="utf-8")
    for place in places(parse(text, name)[0]):
        put(text, place, "other")
        take_out(text, place)


def test_what_stands_elsewhere_too_is_not_changed_unseen() -> None:
    text = "a: &x {b: 1}\nc: *x\n"
    assert put(text, ("c",), 2) == "a: &x {b: 1}\nc: 2\n"
    assert take_out(text, ("c",)) == "a: &x {b: 1}\n"
    with pytest.raises(InputError, match=r"\*x stands for it in the YAML"):
        put(text, ("c", "b"), 2)
    with pytest.raises(InputError, match="change it in the YAML"):
        put(text, ("a", "b"), 2)
    with pytest.raises(InputError, match="change it in the YAML"):
        take_out(text, ("a",))


@pytest.mark.parametrize("text", ["[1]", "word", "a: [", "\tb: 1", "a: 1\na: 2"])
def test_a_text_without_settings_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        put(text, ("name",), "x")


# Any text


def places(data: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in it but the whole."""
    children = list(data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ())
    return [found for key, child in children for found in ((*above, key), *places(child, (*above, key)))]


class Writer:
    """Writes data in styles that are drawn, with a comment of its own number wherever one may stand."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw, self.comments = draw, 0

    def chance(self) -> bool:
        return self.draw(st.integers(0, 3)) == 0

    def comment(self) -> str:
        self.comments += 1
        return f"# - no: {self.comments}"

    def tail(self) -> str:
        return f"  {self.comment()}" if self.chance() else ""

    def above(self, indent: int) -> str:
        blank = "\n" if self.chance() else ""
        return blank + (f"{' ' * indent}{self.comment()}\n" if self.chance() else "")

    def scalar(self, value: Any) -> str:
        if isinstance(value, str) and value.isalnum() and self.chance():
            return f"'{value}'" if self.chance() else f'"{value}"'
        return inline(value)

    def flow(self, value: Any) -> str:
        space = " " if self.chance() else ""
        if isinstance(value, dict):
            inner = ", ".join(f"{inline(key)}: {self.flow(item)}" for key, item in value.items())
            return f"{{{space}{inner}{space}}}"
        if isinstance(value, list):
            return f"[{space}{', '.join(map(self.flow, value))}{',' if value and self.chance() else ''}]"
        return self.scalar(value)

    def block(self, value: Any, indent: int) -> str:
        """Lines that begin in the column `indent`, the first without it."""
        if not isinstance(value, dict | list) or not value or self.chance():
            return f"{self.flow(value)}{self.tail()}\n"
        return self.lines(value, indent)

    def lines(self, value: Any, indent: int) -> str:
        lines = []
        for number, item in enumerate(value.items() if isinstance(value, dict) else value):
            lead = "" if not number else self.above(indent) + " " * indent
            lines.append(
                lead + (self.pair(*item, indent) if isinstance(value, dict) else self.entry(item, indent))
            )
        return "".join(lines)

    def entry(self, value: Any, indent: int) -> str:
        if value is None and self.chance():
            return f"-{self.tail()}\n"
        return f"- {self.block(value, indent + 2)}"

    def pair(self, key: str, value: Any, indent: int) -> str:
        if value is None and self.chance():
            return f"{inline(key)}:{self.tail()}\n"
        if not isinstance(value, dict | list) or not value or self.chance():
            return f"{inline(key)}: {self.flow(value)}{self.tail()}\n"
        below = (
            indent if isinstance(value, list) and self.chance() else indent + self.draw(st.sampled_from([2, 4]))
        )
        first = f"{inline(key)}:{self.tail()}\n{self.above(below)}{' ' * below}"
        return first + (self.lines(value, below) if below == indent else self.block(value, below))


words = st.text("abc", min_size=1, max_size=3) | st.sampled_from(
    ["true", "1", "x: y", "a, b", "# c", "-", "", "é"]
)
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 1.0, 1e-6]) | words
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    data = draw(st.dictionaries(words, values, min_size=1, max_size=4))
    writer = Writer(draw)
    return writer.above(0) + writer.block(data, 0)


def comments(text: str) -> list[str]:
    return re.findall(r"# - no: [0-9]+", text)


@settings(max_examples=400)
@given(text=texts(), value=values, data=st.data())
def test_any_value_of_any_text_is_put_and_no_comment_beside_it_is_lost(text: str, value: Any, data: Any) -> None:
    whole = parse(text, "text")[0]
    place = data.draw(st.sampled_from(places(whole)))
    changed = put(text, place, value)
    at = expected = copy.deepcopy(whole)
    for key in place[:-1]:
        at = at[key]
    was_leaf = not isinstance(at[place[-1]], dict | list)
    at[place[-1]] = value
    assert repr(parse(changed, "changed")[0]) == repr(expected)
    if was_leaf:
        assert comments(changed) == comments(text)
        assert len(changed.splitlines()) == len(text.splitlines())


@settings(max_examples=400)
@given(text=texts(), key=words, value=values, data=st.data())
def test_any_new_key_is_put_and_every_line_stays(text: str, key: str, value: Any, data: Any) -> None:
    whole = parse(text, "text")[0]
    blocks = [(), *(place for place in places(whole) if isinstance(at_place(whole, place), dict))]
    place = data.draw(st.sampled_from(blocks))
    block = at_place(whole, place)
    if key in block:
        return
    order = data.draw(st.permutations([*block, key]))
    changed = put(text, (*place, key), value, order=lambda _: order)
    assert {**block, key: value} == at_place(parse(changed, "changed")[0], place)
    assert comments(changed) == comments(text)


@settings(max_examples=400)
@given(text=texts(), data=st.data())
def test_anything_is_taken_out_and_nothing_beside_it(text: str, data: Any) -> None:
    whole = parse(text, "text")[0]
    place = data.draw(st.sampled_from(places(whole)))
    changed = take_out(text, place)
    parent = at_place(whole, place[:-1])
    rest = [
        item
        for key, item in (parent.items() if isinstance(parent, dict) else enumerate(parent))
        if key != place[-1]
    ]
    left = at_place(parse(changed, "changed")[0], place[:-1])
    assert repr(list(left.values()) if isinstance(left, dict) else left) == repr(rest)


@settings(max_examples=200)
@given(text=texts(), value=values, data=st.data())
def test_any_list_takes_another_entry(text: str, value: Any, data: Any) -> None:
    whole = parse(text, "text")[0]
    lists = [place for place in places(whole) if isinstance(at_place(whole, place), list)]
    if not lists:
        return
    place = data.draw(st.sampled_from(lists))
    changed = append(text, place, value)
    assert repr(at_place(parse(changed, "changed")[0], place)) == repr([*at_place(whole, place), value])
    assert comments(changed) == comments(text)


def at_place(data: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        data = data[key]
    return data
