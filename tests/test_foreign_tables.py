"""Csv files of curves: long and wide, as tools write them, and refused by the place that is wrong."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from foreign_logs import bring, brought, write_csv
from hypothesis import given
from hypothesis import strategies as st
from refusals import examples, refused

from kryptui.errors import InputError
from kryptui.jobs.foreign_tables import read_csv
from kryptui.jobs.workspace import Workspace

NAN, INF = math.nan, math.inf


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "runs.db")


def test_a_long_file_has_a_row_a_value(workspace: Workspace) -> None:
    text = "metric,step,value,epoch,time\nloss,0,2.5,0.5,1e9\nacc,0,0.25,0.5,1e9\nloss,1,1.5,1.0,1000000001\n"
    run = brought(workspace, write_csv(workspace.root / "one.csv", text))
    with workspace.open() as store:
        rows = [row[2:] for row in store.metrics(run.id)]
    assert rows == [("loss", 0, 0.5, 1e9, 2.5), ("acc", 0, 0.5, 1e9, 0.25), ("loss", 1, 1.0, 1e9 + 1, 1.5)]
    assert (run.name, run.started, run.ended) == ("one", 1e9, 1e9 + 1)


def test_the_seconds_that_a_run_took_are_no_clock(workspace: Workspace) -> None:
    run = brought(workspace, write_csv(workspace.root / "one.csv", "metric,step,value,time\nloss,0,2.5,12.5\n"))
    assert run.started is None


def test_several_runs_of_one_file_become_several_runs(workspace: Workspace) -> None:
    text = "run,name,step,value\nb,loss,0,1\na,loss,0,2\nb,loss,1,3\n"
    results = bring(workspace, write_csv(workspace.root / "all.csv", text))
    assert [(result.name, result.points) for result in results] == [("b", 2), ("a", 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (  # Lightning's CSVLogger
            "epoch,step,train_loss,val_acc\n0,9,0.5,\n0,9,,0.7\n1,19,0.25,\n",
            [("train_loss", 9, 0.0, 0.5), ("val_acc", 9, 0.0, 0.7), ("train_loss", 19, 1.0, 0.25)],
        ),
        (  # Keras's CSVLogger
            "epoch,accuracy,loss\n0,0.5,2.0\n1,0.75,1.0\n",
            [
                ("accuracy", 0, 0.0, 0.5),
                ("loss", 0, 0.0, 2.0),
                ("accuracy", 1, 1.0, 0.75),
                ("loss", 1, 1.0, 1.0),
            ],
        ),
        ("Wall time,Step,Value\n1700000000.5,3,0.5\n", [("Value", 3, 0.0, 0.5)]),  # TensorBoard's download
        (",global_step, loss \n0,5,1\n\n1,6,nan\n", [("loss", 5, 0.0, 1.0), ("loss", 6, 0.0, NAN)]),  # pandas
        ("epoch,time,loss\n1,12.5,0.5\n", [("time", 1, 1.0, 12.5), ("loss", 1, 1.0, 0.5)]),  # seconds it took
        ("iteration,loss\n2,-inf\n1,Infinity\n", [("loss", 1, 0.0, INF), ("loss", 2, 0.0, -INF)]),
        ("step,stage,loss\n1,warm,N/A\n2,cool,0.5\n", [("loss", 2, 0.0, 0.5)]),
        ("\ufeffstep,loss\n1.0,1e999\n", [("loss", 1, 0.0, INF)]),
        ("step,loss\n1,5\n1,6\n", [("loss", 1, 0.0, 6.0)]),
        ("step,loss\n-9223372036854775808,1\n", [("loss", -(2**63), 0.0, 1.0)]),
    ],
)
def test_a_wide_file_has_a_row_a_step(
    workspace: Workspace, text: str, expected: list[tuple[str, int, float, float]]
) -> None:
    run = brought(workspace, write_csv(workspace.root / "one.csv", text))
    with workspace.open() as store:
        rows = [(row.name, row.step, row.epoch, row.value) for row in store.metrics(run.id)]
    assert repr(rows) == repr(expected)


def test_a_file_without_times_is_dated_by_the_file(workspace: Workspace) -> None:
    path = write_csv(workspace.root / "one.csv", "step,loss\n1,1\n")
    run = brought(workspace, path)
    assert (run.created, run.started, run.ended) == (path.stat().st_mtime, None, path.stat().st_mtime)


def test_a_common_file_name_gives_way_to_the_folder_s(workspace: Workspace) -> None:
    (workspace.root / "version_3").mkdir()
    assert (
        brought(workspace, write_csv(workspace.root / "version_3/metrics.csv", "step,a\n1,1\n")).name
        == "version_3"
    )


def test_a_column_of_text_is_left_out_and_said(workspace: Workspace) -> None:
    (result,) = bring(workspace, write_csv(workspace.root / "a.csv", "step,stage,a\n1,warm,1\n"))
    assert result.remarks == ["left out, as it holds no numbers: 'stage'"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["is empty"]),
        ("step,loss\n", ["no rows"]),
        ("step;loss\n1;0,5\n", ["line 1", "semicolons", "commas"]),
        ("step\tloss\n1\t2\n", ["tabs", "commas"]),
        ("loss,acc\n1,2\n", ["no column step", "'loss', 'acc'"]),
        ("step,loss,loss\n1,2,3\n", ["line 1", "'loss' stands twice"]),
        ("step,loss\n1,2\n3\n", ["line 3", "1 cells", "has 2"]),
        ("step,loss\nx,2\n", ["line 2", "'step' is 'x'", "whole number"]),
        ("step,loss\n1.5,2\n", ["line 2", "'step' is '1.5'"]),
        ("step,loss\n,2\n", ["line 2", "'step' is ''"]),
        ("step,loss\n9223372036854775808,2\n", ["line 2", "63 bits"]),
        (f"step,loss\n1{'0' * 5000},2\n", ["line 2", "..."]),
        ("step,loss\n1,2\n2,high\n", ["line 3", "'loss' is 'high'", "a number"]),
        ("step,loss\n1,high\n2,2\n", ["line 2", "'loss' is 'high'", "a number"]),
        ("step,epoch,loss\n1,inf,2\n", ["line 2", "'epoch' is 'inf'", "finite"]),
        ("epoch,loss\n0.5,2\n", ["line 2", "'epoch' is '0.5'", "whole"]),
        ("step,time,loss\n1,yesterday,2\n", ["line 2", "'time' is 'yesterday'", "ISO"]),
        ("step,time,loss\n1,1e300,2\n", ["line 2", "'time' is '1e300'"]),
        ("metric,step,value\nloss,1,high\n", ["line 2", "'value' is 'high'", "nan or inf"]),
        ("metric,step,value\n,1,2\n", ["line 2", "'metric' is ''"]),
        ("metric,value\nloss,2\n", ["no column step"]),
        ('step,loss\n1,"2\n', ["line 2", "not csv"]),
        ('step,loss\n1,"2"3\n', ["line 2", "not csv"]),
        ("st\x1b[31mep,loss\n1,2\n", ["no column step", "x1b"]),
    ],
)
def test_bad_csv_is_refused_by_its_place(tmp_path: Path, text: str, names: list[str]) -> None:
    path = write_csv(tmp_path / "bad.csv", text)
    refused(path, lambda: read_csv(path), *names)


@pytest.mark.parametrize("content", [b"\x00\xff\xfe" * 999, b"PK\x03\x04\xf0\xf1", b"\xff\xfes\x00t\x00"])
def test_a_binary_file_is_refused(workspace: Workspace, content: bytes) -> None:
    (workspace.root / "file.bin").write_bytes(content)
    (result,) = bring(workspace, workspace.root / "file.bin")
    assert "neither an event file of TensorBoard nor utf-8 text" in str(result.error)


cells = st.one_of(st.text("01.,e+-\"';\n\r\t \0nainf", max_size=6), st.integers().map(str), st.floats().map(repr))


@examples(150)
@given(
    st.lists(st.sampled_from(["step", "epoch", "time", "metric", "value", "run", "loss", "", "\x1b"]), max_size=5),
    st.lists(st.lists(cells, max_size=5), max_size=4),
)
def test_any_table_is_read_or_refused_in_a_line(tmp_path: Path, header: list[str], rows: list[list[str]]) -> None:
    path = tmp_path / "any.csv"
    path.write_text("\n".join(",".join(row) for row in [header, *rows]), encoding="utf-8", newline="")
    line, runs = "", []
    try:
        runs = read_csv(path)
    except InputError as error:
        line = str(error)
    assert line.isprintable()
    assert line.startswith(str(path)) != bool(runs)
    assert all(name.isprintable() for run in runs for name in run.points.names)
