"""A file of answers as the Submit page reads it: rows, integrity, spread, sidecar; or a line that says why not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from kryptui.errors import InputError
from kryptui.tui.submit.answer_file import HEAD, TAIL, read_answer


def write(path: Path, values: list[object], sidecar: object = None) -> Path:
    rows = "".join(f"{place:04},{value}\n" for place, value in enumerate(values))
    path.write_text(f"pair_id,similarity\n{rows}")
    if sidecar is not None:
        path.with_name(f"{path.name}.json").write_text(json.dumps(sidecar))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


def test_first_and_last_rows_are_kept_and_all_are_counted(path):
    found = read_answer(write(path, list(range(100))), None)
    assert found.rows == 100
    assert found.head == [[f"{place:04}", str(place)] for place in range(HEAD)]
    assert found.tail == [[f"{place:04}", str(place)] for place in range(100 - TAIL, 100)]


def test_no_row_of_a_short_file_is_shown_twice(path):
    found = read_answer(write(path, list(range(HEAD + 1))), None)
    assert [row[1] for row in found.head + found.tail] == [str(place) for place in range(HEAD + 1)]


@pytest.mark.parametrize("same", [True, False])
def test_the_file_is_held_against_the_record(path, same):
    write(path, [0.5])
    recorded = hashlib.sha256(path.read_bytes()).hexdigest() if same else "0" * 64
    assert read_answer(path, recorded).state == ("same" if same else "changed")
    assert read_answer(path, None).state == "unknown"


def test_the_spread_counts_every_number_once_over_round_bins(path):
    values = [place / 100 - 0.5 for place in range(101)]
    figure = read_answer(write(path, values), None).histogram
    assert sum(figure.counts["rows"]) == len(values)
    width = figure.edges[1] - figure.edges[0]
    assert width == pytest.approx(0.05)
    assert figure.edges[0] <= min(values)
    assert max(values) <= figure.edges[-1]


@pytest.mark.parametrize("values", [[0.5] * 7, [1e300, 1e300 + 1], [-1.0, 1.0], [0.0]])
def test_odd_numbers_have_a_spread_or_none(path, values):
    figure = read_answer(write(path, values), None).histogram
    assert figure is None or sum(figure.counts["rows"]) == len(values)


def test_words_have_no_spread(path):
    assert read_answer(write(path, ["yes", "no"]), None).histogram is None


def test_the_sidecar_is_read_with_it(path):
    assert read_answer(write(path, [0.5], {"step": 3}), None).sidecar == {"step": 3}


@pytest.mark.parametrize(("text", "words"), [(None, "is not there"), ("{", "is not JSON"), ("[1]", "as kryptui")])
def test_a_sidecar_that_tells_nothing_is_said_to(path, text, words):
    write(path, [0.5])
    if text is not None:
        path.with_name("a.csv.json").write_text(text)
    assert words in read_answer(path, None).problem


def test_a_file_that_is_gone_is_an_error(path):
    with pytest.raises(InputError, match="is not there any more"):
        read_answer(path, None)


@pytest.mark.parametrize("content", [b"", b"a,b\n\n\n", b'"open', b"\xff\xfe,\x1b[2J\n1,2\n"])
def test_any_text_is_read(path, content):
    path.write_bytes(content)
    assert read_answer(path, None).bytes == len(content)


def test_what_is_no_csv_is_refused_in_a_line(path):
    path.write_bytes(b"a" * 200_000)
    with pytest.raises(InputError, match="is no csv file") as caught:
        read_answer(path, None)
    assert "\n" not in str(caught.value)


def test_reading_ends_when_nobody_wants_it(path):
    assert read_answer(write(path, [0.5] * 10_000), None, lambda: True) is None
