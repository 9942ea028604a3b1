"""What a headless run tells: in order, and without waiting for a terminal that stands still."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from pseudo_terminals import SECONDS, Terminal
from toys import environment, toy_config

from kryptui.cli.teller import Teller
from kryptui.config import to_yaml
from kryptui.runs.store import Store

STOP, GO_ON = b"\x13", b"\x11"  # Ctrl-S, Ctrl-Q


def test_things_are_told_in_order_and_all_of_them_by_the_end() -> None:
    told: list[int] = []
    with Teller() as teller:
        for number in range(100):
            teller.tell(lambda number=number: told.append(number))  # type: ignore[misc]
    assert told == list(range(100))


def test_nothing_more_is_told_to_who_is_gone() -> None:
    told: list[str] = []

    def gone() -> None:
        raise BrokenPipeError

    with Teller() as teller:
        teller.tell(lambda: told.append("before"))
        teller.tell(gone)
        teller.tell(lambda: told.append("after"))
    assert told == ["before"]


def test_an_error_of_the_program_is_seen_and_holds_nobody_up(capsys: pytest.CaptureFixture[str]) -> None:
    with Teller() as teller:
        teller.tell(lambda: 1 // 0)
        for _ in range(5000):
            teller.tell(lambda: None)
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_terminal_is_not_waited_for_and_a_pipe_is(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    let = threading.Event()
    told: list[int] = []
    teller = Teller()
    teller.tell(lambda: let.wait(SECONDS))

    def tell_much() -> None:
        for number in range(5000):
            teller.tell(lambda number=number: told.append(number))  # type: ignore[misc]

    thread = threading.Thread(target=tell_much)
    thread.start()
    thread.join(SECONDS if is_terminal else 0.5)
    assert thread.is_alive() is not is_terminal
    let.set()
    thread.join(SECONDS)
    teller.close()
    assert told[:500] == list(range(500))
    assert (len(told) < 5000) is is_terminal


def test_a_run_goes_on_while_its_terminal_stands_still(tmp_path: Path) -> None:
    (tmp_path / "cfg.yaml").write_text(to_yaml(toy_config("task.delay=0.01", "stages.0.epochs=60")))
    terminal = Terminal()
    command = [sys.executable, "-m", "kryptui", "run", "--headless", "cfg.yaml"]
    process = terminal.run(command, tmp_path, {**environment(), "TERM": "xterm-256color"})
    try:
        terminal.wait_for(b"loss")
        terminal.type(STOP)
        with Store.open(tmp_path / "runs.db", create=False) as store:
            deadline = time.monotonic() + SECONDS
            while store.list_runs()[0].status != "finished":
                assert time.monotonic() < deadline, store.list_runs()[0].progress
                time.sleep(0.1)
        assert process.poll() is None
        terminal.type(GO_ON)
        deadline = time.monotonic() + SECONDS
        while process.poll() is None:
            assert time.monotonic() < deadline
            terminal.look()
            time.sleep(0.05)
        assert process.returncode == 0
        assert b"finished" in terminal.shown
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        terminal.end()
