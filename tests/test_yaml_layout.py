"""A configuration written anew reads back as itself, says only what is not the default, and stays legible."""

from __future__ import annotations

import pytest

from kryptui import config as configuration
from kryptui.config import to_plain
from kryptui.tasks import registry
from kryptui.tui.configure.draft import check
from kryptui.tui.configure.layout import lay_out, text_of

OML = "task.losses=[{kind: 'oml:X', s: 3}, {kind: triplet, mining: {kind: 'oml:Y'}}]"


@pytest.mark.parametrize(
    ("name", "more"), [*((name, ()) for name in configuration.preset_names()), ("quickstart", (OML,))]
)
def test_a_preset_written_anew_is_the_same(name: str, more: tuple[str, ...]) -> None:
    config = configuration.load(configuration.preset_path(name), registry.settings_of, more)
    text = text_of(config)
    assert check(text).config == config
    assert max(map(len, text.splitlines())) <= 110
    assert len(text) < len(lay_out(to_plain(config)))


def test_defaults_are_left_out_but_the_dataset_is_not() -> None:
    text = text_of(configuration.load(configuration.preset_path("quickstart"), registry.settings_of))
    assert "  train: data/train\n" in text
    assert "momentum" not in text


def test_a_block_whose_default_is_more_than_its_parts_is_written_whole() -> None:
    text = configuration.preset_path("quickstart").read_text(encoding="utf-8")
    config = check(text.replace("{identities: 12, real: 3, fake: 2}", "{classes: 4, images: 4}")).config
    assert config is not None
    assert "  batch: {classes: 4, images: 4}\n" in text_of(config)


def test_short_blocks_stand_on_one_line_and_long_ones_below_each_other() -> None:
    data = {"a": {"b": 1}, "c": {"d": {"e": 1}}, "f": [{"g": 1}, {"h": "x" * 120}], "i": [1, 2], "j": []}
    assert lay_out(data).splitlines() == [
        "a: {b: 1}", "c:", "  d: {e: 1}", "f:", "  - {g: 1}", f"  - h: {'x' * 120}", "i: [1, 2]", "j: []",
    ]  # fmt: skip
