"""What becomes a toast, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from records import add_run

from kryptui.runs import listing
from kryptui.runs.rows import RunRow
from kryptui.runs.store import Store
from kryptui.runs.summaries import Summary
from kryptui.tui.feed import Overview
from kryptui.tui.news import news


def run_of(store: Store, **changes: object) -> RunRow:
    run_id = add_run(store, "run", {"eer": [0.3, 0.2], "loss": [1.0, 0.5]})
    return replace(listing.some(store, [run_id])[0], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "error", "words", "severity"),
    [
        ("finished", None, "finished after", "information"),
        ("finished", None, "best eer 0.2", "information"),
        ("failed", "the loss is\nnot a number", "failed: the loss is not a number", "error"),
        ("stopped", None, "r resumes it", "warning"),
    ],
)
def test_the_end_of_a_run_is_told(store: Store, status: str, error: str | None, words: str, severity: str) -> None:
    [(title, text, how)] = news({}, Overview(ended=(run_of(store, status=status, error=error),)))
    assert title == "run"
    assert words in text
    assert how == severity


def test_the_end_of_a_submission_is_not_told_twice(store: Store) -> None:
    assert list(news({}, Overview(ended=(run_of(store, kind="submit"),)))) == []


def summary(run: RunRow, **changes: object) -> RunRow:
    eer = run.summaries["eer"]._replace(**changes)
    return replace(run, status="running", summaries={**run.summaries, "eer": eer})


def told(before: RunRow, after: RunRow) -> list[str]:
    return [text for _, text, _ in news({before.id: before}, Overview(live=(after,)))]


def test_a_new_best_is_told(store: Store) -> None:
    run = summary(run_of(store))
    assert told(run, summary(run, best=0.1, best_step=7)) == ["new best eer 0.1 at step 7"]


def test_the_first_value_is_no_news(store: Store) -> None:
    run = summary(run_of(store))
    assert told(replace(run, summaries={}), run) == []


def test_a_value_that_is_no_number_any_more_is_told_once(store: Store) -> None:
    run = summary(run_of(store))
    broken = summary(run, last=float("nan"), last_step=9)
    assert told(run, broken) == ["eer is not a number since step 9"]
    assert told(broken, broken) == []


def test_a_crash_is_told(store: Store) -> None:
    run = summary(run_of(store))
    assert told(run, replace(run, status="crashed")) == ["crashed; see Live for what to do"]


def test_a_task_that_is_not_installed_here_is_no_error(store: Store) -> None:
    run = replace(run_of(store, status="finished"), task="elsewhere")
    [(_, text, _)] = news({}, Overview(ended=(run,)))
    assert text.startswith("finished")


def test_a_metric_without_direction_may_be_no_number(store: Store) -> None:
    run = summary(run_of(store))
    aside = {"x": Summary("x", None, 1.0, 1)}
    nan = {"x": Summary("x", None, float("nan"), 2)}
    assert told(replace(run, summaries=aside), replace(run, summaries=nan)) == []
