"""A draft: whatever stands in the text gives a form, or one line that says why not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kryptui import config as configuration
from kryptui.tasks import registry
from kryptui.tui.configure.draft import MOST_CHARACTERS, changes, check

TEXT = configuration.preset_path("quickstart").read_text(encoding="utf-8")


def test_a_preset_is_valid_and_gives_its_configuration() -> None:
    draft = check(TEXT)
    assert draft.config == configuration.load(configuration.preset_path("quickstart"), registry.settings_of)
    assert (draft.error, draft.problems) == ("", {})


def test_the_error_is_the_line_that_loading_says() -> None:
    draft = check(TEXT.replace("seed: 0", "sede: 0").replace("epochs: 90", "epochs: -3"))
    assert draft.error == (
        "the YAML, line 3: sede: there is no such setting; did you mean 'seed'? (1 more to mend after that)"
    )
    assert draft.problems_by_line == {
        3: "sede: there is no such setting; did you mean 'seed'?",
        10: "stages.0.epochs: -3 must be at least 1",
    }
    assert draft.problems_by_row == {
        ("sede",): "there is no such setting; did you mean 'seed'?",
        ("stages", 0, "epochs"): "-3 must be at least 1",
    }


def test_what_is_missing_stands_at_the_block_that_lacks_it() -> None:
    draft = check(TEXT.replace("{name: train, ", "{"))
    assert draft.problems_by_line == {10: "stages.0.name: is missing; it must be text"}
    assert draft.problems_by_row == {("stages", 0, "name"): "is missing; it must be text"}


def test_a_model_must_stand_there_where_the_task_takes_one() -> None:
    lines = [
        line for line in TEXT.splitlines() if not line.startswith(("model", "  backbone", "  image", "  prep"))
    ]
    draft = check("\n".join(lines))
    assert draft.error == "the YAML: model: is missing; it must name a backbone, such as {backbone: resnet18}"
    assert draft.config is None


def test_a_task_that_brings_a_network_shows_no_model() -> None:
    draft = check("name: x\nstages: [{name: a, epochs: 1, lr: 0.1}]\ntask: {kind: toy}\n")
    assert draft.config is not None
    assert draft.form is not None
    assert draft.form.row(("model",)) is None
    assert draft.form.row(("task", "rows")) is not None
    wrong = check(f"model: {{backbone: resnet18}}\n{draft.text}")
    assert wrong.problems_by_row[("model",)].startswith("the task 'toy' brings a network of its own")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: [", 1, "not valid YAML"),
        ("a: 1\n\tb: 2", 2, "indent with spaces"),
        ("a: 1\nb: {c: 1\nd: 2", None, "not valid YAML"),
        ("x: !!python/object:os.system 1", 1, "the tag"),
        ("a: &x [*x]", 1, "an alias that contains itself"),
        ("a: 1\na: 2", 2, "'a' stands here twice"),
        ("[1, 2]", None, "holds no settings yet"),
        ("just words", None, "holds no settings yet"),
        ("a: " + "[" * 3000, None, ""),
        ("a: \x07", 1, "U+0007"),
        ("x" * (MOST_CHARACTERS + 1), None, "is longer than 65,536 characters"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{two}: &{two} [{','.join([f'*{one}'] * 10)}]\n"
                for one, two in zip("abcde", "bcdef", strict=True)
            ),
            None,
            "holds more than 100,000 values",
        ),
    ],
)
def test_hostile_yaml_is_one_line_and_no_form(text: str, line: int | None, words: str) -> None:
    draft = check(text)
    assert draft.form is None
    assert draft.config is None
    assert words in draft.error
    assert "\n" not in draft.error
    assert len(draft.problems_by_line) == 1
    if line is not None:
        assert draft.line == line


@pytest.mark.parametrize("text", ["", "# only words\n", "task:\n", "task: {kind: nope}", "task: {kind: [1]}", "~"])
def test_a_text_with_little_in_it_still_has_a_form(text: str) -> None:
    draft = check(text)
    assert draft.error
    assert draft.form is not None
    assert draft.form.row(("task",)) is not None


pieces = st.sampled_from(
    [
        *"[]{}#'\"!|>?-,%@\n\t\x85\u2028é:1",
        *["name", "task", "kind", "stages", "verification", "toy", "&a", "*a", "null", "1e9", "..."],
        ": ",
        "- ",
        "  ",
    ]
)


@settings(max_examples=400)
@given(text=st.lists(pieces, max_size=30).map("".join) | st.text(max_size=40))
@example("task: {kind: verification, losses: [{kind: [1]}], batch: 3, validation: [], train: {a: 1}}")
@example("stages: {a: 1}\ntask: {kind: toy}")
def test_no_text_is_too_much(text: str) -> None:
    draft = check(text)
    assert draft.config is not None or draft.error
    assert "\n" not in draft.error
    assert draft.problems_by_line.keys() <= set(range(1, len(text.splitlines()) + 3))
    assert all(isinstance(words, str) for words in draft.problems_by_row.values())


@settings(max_examples=100)
@given(at=st.integers(0, len(TEXT) - 1), piece=pieces)
def test_a_preset_with_a_slip_anywhere(at: int, piece: str) -> None:
    draft = check(TEXT[:at] + piece + TEXT[at:])
    assert draft.config is not None or draft.error
    draft.place_at(at)


def test_the_place_at_a_character() -> None:
    draft = check(TEXT)
    for words, place in [
        ("name: quick", ("name",)),
        ("resnet10t", ("model", "backbone")),
        ("crop", ("model", "preprocessing", "crop")),
        ("epochs: 90", ("stages", 0, "epochs")),
        ("warmup", ("stages", 0, "schedule", "warmup")),
        ("losses", ("task", "losses")),
        ("margin", ("task", "losses", 0, "margin")),
    ]:
        assert draft.place_at(TEXT.index(words)) == place
    assert draft.place_at(0) is None
    assert draft.place_at(len(TEXT)) == ("task", "losses", 0, "average")
    assert TEXT[draft.start_of(("stages", 0, "epochs")) or 0 :].startswith("90")


def test_what_differs_from_the_start() -> None:
    start, now = check(TEXT), check(TEXT.replace("seed: 0", "seed: 1").replace("epochs: 90", "epochs: 90.0"))
    form: Any = now.form
    assert [row.name for row in form.rows if changes(row, start)] == ["seed"]
