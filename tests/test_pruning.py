"""Which checkpoints go: never of a run in use, never the best of a tagged run, nothing that no trainer wrote."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import environment, kryptui, toy_config

from kryptui.cli.main import app
from kryptui.config import to_yaml
from kryptui.engine import folders
from kryptui.errors import InputError
from kryptui.jobs import pruning, stored
from kryptui.jobs.pruning import Rule, plan
from kryptui.jobs.stored import Folder
from kryptui.jobs.workspace import Workspace
from kryptui.runs import batch, keeping
from kryptui.runs.rows import RunRow
from kryptui.runs.status import STATUSES
from kryptui.runs.store import Store

BUSY = {"queued", "running", "paused", "hung"}
RESUMABLE = {"stopped", "failed", "crashed"}
LONG_AGO = time.time() - 10 * stored.SETTLED_SECONDS


def row(status: str = "finished", tags: tuple[str, ...] = (), stages: int = 1, **values: Any) -> RunRow:
    given_: dict[str, Any] = {
        "id": "abcdefgh", "name": "run", "kind": "train", "task": "toy", "status": status, "attempt": 1,
        "config_json": json.dumps({"stages": [{}] * stages}), "config_hash": "", "data_hash": None,
        "env_json": "{}", "workspace": "/w", "host": "h", "process": None, "progress_json": "{}", "last_seq": 0,
        "last_step_at": 1.0, "heartbeat": 1.0, "created": 1.0, "queued": None, "started": 1.0, "ended": 2.0,
        "error": None, "parent": None, "note": None,
    }  # fmt: skip
    return RunRow(**{**given_, **values}, tags=tags)


def goes(run: RunRow, rule: Rule, best: int | None = 2) -> set[int]:
    folder = Folder(Path("/w"), dict.fromkeys((1, 2, 3, 4), 10), {}, best)
    return {step for removal in plan([run], {run.id: folder}, rule) for step in removal.steps}


# The plan


@st.composite
def folders_of_runs(draw: st.DrawFn) -> Folder:
    steps = draw(st.dictionaries(st.integers(0, 6), st.integers(0, 100), max_size=5))
    best = draw(st.sampled_from([*steps] * 3 + [None, 9]))
    unfinished = draw(st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 100)))
    return Folder(Path("/w"), steps, unfinished, best)


FOLDERS = folders_of_runs()
RUNS = st.builds(
    row,
    status=st.sampled_from([*STATUSES, *3 * ("finished", "stopped", "crashed")]),
    tags=st.sampled_from([(), ("baseline",)]),
    stages=st.integers(0, 3),
    ended=st.none() | st.floats(0, 10),
    kind=st.sampled_from(["train", "evaluate", "import"]),
)
RULES = st.builds(
    Rule,
    keep=st.sampled_from(pruning.KEEP),
    ended_before=st.sampled_from([None, None, 5.0]),
    resumable=st.booleans(),
)


@given(RUNS, FOLDERS, RULES)
@settings(max_examples=400)
def test_whatever_the_rule_nothing_goes_that_must_stay(run: RunRow, folder: Folder, rule: Rule) -> None:
    removals = plan([run], {run.id: folder}, rule)
    gone = {step for removal in removals for step in removal.steps}
    assert gone <= folder.steps.keys()
    assert len(gone) < len(folder.steps) or not folder.steps
    if run.status in BUSY:
        assert removals == []
    if run.tags:
        assert folder.best not in gone
    if run.status in RESUMABLE and not rule.resumable and folder.steps:
        assert max(folder.steps) not in gone
        assert folder.best not in gone
    if rule.ended_before is not None and run.ended and run.ended >= rule.ended_before:
        assert removals == []


@given(st.lists(RUNS, max_size=3), FOLDERS, RULES)
def test_a_removal_accounts_for_every_byte(runs: list[RunRow], folder: Folder, rule: Rule) -> None:
    for removal in plan(runs, {"abcdefgh": folder}, rule):
        kept = sum(folder.steps[step] for step in removal.kept)
        assert removal.bytes + kept == folder.bytes


@pytest.mark.parametrize(
    ("keep", "tags", "gone"),
    [
        ("both", (), {1, 3}),
        ("best", (), {1, 3, 4}),
        ("last", (), {1, 2, 3}),
        ("last", ("baseline",), {1, 3}),
        ("best", ("baseline",), {1, 3, 4}),
    ],
)
def test_the_rule_says_what_stays_of_a_finished_run(keep: Any, tags: tuple[str, ...], gone: set[int]) -> None:
    assert goes(row(tags=tags), Rule(keep)) == gone


@pytest.mark.parametrize("status", ["stopped", "failed", "crashed"])
def test_a_run_that_could_be_resumed_keeps_what_that_takes(status: str) -> None:
    assert goes(row(status), Rule("best")) == {1, 3}
    assert goes(row(status, stages=2), Rule("best")) == set()
    assert goes(row(status, stages=2), Rule("best", resumable=True)) == {1, 3, 4}


def test_where_the_best_is_not_known_all_stay() -> None:
    assert goes(row(), Rule(), best=None) == goes(row(), Rule(), best=9) == set()


def test_a_run_is_as_old_as_its_last_sign_of_life() -> None:
    assert goes(row(ended=5.0), Rule(ended_before=6.0)) == {1, 3}
    assert goes(row(ended=5.0), Rule(ended_before=5.0)) == set()
    assert goes(row("crashed", ended=None, heartbeat=7.0), Rule(ended_before=6.0)) == set()


# The doing


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "runs.db")


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.open() as opened:
        yield opened


def write(folder: Path, steps: tuple[int, ...] = (1, 2, 3), best: int = 2) -> None:
    for step in steps:
        path = folders.step_folder(folder, step)
        path.mkdir(parents=True)
        (path / "weights.safetensors").write_bytes(b"w" * 90)
        (path / "checkpoint.json").write_text('{"config": {"name": "x"}}')
    folders.point(folder, "best", best)
    folders.point(folder, "last", steps[-1])


def new_run(
    store: Store, workspace: Workspace, status: Any = "finished", steps: tuple[int, ...] = (1, 2, 3)
) -> RunRow:
    config = {"name": "run", "stages": [{"name": "one"}]}
    run_id = store.create_run("train", "run", "toy", config, "hash", None, {}, str(workspace.root))
    store.start_attempt(run_id)
    folder = workspace.checkpoints(run_id)
    write(folder, steps)
    paths = [str(folders.step_folder(folder, step)) for step in steps]
    items = [
        batch.Artifact(0.0, "checkpoint", path, socket.gethostname(), None, 90, step)
        for path, step in zip(paths, steps, strict=True)
    ]
    store.append(run_id, 1, items, {}, {}, {})
    if status != "running":
        store.finish(run_id, status, attempt=1)
    return store.get_run(run_id)


def removal_of(workspace: Workspace, run: RunRow, rule: Rule) -> pruning.Removal:
    (removal,) = plan([run], pruning.survey(workspace, [run]), rule)
    return removal


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_goes_leaves_disk_and_record_and_is_in_the_log(store: Store, workspace: Workspace) -> None:
    run = new_run(store, workspace)
    rule = Rule("best")
    assert pruning.carry_out(store, removal_of(workspace, run, rule), rule) == []
    assert names(workspace.checkpoints(run.id)) == {"step-00000002", "best"}
    assert [artifact.step for artifact in store.artifacts(run.id)] == [2]
    assert [line.text for line in store.log_lines(run.id)] == ["pruned the checkpoints of step 1, 3"]


@pytest.mark.parametrize("keep", pruning.KEEP)
def test_no_pointer_is_left_without_its_checkpoint(store: Store, workspace: Workspace, keep: Any) -> None:
    run = new_run(store, workspace)
    pruning.carry_out(store, removal_of(workspace, run, Rule(keep)), Rule(keep))
    folder = workspace.checkpoints(run.id)
    assert all((folder / name).is_dir() for name in folders.POINTERS if (folder / name).is_symlink())
    kept = {"best": {"best"}, "last": {"last"}, "both": {"best", "last"}}[keep]
    assert names(folder) & set(folders.POINTERS) == kept


def test_what_was_tagged_after_the_plan_keeps_its_best(store: Store, workspace: Workspace) -> None:
    run = new_run(store, workspace)
    removal = removal_of(workspace, run, Rule("last"))
    keeping.tag_runs(store, [run.id], ["baseline"])
    pruning.carry_out(store, removal, Rule("last"))
    assert folders.steps(workspace.checkpoints(run.id)) == [2, 3]
    assert [artifact.step for artifact in store.artifacts(run.id)] == [2, 3]


def test_what_was_resumed_after_the_plan_is_left_alone(store: Store, workspace: Workspace) -> None:
    run = new_run(store, workspace, "stopped")
    removal = removal_of(workspace, run, Rule())
    store.start_attempt(run.id)
    with pytest.raises(InputError, match="is running"):
        pruning.carry_out(store, removal, Rule())
    assert folders.steps(workspace.checkpoints(run.id)) == [1, 2, 3]
    assert len(store.artifacts(run.id)) == 3


def test_a_checkpoint_that_is_only_half_deleted_no_longer_has_its_name(
    store: Store, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        (path / "weights.safetensors").unlink()
        raise PermissionError(13, "Permission denied")

    run = new_run(store, workspace)
    monkeypatch.setattr(shutil, "rmtree", fail)
    (problem,) = pruning.carry_out(store, removal_of(workspace, run, Rule()), Rule())
    assert "could not be deleted (Permission denied)" in problem
    assert folders.steps(workspace.checkpoints(run.id)) == [2, 3]
    assert [artifact.step for artifact in store.artifacts(run.id)] == [2, 3]


def test_unfinished_checkpoints_go_once_nobody_can_be_writing_them(store: Store, workspace: Workspace) -> None:
    run = new_run(store, workspace, steps=(2, 3))
    for step in (7, 8):
        leftover = folders.unfinished(folders.step_folder(workspace.checkpoints(run.id), step))
        leftover.mkdir()
        (leftover / "weights.safetensors").write_bytes(b"half")
    for path in (leftover / "weights.safetensors", leftover):
        os.utime(path, (LONG_AGO, LONG_AGO))
    removal = removal_of(workspace, run, Rule())
    assert (removal.steps, removal.unfinished, removal.bytes) == ((), (leftover.name,), 4)
    pruning.carry_out(store, removal, Rule())
    assert not leftover.exists()
    assert ".step-00000007.writing" in names(workspace.checkpoints(run.id))
    assert store.log_lines(run.id) == []


# Nothing else is deleted


def test_links_are_not_followed(store: Store, workspace: Workspace, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    write(precious)
    run = new_run(store, workspace)
    folder = workspace.checkpoints(run.id)
    shutil.rmtree(folders.step_folder(folder, 1))
    folders.step_folder(folder, 1).symlink_to(precious)
    assert stored.look(folder) == Folder(folder, {2: 115, 3: 115}, {}, 2)
    assert pruning.delete(store, workspace, run) == [f"{folder}: holds what no trainer wrote; that is left there"]
    assert names(folder) == {"step-00000001"}
    assert folders.steps(precious) == [1, 2, 3]


def test_a_run_s_folder_that_is_a_link_is_left_alone(store: Store, workspace: Workspace, tmp_path: Path) -> None:
    run = new_run(store, workspace)
    folder = workspace.checkpoints(run.id)
    folder.rename(tmp_path / "precious")
    folder.symlink_to(tmp_path / "precious")
    assert pruning.survey(workspace, [run]) == {}
    assert pruning.delete(store, workspace, run) == []
    assert folders.steps(tmp_path / "precious") == [1, 2, 3]


@pytest.mark.parametrize("run_id", ["../precious", ".", "..", "", "Abcdefgh", "abcdefg", "abcdefgh/x"])
def test_an_id_that_no_run_can_have_leads_to_no_folder(workspace: Workspace, run_id: str) -> None:
    write(workspace.root / "precious")
    write(workspace.root / "checkpoints")
    assert stored.folder_of(workspace, row(id=run_id, workspace=str(workspace.root))) is None


def test_a_folder_that_may_not_be_read_is_passed_over(
    store: Store, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    run = new_run(store, workspace)
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert pruning.survey(workspace, [run]) == {}


def test_files_of_others_stay_in_a_deleted_run_s_folder(store: Store, workspace: Workspace) -> None:
    run = new_run(store, workspace)
    folder = workspace.checkpoints(run.id)
    for name in ("notes.txt", "step-5", "step-000000001", ".git.writing"):
        (folder / name).mkdir() if "step" in name else (folder / name).write_text("mine")
    (problem,) = pruning.delete(store, workspace, run)
    assert "holds what no trainer wrote" in problem
    assert names(folder) == {"notes.txt", "step-5", "step-000000001", ".git.writing"}
    assert store.list_runs() == []


def test_a_deleted_run_leaves_no_folder(store: Store, workspace: Workspace) -> None:
    run, other = new_run(store, workspace), new_run(store, workspace)
    assert pruning.delete(store, workspace, run) == []
    assert names(workspace.root / "checkpoints") == {other.id}


def test_a_deleted_run_s_files_can_be_kept(store: Store, workspace: Workspace) -> None:
    run = new_run(store, workspace)
    assert pruning.delete(store, workspace, run, keep_files=True) == []
    assert folders.steps(workspace.checkpoints(run.id)) == [1, 2, 3]


# Orphans


def orphan(workspace: Workspace, name: str) -> Path:
    folder = workspace.root / "checkpoints" / name
    write(folder)
    for path in (*folder.iterdir(), folder):
        os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    return folder


def test_only_old_folders_named_like_a_run_that_no_record_knows_are_orphans(
    store: Store, workspace: Workspace
) -> None:
    new_run(store, workspace)
    lost = orphan(workspace, "abcdefgh")
    orphan(workspace, "my-backup")
    write(workspace.root / "checkpoints" / "hgfedcba")  # just now
    with Store.open(workspace.root / "other.db") as other:
        elsewhere = other.create_run("train", "x", "toy", {}, "", None, {}, "")
    orphan(workspace, elsewhere)
    (workspace.root / "notes.db").write_text("no database")
    (found,) = pruning.orphans(store, workspace)
    assert found.path == lost
    assert stored.name_of(found) == "x"
    assert stored.clear(found) == []
    assert not lost.exists()


def test_a_workspace_without_checkpoints_has_no_orphans(store: Store, workspace: Workspace) -> None:
    assert pruning.orphans(store, workspace) == []


# The commands


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["prune"], "no terminal to ask on; add --yes"),
        (["prune", "--json"], "--json asks nothing; add --yes"),
        (["prune", "--keep", "bset", "--yes"], "did you mean 'best'"),
        (["prune", "--older-than", "7", "--yes"], "such as 7d"),
        (["prune", "--orphans", "--keep", "best", "--yes"], "leave the rest out"),
        (["prune", "eer<<1", "--yes"], "not a number"),
    ],
)
def test_what_prune_does_not_understand_it_refuses_in_a_line(
    store: Store, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    run = new_run(store, workspace)
    monkeypatch.chdir(workspace.root)
    monkeypatch.delenv("KRYPTUI_DB", raising=False)
    with pytest.raises(InputError, match=problem):
        app(["runs", *arguments], standalone_mode=False)
    assert folders.steps(workspace.checkpoints(run.id)) == [1, 2, 3]


def test_pruning_is_said_before_and_after(store: Store, workspace: Workspace) -> None:
    run = new_run(store, workspace)
    planned = json.loads(kryptui("runs", "prune", "--dry-run", "--json", cwd=workspace.root).stdout)
    assert folders.steps(workspace.checkpoints(run.id)) == [1, 2, 3]
    assert planned == {
        "dry_run": True,
        "bytes": 115,
        "removed": [
            {
                "run": run.id,
                "name": "run",
                "folder": str(workspace.checkpoints(run.id)),
                "steps": [1],
                "kept": [2, 3],
                "unfinished": [],
                "bytes": 115,
            }
        ],
        "orphans": [],
        "problems": [],
    }
    done = kryptui("runs", "prune", "--yes", cwd=workspace.root)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2:] == ["frees 115 B of 1 run", "freed 115 B"]
    assert kryptui("runs", "prune", "--yes", cwd=workspace.root).stdout == "nothing to prune\n"


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, 1), ("", 1, 1), ("y", 0, 0)])
def test_on_a_terminal_it_asks_first(
    store: Store, workspace: Workspace, answer: str, code: int, left: int
) -> None:
    run = new_run(store, workspace)
    master, slave = os.openpty()
    command = [sys.executable, "-m", "kryptui", "runs", "delete", run.id]
    os.write(master, f"{answer}\n".encode())
    done = subprocess.run(
        command, cwd=workspace.root, env=environment(), stdin=slave, capture_output=True, text=True, timeout=60
    )
    for end in (master, slave):
        os.close(end)
    assert "Delete 1 run for good?" in done.stderr
    assert (done.returncode, len(store.list_runs())) == (code, left)
    assert workspace.checkpoints(run.id).is_dir() == bool(left)


def test_deleting_says_what_went(store: Store, workspace: Workspace) -> None:
    run = new_run(store, workspace)
    done = kryptui("runs", "delete", run.id, "--yes", "--json", cwd=workspace.root)
    assert done.returncode == 0, done.stderr
    (deleted,) = json.loads(done.stdout)["deleted"]
    folder = str(workspace.checkpoints(run.id))
    facts = {"id": run.id, "name": "run", "rows": 3, "folder": folder, "steps": [1, 2, 3], "bytes": 345}
    assert deleted == facts


def test_neither_pruning_nor_deleting_imports_what_trains() -> None:
    code = (
        "import sys, kryptui.cli.main, kryptui.jobs.pruning\n"
        "print([name for name in ('torch', 'pandas', 'numpy', 'timm', 'alembic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_killed_run_is_pruned_and_then_resumed_to_its_end(tmp_path: Path) -> None:
    config = toy_config("stages.0.epochs=12", "checkpoint.every=4 steps", "checkpoint.keep=5")
    (tmp_path / "cfg.yaml").write_text(to_yaml(config))
    command = [sys.executable, "-m", "kryptui", "run", "--headless", "cfg.yaml", "--json"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("step", 0) > 40:
                process.send_signal(signal.SIGKILL)
                break
    with Store.open(tmp_path / "runs.db") as store:
        (run,) = store.list_runs()
    assert run.status == "crashed"
    folder = tmp_path / "checkpoints" / run.id
    before = folders.steps(folder)
    done = kryptui("runs", "prune", "--keep", "best", "--yes", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert folders.steps(folder) == sorted({folders.pointed(folder, "best"), before[-1]})
    done = kryptui("run", "--headless", "--resume", run.id, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with Store.open(tmp_path / "runs.db") as store:
        assert store.get_run(run.id).status == "finished"
        recorded = [Path(artifact.path) for artifact in store.artifacts(run.id)]
    assert all(path.is_dir() for path in recorded)
