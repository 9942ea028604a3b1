"""Marked runs keep their looks."""

from __future__ import annotations

from kryptui.draw.words import MARKERS
from kryptui.tui.marks import Marks


def marked(*run_ids: str) -> Marks:
    marks = Marks()
    for run_id in run_ids:
        assert marks.toggle(run_id)
    return marks


def test_runs_stand_in_the_order_in_which_they_were_marked() -> None:
    assert list(marked("b", "a", "c")) == ["b", "a", "c"]


def test_a_run_keeps_its_marker_when_another_is_unmarked() -> None:
    marks = marked("a", "b")
    before = marks.looks("b")
    marks.toggle("a")
    assert marks.looks("b") == before


def test_a_free_marker_is_given_again() -> None:
    marks = marked("a", "b")
    first = marks.looks("a")
    marks.toggle("a")
    marks.toggle("c")
    assert marks.looks("c") == first


def test_no_more_are_marked_than_can_be_told_apart() -> None:
    marks = marked(*map(str, range(len(MARKERS))))
    assert not marks.toggle("one more")
    assert len(marks) == len(MARKERS)


def test_deleted_runs_lose_their_marks() -> None:
    marks = marked("a", "b", "c")
    marks.drop(["b"])
    assert list(marks) == ["a", "c"]
