"""The record for other tools: exact, whole or not at all, page by page, and back again."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import tag
from refusals import examples
from toys import environment, kryptui

from kryptui.errors import InputError, RunError
from kryptui.jobs.exporting import Format, Written, choose_format, new_file, write_table
from kryptui.jobs.importing import Choices, import_runs
from kryptui.jobs.workspace import Workspace
from kryptui.runs import batch, flat
from kryptui.runs.store import Store

NAN, INF = math.nan, math.inf


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "runs.db") as opened:
        yield opened


def record(store: Store, name: str, *items: batch.Item, config: dict[str, Any] | None = None) -> str:
    """A finished run of the record."""
    run_id = store.create_run("train", name, "toy", config or {}, "c0ffee", None, {}, "/home/someone")
    attempt = store.start_attempt(run_id)
    store.append(run_id, attempt, list(items), {}, {}, {})
    store.finish(run_id, "finished")
    return run_id


def point(step: int, value: float, name: str = "loss", time: float = 1e9, epoch: float = 0.5) -> batch.Points:
    return batch.Points(time, step, epoch, {name: value})


def export(store: Store, *words: str, what: flat.What = "metrics", format: Format = "csv") -> str:
    return written(store, *words, what=what, format=format)[0]


def written(store: Store, *words: str, what: flat.What = "metrics", format: Format = "csv") -> tuple[str, Written]:
    file = io.BytesIO()
    outcome = write_table(flat.table(store, flat.find_runs(store, words), what), format, file)
    return file.getvalue().decode(), outcome


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


# What is exported


def test_metrics_are_a_row_a_value(store: Store) -> None:
    run_id = record(store, "baseline", batch.Points(1e9 + 0.25, 7, 0.5, {"loss": 0.1, "eer": NAN}), point(8, -INF))
    assert export(store) == (
        "run,name,attempt,metric,step,epoch,time,value\n"
        f"{run_id},baseline,1,loss,7,0.5,1000000000.25,0.1\n"
        f"{run_id},baseline,1,eer,7,0.5,1000000000.25,nan\n"
        f"{run_id},baseline,1,loss,8,0.5,1000000000.0,-inf\n"
    )


def test_log_lines_are_a_row_a_line(store: Store) -> None:
    run_id = record(store, "baseline", batch.LogLine(1.5, "info", 'it said "no",\r\nthen\rwent'))
    (row,) = rows(export(store, what="logs"))
    assert row == {
        "run": run_id,
        "attempt": "1",
        "time": "1970-01-01T00:00:01.500+00:00",
        "level": "info",
        "text": 'it said "no",\r\nthen\rwent',
    }


def test_runs_are_a_row_a_run_with_settings_and_metrics(store: Store) -> None:
    config = {"seed": 3, "stages": [{"lr": 0.1, "set": {}}], "weights": None, "fast": True}
    record(store, "first", point(0, 0.5), point(1, 0.25), point(2, 1.0), config=config)
    run_id = record(store, "second", point(0, NAN, "other"), config={"seed": "auto", "fast": None})
    tag(store, run_id, "a", "b")
    second, first = rows(export(store, what="runs"))
    assert (first["name"], first["kind"], first["status"], first["tags"]) == ("first", "train", "finished", "")
    assert (first["cfg.seed"], first["cfg.stages.0.lr"], first["cfg.stages.0.set"]) == ("3", "0.1", "{}")
    assert (first["cfg.weights"], first["cfg.fast"]) == ("", "true")
    assert (first["loss.best"], first["loss.last"], first["other.last"]) == ("0.25", "1.0", "")
    assert (second["cfg.seed"], second["tags"], second["other.last"]) == ("auto", "a;b", "nan")
    assert datetime.fromisoformat(second["created"]).tzinfo is UTC


def test_json_is_an_array_with_an_object_a_line(store: Store) -> None:
    run_id = record(store, "baseline", *(point(step, value) for step, value in enumerate((0.1, NAN, INF, -INF))))
    text = export(store, format="json")
    assert [line[:1] for line in text.splitlines()] == ["[", *"{{{{", "]"]
    first, *others = json.loads(text)
    columns = "run", "name", "attempt", "metric", "step", "epoch", "time", "value"
    assert list(first.items()) == list(
        zip(columns, (run_id, "baseline", 1, "loss", 0, 0.5, 1e9, 0.1), strict=True)
    )
    assert [row["value"] for row in others] == ["NaN", "Infinity", "-Infinity"]


def test_json_keeps_settings_as_they_are(store: Store) -> None:
    for seed in (3, "auto", 2**70):
        record(store, str(seed), config={"seed": seed, "fast": True})
    found = json.loads(export(store, what="runs", format="json"))
    assert {row["name"]: (row["cfg.seed"], row["cfg.fast"], row["tags"]) for row in found} == {
        "3": (3, True, []),
        "auto": ("auto", True, []),
        str(2**70): (2**70, True, []),
    }


@pytest.mark.parametrize("format", ["csv", "json"])
def test_nothing_is_a_table_without_rows(store: Store, format: Format) -> None:
    header = "run,name,attempt,metric,step,epoch,time,value\n"
    assert export(store, format=format) == {"csv": header, "json": "[]\n"}[format]


# Parquet


@pytest.fixture
def parquet() -> Any:
    return pytest.importorskip("pyarrow.parquet", exc_type=ImportError)


def write_parquet(store: Store, path: Path, what: flat.What) -> None:
    with new_file(path, overwrite=False) as file:
        write_table(flat.table(store, flat.find_runs(store, ()), what), "parquet", file)


def test_parquet_has_real_numbers(store: Store, tmp_path: Path, parquet: Any) -> None:
    record(store, "baseline", *(point(step, value) for step, value in enumerate((0.1, NAN, INF))))
    write_parquet(store, tmp_path / "m.parquet", "metrics")
    table = parquet.read_table(tmp_path / "m.parquet")
    types = dict(zip(table.schema.names, map(str, table.schema.types), strict=True))
    assert (types["step"], types["value"], types["metric"]) == ("int64", "double", "string")
    assert repr(table["value"].to_pylist()) == "[0.1, nan, inf]"


def test_parquet_has_real_types_for_settings(store: Store, tmp_path: Path, parquet: Any) -> None:
    record(store, "one", config={"lr": 1, "fast": True, "seed": 3, "mixed": "x\udcff"})
    record(store, "two", config={"lr": 0.1, "fast": False, "seed": 4, "mixed": 2})
    write_parquet(store, tmp_path / "r.parquet", "runs")
    two, one = parquet.read_table(tmp_path / "r.parquet").to_pylist()
    assert [one[f"cfg.{key}"] for key in ("lr", "fast", "seed", "mixed")] == [1.0, True, 3, "x\\udcff"]
    assert (two["cfg.mixed"], two["tags"], two["created"].tzinfo is not None) == ("2", [], True)


def test_parquet_without_pyarrow_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="pyarrow does not load"):
        export(store, format="parquet")


# Which runs


def test_ids_and_whole_names_mean_those_runs_alone(store: Store) -> None:
    ids = {name: record(store, name) for name in ("base", "base-2", "other one")}
    assert [run.name for run in flat.find_runs(store, ["base"])] == ["base"]
    assert [run.name for run in flat.find_runs(store, [ids["base"], "other one"])] == ["base", "other one"]
    assert {run.name for run in flat.find_runs(store, ["base", "-other"])} == {"base", "base-2"}
    assert {run.name for run in flat.find_runs(store, ["name:base", "kind:train"])} == {"base", "base-2"}
    assert len(flat.find_runs(store, [])) == 3


# Page by page


@pytest.mark.parametrize("what", ["metrics", "logs"])
def test_pages_do_not_show(store: Store, monkeypatch: pytest.MonkeyPatch, what: flat.What) -> None:
    for name in ("a", "b"):
        lines = [batch.LogLine(1.0, "info", str(step)) for step in range(7)]
        record(store, name, *(point(step, step) for step in range(7)), *lines)
    whole = export(store, what=what)
    monkeypatch.setattr(flat, "_PAGE", 3)
    assert export(store, what=what) == whole
    assert len(rows(whole)) == 14


def test_a_page_is_read_when_it_is_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "_PAGE", 2)
    record(store, "a", *(point(step, step) for step in range(4)))
    pages = iter(flat.table(store, flat.find_runs(store, ()), "metrics").pages)
    assert len(next(pages)) == 2
    with store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM metrics")
    assert list(pages) == []


def test_it_is_the_same_on_every_database(target: str | Path) -> None:
    with Store.open(target) as store:
        record(store, "a", point(2**63 - 1, NAN), point(0, 1e300, "o'x%"), batch.LogLine(1.0, "info", "x"))
        assert [row["value"] for row in rows(export(store))] == ["nan", "1e+300"]
        assert [row["text"] for row in rows(export(store, what="logs"))] == ["x"]
        assert [row["o'x%.last"] for row in rows(export(store, what="runs"))] == ["1e+300"]


# Text that a spreadsheet would compute


def test_text_is_exact_and_what_looks_like_a_formula_is_told(store: Store) -> None:
    record(store, '=HYPERLINK("evil")', point(0, -1.0))
    text, outcome = written(store)
    assert rows(text)[0]["name"] == '=HYPERLINK("evil")'
    assert outcome == Written(1, '=HYPERLINK("evil")')


def test_negative_numbers_are_no_formulas(store: Store) -> None:
    record(store, "plain", point(-1, -1.0))
    assert written(store)[1] == Written(1, None)


# The file


@pytest.mark.parametrize(
    ("given", "path", "chosen"),
    [
        (None, None, "csv"),
        (None, "a.json", "json"),
        (None, "a.b.PARQUET", "parquet"),
        ("json", "a.csv", "json"),
        ("csv", "noending", "csv"),
    ],
)
def test_the_format_is_given_or_the_file_s(given: str | None, path: str | None, chosen: str) -> None:
    assert choose_format(given, None if path is None else Path(path)) == chosen


@pytest.mark.parametrize(
    ("given", "path", "message"), [("cvs", None, "did you mean 'csv'"), (None, "a.txt", "ending")]
)
def test_an_unknown_format_is_refused(given: str | None, path: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_format(given, None if path is None else Path(path))


def fail_halfway(path: Path, error: BaseException) -> None:
    with new_file(path, overwrite=True) as file:
        file.write(b"half")
        raise error


def test_a_file_that_fails_halfway_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(KeyboardInterrupt):
        fail_halfway(path, KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("older")
    with pytest.raises(RunError, match="No space left"):
        fail_halfway(path, OSError(28, "No space left on device"))
    assert path.read_text() == "older"
    with new_file(path, overwrite=True) as file:
        file.write(b"newer")
        assert path.read_text() == "older"
    assert path.read_text() == "newer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_taken_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(InputError, match="is there already"), new_file(path, overwrite=False):
        path.write_text("theirs")
    assert path.read_text() == "theirs"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("older")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with new_file(tmp_path / "link.csv", overwrite=True) as file:
        file.write(b"newer")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "newer"


@pytest.mark.parametrize(
    ("name", "overwrite", "message"),
    [
        ("there.csv", False, "--overwrite"),
        ("folder", True, "is a folder"),
        ("nowhere/a.csv", False, "its folder does not exist"),
        ("pipe", True, "no ordinary file"),
    ],
)
def test_a_place_that_cannot_be_is_refused(tmp_path: Path, name: str, overwrite: bool, message: str) -> None:
    (tmp_path / "there.csv").write_text("older")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=message), new_file(tmp_path / name, overwrite=overwrite):
        pass
    assert (tmp_path / "there.csv").read_text() == "older"


# There and back


names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
values = st.builds(
    batch.Points,
    time=st.floats(1, 4e9),
    step=st.integers(-(2**63), 2**63 - 1),
    epoch=st.floats(allow_nan=False, allow_infinity=False),
    values=st.dictionaries(names | st.sampled_from(['a,"b"', "=1+1", "x y"]), st.floats(), min_size=1, max_size=3),
)


@examples(20)
@given(st.lists(st.lists(values, min_size=1, max_size=6), min_size=1, max_size=3), st.lists(names, min_size=3))
def test_what_is_exported_and_imported_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[batch.Points]], titles: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("there")
    with Store.open(folder / "runs.db") as store:
        for index, items in enumerate(runs):
            record(store, f"{titles[index]}{index}", *items)
        there = export(store)
    (folder / "there.csv").write_bytes(there.encode())
    results = list(import_runs([folder / "there.csv"], Choices(), Workspace(folder, "back.db")))
    assert [(result.outcome, result.remarks) for result in results] == [("new", [])] * len(runs)
    with Store.open(folder / "back.db") as store:
        back = export(store)
    assert by_name(back) == by_name(there)


def by_name(text: str) -> dict[str, list[list[str]]]:
    """The points of each run, in their order, as they are spelt."""
    found: dict[str, list[list[str]]] = {}
    for row in rows(text):
        found.setdefault(row["name"], []).append(
            [row[key] for key in ("metric", "step", "epoch", "time", "value")]
        )
    return found


# Whole programs


def test_a_file_and_stdout_get_the_same(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        record(store, "bäse", point(0, 0.5))
        expected = export(store)
    to_file = kryptui("runs", "export", "bäse", "-o", "out.csv", cwd=tmp_path)
    assert (to_file.returncode, to_file.stdout, to_file.stderr) == (0, "", "out.csv: 1 row of 1 run\n")
    command = [sys.executable, "-m", "kryptui", "runs", "export"]
    plain = environment() | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, env=plain, capture_output=True, check=True)
    assert done.stdout == (tmp_path / "out.csv").read_bytes() == expected.encode()
    again = kryptui("runs", "export", "-o", "out.csv", cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr == "error: out.csv: is there already; name another, or give --overwrite\n"


def test_a_record_without_runs_says_so(tmp_path: Path) -> None:
    Store.open(tmp_path / "runs.db").close()
    done = kryptui("runs", "export", "--what", "logs", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "run,attempt,time,level,text\n")
    assert done.stderr == "notice: the record holds no run yet\n"


def test_a_reader_that_goes_away_is_no_error_to_be_told(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        record(store, "a", *(point(step, 0.1) for step in range(20_000)))
    command = f"{sys.executable} -m kryptui runs export | head -n 1"
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("run,name")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--what", "metric"], "did you mean 'metrics'"), (["--format", "parquet"], "name a file by -o")],
)
def test_what_cannot_be_exported_is_refused_in_a_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    Store.open(tmp_path / "runs.db").close()
    done = kryptui("runs", "export", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert message in done.stderr
