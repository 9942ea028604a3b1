"""`kryptui doctor`: how findings come about, the probe that outlives a crash, and the whole command."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from machines import WELL
from toys import kryptui
from typer.testing import CliRunner

from kryptui.cli import doctor as command
from kryptui.errors import InputError
from kryptui.jobs.doctor import asking, examine, interpreter
from kryptui.jobs.doctor.asking import Answer, Probe
from kryptui.jobs.doctor.finding import Finding, guarded, ok
from kryptui.runs.store import Store

# Findings


def test_a_check_that_fails_itself_is_a_problem_and_keeps_what_it_found() -> None:
    def check() -> Any:
        yield ok("thing", "one part")
        raise KeyError("other part")

    first, second = guarded("thing", check)
    assert first.state == "ok"
    assert (second.subject, second.state) == ("thing", "problem")
    assert "KeyError: 'other part'" in second.fact
    assert second.remedy


def test_an_expected_error_is_a_problem_with_its_own_remedy() -> None:
    def check() -> Finding:
        raise InputError("runs.db: is a folder; name a file; any")

    assert guarded("record", check) == [Finding("record", "problem", "runs.db: is a folder", "name a file; any")]


# The probe

CRASHING = """
import json, os, sys, time
for step in sys.argv[1:]:
    if step == "crash":
        os.abort()
    if step == "leave":
        print("the reason", file=sys.stderr)
        sys.exit(3)
    if step == "hang":
        time.sleep(60)
    print("noise")
    print(json.dumps({"step": step, "facts": 1}), flush=True)
"""


def probed(*steps: str, seconds: float = 60.0) -> dict[str, Answer]:
    with Probe(steps, (sys.executable, "-c", CRASHING), seconds) as asked:
        return asked.answers()


def test_a_step_that_crashes_costs_its_own_answer_alone() -> None:
    found = probed("one", "crash", "two", "leave", "three")
    assert [step for step in found if found[step].facts == 1] == ["one", "two", "three"]
    assert "signal (Aborted)" in str(found["crash"].failure)
    assert "code 3 (the reason)" in str(found["leave"].failure)


def test_a_step_that_hangs_ends_the_waiting() -> None:
    found = probed("one", "hang", "two", seconds=1.0)
    assert found["one"].facts == 1
    assert found["hang"].failure == "no answer within 1 s"
    assert found["two"].failure == "not tried, as hang did not answer"


def test_what_rests_on_torch_is_not_tried_after_it_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FOUNDATION", "crash")
    assert probed("crash", "two")["two"].failure == "not tried, as crash did not answer"


def test_a_probe_that_cannot_start_fails_every_step() -> None:
    with Probe(["one", "two"], ["/no/such/program"]) as asked:
        failures = [answer.failure for answer in asked.answers().values()]
    assert failures == ["no process could be started (No such file or directory)"] * 2


# The command


class Told:
    """A probe that has its answers already."""

    answers_of: Mapping[str, Answer] = WELL

    def __init__(self, steps: Sequence[str]) -> None:
        assert set(steps) == set(WELL)

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def answers(self) -> Mapping[str, Answer]:
        return self.answers_of


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command in an empty folder, with a probe that finds all well."""
    app = typer.Typer()
    app.command()(command.doctor)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(examine, "Probe", Told)
    return lambda *arguments: CliRunner().invoke(app, ["--db", "runs.db", *arguments])


def test_an_empty_folder_is_no_problem_and_stays_empty(doctor: Any, tmp_path: Path) -> None:
    done = doctor()
    assert done.exit_code == 0, done.output
    assert "no record here yet" in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_healthy_record_is_well(doctor: Any, tmp_path: Path) -> None:
    Store.open(tmp_path / "runs.db").close()
    done = doctor("--json")
    found = json.loads(done.stdout)
    (record,) = [section for section in found["sections"] if section["name"] == "record"]
    assert {finding["state"] for finding in record["findings"]} == {"ok"}
    assert done.exit_code == found["problems"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["runs.db"]


def test_a_damaged_record_is_a_problem_and_code_1(doctor: Any, tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    done = doctor()
    assert done.exit_code == 1
    assert "damaged" in done.stdout
    assert ".recover" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("✗ 1 problem")


def test_the_json_shape_is_the_documented_one(doctor: Any) -> None:
    found = json.loads(doctor("--json").stdout)
    assert set(found) == {"problems", "notes", "sections"}
    names = ["Python", "terminal", "record", "disk", "features", "devices", "packages"]
    assert [section["name"] for section in found["sections"]] == names
    findings = [finding for section in found["sections"] for finding in section["findings"]]
    assert all(set(finding) == {"subject", "state", "fact", "remedy"} for finding in findings)
    assert all((finding["remedy"] is None) == (finding["state"] == "ok") for finding in findings)
    assert found["notes"] == sum(finding["state"] == "note" for finding in findings)


def test_a_check_that_breaks_is_a_line_and_no_traceback(doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise RuntimeError("[bold]broken\x1b[31m")

    monkeypatch.setattr(interpreter, "check_version", broken)
    done = doctor()
    assert done.exit_code == 1
    assert "this check failed itself (RuntimeError: [bold]broken�[31m)" in done.stdout


def test_words_are_folded_below_each_other_on_a_terminal(doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    monkeypatch.setattr(
        "kryptui.cli.console.console",
        lambda: Console(width=60, force_terminal=True, color_system=None, highlight=False),
    )
    monkeypatch.setattr(interpreter, "check_version", lambda: Finding("python", "note", "word " * 30, "do " * 30))
    lines = doctor().stdout.splitlines()
    assert max(map(len, lines)) <= 60
    first = next(number for number, line in enumerate(lines) if " python " in line)
    assert lines[first + 1].startswith(" " * 26 + "word")


def test_the_whole_command_on_this_machine(tmp_path: Path) -> None:
    done = kryptui("doctor", "--json", cwd=tmp_path)
    assert done.stderr == ""
    sections = {section["name"]: section["findings"] for section in json.loads(done.stdout)["sections"]}
    states = {finding["subject"]: finding["state"] for finding in sections["devices"] + sections["packages"]}
    for subject in ("torch", "cpu", "pictures", "timm", "metric learning", "tasks"):
        assert states[subject] == "ok", done.stdout
    assert list(tmp_path.iterdir()) == []
