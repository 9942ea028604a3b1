"""Runs of other tools on record: once, whole, judged rightly, and like any other run."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from foreign_logs import bring, brought, scalar, write_csv, write_events
from records import tag
from toys import kryptui

from kryptui.errors import InputError, RunError
from kryptui.jobs.importing import direction_of_name
from kryptui.jobs.workspace import Workspace
from kryptui.runs import batch, keeping
from kryptui.runs.store import Store


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "runs.db")


# Once, and whole


def numbers(workspace: Workspace) -> list[int]:
    """How many points each run on record has."""
    with workspace.open() as store:
        return sorted(len(store.metrics(run.id)) for run in store.list_runs())


@pytest.fixture(params=["csv", "events"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Any]]:
    """A source, and what writes a number of steps into it."""
    if request.param == "csv":
        path = tmp_path / "curve.csv"
        rows = lambda steps, value: "".join(f"{step},{value}\n" for step in range(steps))  # noqa: E731
        yield path, lambda steps, value=1.0: write_csv(path, f"step,loss\n{rows(steps, value)}")
    else:
        path = tmp_path / "logs"
        yield path, lambda steps, value=1.0: write_events(path, [scalar("loss", s, value) for s in range(steps)])


def test_what_is_on_record_is_not_imported_again(workspace: Workspace, source: tuple[Path, Any]) -> None:
    path, write = source
    write(3)
    first, again = bring(workspace, path)[0], bring(workspace, path)[0]
    assert (again.outcome, again.run_id) == ("known", first.run_id)
    assert numbers(workspace) == [3]


def test_a_copy_elsewhere_is_recognised(workspace: Workspace, source: tuple[Path, Any]) -> None:
    path, write = source
    write(3)
    copy = path.with_name(f"copy{path.suffix}")
    bring(workspace, path)
    (shutil.copytree if path.is_dir() else shutil.copy)(path, copy)
    assert bring(workspace, copy)[0].outcome == "known"


def test_a_source_that_has_grown_replaces_its_run(workspace: Workspace, source: tuple[Path, Any]) -> None:
    path, write = source
    write(3)
    run_id = bring(workspace, path, tags=["old"])[0].run_id
    with workspace.open() as store:
        tag(store, run_id, "kept")
        keeping.set_note(store, run_id, "mine")
        keeping.rename(store, run_id, "renamed")
    write(5)
    (result,) = bring(workspace, path, tags=["new"])
    assert (result.outcome, result.run_id, result.name) == ("replaced", run_id, "renamed")
    with workspace.open() as store:
        run = store.get_run(run_id)
        assert (run.name, run.note, run.tags) == ("renamed", "mine", ("kept", "new", "old"))
        assert run.summaries["loss"].last_step == 4
        assert len(store.log_lines(run_id)) == 1
    assert numbers(workspace) == [5]


def test_a_source_that_was_begun_anew_is_a_new_run(workspace: Workspace, source: tuple[Path, Any]) -> None:
    path, write = source
    write(3, 1.0)
    bring(workspace, path)
    write(4, 2.0)
    assert bring(workspace, path)[0].outcome == "new"
    assert numbers(workspace) == [3, 4]


def test_a_deleted_run_is_imported_again(workspace: Workspace, source: tuple[Path, Any]) -> None:
    path, write = source
    write(3)
    first = bring(workspace, path)[0]
    with workspace.open() as store, store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM runs")
    assert bring(workspace, path)[0].run_id != first.run_id


@pytest.mark.parametrize("steps", [0, 3])
def test_an_import_that_fails_halfway_leaves_the_record_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    path = workspace.root / "a.csv"
    if steps:
        bring(workspace, write_csv(path, "step,loss\n" + "".join(f"{step},1\n" for step in range(steps))))
    write_csv(path, "step,loss\n" + "".join(f"{step},1\n" for step in range(60_000)))
    append, calls = batch.append, []

    def fail(*arguments: Any) -> batch.Appended:
        calls.append(arguments)
        if len(calls) == 2:
            raise RunError("the disk is full")
        return append(*arguments)

    monkeypatch.setattr(batch, "append", fail)
    (result,) = bring(workspace, path)
    assert result.outcome == "refused"
    assert numbers(workspace) == ([steps] if steps else [])


def test_a_dry_run_says_what_would_be_and_writes_nothing(workspace: Workspace) -> None:
    path = write_csv(workspace.root / "a.csv", "step,loss\n1,1\n")
    assert bring(workspace, path, dry_run=True)[0].outcome == "new"
    assert not (workspace.root / "runs.db").exists()
    bring(workspace, path)
    assert bring(workspace, path, dry_run=True)[0].outcome == "known"
    write_csv(path, "step,loss\n1,1\n2,1\n")
    assert bring(workspace, path, dry_run=True)[0].outcome == "replaced"
    assert numbers(workspace) == [1]


def test_it_is_the_same_on_every_database(target: str | Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, str(target))
    text = "run,metric,step,value\n" + "".join(f"{run},loss,{step},{step}\n" for run in "ab" for step in range(3))
    path = write_csv(tmp_path / "it's 100%_\\.csv", text + "a,odd,0,nan\na,odd,1,-inf\n")
    assert [result.outcome for result in bring(workspace, path)] == ["new", "new"]
    assert [result.outcome for result in bring(workspace, path)] == ["known", "known"]
    write_csv(path, f"{path.read_text()}b,loss,3,3\n")
    assert [result.outcome for result in bring(workspace, path)] == ["known", "replaced"]
    assert numbers(workspace) == [4, 5]


# What is better


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("train/loss", "lower"),
        ("valLoss", "lower"),
        ("valAcc", "higher"),
        ("val_eer", "lower"),
        ("top1_err", "lower"),
        ("far@frr=0.01", "lower"),
        ("loss/total", None),
        ("Accuracy/train", None),
        ("sparse_categorical_accuracy", "higher"),
        ("val/acc5", "higher"),
        ("metrics/mAP50-95(B)", "higher"),
        ("f1", "higher"),
        ("roc_auc", "higher"),
        ("tar@far=1e-3", "higher"),
        ("tpr_at_fpr_1e-2", "higher"),
        ("feature_mapping", None),
        ("career", None),
        ("lr", None),
    ],
)
def test_names_tell_which_way_is_better(name: str, direction: str | None) -> None:
    assert direction_of_name(name) == direction


def test_summaries_are_those_of_a_run_recorded_here(workspace: Workspace, tmp_path: Path) -> None:
    values = [math.nan, 3.0, 1.0, math.inf, 1.0, 2.0]
    text = "step,loss,acc\n" + "".join(f"{step},{value},{value}\n" for step, value in enumerate(values))
    run = brought(workspace, write_csv(tmp_path / "a.csv", text))
    with Store.open(tmp_path / "other.db") as store:
        run_id = store.create_run("train", "x", "toy", {}, "", None, {}, "")
        attempt = store.start_attempt(run_id)
        items = [batch.Points(0.0, step, 0.0, {"loss": v, "acc": v}) for step, v in enumerate(values)]
        store.append(run_id, attempt, items, {}, {}, {"acc": "higher"})
        assert run.summaries == store.summaries(run_id)


def test_directions_can_be_given_and_changed(workspace: Workspace) -> None:
    path = write_csv(workspace.root / "a.csv", "step,loss,score\n0,1,1\n1,2,2\n")
    first = brought(workspace, path, higher=["score"])
    assert (first.summaries["loss"].best, first.summaries["score"].best) == (1.0, 2.0)
    (result,) = bring(workspace, path, lower=["score"], higher=["loss"])
    assert (result.outcome, result.run_id) == ("replaced", first.id)
    with workspace.open() as store:
        assert store.summaries(first.id)["loss"].best == 2.0
    assert numbers(workspace) == [4]


def test_it_cannot_be_resumed(workspace: Workspace) -> None:
    from kryptui.jobs.training import check_resumable

    run = brought(workspace, write_csv(workspace.root / "a.csv", "step,loss\n0,1\n"))
    with pytest.raises(InputError, match="is no training run"):
        check_resumable(run)


# Refused before anything is written


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"tags": ["two words"]}, "tag 'two words'"),
        ({"name": "a/b"}, "name 'a/b'"),
        ({"lower": ["x"], "higher": ["x"]}, "metric 'x': is given by --lower and by --higher"),
    ],
)
def test_impossible_choices_are_refused(workspace: Workspace, choices: dict[str, Any], message: str) -> None:
    path = write_csv(workspace.root / "a.csv", "step,loss\n0,1\n")
    with pytest.raises(InputError, match=message):
        bring(workspace, path, **choices)
    assert not (workspace.root / "runs.db").exists()


def test_a_path_that_leads_nowhere_is_refused_before_the_others_are_read(workspace: Workspace) -> None:
    path = write_csv(workspace.root / "a.csv", "step,loss\n0,1\n")
    with pytest.raises(InputError, match="no such file"):
        bring(workspace, path, workspace.root / "nowhere")
    with pytest.raises(InputError, match="holds no event file"):
        bring(workspace, path, workspace.root)
    assert not (workspace.root / "runs.db").exists()


# Whole programs


def test_an_imported_run_is_one_like_any_other(tmp_path: Path) -> None:
    write_csv(tmp_path / "theirs.csv", "step,train/loss,score\n0,0.5,1\n1,0.05,2\n")
    done = kryptui("runs", "import", "theirs.csv", "--tag", "paper", "--higher", "scor", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.split(maxsplit=2)[2] == "theirs: 4 points of 2 metrics\n"
    assert done.stderr == "notice: metric 'scor': none of the runs has it; did you mean 'score'?\n"
    listed = kryptui("runs", "list", "kind:import", "tag:paper", "train/loss<0.1", "--json", cwd=tmp_path)
    assert [run["name"] for run in json.loads(listed.stdout)] == ["theirs"]
    shown = kryptui("runs", "show", "theirs", "--json", cwd=tmp_path)
    assert json.loads(shown.stdout)["metrics"]["train/loss"] == {"last": 0.05, "best": 0.05, "best_step": 1}


def test_what_happened_is_told_as_json_and_by_the_exit_code(tmp_path: Path) -> None:
    write_csv(tmp_path / "good.csv", "step,loss\n0,0.5\n")
    write_csv(tmp_path / "bad.csv", "step,loss\n0\n")
    done = kryptui("runs", "import", "good.csv", "bad.csv", "--json", "--name", "theirs", cwd=tmp_path)
    good, bad = json.loads(done.stdout)
    assert done.returncode == 2
    assert done.stderr == f"error: {bad['error']}\n"
    assert good == {
        "source": "good.csv",
        "name": "theirs/good",
        "outcome": "new",
        "run": good["run"],
        "points": 1,
        "metrics": ["loss"],
        "remarks": [],
        "error": None,
    }
    assert (bad["outcome"], bad["run"]) == ("refused", None)
