"""A configuration as rows: what the schema knows of each, what is given, and what holds where nothing is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import ConfigDict, Discriminator, Field, Tag

from kryptui.config import RunConfig, Settings, words_or_block
from kryptui.errors import InputError
from kryptui.tasks import registry
from kryptui.tui.configure.fields import Form, build, summary
from kryptui.tui.configure.shapes import MISSING, Kind, block_template, read, shape_of, show, template, typed_of


class Inner(Settings):
    """What is inside."""

    count: int = Field(1, ge=1, lt=2**31, description="how many")
    mode: Literal["one", "two"] = "one"


class Pair(Settings):
    left: int | None = None
    right: int | None = None


class Round(Settings):
    kind: Literal["round"]
    radius: float = Field(gt=0)


class Named(Settings):
    model_config = ConfigDict(extra="allow")

    kind: str = Field(examples=["of:x"])


def form_of_kind(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", "")
    return "named" if str(kind).startswith("of:") else "round"


Figure = Annotated[Annotated[Round, Tag("round")] | Annotated[Named, Tag("named")], Discriminator(form_of_kind)]


class Outer(Settings):
    share: float = Field(0.5, gt=0, le=1, description="how much")
    on: bool = True
    word: str | None = None
    must: int
    triple: Annotated[list[float], Field(min_length=3, max_length=3)] | None = None
    inner: Inner = Inner()
    pair: Pair = Pair(left=1, right=2)
    either: Annotated[
        Annotated[Literal["auto"], Tag("words")] | Annotated[Inner, Tag("block")], Discriminator(words_or_block)
    ] = "auto"
    figures: list[Figure] = Field([], description="figures")
    free: dict[str, Any] = Field({}, description="anything")


def form(data: Any, hidden: Any = ()) -> Form:
    return build(Outer, data, {}, hidden)


def row(data: Any, *place: str | int) -> Any:
    found = form(data).row(place)
    assert found is not None, place
    return found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("share", "a number more than 0, at most 1"),
        ("on", "true or false"),
        ("word", "text or null"),
        ("triple", "a list of 3 or null"),
        ("inner", "a block of its own"),
        ("either", "auto or a block of its own"),
        ("figures", "a list of blocks"),
        ("free", "a block of its own"),
    ],
)
def test_a_shape_says_what_may_stand_there(name: str, words: str) -> None:
    info = Outer.model_fields[name]
    assert shape_of(info.rebuild_annotation(), info).words == words


def test_what_is_not_given_holds_its_default() -> None:
    found = row({"must": 3}, "share")
    assert (found.value, found.default, found.is_given) == (0.5, 0.5, False)
    found = row({"must": 3}, "must")
    assert (found.value, found.default, found.is_given) == (3, MISSING, True)
    assert row({}, "must").value is MISSING


def test_rows_of_a_block_follow_its_head_one_deeper() -> None:
    rows = [(found.name, found.depth, found.role) for found in form({"inner": {"count": 2}}).rows]
    at = rows.index(("inner", 0, "block"))
    assert rows[at + 1 : at + 3] == [("inner.count", 1, "value"), ("inner.mode", 1, "value")]


def test_a_block_that_is_not_given_shows_what_its_default_holds() -> None:
    assert (row({}, "pair", "left").value, row({}, "pair", "left").default) == (1, 1)
    assert row({"pair": {"left": 5}}, "pair", "right").value is None
    assert form({}).seeds[("pair",)] == {"left": 1, "right": 2}
    assert form({}).seeds[("inner",)] == {}


def test_words_or_a_block() -> None:
    assert row({}, "either").role == "value"
    assert row({"either": {"count": 2}}, "either").role == "block"
    assert row({"either": {"count": 2}}, "either", "count").value == 2


def test_entries_of_a_list_have_the_rows_of_their_own_model() -> None:
    data = {"figures": [{"kind": "round", "radius": 1.0}, {"kind": "of:x", "more": [1]}, "wrong"]}
    assert row(data, "figures", 0, "radius").value == 1.0
    assert row(data, "figures", 1, "more").value == [1]
    assert row(data, "figures", 1, "more").is_known
    assert row(data, "figures", 2).value == "wrong"
    assert row(data, "figures").takes_more


def test_the_word_that_chooses_the_model_may_be_that_of_another() -> None:
    shape = row({"figures": [{"kind": "round", "radius": 1.0}]}, "figures", 0, "kind").shape
    assert (shape.choices, set(shape.kinds)) == (("round",), {Kind.CHOICE, Kind.TEXT})
    assert shape.examples == ("round", "of:x")


def test_unknown_keys_have_rows_that_say_so() -> None:
    assert not row({"nonsense": 1}, "nonsense").is_known
    assert row({"free": {"a.b": 1}}, "free", "a.b").is_known


def test_hidden_places_have_no_row_unless_they_are_given() -> None:
    assert form({}, [("word",)]).row(("word",)) is None
    assert form({"word": "x"}, [("word",)]).row(("word",)) is not None


@pytest.mark.parametrize("data", [None, [], "x", 3, {"inner": 3, "figures": {"a": 1}, "pair": [1], "either": []}])
def test_data_of_a_wrong_kind_still_have_a_form(data: Any) -> None:
    assert len(form(data).rows) >= len(Outer.model_fields)


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("share", "1e-3", 1e-3),
        ("share", " 0.5 ", 0.5),
        ("share", "half", "half"),
        ("on", "true", True),
        ("on", "yes", "yes"),
        ("word", "", None),
        ("word", "null", None),
        ("word", "true", "true"),
        ("word", "a: [b", "a: [b"),
        ("triple", "[1, 2, 3]", [1, 2, 3]),
        ("free", "{a.b: 1}", {"a.b": 1}),
        ("must", "", None),
    ],
)
def test_what_is_typed_is_read_by_what_may_stand_there(name: str, typed: str, value: Any) -> None:
    info = Outer.model_fields[name]
    assert repr(read(typed, shape_of(info.rebuild_annotation(), info))) == repr(value)


def test_what_cannot_stand_in_yaml_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="not valid YAML") as caught:
        read("[1, ", shape_of(Outer.model_fields["triple"].rebuild_annotation()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["auto", "", "a b", None, True, 3, 1e-6, [0.5, 1], {"a": {"b": 1}}, "x\ny"])
def test_what_is_shown_is_one_printable_line(value: Any) -> None:
    assert show(value).isprintable()


def test_what_begins_to_be_typed_reads_back_as_it_was() -> None:
    for name, value in [("word", "x: y"), ("share", 0.5), ("word", None), ("triple", [1.0, 2.0, 3.0])]:
        shape = shape_of(Outer.model_fields[name].rebuild_annotation())
        assert read(typed_of(value, shape), shape) == value


def test_the_least_block_is_a_valid_one() -> None:
    assert Round.model_validate(block_template(Round)).radius > 0
    assert template(list[Figure]) == [{"kind": "round", "radius": 0.001}]


@pytest.mark.parametrize("kind", registry.kinds())
def test_every_setting_of_every_task_says_what_it_is_about(kind: str) -> None:
    model = RunConfig.__class_getitem__(registry.settings_of(kind))
    data = {"model": {}, "stages": [{}], "task": {"kind": kind, "losses": [{"kind": "triplet"}]}}
    own = [found for found in build(model, data, {}, ()).rows if found.is_known and found.place[0] != "task"]
    assert [found.name for found in own if not found.about] == []


def test_a_summary_is_short() -> None:
    assert summary({"a": 1, "b": "x", "c": {"d": 1}}) == "a 1, b x"
    assert summary([1]) == "1 entry"
    assert len(summary({str(n): "word" for n in range(99)})) <= 60
