"""`kryptui runs compare`: what a person reads, what a program does, what is refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from records import add_run

from kryptui.cli.compare import compare
from kryptui.errors import InputError
from kryptui.runs.store import Store


def compared(database: str, capsys: pytest.CaptureFixture[str], *runs: str, **options: Any) -> str:
    capsys.readouterr()
    compare(list(runs), database=database, **options)
    return capsys.readouterr().out


def test_a_comparison_shows_what_differs_what_is_best_and_curves(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = [{"name": "a", "lr": 0.1}]
    add_run(store, "one", {"eer": [0.4, 0.2], "loss": [2.0, 1.0]}, config={"stages": stages, "seed": 0})
    add_run(
        store, "two", {"eer": [0.3, 0.1], "auc": [0.5]}, config={"stages": [{"name": "a", "lr": 0.2}], "seed": 0}
    )
    text = compared(database, capsys, "one", "two")
    assert re.search(r"stages\.0\.lr +0\.1 +0\.2", text)
    assert "seed" not in text
    assert re.search(r"eer best +0\.2 +0\.1 ★ -0\.1", text)
    assert "recorded by one of them alone: loss, auc" in text
    assert re.search(r"─ eer ─+\n ● one 0\.2000 +▲ two 0\.1000", text)
    assert re.search(r"─ loss ─+\n ● one 1\.0000 +▲ two no data", text)


def test_runs_without_anything_are_compared_without_complaint(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    add_run(store, "queued")
    add_run(store, "also queued")
    text = compared(database, capsys, "queued", "also queued")
    assert "none that differ" in text
    assert "none in common" in text


def test_values_that_are_no_numbers_do_not_win(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    add_run(store, "one", {"loss": [1.0, math.nan]})
    add_run(store, "two", {"loss": [2.0, 3.0]})
    add_run(store, "three", {"loss": [math.nan, math.inf]}, task="unknown")
    text = compared(database, capsys, "one", "two", "three")
    assert re.search(r"loss best +1 ★ +2 +\+1 +–", text)
    assert re.search(r"loss last +nan +3 +inf", text)


def test_comparing_as_json_has_the_documented_shape(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one = add_run(store, "one", {"eer": [0.4, 0.2]}, config={"seed": 0})
    two = add_run(store, "two", {"eer": [0.3, math.nan]}, config={"seed": 1, "x": None})
    facts = json.loads(compared(database, capsys, "one", two, json_output=True, curves=True, axis="epoch"))
    assert [run["id"] for run in facts["runs"]] == [one, two]
    assert facts["settings"] == {"seed": {one: 0, two: 1}, "x": {two: None}}
    assert facts["metrics"]["eer"] == {
        "direction": "lower",
        "winners": {"best": [one], "last": []},
        "runs": {
            one: {"best": 0.2, "best_step": 1, "last": 0.2, "last_step": 1},
            two: {"best": 0.3, "best_step": 0, "last": None, "last_step": 1},
        },
    }
    curves = {one: {"x": [0.0, 0.1], "y": [0.4, 0.2]}, two: {"x": [0.0], "y": [0.3]}}
    assert facts["curves"] == {"eer": {"axis": "epoch", "runs": curves}}
    assert "curves" not in json.loads(compared(database, capsys, "one", "two", json_output=True))


def test_a_filter_finds_runs_to_compare_the_oldest_first_and_named_ones_before(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [add_run(store, f"sweep-{number}") for number in range(3)]
    found = json.loads(compared(database, capsys, filter="sweep", json_output=True))
    assert [run["id"] for run in found["runs"]] == ids
    found = json.loads(compared(database, capsys, "sweep-2", filter="sweep", json_output=True))
    assert [run["id"] for run in found["runs"]] == [ids[2], ids[0], ids[1]]


@pytest.mark.parametrize(
    ("runs", "options", "message"),
    [
        (["one", "one"], {}, "named twice"),
        (["one"], {}, "found one run; name two or more"),
        ([], {}, "no run is named"),
        ([], {"filter": "nowhere"}, "found no run"),
        (["one", "oen"], {}, "did you mean 'one'"),
        (["one", "two"], {"metric": ["eeer"]}, "none of these runs has recorded it; did you mean 'eer'"),
        (["one", "two"], {"axis": "steps"}, "no such axis; did you mean 'step'"),
        (["one", "two"], {"curves": True}, "adds the points to --json"),
        ([], {"filter": "many"}, "40 runs are more than can be told apart"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    store: Store, database: str, runs: list[str], options: dict[str, Any], message: str
) -> None:
    for name in ("one", "two", *["many"] * (40 if options.get("filter") == "many" else 0)):
        add_run(store, name, {"eer": [0.1]})
    with pytest.raises(InputError, match=message):
        compare(runs, database=database, **options)
