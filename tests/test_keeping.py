"""Tags, names, notes and deletion: kept exactly, refused in a line, and never of a run that is in use."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from records import pause
from sqlalchemy import func, select, update
from toys import environment, kryptui, toy_config

from kryptui.cli.main import app
from kryptui.errors import InputError
from kryptui.runs import batch, keeping, query, schema
from kryptui.runs.identity import Process
from kryptui.runs.recorder import Recorder
from kryptui.runs.store import Store

QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=70)


@pytest.fixture
def store(target: str | Path) -> Iterator[Store]:
    with Store.open(target) as opened:
        yield opened


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "runs.db") as opened:
        yield opened


def new_run(store: Store, name: str = "baseline", status: str = "finished", **given_: Any) -> str:
    """A run as it is after it went through what leads to a status."""
    config = {"name": name, "stages": [{"name": "one"}]}
    kind = given_.pop("kind", "train")
    run_id = store.create_run(kind, name, "toy", config, "hash", None, {}, "/somewhere", **given_)
    if status == "queued":
        return run_id
    attempt = store.start_attempt(run_id)
    if status in ("finished", "stopped", "failed"):
        store.finish(run_id, status, attempt=attempt)  # type: ignore[arg-type]
    elif status == "paused":
        pause(store, run_id, True)
    elif status == "crashed":
        change(store, run_id, process=str(replace(Process.current(), start_time="an earlier one's")))
    elif status == "hung":
        change(store, run_id, last_step_at=1.0, started=1.0)
    assert store.get_run(run_id).status == status
    return run_id


def change(store: Store, run_id: str, **values: Any) -> None:
    with store.writing() as connection:
        connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(**values))


def rows_of(store: Store, run_id: str) -> int:
    tables = [table for table in schema.metadata.sorted_tables if "run_id" in table.c]
    with store.reading() as connection:
        selected = (select(func.count()).select_from(table).where(table.c.run_id == run_id) for table in tables)
        return sum(connection.scalar(each) or 0 for each in selected)


# Tags


def test_tags_are_added_to_and_removed_from_several_runs(store: Store) -> None:
    first, second = new_run(store), new_run(store)
    keeping.tag_runs(store, [first], ["old"])
    tags = keeping.tag_runs(store, [first, second], ["best", "contest", "best"], ["old"])
    assert tags == {first: ("best", "contest"), second: ("best", "contest")}
    assert store.get_run(first).tags == ("best", "contest")


def test_a_run_that_is_gone_keeps_the_others_from_being_tagged(store: Store) -> None:
    run_id = new_run(store)
    with pytest.raises(InputError, match="run zzzzzzzz: there is no such run any more"):
        keeping.tag_runs(store, [run_id, "zzzzzzzz"], ["best"])
    assert store.get_run(run_id).tags == ()


@pytest.mark.parametrize(
    "tag", ["", "a b", "a,b", "a'b", 'a"b', "a`b", "a\nb", "a\0b", "x" * 65, "\udcff", "a\u00a0b"]
)
def test_what_no_filter_finds_is_no_tag(tag: str) -> None:
    with pytest.raises(InputError, match="must be 1 to 64 visible characters") as caught:
        keeping.check_tag(tag)
    assert str(caught.value).isprintable()


@given(TEXT)
@example("a:b")
@example("=x")
@example("-x<1")
@QUICK
def test_whatever_is_a_tag_is_found_by_it(text: str) -> None:
    try:
        keeping.check_tag(text)
    except InputError:
        return
    (term,) = query.parse(f"tag:{text}").terms
    assert (term.kind, term.op, term.value) == ("tag", ":", text)


def test_a_tag_is_not_added_and_removed_at_once(file_store: Store) -> None:
    with pytest.raises(InputError, match="added and removed"):
        keeping.tag_runs(file_store, [new_run(file_store)], ["a"], ["a"])


# Names and notes


@given(TEXT)
@example("x" * 100)
@example("x" * 101)
@example(" a")
@QUICK
def test_a_run_can_be_renamed_to_what_a_configuration_may_call_it(text: str) -> None:
    def is_allowed(check: Callable[[], Any]) -> bool:
        try:
            check()
        except InputError:
            return False
        return True

    assert is_allowed(lambda: keeping.check_name(text)) == is_allowed(lambda: toy_config(name=text))


def test_a_name_that_cannot_be_says_why(file_store: Store) -> None:
    run_id = new_run(file_store)
    with pytest.raises(InputError, match=r"name 'a/b': must be printable text on one line"):
        keeping.rename(file_store, run_id, "a/b")
    assert file_store.get_run(run_id).name == "baseline"


def test_the_recorder_of_a_run_in_progress_does_not_undo_its_new_name_and_note(store: Store) -> None:
    run_id = new_run(store, status="running")
    with Recorder(store, run_id, 1) as recorder:
        recorder.progress(step=1)
        recorder.flush()
        keeping.rename(store, run_id, "better")
        keeping.set_note(store, run_id, "looks good")
        recorder.metric(1, 0.1, {"loss": 1.0})
    store.finish(run_id, "finished", attempt=1)
    run = store.get_run(run_id)
    assert (run.name, run.note, run.config["name"]) == ("better", "looks good", "baseline")


@given(text=TEXT)
@example(text="\r\n\t a\x1b[31m [bold]\u202e ")
@settings(QUICK, max_examples=20)
def test_a_note_is_kept_exactly(text: str, noted: tuple[Store, str]) -> None:
    store, run_id = noted
    try:
        keeping.set_note(store, run_id, text)
    except InputError:
        assert text == "" or "\0" in text
    else:
        assert store.get_run(run_id).note == text


@pytest.fixture
def noted(file_store: Store) -> tuple[Store, str]:
    return file_store, new_run(file_store)


def test_a_note_is_taken_away(store: Store) -> None:
    run_id = new_run(store, note="old")
    keeping.set_note(store, run_id, None)
    assert store.get_run(run_id).note is None


@pytest.mark.parametrize(
    ("note", "problem"),
    [("", "is empty"), ("a\0b", "is not text"), ("\udcff", "is not text"), ("x" * 100_001, "100,001")],
)
def test_what_a_database_cannot_keep_is_no_note(note: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        keeping.check_note(note)


# Deletion


def test_a_deleted_run_leaves_nothing_and_its_children_stay_without_a_parent(store: Store) -> None:
    run_id = new_run(store, status="running")
    child = new_run(store, "child", kind="evaluate", parent=run_id)
    items: list[batch.Item] = [
        batch.Points(0.0, 1, 0.1, {"loss": 1.0}),
        batch.LogLine(0.0, "info", "hello"),
        batch.Evaluation(0.0, 1, "{}", b"", None),
        batch.Artifact(0.0, "checkpoint", "step-1", "host", None, None, 1),
    ]
    store.append(run_id, 1, items, {}, {}, {})
    keeping.tag_runs(store, [run_id], ["best"])
    store.finish(run_id, "finished", attempt=1)
    assert keeping.count_rows(store, [run_id, child]) == {run_id: 4, child: 0}
    keeping.delete_run(store, run_id)
    assert rows_of(store, run_id) == 0
    assert [run.id for run in store.list_runs()] == [child]
    assert store.get_run(child).parent is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("queued", "waits in the queue"),
        ("running", "is running on "),
        ("paused", "is paused"),
        ("hung", "is hung"),
    ],
)
def test_a_run_in_use_is_not_deleted(file_store: Store, status: str, words: str) -> None:
    run_id = new_run(file_store, status=status)
    with pytest.raises(InputError, match=f"run {run_id}: {words}.* first: kryptui runs stop {run_id}"):
        keeping.delete_run(file_store, run_id)
    assert file_store.get_run(run_id).status == status


@pytest.mark.parametrize("status", ["finished", "stopped", "failed", "crashed"])
def test_a_run_that_is_over_is_deleted(file_store: Store, status: str) -> None:
    keeping.delete_run(file_store, new_run(file_store, status=status))
    assert file_store.list_runs() == []


def test_a_run_is_not_deleted_twice(file_store: Store) -> None:
    run_id = new_run(file_store)
    keeping.delete_run(file_store, run_id)
    with pytest.raises(InputError, match="there is no such run any more"):
        keeping.delete_run(file_store, run_id)


def test_forgetting_checkpoints_tells_the_log_and_does_not_wake_the_run(store: Store) -> None:
    run_id = new_run(store, status="running")
    host = Process.current().host
    written = [
        ("/moved/step-00000001", host, 1),
        ("/here/step-00000002", "other", 2),
        ("/other/step-00000001", "other", 1),
    ]
    items = [batch.Artifact(0.0, "checkpoint", path, at, None, None, step) for path, at, step in written]
    store.append(run_id, 1, items, {}, {}, {})
    store.finish(run_id, "stopped", attempt=1)
    before = store.get_run(run_id)
    with store.writing() as connection:
        run = keeping.idle_run(connection, run_id)
        keeping.forget_checkpoints(connection, run, Path("/here"), [1, 2], "pruned two")
    assert [row.path for row in store.artifacts(run_id)] == ["/other/step-00000001"]
    (line,) = store.log_lines(run_id, after_seq=before.last_seq)
    assert line.text == "pruned two"
    after = store.get_run(run_id)
    assert (after.heartbeat, after.last_seq) == (before.heartbeat, before.last_seq + 1)


# The commands


def test_tags_are_given_by_name_and_by_filter(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        ids = [new_run(store, name) for name in ("first", "second", "third")]
    done = kryptui("runs", "tag", "first", ids[1][:7], "-a", "good", "--add", "new", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = kryptui("runs", "tag", "--filter", "tag:good", "-r", "new", "--json", cwd=tmp_path)
    assert [(run["name"], run["tags"]) for run in json.loads(done.stdout)] == [
        ("second", ["good"]),
        ("first", ["good"]),
    ]
    shown = kryptui("runs", "tag", "third", cwd=tmp_path)
    assert shown.stdout == f"{ids[2]}  third  no tags\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["tag", "-a", "x"], "name one or more runs"),
        (["tag", "first", "--filter", "first", "-a", "x"], "one of the two"),
        (["tag", "--filter", "", "-a", "x"], "is empty"),
        (["tag", "--filter", "nothing", "-a", "x"], "finds no run"),
        (["tag", "first", "-a", "two words"], "without spaces"),
        (["note", "first", "x", "--clear"], "leave TEXT out"),
        (["rename", "first", "a/b"], "must be printable"),
        (["delete", "first"], "add --yes"),
        (["delete", "first", "running", "--yes"], "is running"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_and_changes_nothing(
    refusing: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    monkeypatch.chdir(refusing)
    monkeypatch.delenv("KRYPTUI_DB", raising=False)
    with pytest.raises(InputError, match=problem) as caught:
        app(["runs", *arguments], standalone_mode=False)
    assert str(caught.value).isprintable()
    with Store.open(refusing / "runs.db") as store:
        assert [(run.name, run.tags, run.note) for run in store.list_runs("first")] == [("first", (), None)]


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("refusing")
    with Store.open(root / "runs.db") as store:
        new_run(store, "first")
        new_run(store, "running", "running")  # by this process, which lives as long as the test
    return root


def test_a_note_comes_from_stdin_and_is_shown_without_driving_the_terminal(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        run_id = new_run(store)
    noted = subprocess.run(
        [sys.executable, "-m", "kryptui", "runs", "note", "baseline", "-"],
        cwd=tmp_path,
        env=environment(),
        input=b"two lines\nand \x1b[31mred [bold]\r\n",
        check=True,
        capture_output=True,
    )
    assert noted.stdout.decode() == f"run {run_id}: noted\n"
    assert kryptui("runs", "note", "baseline", cwd=tmp_path).stdout == "two lines\nand \\x1b[31mred [bold]\n"
    exact = json.loads(kryptui("runs", "note", "baseline", "--json", cwd=tmp_path).stdout)
    assert exact == {"id": run_id, "name": "baseline", "note": "two lines\nand \x1b[31mred [bold]"}


def test_a_renamed_run_is_found_by_its_new_name(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        run_id = new_run(store, "ba\x1bd")
    done = kryptui("runs", "rename", run_id, "good", cwd=tmp_path)
    assert done.stdout == f"run {run_id}: ba�d is now good\n"
    done = kryptui("runs", "rename", "good", "better", "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == {"id": run_id, "name": "better", "before": "good"}
