"""What is printed on descriptors 1 and 2 becomes lines, whoever prints and however."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kryptui.jobs import streams
from kryptui.jobs.streams import Lines

SCRIPT = """
import json, os, subprocess, sys, threading
from kryptui.jobs.streams import Kept
lines = []
{before}
with Kept(lines.append) as kept:
    os.write(kept.terminal_out, b"to the terminal\\n")
    {inside}
{after}
open("lines", "w").write(json.dumps(lines))
"""


def printed(inside: str, cwd: Path, before: str = "", after: str = "") -> tuple[list[str], str, str]:
    """The lines that are kept of what a program prints, and what it lets through to stdout and stderr."""
    code = SCRIPT.format(inside=inside, before=before, after=after)
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    lines: list[str] = json.loads((cwd / "lines").read_text())
    return lines, done.stdout.decode(), done.stderr.decode()


def cut(*pieces: str) -> list[str]:
    lines: list[str] = []
    cutter = Lines(lines.append, clock=lambda: 0.0)
    for piece in pieces:
        cutter.write(piece)
    cutter.end()
    return lines


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["one\ntwo\n"], ["one", "two"]),
        (["o", "n", "e\nt", "wo"], ["one", "two"]),
        (["one\r\ntwo\r", "\nthree"], ["one", "two", "three"]),
        (["\n \n\n"], []),
        (["\x1b[31mred\x1b[0m \x1b]0;title\x07end\n"], ["red end"]),
        (["  indented\n"], ["  indented"]),
    ],
)
def test_text_is_cut_where_its_lines_end(pieces: list[str], lines: list[str]) -> None:
    assert cut(*pieces) == lines


def test_a_bar_is_a_line_at_first_and_in_its_last_state() -> None:
    bar = [f"\r{percent:3}%" for percent in range(0, 101, 10)]
    assert cut(*bar, "\ndone\n") == ["  0%", "100%", "done"]
    assert cut(*[f"{percent}%\r" for percent in range(0, 101, 10)], "\n") == ["0%", "100%"]


def test_a_bar_that_takes_long_is_a_line_now_and_then() -> None:
    lines: list[str] = []
    seconds = iter(range(100))
    cutter = Lines(lines.append, clock=lambda: float(next(seconds)))
    for percent in range(12):
        cutter.write(f"\r{percent}%")
    cutter.end()
    assert lines == ["0%", "5%", "10%", "11%"]


def test_a_bar_that_is_wiped_out_leaves_nothing() -> None:
    lines: list[str] = []
    cutter = Lines(lines.append, clock=lambda: -100.0)
    cutter.write("\r50%\r    \rdone\n")
    assert lines[-1] == "done"
    assert "" not in lines


def test_a_long_line_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LONGEST", 10)
    assert cut("a" * 25 + "\n", "b" * 15) == ["a" * 10, "a" * 10, "a" * 5, "b" * 10, "b" * 5]


def test_whoever_listens_may_fail() -> None:
    lines: list[str] = []

    def sink(line: str) -> None:
        lines.append(line)
        raise ValueError

    cutter = Lines(sink)
    cutter.write("one\ntwo\n")
    assert lines == ["one", "two"]


def test_both_descriptors_are_kept_and_the_terminal_is_still_there(tmp_path: Path) -> None:
    inside = "os.write(1, b'out\\n'); os.write(2, b'error\\n'); print('python', flush=True)"
    lines, out, error = printed(inside, tmp_path)
    assert lines == ["out", "error", "python"]
    assert (out, error) == ("", "to the terminal\n")


def test_what_python_had_buffered_goes_where_it_was_meant_to(tmp_path: Path) -> None:
    inside = "sys.stdout.write('inside, no end')"
    lines, out, _ = printed(inside, tmp_path, "sys.stdout.write('before ')", "print('after')")
    assert lines == ["inside, no end"]
    assert out == "before after\n"


def test_bytes_that_are_no_text_are_kept_readable(tmp_path: Path) -> None:
    lines, _, _ = printed("os.write(2, b'caf\\xc3'); os.write(2, b'\\xa9 \\xff\\xfe!\\n')", tmp_path)
    assert lines == ["caf\u00e9 \ufffd\ufffd!"]


def test_what_a_child_prints_is_kept_and_its_end_is_not_waited_for(tmp_path: Path) -> None:
    inside = (
        "child = subprocess.Popen(['sh', '-c', 'echo from a child; sleep 60'])\n"
        "    while not lines: threading.Event().wait(0.01)"
    )
    lines, _, _ = printed(inside, tmp_path, after="child.kill()")
    assert lines == ["from a child"]


def test_a_flood_never_blocks_whoever_prints(tmp_path: Path) -> None:
    """The sink stands still, so the pipe runs full; a writer that holds Python's lock would wait for ever."""
    before = "go = threading.Event(); lines = type('Slow', (list,), {'append': lambda self, line: go.wait()})()"
    inside = (
        "import ctypes; libc = ctypes.PyDLL(None); text = b'x' * 99 + b'\\n'\n"
        "    for _ in range(30_000): libc.write(2, text, len(text))\n"
        "    go.set()"
    )
    printed(inside, tmp_path, before)
