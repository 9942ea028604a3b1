"""The driver on a real pseudo-terminal, which is taken away from it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pseudo_terminals import SECONDS, Terminal
from textual.app import App, ComposeResult
from textual.events import Key
from textual.widgets import Label

from kryptui.tui.driver import Outlet, driver_on


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.end()


class Small(App[str]):
    """Keeps the keys that are pressed; q leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    def compose(self) -> ComposeResult:
        yield Label("hello")

    def on_key(self, event: Key) -> None:
        self.keys.append(event.key)
        if event.key == "q":
            self.exit("left")


class Shown:
    """An app on a terminal; `act` happens in a thread once it is there."""

    def __init__(self, terminal: Terminal, act: Callable[[Shown], object]) -> None:
        self.terminal, self.app, self.gone = terminal, Small(), threading.Semaphore(0)
        self.failure: BaseException | None = None
        self.app.driver_class = driver_on(terminal.slave, terminal.slave, self.gone.release)
        self._act = act

    def run(self) -> str | None:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)}
        thread = threading.Thread(target=self._do)
        thread.start()
        try:
            return self.app.run()
        finally:
            thread.join(SECONDS)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            if self.failure is not None:
                raise self.failure

    def in_app(self, act: Callable[[], object]) -> None:
        """Has something done in the app's thread, and waits for it."""
        self.app.call_from_thread(act)

    def wait_until_gone(self) -> None:
        assert self.gone.acquire(timeout=SECONDS)

    def _do(self) -> None:
        try:
            self.terminal.wait_for(b"hello")
            self._act(self)
        except BaseException as failure:
            self.failure = failure
            self.app.call_from_thread(self.app.exit)


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "textual-input"]


def test_it_reads_and_writes_on_its_descriptors_and_asks_them_for_the_size(terminal: Terminal) -> None:
    shown = Shown(terminal, lambda shown: shown.terminal.type(b"abq"))
    assert shown.run() == "left"
    assert shown.app.keys == ["a", "b", "q"]
    assert shown.app.size == (72, 20)
    assert reading_threads() == []
    terminal.wait_for(b"\x1b[?1049l")


def test_what_is_typed_may_come_in_pieces_and_need_not_be_text(terminal: Terminal) -> None:
    def act(shown: Shown) -> None:
        shown.terminal.type(b"\xff\xc3")
        while not shown.app.keys:
            threading.Event().wait(0.01)
        shown.terminal.type(b"\xa9q")

    shown = Shown(terminal, act)
    assert shown.run() == "left"
    assert shown.app.keys[1:] == ["é", "q"]


def test_a_terminal_that_is_gone_is_told_once_and_ends_the_reading(terminal: Terminal) -> None:
    def act(shown: Shown) -> None:
        shown.terminal.close()
        shown.wait_until_gone()
        for thread in reading_threads():
            thread.join(SECONDS)
        shown.in_app(lambda: shown.app.query_one(Label).update("nobody sees it"))
        shown.in_app(lambda: shown.app.exit("gone"))

    shown = Shown(terminal, act)
    assert shown.run() == "gone"
    assert not shown.gone.acquire(blocking=False)
    assert shown.app.return_code == 0


def test_an_app_on_a_terminal_that_is_gone_goes_on_writing_in_vain(terminal: Terminal) -> None:
    def act(shown: Shown) -> None:
        shown.terminal.close()
        shown.wait_until_gone()

        def write_much() -> None:
            for _ in range(200):
                driver: Any = shown.app._driver
                driver.write("x" * 10_000)

        shown.in_app(write_much)
        shown.in_app(lambda: shown.app.exit("gone"))

    assert Shown(terminal, act).run() == "gone"


def test_an_app_that_is_let_go_no_longer_waits_for_its_terminal(terminal: Terminal) -> None:
    """Nobody reads what it writes, as when a connection stands still."""
    began = threading.Event()

    def write_for_ever(shown: Shown) -> None:
        driver: Any = shown.app._driver
        began.set()
        for _ in range(200):
            driver.write("x" * 10_000)

    def act(shown: Shown) -> None:
        shown.app.call_later(write_for_ever, shown)
        began.wait(SECONDS)
        driver: Any = shown.app._driver
        driver.let_go()
        shown.in_app(lambda: shown.app.exit("let go"))

    shown = Shown(terminal, act)
    assert shown.run() == "let go"
    assert not shown.gone.acquire(blocking=False)


def test_who_was_not_suspended_does_not_begin_anew_when_continued(terminal: Terminal) -> None:
    """The system sends SIGCONT after SIGHUP."""

    def act(shown: Shown) -> None:
        os.kill(os.getpid(), signal.SIGCONT)
        shown.terminal.type(b"a")
        while not shown.app.keys:
            threading.Event().wait(0.01)
        assert len(reading_threads()) == 1
        shown.terminal.type(b"q")

    assert Shown(terminal, act).run() == "left"


def test_who_was_suspended_comes_back(terminal: Terminal) -> None:
    def act(shown: Shown) -> None:
        driver: Any = shown.app._driver
        shown.in_app(driver.suspend_application_mode)
        shown.in_app(driver.resume_application_mode)
        shown.terminal.shown = b""
        shown.in_app(lambda: shown.app.query_one(Label).update("again"))
        shown.terminal.wait_for(b"again")
        shown.terminal.type(b"q")

    assert Shown(terminal, act).run() == "left"


def test_what_is_flushed_has_been_written() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing, lambda: None)
    for text in ("o", "né", "\udcff"):
        outlet.write(text)
    outlet.flush()
    outlet.end()
    os.close(writing)
    assert os.read(reading, 100).decode() == "oné\\udcff"
    os.close(reading)


def test_a_write_that_fails_is_told_once() -> None:
    reading, writing = os.pipe()
    gone = threading.Semaphore(0)
    outlet = Outlet(writing, gone.release)
    os.close(writing)
    os.close(reading)
    for _ in range(3):
        outlet.write("x")
        outlet.flush()
    assert gone.acquire(timeout=SECONDS)
    assert not gone.acquire(blocking=False)
