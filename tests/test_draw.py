"""Figures and reports as text: what they say, that they fit, and that nothing relies on colour."""

from __future__ import annotations

import io
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.cells import cell_len
from rich.console import Console, RenderableType

from kryptui.draw import numerals
from kryptui.draw.axes import Scale
from kryptui.draw.console import render, render_report
from kryptui.draw.curves import draw_curve
from kryptui.draw.grids import Label
from kryptui.draw.histograms import draw_histograms
from kryptui.draw.lines import Line, plot, thin
from kryptui.draw.words import COLOURS, clip, clip_left
from kryptui.figures import Curve, Figure, Histogram, ImageSheet, Matrix, Report, Series, Table

WIDTHS = (80, 160)

HISTOGRAM = Histogram(
    "similarity of pairs",
    "cosine similarity",
    [-1.0, -0.5, 0.0, 0.5, 1.0],
    {"genuine": [0, 0, 10, 1240], "impostor": [0, 900, 300, 1], "fake": [0, 1, 200, 100]},
)
CURVE = Curve(
    "eer",
    "epoch",
    "rate",
    [
        Series("eer", [1, 2, 3, 4], [0.4, 0.2, 0.1, 0.12]),
        Series("eer_real", [1, 2, 3, 4], [0.3, 0.2, 0.15, 0.13]),
    ],
)
MATRIX = Matrix("confusion", ["real", "fake"], ["real", "fake"], [[812, 14], [31, 790]])
TABLE = Table(
    "hardest pairs",
    ["kind", "similarity", "first"],
    [["genuine", 0.0312, "people/0012/a.jpg"], ["fake", None, "people/0451/" + "deep/" * 30 + "last.jpg"]],
)
SHEET = ImageSheet("faces", ["a/1.jpg", "b/2.jpg", "c/3.jpg"], ["genuine 0.31", "wrong", "fake 0.77"])
FIGURES: list[Figure] = [HISTOGRAM, CURVE, MATRIX, TABLE, SHEET]
EACH = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.kind)
AT_WIDTHS = pytest.mark.parametrize("width", WIDTHS)


def text_of(drawing: RenderableType, width: int = 400, **console: object) -> str:
    """What a pipe gets; the console is wider than any drawing here, so that too wide lines show."""
    file = io.StringIO()
    Console(file=file, width=width, **console).print(drawing)  # type: ignore[arg-type]
    return file.getvalue()


def drawn(figure: Figure, width: int = 80) -> list[str]:
    return text_of(render(figure, width)).splitlines()


def widest(lines: list[str]) -> int:
    return max(map(cell_len, lines), default=0)


@EACH
@AT_WIDTHS
def test_a_figure_stands_under_its_title_and_fits(figure: Figure, width: int) -> None:
    lines = drawn(figure, width)
    assert lines[0].startswith(f"─ {figure.title} ─")
    assert widest(lines) == width


@EACH
def test_a_pipe_gets_no_escape_codes(figure: Figure) -> None:
    assert "\x1b" not in text_of(render(figure, 80))


@EACH
def test_no_color_leaves_no_escape_codes_on_a_terminal(figure: Figure) -> None:
    assert "\x1b" not in text_of(render(figure, 80), force_terminal=True, no_color=True, color_system="truecolor")


@EACH
def test_a_terminal_gets_colours(figure: Figure) -> None:
    assert "\x1b[" in text_of(render(figure, 80), force_terminal=True, color_system="truecolor", no_color=False)


# Histograms


def test_each_group_of_a_histogram_is_named_with_its_size_and_peak() -> None:
    text = "\n".join(drawn(HISTOGRAM))
    for words in ("genuine", "n 1,250", "1,240┤", "impostor", "n 1,201", "900┤", "fake", "n 301", "200┤"):
        assert words in text


def test_one_image_in_a_bin_of_a_histogram_shows() -> None:
    lines = drawn(Histogram("h", "x", [0, 1, 2], {"all": [100_000, 1]}))
    assert "▁" in "".join(lines)


