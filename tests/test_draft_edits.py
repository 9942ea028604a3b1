"""What the form does to a draft: the text after it says what was meant, and what else held still holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kryptui import config as configuration
from kryptui.config import to_plain
from kryptui.errors import InputError
from kryptui.tasks import registry
from kryptui.tui.configure import edits
from kryptui.tui.configure.draft import Checked, check
from kryptui.tui.configure.fields import Row
from kryptui.tui.configure.shapes import MISSING

PRESET = {
    name: configuration.preset_path(name).read_text(encoding="utf-8") for name in configuration.preset_names()
}
TOY = "name: x   # kept\nstages:\n  - {name: a, epochs: 1, lr: 0.1}\ntask: {kind: toy}\n"


def row_of(draft: Checked, *place: str | int) -> Row:
    assert draft.form is not None
    found = draft.form.row(place)
    assert found is not None, place
    return found


def value(text: str, *place: str | int) -> Any:
    data = check(text).data
    for key in place:
        data = data[key]
    return data


def test_what_is_typed_stands_in_the_text_as_it_was_typed() -> None:
    draft = check(PRESET["quickstart"])
    text = edits.type_in(draft, row_of(draft, "stages", 0, "lr"), "3e-4")
    assert "lr: 3e-4, schedule" in text
    assert check(text).config is not None


def test_what_is_typed_wrong_stands_there_too_and_is_found() -> None:
    draft = check(PRESET["quickstart"])
    after = check(edits.type_in(draft, row_of(draft, "stages", 0, "lr"), "fast"))
    assert after.problems == {("stages", 0, "lr"): "'fast' is not a number"}


def test_a_word_that_yaml_takes_for_something_else_stays_a_word() -> None:
    draft = check(PRESET["quickstart"])
    assert value(edits.type_in(draft, row_of(draft, "name"), "1e3"), "name") == "1e3"
    assert value(edits.type_in(draft, row_of(draft, "model", "weights"), "no"), "model", "weights") == "no"


def test_one_value_of_a_block_that_is_not_given_leaves_the_rest_of_it_as_it_was() -> None:
    text = "\n".join(line for line in PRESET["quickstart"].splitlines() if not line.startswith("  batch"))
    draft = check(text)
    after = check(edits.set_value(draft, ("task", "batch", "identities"), 24))
    assert after.config is not None
    assert to_plain(after.config)["task"]["batch"] == {
        "identities": 24, "real": 3, "fake": 1, "classes": None, "images": None,
    }  # fmt: skip


def test_a_new_key_stands_where_the_schema_has_it() -> None:
    draft = check(PRESET["quickstart"])
    lines = edits.set_value(draft, ("device",), "cpu").splitlines()
    assert lines[2:5] == ["seed: 0", "device: cpu", "model:"]


def test_what_is_left_out_holds_its_default() -> None:
    draft = check(PRESET["quickstart"])
    text = edits.leave_out(draft, row_of(draft, "task", "embedding", "size"))
    assert "  embedding: {normalize: true}\n" in text
    text = edits.leave_out(check(text), row_of(check(text), "task", "embedding", "normalize"))
    assert "embedding" not in text


def test_a_block_that_means_something_when_empty_stays() -> None:
    text = "name: x\nmodel: {backbone: resnet18, preprocessing: {crop: 1.0}}\n" + TOY.partition("\n")[2]
    draft = check(text)
    assert "preprocessing: {}}" in edits.leave_out(draft, row_of(draft, "model", "preprocessing", "crop"))


def test_what_must_be_given_is_not_left_out() -> None:
    draft = check(TOY)
    with pytest.raises(InputError, match="name has no default: it must be given"):
        edits.leave_out(draft, row_of(draft, "name"))
    with pytest.raises(InputError, match="stages has no default"):
        edits.leave_out(draft, row_of(draft, "stages"))


def test_unknown_keys_and_entries_can_be_taken_out() -> None:
    draft = check(TOY + "sede: 1\n")
    assert edits.leave_out(draft, row_of(draft, "sede")) == TOY
    draft = check(PRESET["devail"])
    after = check(edits.leave_out(draft, row_of(draft, "stages", 0)))
    assert [stage["name"] for stage in after.data["stages"]] == ["finetune"]


def test_a_new_stage_is_like_the_last_under_a_name_of_its_own() -> None:
    draft = check(TOY)
    text, place = edits.add(draft, row_of(draft, "stages"))
    assert place == ("stages", 1)
    assert "  - {name: a, epochs: 1, lr: 0.1}\n  - {name: a-2, epochs: 1, lr: 0.1}\n" in text
    text, _ = edits.add(check(text), row_of(check(text), "stages"))
    assert value(text, "stages", 2, "name") == "a-3"
    assert check(text).config is not None


def test_a_first_entry_is_the_least_that_is_valid() -> None:
    draft = check(TOY.replace("\n  - {name: a, epochs: 1, lr: 0.1}", " []"))
    text, _ = edits.add(draft, row_of(draft, "stages"))
    assert check(text).config is not None


def test_a_key_is_added_to_a_block_that_takes_any() -> None:
    draft = check(PRESET["devail"])
    text, place = edits.add(draft, row_of(draft, "stages", 0, "set"), "task.augment.flip")
    assert place == ("stages", 0, "set", "task.augment.flip")
    assert value(text, *place) is None
    with pytest.raises(InputError, match="is there already"):
        edits.add(check(text), row_of(check(text), "stages", 0, "set"), "task.augment.flip")
    with pytest.raises(InputError, match="needs a name"):
        edits.add(draft, row_of(draft, "stages", 0, "set"), "")


def test_words_become_a_block() -> None:
    draft = check(PRESET["devail"])
    assert value(edits.make_block(draft, row_of(draft, "task", "validation")), "task", "validation") == {}


def test_another_task_keeps_what_both_know() -> None:
    text, out, come = edits.switch_task(PRESET["quickstart"], "toy")
    after = check(text)
    assert after.config is not None, after.error
    assert "model" in out
    assert {"train", "fakes", "losses", "batch"} <= set(out)
    assert come == []
    assert after.data["stages"] == check(PRESET["quickstart"]).data["stages"]
    back = check(edits.switch_task(text, "verification")[0])
    assert back.config is not None, back.error
    assert edits.switch_task(text, "verification")[2] == ["losses", "model"]


def test_another_task_leaves_comments_alone() -> None:
    assert edits.switch_task(TOY, "verification")[0].startswith("name: x   # kept\n")


@pytest.mark.parametrize(
    ("words", "place", "expected"),
    [
        ("task.min_real=3", ("task", "min_real"), 3),
        ("stages.0.lr=3e-4", ("stages", 0, "lr"), 3e-4),
        ("name= a b", ("name",), "a b"),
        ("stages.0.set.task.augment.flip=0", ("stages", 0, "set", "task.augment.flip"), 0),
        ("model.preprocessing=auto", ("model", "preprocessing"), "auto"),
    ],
)
def test_an_override_stands_in_the_text(words: str, place: Any, expected: Any) -> None:
    assert value(edits.override(check(PRESET["quickstart"]), words), *place) == expected


@pytest.mark.parametrize("words", ["task.min_real", "=3", "stages.7.lr=1", "a=[1"])
def test_an_override_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(InputError):
        edits.override(check(PRESET["quickstart"]), words)


def test_a_dataset_goes_where_the_task_takes_it() -> None:
    assert value(edits.train_on(check(PRESET["quickstart"]), "data/x"), "task", "train") == "data/x"
    with pytest.raises(InputError, match="the task toy takes no dataset"):
        edits.train_on(check(TOY), "data/x")
    with pytest.raises(InputError, match="choose a task first"):
        edits.train_on(check("name: x"), "data/x")
    with pytest.raises(InputError, match="mend the YAML first"):
        edits.set_value(check("a: ["), ("name",), "x")


@settings(max_examples=150)
@given(name=st.sampled_from(sorted(PRESET)), data=st.data())
def test_any_setting_can_be_set_and_nothing_else_changes(name: str, data: Any) -> None:
    draft = check(PRESET[name])
    assert draft.form is not None
    rows = [row for row in draft.form.rows if row.role == "value"]
    row = data.draw(st.sampled_from([row for row in rows if row.label != "kind"]))  # that changes the schema
    choices = edits.choices_of(row)
    new = data.draw(st.sampled_from(choices)) if choices else data.draw(st.sampled_from([7, 0.25, "word", None]))
    after = check(edits.set_value(draft, row.place, new))
    assert after.form is not None
    changed = {place for place, value in after.values.items() if draft.values.get(place, ...) != value}
    assert changed <= {place for place in after.values if place[: len(row.place)] == row.place}
    assert after.values.get(row.place, new) == new


@settings(max_examples=100)
@given(name=st.sampled_from(sorted(PRESET)), data=st.data())
def test_any_setting_can_be_left_out(name: str, data: Any) -> None:
    draft = check(PRESET[name])
    assert draft.form is not None
    given = [row for row in draft.form.rows if row.is_given and (row.is_entry or row.default is not MISSING)]
    row = data.draw(st.sampled_from(given))
    after = check(edits.leave_out(draft, row))
    assert after.form is not None
    found = after.form.row(row.place)
    assert found is None or found.is_entry or not found.is_given


def test_registered_tasks_are_on_offer() -> None:
    assert edits.choices_of(row_of(check(TOY), "task", "kind")) == registry.kinds()
