"""What the record knows for submissions: the runs whose models can answer, best first, and those of the past."""

from __future__ import annotations

from typing import Any

import pytest
from records import add_run

from kryptui.errors import InputError
from kryptui.runs import batch, submissions

HEADLINES = {"verification": "eer", "toy": "rmse"}


def saved(store: Any, run_id: str, kind: str, path: str) -> None:
    attempt = store.get_run(run_id).attempt
    store.append(run_id, attempt, [batch.Artifact(0.0, kind, path, "host", "ab", 7, 1)], {}, {}, {})


def names(store: Any, **options: Any) -> list[str]:
    return [run.name for run in submissions.can_answer(store, HEADLINES, **options)]


def test_finished_runs_are_listed_from_the_best(store):
    for name, eer in (("worst", 0.3), ("best", 0.1), ("middle", 0.2)):
        add_run(store, name, {"eer": [0.5, eer]})
    assert names(store) == ["best", "middle", "worst"]
    assert names(store, limit=1) == ["best"]


def test_a_run_in_progress_can_answer_once_it_has_a_checkpoint(store):
    run_id = add_run(store, "going")
    store.start_attempt(run_id)
    assert names(store) == []
    saved(store, run_id, "checkpoint", "/c")
    assert names(store) == ["going"]


def test_only_training_runs_can_answer(store):
    add_run(store, "other", {"eer": [0.1]}, kind="submit")
    assert names(store) == []


def test_a_run_without_the_headline_comes_last(store):
    add_run(store, "bare", {"loss": [1.0]})
    add_run(store, "bad", {"eer": [0.9]})
    assert names(store) == ["bad", "bare"]


def test_each_task_is_sorted_by_its_own_headline(store):
    add_run(store, "toy", {"rmse": [0.01]}, task="toy")
    add_run(store, "face", {"eer": [0.4]})
    assert names(store) == ["face", "toy"]


def test_a_filter_narrows_them_also_by_settings(store):
    add_run(store, "a", {"eer": [0.1]}, config={"seed": 1})
    add_run(store, "b", {"eer": [0.2]}, config={"seed": 2})
    assert names(store, filter="cfg.seed=2") == ["b"]
    assert names(store, filter="eer<0.15") == ["a"]
    with pytest.raises(InputError, match="no such status"):
        names(store, filter="status:odd")


def test_past_submissions_come_with_their_file_the_latest_first(store):
    add_run(store, "train", {"eer": [0.1]})
    first, second = (add_run(store, name, {}, kind="submit") for name in ("first", "second"))
    saved(store, first, submissions.SUBMISSION, "/a.csv")
    found = submissions.past(store, 10)
    assert {run.id for run, _ in found} == {first, second}
    assert {run.id: file and file.path for run, file in found} == {first: "/a.csv", second: None}
    assert found[0][0].created >= found[1][0].created
    assert len(submissions.past(store, 1)) == 1