def test_the_highest_bar_is_full_and_half_of_it_is_half_as_high() -> None:
    lines = drawn(Histogram("h", "x", [0.0, 0.5, 1.0], {"all": [100, 50]}))
    bars = [line.split("┤")[-1].split("│")[-1] for line in lines[1:6]]
    first, second = ([row[start : start + 5] for row in bars] for start in (0, 6))
    assert "".join(first) == "█" * 25
    assert "".join(second) == " " * 10 + "▄" * 5 + "█" * 10


def test_empty_bins_at_the_ends_are_cut_off() -> None:
    counts = [0] * 40 + [5, 6, 7] + [0] * 57
    lines = drawn(Histogram("h", "x", [float(edge) for edge in range(101)], {"all": counts}))
    assert re.findall(r"\d+", lines[-2]) == ["40", "41", "42"]


def test_a_long_distribution_is_merged_and_keeps_its_sum() -> None:
    counts = [1] * 5000
    lines = drawn(Histogram("h", "x", [float(edge) for edge in range(5001)], {"all": counts}))
    assert widest(lines) <= 80
    assert "n 5,000" in lines[2]


def test_a_group_without_counts_is_named_as_such() -> None:
    assert "none: fake" in drawn(Histogram("h", "x", [0, 1, 2], {"real": [1, 2], "fake": [0, 0]}))[0]


# Curves


def test_a_curve_names_each_series_with_its_marker_and_last_value() -> None:
    legend = drawn(CURVE)[1]
    assert "● eer 0.1200" in legend
    assert "▲ eer_real 0.1300" in legend


def test_the_points_of_a_short_series_are_marked() -> None:
    plot = "".join(drawn(CURVE)[2:])
    assert plot.count("●") + plot.count("▲") >= 7  # one of the eight may lie above another


def test_the_best_point_is_marked_where_asked_for() -> None:
    lines = text_of(draw_curve(CURVE, 80, best="min")).splitlines()
    assert "★ 0.1000 at 3" in lines[1]
    assert "★" in "".join(lines[2:])


def test_every_colour_of_the_palette_is_drawn_as_itself() -> None:
    curve = Curve("c", "x", "y", [Series(f"s{at}", [0, 1], [at, at]) for at in range(len(COLOURS))])
    drawn = text_of(draw_curve(curve, 80), force_terminal=True, color_system="standard")
    plotted = drawn.split("┤", 1)[1]
    codes = {"green": 32, "cyan": 36, "magenta": 35, "yellow": 33, "blue": 34, "red": 31}
    assert [colour for colour in COLOURS if f"{codes[colour]}m" not in plotted] == []


def test_lines_that_look_alike_are_drawn() -> None:
    one = Line("same", "●", "green", np.arange(40.0), np.arange(40.0))
    assert plot([one, replace(one)], 80, 10) is not None


def test_the_height_of_a_plot_can_be_set() -> None:
    # A title, a legend, the plot, the axis, its labels, its name.
    assert len(text_of(draw_curve(CURVE, 60, height=7)).splitlines()) == 1 + 1 + 7 + 3


def test_zeros_on_a_logarithmic_axis_are_left_out() -> None:
    series = [Series("det", [0.0, 0.001, 0.01, 0.1, 1.0], [1.0, 0.1, 0.01, 0.001, 0.0])]
    lines = drawn(Curve("det", "far", "frr", series, log_x=True, log_y=True))
    text = "\n".join(lines)
    assert "frr · log-log" in lines[0]
    assert all(f"{label}┤" in text for label in ("0.1", "0.01", "0.001"))


def test_a_series_without_points_is_said_to_have_no_data() -> None:
    curve = Curve("c", "x", "y", [Series("full", [1, 2], [1, 2]), Series("empty", [], [])])
    assert "empty no data" in "\n".join(drawn(curve))


