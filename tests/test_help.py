"""The help: every command is told in a whole line, and every `--json` says its shape."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from records import add_run

from kryptui.cli import answer
from kryptui.cli.main import app
from kryptui.cli.runs import list_runs, show
from kryptui.data.inspect import DatasetReport
from kryptui.data.labels import Remains
from kryptui.data.manifest import LeftOut
from kryptui.data.prepare import PreparedSummary
from kryptui.runs.store import Store
from kryptui.tell.run import run_json

WIDTH = 80


def contexts(command: Any, parent: Any = None, name: str = "kryptui") -> Iterator[Any]:
    """The context of every command and group, as if it had been called in a terminal of 80 columns."""
    context = command.context_class(command, parent=parent, info_name=name, terminal_width=WIDTH - 2)
    yield context
    for word, below in getattr(command, "commands", {}).items():
        yield from contexts(below, context, word)


ALL = {context.command_path: context for context in contexts(typer.main.get_command(app))}
GROUPS = [path for path, context in ALL.items() if hasattr(context.command, "commands")]
WITH_JSON = [
    path
    for path, context in ALL.items()
    if any("--json" in parameter.opts for parameter in context.command.params)
]


def help_of(path: str) -> str:
    """What a command says of itself, its options left out."""
    return " ".join(ALL[path].command.help.split())


def words_of(path: str) -> set[str]:
    return set(re.findall(r"\w+", help_of(path)))


@pytest.mark.parametrize("group", GROUPS)
def test_no_summary_of_a_command_is_cut_at_80_columns(group: str) -> None:
    listed = ALL[group].get_help().partition("Commands:\n")[2].splitlines()
    assert len(listed) == len(ALL[group].command.commands)
    assert [line for line in listed if line.endswith("...") or len(line) > WIDTH] == []


@pytest.mark.parametrize("path", WITH_JSON)
def test_a_command_with_json_says_its_shape(path: str) -> None:
    assert re.search(r"--json\b.*[:{]", help_of(path))


@pytest.mark.parametrize(
    ("path", "shapes"),
    [
        ("kryptui data inspect", [DatasetReport, LeftOut, Remains]),
        ("kryptui data prepare", [PreparedSummary, LeftOut]),
    ],
)
def test_what_a_dataset_s_json_holds_is_told(path: str, shapes: list[Any]) -> None:
    fields = {field.name for shape in shapes for field in dataclasses.fields(shape)}
    assert fields - words_of(path) == set()


def test_what_a_score_s_json_holds_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.csv").write_text("pair_id,label\na,1\nb,0\n")
    (tmp_path / "submission.csv").write_text("pair_id,similarity\na,0.9\nb,0.1\n")
    answer.score(tmp_path / "submission.csv", tmp_path / "labels.csv", json_output=True)
    assert json.loads(capsys.readouterr().out).keys() - words_of("kryptui score") == set()


def test_what_a_run_s_json_holds_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = str(tmp_path / "runs.db")
    with Store.open(database) as store:
        listed = run_json(store.get_run(add_run(store, "one", {"eer": [0.1]})))
    list_runs(json_output=True, database=database)
    assert json.loads(capsys.readouterr().out) == [listed]
    assert listed.keys() - words_of("kryptui runs list") == set()
    show("one", json_output=True, database=database)
    assert json.loads(capsys.readouterr().out).keys() - listed.keys() - words_of("kryptui runs show") == set()
