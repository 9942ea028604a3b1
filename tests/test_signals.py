"""The first Ctrl-C asks, the second leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from kryptui.jobs.signals import INTERRUPTED, graceful


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_only_asks(number: int) -> None:
    asked: list[bool] = []
    with graceful(lambda: asked.append(True)):
        os.kill(os.getpid(), number)
    assert asked == [True]


def test_the_handlers_before_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with graceful(lambda: None):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_the_second_signal_leaves_at_once() -> None:
    code = (
        "import os, signal, time\n"
        "from kryptui.jobs.signals import graceful\n"
        "with graceful(lambda: print('asked', flush=True)):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print('not reached', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == INTERRUPTED
    assert done.stdout == "asked\n"
    assert "again to leave at once" in done.stderr


def test_a_hang_up_is_told_and_leaves_files_and_pipes_alone() -> None:
    code = (
        "import os, signal\n"
        "from kryptui.jobs.signals import graceful\n"
        "with graceful(lambda: print('asked'), lambda: os.write(1, b'hung up\\n')):\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "os.write(1, b'the end\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert sorted(done.stdout.splitlines()) == ["hung up", "the end"]


def test_who_was_started_by_nohup_does_not_hear_a_hang_up() -> None:
    told: list[bool] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with graceful(lambda: None, lambda: told.append(True)):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert told == []
