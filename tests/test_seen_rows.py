"""Which rows of a form are seen, folded and sifted."""

from __future__ import annotations

from kryptui import config as configuration
from kryptui.tui.configure.draft import check
from kryptui.tui.configure.seen import Seen, nearest_of

START = check(configuration.preset_path("quickstart").read_text(encoding="utf-8"))


def names(seen: Seen, draft=START) -> list[str]:
    return [row.name for row in seen.of(draft.form.rows, START)]


def test_blocks_that_are_not_given_are_folded_at_first() -> None:
    shown = names(Seen())
    assert "stages.0.schedule.kind" in shown
    assert "stages.0.set" in shown
    draft = check(START.text.replace("optimizer: {kind: adamw, weight_decay: 0.05}\n", ""))
    assert "optimizer" in names(Seen(), draft)
    assert "optimizer.kind" not in names(Seen(), draft)


def test_a_folded_block_hides_all_that_is_in_it() -> None:
    seen = Seen({("stages",): True})
    assert [name for name in names(seen) if name.startswith("stages")] == ["stages"]
    seen.unfold_to(("stages", 0, "schedule", "kind"))
    assert "stages.0.schedule.kind" in names(seen)


def test_every_word_must_be_in_the_name() -> None:
    assert names(Seen(filter="SCHED kind")) == [
        "stages",
        "stages.0",
        "stages.0.schedule",
        "stages.0.schedule.kind",
    ]
    assert names(Seen(filter="nothing")) == []


def test_only_what_is_given_or_differs() -> None:
    assert "device" not in names(Seen(view="given"))
    assert names(Seen(view="changed")) == []
    draft = check(START.text.replace("seed: 0", "seed: 1"))
    assert names(Seen(view="changed"), draft) == ["seed"]


def test_what_is_looked_for_is_told_from_what_it_stands_in() -> None:
    seen = Seen(filter="lr")
    found = [row.name for row in START.form.rows if seen.finds(row, START)]
    assert found == ["stages.0.lr"]


def test_the_nearest_row_of_a_place() -> None:
    rows = Seen().of(START.form.rows, START)
    at = nearest_of(rows, ("stages", 0, "set", "x"))
    assert rows[at].name == "stages.0.set"
    assert nearest_of(rows, ("zzz",)) is None
