"""Shell completion: through the protocol of each shell, quick, silent, and harmless whatever names hold."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kryptui.cli import completion
from kryptui.config import preset_names
from kryptui.runs import batch, keeping, query, schema
from kryptui.runs.identity import Process
from kryptui.runs.store import Store

EVIL = "a$(touch pwned)`touch pwned`;'\"\\$(touch pwned)"

PROGRAM = "import sys; sys.argv[0] = 'kryptui'; from kryptui.cli import main; main()"

PROTOCOLS = {
    "bash": lambda words: {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)},
    "zsh": lambda words: {"_TYPER_COMPLETE_ARGS": " ".join(words)},
    "fish": lambda words: {"_TYPER_COMPLETE_ARGS": " ".join(words), "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
}


def press_tab(shell: str, *words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What the program answers a shell for a line of words, the last of them not finished."""
    asked = {"_KRYPTUI_COMPLETE": f"complete_{shell}", **PROTOCOLS[shell](["kryptui", *words])}
    clean = {name: value for name, value in os.environ.items() if name != "KRYPTUI_DB"}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=cwd, env={**clean, **asked, **variables}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with a record, tags and metrics; the latest is an evaluation that is named like the first."""
    root = tmp_path_factory.mktemp("completed")
    with Store.open(root / "runs.db") as store:
        fill(store)
    return root


def fill(store: Store) -> list[str]:
    ids = []
    for name, kind in (("resnet18", "train"), ("vitb16", "train"), (EVIL, "train"), ("vitb16", "evaluate")):
        run_id = store.create_run(kind, name, "toy", {}, "", None, {}, "")
        store.start_attempt(run_id)
        store.append(run_id, 1, [batch.Points(0.0, 1, 0.1, {"eer": 0.1, "eer_fake": 0.2})], {}, {}, {})
        store.finish(run_id, "finished", attempt=1)
        ids.append(run_id)
    keeping.tag_runs(store, ids[:1], ["baseline", "$(touch)"])
    return ids


def context(workspace: Path) -> Any:
    return SimpleNamespace(params={"database": str(workspace / "runs.db")})


def words(offers: completion.Suggestions) -> list[str]:
    return [word for word, _ in offers]


def ids_of(workspace: Path, name: str) -> list[str]:
    with Store.open(workspace / "runs.db", write=False) as store:
        return [run.id for run in store.list_runs(sort="created") if run.name == name]


# Through the shells


def test_bash_is_offered_names(workspace: Path) -> None:
    assert press_tab("bash", "runs", "tag", "resn", cwd=workspace).stdout == "resnet18\n"


def test_zsh_and_fish_are_told_what_an_id_is(workspace: Path) -> None:
    (run_id,) = ids_of(workspace, "resnet18")
    zsh = press_tab("zsh", "runs", "note", run_id[:7], cwd=workspace).stdout
    assert zsh == f"""_arguments '*: :(("{run_id}":"resnet18, finished"))'\n"""
    fish = press_tab("fish", "runs", "note", run_id[:7], cwd=workspace).stdout
    assert fish == f"{run_id}\tresnet18, finished\n"


def test_a_term_is_finished_for_bash_though_it_ends_words_at_colons(workspace: Path) -> None:
    after_colon = press_tab("bash", "runs", "prune", "x", "status", ":", cwd=workspace).stdout
    assert after_colon.split() == [*query.STATUSES]
    assert press_tab("bash", "runs", "prune", "status", ":", "fi", cwd=workspace).stdout == "finished\n"
    assert press_tab("bash", "runs", "prune", "tag:ba", cwd=workspace).stdout == "tag:baseline\n"


def test_a_filter_of_several_terms_is_finished_at_its_end(workspace: Path) -> None:
    fish = press_tab("fish", "runs", "delete", "--filter", "'status:finished tag:ba", cwd=workspace)
    assert fish.stdout == "status:finished tag:baseline\n"


def test_a_configuration_is_a_preset_or_a_file(workspace: Path) -> None:
    offered = press_tab("bash", "run", "q", cwd=workspace).stdout
    assert offered == "quickstart\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_the_script_for_bash_works_in_bash(workspace: Path, tmp_path: Path) -> None:
    program = tmp_path / "kryptui"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{PROGRAM}" "$@"\n')
    program.chmod(0o755)
    script = f"""
        PATH={tmp_path}:$PATH
        eval "$(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=1 kryptui --show-completion bash)"
        COMP_WORDS=(kryptui runs rename vit) COMP_CWORD=3
        _kryptui_completion kryptui vit rename
        printf '<%s>' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script], cwd=workspace, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("<vitb16>", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_no_shell_is_handed_what_it_would_run(workspace: Path, shell: str) -> None:
    offered = press_tab(shell, "runs", "rename", "", cwd=workspace).stdout
    assert ids_of(workspace, EVIL)[0] in offered
    typer_s_own = ("_arguments '*: :((", "))'\n")
    inside = offered.removeprefix(typer_s_own[0]).removesuffix(typer_s_own[1])
    assert not set(inside) & set("$`;\\'()[]*?&|<>!")


# What is offered


def test_a_name_stands_for_the_run_that_it_means(workspace: Path) -> None:
    trained, evaluated = ids_of(workspace, "vitb16")
    offers = dict(completion.complete_run(context(workspace), ""))
    assert offers["vitb16"] == f"{trained}, finished"
    assert {trained, evaluated} <= offers.keys()
    with Store.open(workspace / "runs.db", write=False) as store:
        assert store.resolve_run("vitb16") == trained


def test_a_crashed_run_is_not_offered_as_running(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        run_id = fill(store)[0]
        store.start_attempt(run_id)
        gone = str(replace(Process.current(), start_time="an earlier one's"))
        assert dict(completion.complete_run(context(tmp_path), run_id))[run_id] == "resnet18, running"
        with store.writing() as connection:
            connection.execute(schema.runs.update().where(schema.runs.c.id == run_id).values(process=gone))
    assert dict(completion.complete_run(context(tmp_path), run_id))[run_id] == "resnet18, crashed"


def test_of_many_runs_the_latest_are_offered(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        template = {column.name: value for column, value in zip(schema.runs.c, first_row(store), strict=True)}
        many = [
            {**template, "id": f"x{number:07}", "name": f"run-{number}", "created": number}
            for number in range(300)
        ]
        with store.writing() as connection:
            connection.execute(schema.runs.insert(), many)
    offered = words(completion.complete_run(context(tmp_path), "run-"))
    assert offered == [f"run-{number}" for number in range(299, 249, -1)]


def first_row(store: Store) -> Any:
    store.create_run("train", "template", "toy", {}, "", None, {}, "")
    with store.reading() as connection:
        return connection.execute(schema.runs.select()).one()


def test_sorting_goes_by_columns_and_metrics_either_way(workspace: Path) -> None:
    offered = words(completion.complete_sort(context(workspace), ""))
    assert {"eer", "-eer", "eer_fake", "created", "-created"} <= {*offered}
    assert [query.parse_sort(word).is_metric for word in completion.COLUMNS] == [False] * len(completion.COLUMNS)
    assert words(completion.complete_sort(context(workspace), "-eer_")) == ["-eer_fake"]


def test_every_term_offered_is_one_that_the_filter_understands(workspace: Path) -> None:
    terms = words(completion.complete_filter(context(workspace), ""))
    assert {"status:crashed", "tag:baseline", "kind:submit", "eer"} <= {*terms}
    assert [len(query.parse(term).terms) for term in terms] == [1] * len(terms)


def test_metrics_tags_and_presets_are_offered(workspace: Path) -> None:
    at = context(workspace)
    assert words(completion.complete_metric(at, "eer_")) == ["eer_fake"]
    assert words(completion.complete_tag(at, "")) == ["baseline"]
    assert words(completion.complete_preset(at, "")) == preset_names()


def test_configurations_are_found_where_the_word_points_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in ("mine.yaml", "two words.yaml", "notes.txt", "sub/a.yml", "sub/deep/b.yaml", ".hidden/c.yaml"):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    at = context(tmp_path)
    assert words(completion.complete_configuration(at, "")) == [*preset_names(), "mine.yaml", "sub/a.yml"]
    assert words(completion.complete_configuration(at, "sub/")) == ["sub/a.yml", "sub/deep/b.yaml"]
    assert words(completion.complete_configuration(at, f"{tmp_path}/m")) == [f"{tmp_path}/mine.yaml"]
    assert words(completion.complete_configuration(at, "nowhere/x")) == []


# Silent and harmless


@pytest.mark.parametrize("content", [None, b"", b"no database", b"SQLite format 3\0" + bytes(5000)])
def test_without_a_record_nothing_is_offered_or_made(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "runs.db").write_bytes(content)
    assert press_tab("bash", "runs", "tag", "", cwd=tmp_path).stdout == "\n"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if content is None else [content])


@pytest.mark.parametrize("url", ["nosuch://database", "postgresql+psycopg://nobody@127.0.0.1:1/none"])
def test_without_a_server_nothing_is_offered(tmp_path: Path, url: str) -> None:
    at: Any = SimpleNamespace(params={"database": url})
    assert completion.complete_run(at, "") == []
    assert completion.complete_filter(at, "status:f") == []


def test_a_record_of_another_revision_is_read_and_left_as_it_is(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    shutil.copy(workspace / "runs.db", path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'kryptui_0001'")
        connection.execute("ALTER TABLE runs DROP COLUMN queued")
    connection.close()
    before = path.read_bytes()
    assert press_tab("bash", "runs", "tag", "resn", cwd=tmp_path).stdout == "resnet18\n"
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("runs.db", before)]


def test_a_record_that_is_being_written_is_read(tmp_path: Path) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        fill(store)
        with store.writing():
            assert words(completion.complete_run(context(tmp_path), "resn")) == ["resnet18"]


def test_a_record_is_named_by_option_or_environment(workspace: Path, tmp_path: Path) -> None:
    database = str(workspace / "runs.db")
    by_option = press_tab("bash", "runs", "tag", "--db", database, "resn", cwd=tmp_path)
    assert by_option.stdout == "resnet18\n"
    by_environment = press_tab("bash", "runs", "tag", "resn", cwd=tmp_path, KRYPTUI_DB=f"sqlite:///{database}")
    assert by_environment.stdout == "resnet18\n"


def test_a_record_on_a_server_is_read(postgres_url: str) -> None:
    with Store.open(postgres_url) as store:
        (first, *_) = fill(store)
    at: Any = SimpleNamespace(params={"database": postgres_url})
    assert dict(completion.complete_run(at, "resn")) == {"resnet18": f"{first}, finished"}
    assert words(completion.complete_filter(at, "tag:")) == ["tag:baseline"]


def test_the_shell_does_not_wait_for_heavy_imports(workspace: Path) -> None:
    heavy = ("torch", "pandas", "timm", "alembic", "sqlalchemy", "numpy")
    code = (
        "import sys; from types import SimpleNamespace; from kryptui.cli import main, completion\n"
        f"at = SimpleNamespace(params={{'database': {str(workspace / 'runs.db')!r}}})\n"
        "found = completion.complete_run(at, 're'), completion.complete_filter(at, 'eer')\n"
        f"print(all(found), [name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True []\n"
