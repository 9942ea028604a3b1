"""Whether a terminal shows pictures in full, and what it is sent."""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import termios
import threading
import types

import pytest
from PIL import Image
from rich.cells import cell_len
from trees import noise

from kryptui.tui import graphics
from kryptui.tui.graphics import Graphics, ask, forget, send

KITTY, CELL, PLAIN, SIXEL = b"\x1b_Gi=31;OK\x1b\\", b"\x1b[6;20;10t", b"\x1b[?62;22c", b"\x1b[?62;4;22c"


@pytest.fixture
def extra(monkeypatch):
    """The package is there, whether it is installed or not."""
    monkeypatch.setattr(graphics, "find_spec", lambda name: object())


@pytest.fixture
def terminal():
    """Both ends of a terminal: what a program has, and what the person's side has."""
    person, program = os.openpty()
    yield program, person
    os.close(person)
    os.close(program)


def asked(terminal, answer):
    program, person = terminal
    questions = []

    def respond():
        heard = b""
        while not heard.endswith(b"\x1b[c"):
            heard += os.read(person, 100)
        questions.append(heard)
        os.write(person, answer)

    thread = threading.Thread(target=respond)
    thread.start()
    found = ask(program, program)
    thread.join()
    return found


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (KITTY + CELL + PLAIN, Graphics("kitty", (10, 20))),
        (CELL + SIXEL, Graphics("sixel", (10, 20))),
        (KITTY + CELL + SIXEL, Graphics("sixel", (10, 20))),
        (CELL + PLAIN, None),
        (SIXEL, None),  # it does not say how large a cell is
    ],
)
def test_a_terminal_is_what_it_answers(extra, terminal, answer, expected):
    assert asked(terminal, answer) == expected


def test_the_terminal_is_left_as_it_was(extra, terminal):
    program, _ = terminal
    before = termios.tcgetattr(program)
    asked(terminal, CELL + SIXEL)
    assert termios.tcgetattr(program) == before


def test_a_terminal_that_says_nothing_is_not_waited_for_for_long(extra, terminal, monkeypatch):
    monkeypatch.setattr(graphics, "ANSWER_SECONDS", 0.01)
    assert ask(terminal[0], terminal[0]) is None


def test_nobody_is_asked_without_the_extra_or_without_a_terminal(monkeypatch, terminal):
    monkeypatch.setattr(graphics, "_answer", lambda *terminals: pytest.fail("it was asked"))
    monkeypatch.setattr(graphics, "find_spec", lambda name: None)
    assert ask(terminal[0], terminal[0]) is None
    monkeypatch.setattr(graphics, "find_spec", lambda name: object())
    with open(os.devnull) as nothing:  # noqa: PTH123
        assert ask(nothing.fileno(), terminal[0]) is None


def test_kitty_is_sent_a_png_in_parts_and_signs_that_stand_for_it():
    sent = send(noise(1, (60, 30)), 12, 6, Graphics("kitty", (10, 20)))
    assert (sent.columns, sent.rows) == (12, 3)
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", sent.data)
    assert parts[0][0] == f"a=T,U=1,f=100,i={sent.number},c=12,r=3,q=2,m={int(len(parts) > 1)}"
    with Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in parts)))) as image:
        assert image.size == (120, 60)
    assert [cell_len(signs) for signs in sent.lines] == [12] * 3
    assert str(sent.number) in forget(sent.number)


def test_sixels_are_as_large_as_their_cells(monkeypatch):
    encoder = types.ModuleType("textual_image._sixel")
    encoder.image_to_sixels = lambda image: f"{image.width}x{image.height}"
    monkeypatch.setitem(sys.modules, "textual_image", types.ModuleType("textual_image"))
    monkeypatch.setitem(sys.modules, "textual_image._sixel", encoder)
    sent = send(noise(1, (30, 60)), 8, 4, Graphics("sixel", (9, 18)))
    assert (sent.data, sent.columns, sent.rows) == ("36x72", 4, 4)


def test_the_real_encoder_gives_sixels():
    pytest.importorskip("textual_image")
    sent = send(noise(1, (30, 30)), 4, 2, Graphics("sixel", (10, 20)))
    assert sent.data.startswith("\x1bP")
    assert sent.data.endswith("\x1b\\")


def test_pictures_are_not_larger_than_can_be_numbered():
    sent = send(noise(1, (30, 30)), 500, 500, Graphics("kitty", (2, 2)))
    assert (sent.columns, sent.rows) == (graphics.LARGEST, graphics.LARGEST)