def test_two_points_a_column_keep_every_peak() -> None:
    y = np.random.default_rng(0).normal(size=100_000)
    x = np.arange(len(y), dtype=np.float64)
    thin_x, thin_y = thin(x, y, Scale.over(0, float(x[-1])), 80)
    assert len(thin_x) == len(thin_y) <= 160
    assert np.all(np.diff(thin_x) >= 0)
    column = np.minimum((x / x[-1] * 80).astype(int), 79)
    peaks = {(y[column == c].min(), y[column == c].max()) for c in range(80)}
    assert {tuple(sorted(pair)) for pair in thin_y.reshape(-1, 2).tolist()} == peaks


# Scales and numbers


@pytest.mark.parametrize(
    ("low", "high", "log", "expected"),
    [
        (0, 1, False, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (1, 25, False, [5, 10, 15, 20, 25]),
        (-0.3, 0.3, False, [-0.2, 0, 0.2]),
        (1e-3, 1, True, [1e-3, 1e-2, 1e-1, 1]),
        (0.04, 0.6, True, [0.05, 0.1, 0.2, 0.5]),
        (1e-9, 1e3, True, [1e-9, 1e-6, 1e-3, 1, 1e3]),
    ],
)
def test_ticks_are_round(low: float, high: float, log: bool, expected: list[float]) -> None:
    assert Scale.over(low, high, log).ticks(5) == pytest.approx(expected)


finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@given(finite, finite, st.integers(1, 12))
def test_ticks_lie_on_the_scale_and_are_few(one: float, other: float, about: int) -> None:
    scale = Scale.over(min(one, other), max(one, other))
    ticks = scale.ticks(about)
    assert len(ticks) <= about + 1
    assert all(-1e-6 <= scale.place(tick) <= 1 + 1e-6 for tick in ticks)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1240, "1,240"), (0.04123, "0.0412"), (None, "–"), (True, "yes"), (math.nan, "nan"), (3.1e-5, "3.1e-5"),
        (300.0, "300"), (1.0, "1.0000"), (12.345, "12.35"), (1234.56, "1,234.6"), (1e12, "1e12"), (-0.0, "0"),
        ("cuda:0", "cuda:0"),
    ],
)  # fmt: skip
def test_a_number_reads_well(value: float | str | None, expected: str) -> None:
    assert numerals.number(value) == expected


def test_numbers_below_each_other_have_equal_decimals() -> None:
    assert numerals.column([0.5, 0.25, None, 10.0]) == ["0.50", "0.25", "–", "10.00"]


def test_large_ticks_are_short() -> None:
    assert numerals.tick_labels([0, 5000, 10000, 15000]) == ["0", "5k", "10k", "15k"]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (4.2e6, "4.2 MB"),
        (139.8e9, "140 GB"),
        (999_600_000, "1.0 GB"),
        (99_960_000, "100 MB"),
        (5e15, "5000.0 TB"),
    ],
)
def test_sizes_are_said_as_people_say_them(count: float, words: str) -> None:
    assert numerals.size(count) == words


# Matrices


@pytest.mark.parametrize(
    ("value", "words"), [(3.0, "3"), (1200.0, "1,200"), (2.5, "2.5"), (0.0, "0"), (1e-9, "1e-9")]
)
def test_a_place_on_an_axis_is_short(value: float, words: str) -> None:
    assert numerals.place(value) == words


