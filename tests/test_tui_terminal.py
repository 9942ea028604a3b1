"""The app as a whole program in a real terminal: colours, sizes, how it opens and how it is left."""

from __future__ import annotations

from pathlib import Path

import pytest
from records import add_run, tag
from terminals import Terminal, sgr_codes

from kryptui.runs.store import Store

COLOURS = {str(code) for code in (*range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108))}
PAGES = ("Runs", "Data", "Configure", "Live", "Compare", "Submit", "Verify")


@pytest.fixture
def workspace(tmp_path: Path, store: Store) -> Path:
    """A workspace with two runs."""
    for name in ("first", "second"):
        run_id = add_run(store, name, {"eer": [0.4, 0.3, 0.2], "loss": [1.0, 0.5, 0.2]})
        tag(store, run_id, "baseline")
    return tmp_path


def look_around(terminal: Terminal) -> None:
    """Opens every page, help and palette, and leaves."""
    terminal.wait_for("2 runs", "first", "second")
    terminal.press("space", "space")
    for number in range(1, len(PAGES) + 1):
        terminal.press(str(number))
        terminal.read(0.4)
    terminal.press("1")
    terminal.wait_for("2 runs")
    terminal.press("?")
    terminal.wait_for("esc closes")
    terminal.press("escape")
    terminal.wait_for("esc closes", gone=True)
    terminal.press("q")
    assert terminal.wait_for_end() == 0


def test_true_colour(workspace: Path) -> None:
    with Terminal(cwd=workspace) as terminal:
        look_around(terminal)
        assert {"38;2", "48;2"} <= sgr_codes(terminal.written)


def test_256_colours(workspace: Path) -> None:
    with Terminal(cwd=workspace, env={"COLORTERM": None}) as terminal:
        look_around(terminal)
        codes = sgr_codes(terminal.written)
        assert {"38;5", "48;5"} <= codes
        assert not {"38;2", "48;2"} & codes


def test_16_colours(workspace: Path) -> None:
    with Terminal(cwd=workspace, env={"COLORTERM": None, "TERM": "xterm"}) as terminal:
        look_around(terminal)
        codes = sgr_codes(terminal.written)
        assert COLOURS & codes
        assert not {"38;2", "48;2", "38;5", "48;5"} & codes


@pytest.mark.parametrize("term", ["xterm-256color", "xterm"])
def test_no_colour_at_all(workspace: Path, term: str) -> None:
    with Terminal(cwd=workspace, env={"NO_COLOR": "1", "TERM": term}) as terminal:
        look_around(terminal)
        codes = sgr_codes(terminal.written)
        assert not codes & (COLOURS | {"38;2", "48;2", "38;5", "48;5"})
        assert "7" in codes  # what is selected is seen all the same


def test_a_terminal_that_is_too_small_says_so_and_is_left_by_q(workspace: Path) -> None:
    with Terminal(cwd=workspace, columns=40, lines=12) as terminal:
        terminal.wait_for("40x12 is too small", "kryptui needs 60x16")
        terminal.press("q")
        assert terminal.wait_for_end() == 0


@pytest.mark.parametrize(("columns", "lines"), [(60, 16), (80, 24), (160, 45), (300, 100)])
def test_any_other_size_holds_every_page(workspace: Path, columns: int, lines: int) -> None:
    with Terminal(cwd=workspace, columns=columns, lines=lines) as terminal:
        look_around(terminal)


def test_an_empty_folder_is_left_as_it_was(tmp_path: Path) -> None:
    with Terminal(cwd=tmp_path) as terminal:
        terminal.wait_for("no runs on record yet")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
    assert list(tmp_path.iterdir()) == []


def test_the_terminal_is_given_back_as_it_was(workspace: Path) -> None:
    with Terminal(cwd=workspace) as terminal:
        terminal.wait_for("2 runs")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        for mode in ("?1049{}", "?1000{}", "?2004{}"):
            on, off = (f"\x1b[{mode.format(word)}".encode() for word in "hl")
            assert terminal.written.rfind(off) > terminal.written.rfind(on) >= 0
        assert terminal.written.rfind(b"\x1b[?25h") > terminal.written.rfind(b"\x1b[?25l") >= 0


def test_another_record_is_opened_by_option(tmp_path: Path) -> None:
    with Store.open(tmp_path / "other.db") as other:
        add_run(other, "elsewhere")
    with Terminal("--db", "other.db", cwd=tmp_path) as terminal:
        terminal.wait_for("1 run", "elsewhere", "other.db")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
