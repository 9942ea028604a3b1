"""Evaluations of several runs: which figures are drawn together, and how pictures stand beside each other."""

from __future__ import annotations

import io
from pathlib import Path

from comparisons import figures
from records import HOSTILE
from rich.cells import cell_len
from rich.console import Console, RenderableType
from trees import write_image

from kryptui.draw.grids import Label
from kryptui.figures import Curve, Figure, Histogram, ImageSheet, Matrix, Series, Table
from kryptui.tell.evaluations import Told, draw_figures, draw_sheets, sheet_titles


def text_of(drawing: RenderableType, width: int, colours: str | None = None) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=colours, force_terminal=True, _environ={})  # type: ignore[arg-type]
    console.print(drawing)
    return file.getvalue()


def told(name: str, *shown: Figure, marker: str = "●", folder: str = "") -> Told:
    return Told(Label(name, marker, "green"), "step 1, best of 1", shown, folder)


def curve(*names: str, title: str = "roc", label: str = "fpr") -> Curve:
    return Curve(title, label, "tpr", [Series(name, [0.0, 1.0], [0.0, 1.0]) for name in names])


def test_series_of_one_name_share_a_plot_and_each_name_has_its_own() -> None:
    runs = [told("one", curve("a", "b")), told("two", curve("a"), marker="▲")]
    text = text_of(draw_figures(runs, 80), 80)
    assert text.count("roc: a") == text.count("roc: b") == 1
    assert text.index("roc: a") < text.index("● one 1.0000   ▲ two 1.0000") < text.index("roc: b")


def test_curves_over_other_axes_are_drawn_apart() -> None:
    runs = [told("one", curve("a")), told("two", curve("a", label="far"))]
    assert text_of(draw_figures(runs, 80), 80).count("─ roc ─") == 2


def test_histograms_stand_over_one_axis_as_wide_as_all_of_them() -> None:
    low = Histogram("scores", "score", [0.0, 1.0, 2.0], {"genuine": [1, 3], "fake": [0, 0]})
    high = Histogram("scores", "score", [8.0, 9.0, 10.0], {"genuine": [2, 2]})
    text = text_of(draw_figures([told("one", low), told("two", high, marker="▲")], 80), 80)
    assert text.count("score\n") == 1
    assert text.count("genuine") == 2
    assert "fake" not in text
    rows = [line for line in text.splitlines() if "┤" in line]
    assert rows[0].index("█") < 40 < rows[1].index("█")


def test_matrices_and_tables_follow_each_other_named_by_their_run() -> None:
    shown = [Matrix("confusion", ["a"], ["a"], [[0.5]]), Table("worst", ["row"], [[7]])]
    text = text_of(draw_figures([told("one", *shown), told("two", *shown, marker="▲")], 80), 80)
    for title in ("confusion", "worst"):
        assert text.count(f"━ {title} ━") == 1
    assert text.count("─ ● one ─") == text.count("─ ▲ two ─") == 2


def test_a_run_without_figures_is_named_all_the_same() -> None:
    lacking = Told(Label("two", "▲", "cyan"), "no evaluation on record")
    assert "▲ two  no evaluation on record" in text_of(draw_figures([told("one"), lacking], 80), 80)


def test_sheets_are_listed_by_title_and_empty_ones_are_not() -> None:
    runs = [
        told("one", ImageSheet("a", ["x"], []), ImageSheet("none", [], [])),
        told("two", ImageSheet("b", ["x"], [])),
    ]
    assert sheet_titles(runs) == ["a", "b"]


def test_pictures_of_as_many_runs_as_fit_stand_beside_each_other(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_image(tmp_path / name, 1)
    sheet = ImageSheet("pairs", ["a.png", "b.png"], ["first", "second"])
    runs = [told("one", sheet, folder=str(tmp_path)), told("two", sheet, marker="▲", folder=str(tmp_path))]
    wide = text_of(draw_sheets(runs, "pairs", 100), 100, "truecolor").splitlines()
    assert any("● one" in line and "▲ two" in line for line in wide)
    narrow = text_of(draw_sheets(runs, "pairs", 50), 50, "truecolor").splitlines()
    assert not any("● one" in line and "▲ two" in line for line in narrow)
    assert sum("▀" in line for line in wide) < sum("▀" in line for line in narrow)


def test_runs_without_pictures_of_a_title_are_named_and_take_no_room(tmp_path: Path) -> None:
    sheet = ImageSheet("pairs", ["missing.png"], ["lost"])
    runs = [told("one", sheet, folder=str(tmp_path)), told("two", marker="▲")]
    text = text_of(draw_sheets(runs, "pairs", 60), 60, "truecolor")
    assert "none of ▲ two" in text
    assert "missing.png" in text
    assert "cannot be read" in text


def test_files_that_are_missing_here_are_said_to_be_on_the_machine_of_the_run() -> None:
    far = Told(Label("one", "●", "green"), "step 1", [ImageSheet("pairs", ["a.png"], [])], "/far", "gpu-99")
    assert "● one: its files are on gpu-99" in text_of(draw_sheets([far], "pairs", 60), 60, "truecolor")


def test_hostile_words_drive_no_terminal_and_no_line_is_too_wide() -> None:
    shown = [*figures(1), ImageSheet(HOSTILE, [HOSTILE], [HOSTILE]), curve(HOSTILE, title=HOSTILE)]
    runs = [Told(Label(HOSTILE, "●", "green"), HOSTILE, shown, HOSTILE, HOSTILE)] * 2
    for width in (40, 90, 160):
        for drawing in (draw_figures(runs, width), draw_sheets(runs, HOSTILE, width)):
            lines = text_of(drawing, width).splitlines()
            assert not any("\x1b" in line or "\x07" in line for line in lines)
            assert max(map(cell_len, lines)) <= width