def test_histograms_of_other_bins_stand_over_one_axis_with_their_true_counts() -> None:
    one = Histogram("scores", "score", [0.0, 0.5, 1.0], {"genuine": [3, 9]})
    other = Histogram("scores", "score", [0.0, 2.0, 4.0], {"genuine": [0, 7]})
    labels = [Label("one", "●", "green"), Label("two", "▲", "cyan")]
    text = text_of(draw_histograms("scores", list(zip(labels, (one, other), strict=True)), 60))
    bars = [line for line in text.splitlines() if "┤" in line]
    assert [line.split("┤")[0].split()[-1] for line in bars] == ["9", "7"]
    left, right = (line.split("┤")[1] for line in bars)
    assert "█" in left[: len(left) // 2]
    assert not left[20:].strip()
    assert not right[:20].strip()
    assert "█" in right


def test_a_histogram_that_is_none_is_named_as_such() -> None:
    broken = Histogram("scores", "score", [1.0, 0.0, math.nan], {"genuine": [3, 9]})
    good = Histogram("scores", "score", [0.0, 1.0], {"genuine": [3]})
    labels = [Label("broken", "●", "green"), Label("good", "▲", "cyan")]
    text = text_of(draw_histograms("scores", list(zip(labels, (broken, good), strict=True)), 60))
    assert "none: broken" in text
    assert "no data" in text_of(draw_histograms("scores", [(labels[0], broken)], 60))


def test_a_small_matrix_shows_its_values_below_their_names() -> None:
    head, first, second = drawn(MATRIX)[1:]
    assert first.split() == ["real", "812", "14"]
    assert second.split() == ["fake", "31", "790"]
    assert head.index("real") + len("real") == first.index("812") + len("812")


def test_a_large_matrix_is_drawn_in_blocks_and_says_how() -> None:
    names = [f"person-{index}" for index in range(200)]
    values = [[float(row == column) for column in range(200)] for row in range(200)]
    lines = drawn(Matrix("m", names, names, values))
    assert "0 ░▒▓█ 0.2000" in lines[0]
    assert lines[-1] == "200 x 200 values; each block is the mean of 5 x 3"
    assert widest(lines) <= 80


# Tables


def test_numbers_of_a_table_end_in_one_column() -> None:
    lines = drawn(Table("t", ["name", "images"], [["a", 5], ["b", 12345]]))
    assert [line.rstrip()[-6:] for line in lines[1:]] == ["images", "     5", "12,345"]


def test_a_long_path_keeps_its_end() -> None:
    assert drawn(TABLE)[-1].rstrip().endswith("/last.jpg")
    assert "…" in drawn(TABLE)[-1]


def test_long_words_fold() -> None:
    detail = "the file ends before all of its pixels were read, " * 3
    lines = drawn(Table("t", ["path", "detail"], [["images/1.jpg", detail.strip()]]))
    assert " ".join(line[14:].strip() for line in lines[2:]) == detail.strip()


def test_columns_that_do_not_fit_are_named() -> None:
    table = Table("t", [f"metric{index}" for index in range(20)], [[0.5] * 20])
    assert drawn(table)[-1].startswith("not shown here: metric9, metric10")


# Image sheets


def test_without_colour_an_image_sheet_is_captions_and_names() -> None:
    assert drawn(SHEET)[1:] == [
        "1  genuine 0.31  a/1.jpg",
        "   wrong         b/2.jpg",
        "2  fake 0.77     c/3.jpg",
    ]


def test_a_picture_becomes_half_blocks_of_its_colours(tmp_path: Path) -> None:
    picture = Image.new("RGB", (64, 64), (255, 0, 0))
    picture.paste((0, 0, 255), (0, 32, 64, 64))
    picture.save(tmp_path / "a.png")
    sheet = ImageSheet("faces", [str(tmp_path / "a.png")], ["half and half"])
    text = text_of(render(sheet, 80), force_terminal=True, color_system="truecolor", no_color=False)
    lines = text.splitlines()
    assert "▀" in lines[1]
    assert "38;2;255;0;0" in lines[1]
    assert "38;2;0;0;255" in lines[-2]
    assert "half and half" in lines[-1]


def test_a_missing_picture_shows_its_name() -> None:
    text = text_of(render(SHEET, 80), force_terminal=True, color_system="truecolor", no_color=False)
    assert "1.jpg" in text
    assert "▀" not in text


# Reports


@AT_WIDTHS
def test_a_report_has_its_scalars_and_all_its_figures(width: int) -> None:
    report = Report("evaluation", {"eer": 0.0412, "pairs": 1240, "threshold": None}, FIGURES)
    lines = text_of(render_report(report, width)).splitlines()
    text = "\n".join(lines)
    assert lines[0].startswith("━ evaluation ━")
    assert re.search(r"eer +0.0412 +pairs +1,240 +threshold +–", lines[1])
    assert all(f"─ {figure.title} ─" in text for figure in FIGURES)
    assert widest(lines) == width


def test_scalars_read_down_in_columns() -> None:
    report = Report("r", {f"a scalar with a long name {index:02}": index for index in range(6)})
    lines = text_of(render_report(report, 80)).splitlines()[1:]
    assert [re.findall(r"name (\d+)", line) for line in lines] == [["00", "03"], ["01", "04"], ["02", "05"]]


def test_figures_stand_side_by_side_on_a_wide_screen() -> None:
    lines = text_of(render_report(Report("r", {}, [HISTOGRAM, CURVE]), 160)).splitlines()
    assert any("─ similarity of pairs ─" in line and "─ eer ─" in line for line in lines)


# Anything at all

words = st.text(max_size=40)
number = st.one_of(st.floats(), st.integers(-(10**18), 10**18).map(float), st.sampled_from([0.0, 5e-324, 1.7e308]))
series = st.lists(st.tuples(number, number), max_size=30).flatmap(
    lambda points: st.builds(Series, words, st.just([x for x, _ in points]), st.just([y for _, y in points]))
)
curves = st.builds(Curve, words, words, words, st.lists(series, max_size=8), st.booleans(), st.booleans())
histograms = st.integers(1, 60).flatmap(
    lambda bins: st.builds(
        Histogram,
        words,
        words,
        st.lists(number.filter(math.isfinite), min_size=bins + 1, max_size=bins + 1).map(sorted),
        st.dictionaries(words, st.lists(st.integers(0, 10**12), min_size=bins, max_size=bins), max_size=5),
    )
)
matrices = st.tuples(st.integers(0, 50), st.integers(0, 90), number).flatmap(
    lambda shape: st.builds(
        lambda title, row, column: Matrix(
            title,
            [row] * shape[0],
            [column] * shape[1],
            [[shape[2] * (i + j) for j in range(shape[1])] for i in range(shape[0])],
        ),
        words,
        words,
        words,
    )
)
cells = st.one_of(words, number, st.none(), st.integers(), st.booleans())
tables = st.integers(0, 9).flatmap(
    lambda columns: st.builds(
        Table,
        words,
        st.lists(words, min_size=columns, max_size=columns),
        st.lists(st.lists(cells, min_size=columns, max_size=columns), max_size=5),
    )
)
sheets = st.builds(ImageSheet, words, st.lists(words, max_size=5), st.lists(words, max_size=5), st.integers(0, 30))
figures = st.one_of(curves, histograms, matrices, tables, sheets)
odd = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@odd
@given(figures, st.sampled_from([20, 33, 80, 160]), st.booleans())
def test_any_figure_is_drawn_within_its_width(figure: Figure, width: int, colour: bool) -> None:
    text = text_of(render(figure, width), color_system="truecolor" if colour else None, no_color=False)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).split("\n")
    assert "\x1b" not in "".join(lines)
    assert widest(lines) <= width
    text.encode()


@odd
@given(words, st.dictionaries(words, cells, max_size=12), st.sampled_from([20, 80, 160]))
def test_any_scalars_are_drawn_within_their_width(title: str, scalars: dict[str, float], width: int) -> None:
    assert widest(text_of(render_report(Report(title, scalars), width)).split("\n")) <= width


@given(st.text(), st.integers(0, 30))
def test_clipped_words_fit(text: str, width: int) -> None:
    assert cell_len(clip(text, width)) <= width
    assert cell_len(clip_left(text, width)) <= width


def test_a_report_of_numbers_imports_neither_plotext_nor_numpy_nor_pillow() -> None:
    program = (
        "import sys; import kryptui.draw.console as c; from kryptui.figures import Report, Table;"
        "from rich import print;"
        "print(c.render_report(Report('r', {'a': 1}, [Table('t', ['a'], [[1]])]), 80));"
        "print({'plotext', 'numpy', 'PIL', 'torch', 'pandas', 'textual'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"
