"""The command beside a draft runs just that draft, or says what to do to have one."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kryptui import config as configuration
from kryptui.tasks import registry
from kryptui.tui.configure import edits
from kryptui.tui.configure.command import MOST_CHANGES, command_for
from kryptui.tui.configure.draft import Checked, check

TEXT = configuration.preset_path("quickstart").read_text(encoding="utf-8")
START = check(TEXT)


def command(draft: Checked, source: str | None = "quickstart") -> str:
    assert draft.config is not None, draft.error
    return command_for(draft.config, source, START.data).text


def run_by(words: str) -> Any:
    """The configuration that `kryptui run` makes of a command line."""
    program, verb, flag, source, *rest = shlex.split(words)
    assert (program, verb, flag) == ("kryptui", "run", "--headless")
    assert rest[::2] == ["-o"] * (len(rest) // 2)
    return configuration.load(configuration.find(source), registry.settings_of, rest[1::2])


def changed(*pairs: tuple[tuple[str | int, ...], Any]) -> Checked:
    draft = START
    for place, value in pairs:
        draft = check(edits.set_value(draft, place, value))
    return draft


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([], "kryptui run --headless quickstart"),
        ([(("seed",), 3)], "kryptui run --headless quickstart -o seed=3"),
        ([(("stages", 0, "lr"), 3e-4)], "kryptui run --headless quickstart -o stages.0.lr=0.0003"),
        ([(("name",), "a b")], "kryptui run --headless quickstart -o 'name=a b'"),
        ([(("model", "preprocessing"), "auto")], "kryptui run --headless quickstart -o model.preprocessing=auto"),
        ([(("task", "losses", 0, "mining"), "hard"), (("device",), "cpu")],
         "kryptui run --headless quickstart -o device=cpu -o task.losses.0.mining=hard"),
    ],
)  # fmt: skip
def test_each_change_is_an_override(pairs: Any, words: str) -> None:
    assert command(changed(*pairs)) == words


def test_a_comment_is_no_change() -> None:
    assert command(check(f"# words\n{TEXT}")) == "kryptui run --headless quickstart"


def test_what_was_taken_out_is_set_to_its_default() -> None:
    draft = check(TEXT.replace("size: 128, ", ""))
    assert command(draft) == "kryptui run --headless quickstart -o task.embedding.size=null"


def test_another_stage_sets_all_of_them() -> None:
    assert START.form is not None
    row = START.form.row(("stages",))
    assert row is not None
    draft = check(edits.add(START, row)[0])
    assert run_by(command(draft)) == draft.config


def test_a_run_has_no_command_before_it_is_saved() -> None:
    assert START.config is not None
    assert command_for(START.config, None, {}).remedy == "save it as YAML to have a command"


def test_many_changes_are_a_matter_for_a_file() -> None:
    form = START.form
    assert form is not None
    flips = [(row.place, not row.value) for row in form.rows if isinstance(row.value, bool)]
    numbers = [(("task", "augment", name), 0.01) for name in
               ("flip", "grey", "brightness", "contrast", "saturation", "zoom", "shift", "rotate")]  # fmt: skip
    draft = changed(*flips, *numbers)
    assert draft.config is not None
    found = command_for(draft.config, "quickstart", START.data)
    assert found.text == ""
    assert found.remedy.startswith("save it as YAML to have a command: ")
    assert len(flips) + len(numbers) > MOST_CHANGES


@settings(max_examples=150)
@given(data=st.data())
def test_whatever_is_changed_the_command_runs_it(data: Any) -> None:
    draft = START
    for _ in range(data.draw(st.integers(1, 3))):
        assert draft.form is not None
        row = data.draw(st.sampled_from([row for row in draft.form.rows if row.role == "value"]))
        values = [*edits.choices_of(row), 2, 0.5, "word", None, 'it\'s "so"']
        after = check(edits.set_value(draft, row.place, data.draw(st.sampled_from(values))))
        draft = after if after.config is not None else draft
    words = command(draft)
    assert run_by(words) == draft.config
