"""Only the newest wish counts, and only its answer comes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from kryptui.errors import InputError
from kryptui.tui.latest import Latest

SECONDS = 10.0


class Drawing:
    """Stands for the app: its drawing thread does what it is given when it is asked to."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.given = threading.Semaphore(0)
        self.waiting: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    def keep_message(self, text: str) -> None:
        self.messages.append(text)

    def call_soon(self, act: Callable[..., object], *arguments: object) -> None:
        self.waiting.append((act, arguments))
        self.given.release()

    def draw(self, answers: int) -> None:
        for _ in range(answers):
            assert self.given.acquire(timeout=SECONDS)
        for act, arguments in self.waiting:
            act(*arguments)


@pytest.fixture
def drawing() -> Drawing:
    return Drawing()


def test_the_answer_comes(drawing: Drawing) -> None:
    got: list[Any] = []
    Latest(drawing).ask(lambda: 3, got.append, pytest.fail)
    drawing.draw(1)
    assert got == [3]


def test_of_those_that_wait_only_the_newest_is_done(drawing: Drawing) -> None:
    latest, go, began, done = Latest(drawing), threading.Event(), threading.Event(), []

    def first() -> str:
        began.set()
        assert go.wait(SECONDS)
        return "first"

    got: list[Any] = []
    latest.ask(first, got.append, pytest.fail)
    assert began.wait(SECONDS)
    for number in range(5):
        latest.ask(lambda number=number: done.append(number) or number, got.append, pytest.fail)
    go.set()
    drawing.draw(2)
    assert done == [4]
    assert got == [4]


def test_what_is_forgotten_gives_no_answer(drawing: Drawing) -> None:
    got: list[Any] = []
    latest = Latest(drawing)
    latest.ask(lambda: 3, got.append, got.append)
    assert drawing.given.acquire(timeout=SECONDS)
    latest.forget()
    drawing.draw(0)
    assert got == []


def test_why_it_failed_comes_in_its_place(drawing: Drawing) -> None:
    got: list[Any] = []

    def refuse() -> None:
        raise InputError("no such file")

    latest = Latest(drawing)
    latest.ask(refuse, pytest.fail, got.append)
    drawing.draw(1)
    latest.ask(lambda: [][1], pytest.fail, got.append)
    drawing.draw(1)
    assert got[0] == "no such file"
    assert got[-1].startswith("an error of the program: IndexError")
    assert "IndexError" in drawing.messages[0]
