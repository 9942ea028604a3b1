"""A matrix of similarities as people see it: ten squares, in a pipe and in colour; as a picture, and in words."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from kryptui.draw.console import render
from kryptui.draw.crops import Captioned, draw_crops
from kryptui.draw.matrix_picture import matrix_png
from kryptui.faces.similarities import SimilarityMatrix
from kryptui.figures import Matrix
from kryptui.tell.similarities import matrix_csv, matrix_json, suspect_tables


def ten_people() -> SimilarityMatrix:
    """Ten people of three photos each: alike by 0.8 and 0.6, and by 0.1 or -0.1 to others."""
    people = [f"person{number}" for number in range(10) for _ in range(3)]
    names = [f"{person}_{row % 3}.jpg" for row, person in enumerate(people)]
    rows, columns = np.indices((30, 30))
    same = rows // 3 == columns // 3
    within = np.where(np.abs(rows - columns) == 1, 0.8, 0.6)
    values = np.where(same, within, np.where((rows // 3 + columns // 3) % 2, 0.1, -0.1))
    np.fill_diagonal(values, 1.0)
    return SimilarityMatrix(
        names, [Path(name) for name in names], people, values.astype(np.float32), [None] * 30, []
    )


def printed(figure: Matrix, width: int, **console: object) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, **console).print(render(figure, width))
    return file.getvalue().splitlines()


SQUARES = """\
─ similarity ── -0.1000 ░▒▓█ 1.0000 ────────────────────────────────────────────
              0 0 0 1 1 1 2 2 2 3 3 3 4 4 4 5 5 5 6 6 6 7 7 7 8 8 8 9 9 9
              _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _
              0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2
"""


def test_the_ten_squares_are_visible_without_colour() -> None:
    lines = printed(ten_people().figure("similarity"), 80, no_color=True)
    assert [line.rstrip() for line in lines[:4]] == SQUARES.splitlines()
    blocks = {"within": ["██▓▓▓▓", "▓▓██▓▓", "▓▓▓▓██"], "near": "░░░░░░", "far": "      "}
    for row, line in enumerate(lines[4:]):
        cells = line[14:].ljust(60)
        person = row // 3
        assert line.startswith(f"person{person}_{row % 3}.jpg ")
        for other in range(10):
            square = cells[6 * other : 6 * other + 6]
            if other == person:
                assert square == blocks["within"][row % 3]
            else:
                assert square == blocks["near" if (person + other) % 2 else "far"]


def test_in_colour_each_cell_holds_its_hundredths() -> None:
    lines = printed(ten_people().figure("similarity"), 120, force_terminal=True, color_system="truecolor")
    plain = [_without_codes(line) for line in lines]
    assert "in hundredths" in plain[0]
    cells = plain[4].removeprefix("person0_0.jpg ")
    shown = [cells[3 * place : 3 * place + 3].strip() for place in range(30)]
    assert shown == ["100", "80", "60", *["10", "10", "10", "-10", "-10", "-10"] * 4, "10", "10", "10"]
    assert lines[4].count("48;2;126;217;140") >= 1  # the diagonal has the highest colour
    assert all(len(line) <= 120 for line in plain)


def test_in_colour_and_too_narrow_for_values_cells_are_shaded() -> None:
    lines = printed(ten_people().figure("similarity"), 80, force_terminal=True, color_system="truecolor")
    assert "-0.1000 to 1.0000" in _without_codes(lines[0])
    assert "48;2;126;217;140" in lines[4]
    assert _without_codes(lines[4]).split() == ["person0_0.jpg"]


def test_other_values_are_never_drawn_in_hundredths() -> None:
    names = [str(number) for number in range(30)]
    values = [[float(row * column) for column in range(30)] for row in range(30)]
    lines = printed(Matrix("m", names, names, values), 140, force_terminal=True, color_system="truecolor")
    assert "hundredths" not in lines[0]


def _without_codes(line: str) -> str:
    from rich.text import Text

    return Text.from_ansi(line).plain


def test_the_picture_has_a_cell_of_the_right_colour_for_each_value() -> None:
    picture = Image.open(io.BytesIO(matrix_png(ten_people().figure("similarity"))))
    colours = dict.fromkeys(colour for _, colour in picture.convert("RGB").getcolors(1 << 20))
    assert {(253, 231, 37), (68, 1, 84)} <= colours.keys()  # the highest and the lowest of the scale


@pytest.mark.parametrize("count", [1, 3, 700])
def test_a_matrix_of_any_size_and_any_names_is_a_picture(count: int) -> None:
    names = [f"имя {number} \x1b" for number in range(count)]
    values = [[float("nan")] * count for _ in range(count)]
    values[0][0] = 0.5
    picture = Image.open(io.BytesIO(matrix_png(Matrix("t", names, names, values))))
    assert picture.width <= 2000


def test_a_matrix_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        matrix_png(Matrix("t", [], [], []))


def test_the_csv_holds_every_value() -> None:
    found = ten_people()
    rows = list(csv.reader(io.StringIO(matrix_csv(found))))
    assert rows[0] == ["name", *found.names]
    assert [row[0] for row in rows[1:]] == found.names
    np.testing.assert_allclose([[float(cell) for cell in row[1:]] for row in rows[1:]], found.values, atol=1e-6)


def test_the_suspects_are_named_with_their_verdicts() -> None:
    found = ten_people()
    found.values[0, 5] = found.values[5, 0] = 0.9
    least, most = suspect_tables(found, 0.7)
    assert least.rows[0] == ["person0_0.jpg", "person0_2.jpg", 0.6, "no match"]
    assert most.rows[0] == ["person0_0.jpg", "person1_2.jpg", 0.9, "match"]
    assert suspect_tables(found, None)[0].columns == ["first", "second", "similarity"]
    assert matrix_json(found, "m")["most_alike"][0] == {
        "first": "person0_0.jpg",
        "second": "person1_2.jpg",
        "similarity": pytest.approx(0.9),
    }


def test_crops_stand_side_by_side_above_their_captions_in_colour_alone() -> None:
    pictures = [Captioned(np.full((112, 112, 3), 90 * number, np.uint8), f"face {number}") for number in range(3)]
    file = io.StringIO()
    Console(file=file, width=80, force_terminal=True, color_system="truecolor").print(
        draw_crops("t", pictures, 80)
    )
    lines = [_without_codes(line) for line in file.getvalue().splitlines()]
    assert lines[1].count("▀") == 3 * 25
    assert lines[-2].split("  ")[0] == "face 0"
    assert lines[-2].rstrip().endswith("face 2")
    assert lines[-1] == ""
    plain = io.StringIO()
    Console(file=plain, width=80, no_color=True).print(draw_crops("t", pictures, 80), end="")
    assert plain.getvalue() == ""


def test_many_crops_go_on_below() -> None:
    pictures = [Captioned(np.zeros((112, 112, 3), np.uint8), f"f{number}") for number in range(9)]
    file = io.StringIO()
    Console(file=file, width=40, force_terminal=True, color_system="truecolor").print(
        draw_crops("t", pictures, 40)
    )
    lines = [_without_codes(line) for line in file.getvalue().splitlines()]
    assert all(len(line) <= 40 for line in lines)
    assert [word for line in lines for word in line.split() if word.startswith("f")] == [f"f{n}" for n in range(9)]
