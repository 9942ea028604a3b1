"""`kryptui runs list` and `show`: what people and programs read; and that no name drives a terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import HOSTILE, add_run, say, tag
from rich.cells import cell_len
from rich.console import Console
from toys import environment

from kryptui.cli.compare import compare
from kryptui.cli.logs import logs
from kryptui.cli.runs import list_runs, show
from kryptui.runs import batch, blobs, commands, listing, schema
from kryptui.runs.identity import Process
from kryptui.runs.logs import read
from kryptui.runs.store import Store
from kryptui.tell import run as tell

# runs list


def listed(store: Store, width: int, metrics: Sequence[str] = ("eer",), sort: str = "-created") -> list[str]:
    runs = store.list_runs("", sort, metrics=metrics)
    return [line.plain for line in tell.run_list(runs, metrics, sort, width)]


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_a_list_fits_its_width_and_says_the_important_things(store: Store, width: int) -> None:
    config = {"model": {"backbone": "vit_base_patch16_224"}, "task": {"losses": [{"kind": "triplet"}]}}
    run_id = add_run(
        store, "a-name-of-a-run-that-goes-on-and-on-and-on-and-on", {"eer": [0.5, 0.0412]}, config=config
    )
    tag(store, run_id, "baseline", "a-tag-that-is-long")
    add_run(store, "日本語の実験" * 6)
    lines = listed(store, width)
    assert max(map(cell_len, lines)) <= width
    assert re.search(rf"✓ a-name-of-\S+ +{run_id}  finished", lines[2])
    assert "0.0412" in lines[2]


def test_columns_come_with_the_width_and_empty_ones_not_at_all(store: Store) -> None:
    config = {"model": {"backbone": "resnet18"}, "task": {"losses": [{"kind": "triplet"}, {"kind": "arcface"}]}}
    tag(store, add_run(store, "one", {"eer": [0.1]}, config=config), "x", "y")
    add_run(store, "two", {"eer": [0.2]})
    assert listed(store, 40)[0].split() == ["name", "id", "status", "eer", "age"]
    wide = listed(store, 120)
    assert wide[0].split() == ["name", "id", "status", "model", "loss", "eer", "took", "age", "tags"]
    assert wide[2].split()[4:6] == ["resnet18", "triplet+arcface"]
    assert wide[2].endswith("x,y")


def test_the_column_that_a_list_is_sorted_by_is_marked(store: Store) -> None:
    add_run(store, "one", {"eer": [0.1]})
    assert "eer▲" in listed(store, 80, sort="eer")[0]
    assert "eer▼" in listed(store, 80, sort="-eer")[0]


@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=6), direction=st.sampled_from(["lower", "higher"])
)
@settings(max_examples=20)
def test_sorting_by_a_metric_puts_the_best_first(values: list[float], direction: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "runs.db") as store:
        for value in values:
            run_id = add_run(store, "run")
            point = batch.Points(0.0, 0, 0.0, {"x": value})
            store.append(run_id, store.start_attempt(run_id), [point], {}, {}, {"x": direction})
        add_run(store, "without")
        ordered = sorted(values, reverse=direction == "higher")
        for sort, expected in (("x", ordered), ("-x", ordered[::-1])):
            runs = store.list_runs(sort=sort, metrics=["x"])
            assert [run.summaries["x"].best for run in runs[:-1]] == expected
            assert runs[-1].name == "without"


def test_the_count_stands_on_stderr(store: Store, database: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two", "three"):
        add_run(store, name)
    told = []
    for query, limit in ((None, None), (["o"], None), (None, 2), (["status:queued"], 1), (["nothing"], None)):
        list_runs(query, limit=limit, database=database)
        told.append(capsys.readouterr().err)
    assert told == [
        "3 runs\n",
        "2 of 3 runs\n",
        "2 of 3 runs\n",
        "the first 1 that match of 3 runs\n",
        "0 of 3 runs\n",
    ]


def test_a_record_without_runs_says_how_to_start_one(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    list_runs(database=database)
    assert capsys.readouterr() == ("", "no runs on record yet; start one: kryptui run --headless CFG\n")


def test_a_terminal_gets_as_many_runs_as_it_holds(
    store: Store, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(30):
        add_run(store, "run")
    monkeypatch.setattr("kryptui.cli.console.console", lambda: Console(force_terminal=True, width=80, height=24))
    list_runs(database=database)
    first = capsys.readouterr()
    assert len(first.out.splitlines()) == 21
    assert first.err == "20 of 30 runs; the rest with --all\n"
    list_runs(everything=True, database=database)
    assert capsys.readouterr().err == "30 runs\n"


def test_the_headline_of_another_package_s_task_is_shown(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    add_run(store, "one", {"rmse": [0.25], "loss": [0.5]}, task="toy")
    add_run(store, "two", {"other": [1.0]}, task="nobody knows this task")
    list_runs(database=database)
    head = capsys.readouterr().out.splitlines()[0]
    assert "rmse" in head
    assert "other" not in head


def test_what_a_list_needs_is_read_on_any_database(target: str | Path) -> None:
    with Store.open(target) as store:
        run_id = add_run(store, "one", {"eer": [0.1]})
        add_run(store, "two", {"rmse": [0.1]}, task="toy")
        assert listing.count(store) == 2
        assert listing.tasks_without(store, ["eer"]) == ["toy"]
        assert listing.tasks_without(store, ["nothing"]) == ["toy", "verification"]
        assert listing.last_evaluation(store, run_id) is None
        for step in (1, 2):
            packed = batch.Evaluation(0.0, step, f'{{"eer": 0.{step}}}', blobs.pack_figures([]), None)
            store.append(run_id, 1, [packed], {}, {}, {})
        last = listing.last_evaluation(store, run_id)
        assert last is not None
        assert (last.step, last.scalars) == (2, {"eer": 0.2})
        say(store, run_id, "fine", "good")
        say(store, run_id, "bad", level="error")
        assert [line.text for line in read(store, run_id, level="warning")] == ["bad"]
        assert [line.text for line in read(store, run_id, limit=2, last=True)] == ["good", "bad"]


def test_how_long_runs_took_is_one_rule_in_lists_filters_and_sorting(target: str | Path) -> None:
    mine = str(Process.current())
    moments: dict[str, dict[str, Any]] = {
        "never began": {"status": "queued", "heartbeat": 9000.0},
        "waits to go on": {"status": "queued", "started": 1000.0, "heartbeat": 9000.0},
        "ended": {"status": "finished", "started": 1000.0, "heartbeat": 9000.0, "ended": 1060.0},
        "paused": {"status": "paused", "started": 1000.0, "heartbeat": 1040.0, "process": mine},
        "crashed": {"status": "running", "started": 1000.0, "heartbeat": 1020.0, "process": None},
        "under a clock that went back": {"status": "stopped", "started": 1000.0, "heartbeat": 900.0},
    }
    with Store.open(target) as store:
        for name, facts in moments.items():
            run_id = add_run(store, name)
            with store.writing() as connection:
                connection.execute(schema.runs.update().where(schema.runs.c.id == run_id).values(facts))
        runs = store.list_runs(sort="took")
        took = {run.name: tell.run_json(run)["seconds"] for run in runs}
        assert took == {
            "under a clock that went back": 0,
            "crashed": 20,
            "paused": 40,
            "ended": 60,
            "waits to go on": None,
            "never began": None,
        }
        assert [*took.values()] == [0, 20, 40, 60, None, None]
        assert [tell.seconds(run) for run in store.list_runs(sort="-took")] == [60, 40, 20, 0, None, None]
        assert {run.name for run in store.list_runs("took>=40s")} == {"ended", "paused"}
        assert {run.name for run in store.list_runs("took<40s")} == {"crashed", "under a clock that went back"}


# runs show


def shown(run: str, database: str, capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    capsys.readouterr()
    show(run, database=database, **options)
    return capsys.readouterr().out


def test_a_run_shows_how_it_stands_and_what_to_do(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parent = add_run(store, "the parent")
    env = {"device": "cuda:0", "git": {"commit": "0123456789abcdef", "changed": True}}
    run_id = add_run(store, "mine", note="a note\nof two lines", parent=parent, env=env)
    tag(store, run_id, "baseline", "contest")
    progress = {"stage": "finetune", "epoch": 3, "epochs": 5, "step": 1840, "total": 4000}
    speed = {"images_per_second": 1842.0, "seconds_left": 660.0}
    attempt = store.start_attempt(run_id)
    store.append(run_id, attempt, [batch.Progress(time.time(), {})], progress | speed, {}, {})
    commands.send(store, run_id, "pause", "me@laptop (pid 1)")
    text = shown("mine", database, capsys)
    for words in (
        f"▶ mine  {run_id}",
        "running: its last step was ",
        "finetune 3/5 · step 1,840 of 4,000 (46 %) · 1,842 img/s · left 11m00s",
        f"cuda:0 on {Process.current().host}",
        "commit 0123456789 and changes",
        "baseline, contest",
        f"the parent ({parent})",
        "me@laptop (pid 1)",
        "not heard yet",
    ):
        assert words in text
    assert re.search(r"note +a note *\n +of two lines", text)
    store.finish(run_id, "failed", "the disk is full")
    text = shown("mine", database, capsys)
    assert re.search(r"error +the disk is full", text)
    assert f"kryptui run --headless --resume {run_id}" in text
    assert "img/s" not in text


def test_show_as_json_holds_what_people_are_shown(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = add_run(store, "mine", {"eer": [0.1]}, config={"seed": 1})
    facts = json.loads(shown("mine", database, capsys, json_output=True))
    assert facts["id"] == run_id
    assert facts["metrics"]["eer"] == {"last": 0.1, "best": 0.1, "best_step": 0}
    assert facts["explanation"].startswith("ended ")
    assert facts["config"] == {"seed": 1}
    assert (facts["commands"], facts["artifacts"]) == ([], [])


# All of them


def test_no_name_note_or_line_drives_the_terminal(
    store: Store, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = add_run(
        store,
        HOSTILE,
        {"eer": [0.1], HOSTILE: [1.0]},
        note=HOSTILE,
        config={HOSTILE: HOSTILE},
        env={"device": HOSTILE},
    )
    tag(store, run_id, HOSTILE)
    say(store, run_id, HOSTILE, level=HOSTILE)
    commands.send(store, run_id, "stop", HOSTILE)
    store.finish(run_id, "failed", HOSTILE)
    add_run(store, "other", {"eer": [0.2]})
    list_runs(database=database)
    show(run_id, database=database)
    logs(run_id, follow=True, database=database)
    compare([run_id, "other"], database=database)
    output = capsys.readouterr()
    for text in output:
        assert {char for char in text if not char.isprintable()} == {"\n"}
    assert "[red]name[/]" in output.out


@pytest.mark.parametrize("command", [["list"], ["show", "one"], ["logs", "one"], ["compare", "one", "two"]])
def test_looking_at_runs_imports_nothing_heavy(store: Store, database: str, command: list[str]) -> None:
    add_run(store, "one", {"eer": [0.1]})
    add_run(store, "two", {"eer": [0.2]})
    arguments = ["kryptui", "runs", *command, "--db", database]
    code = (
        "import sys\nfor name in ('torch', 'pandas', 'textual', 'alembic', 'scipy'): sys.modules[name] = None\n"
        f"sys.argv = {arguments!r}\nfrom kryptui.cli import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout or command == ["logs", "one"]
