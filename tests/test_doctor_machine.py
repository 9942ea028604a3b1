"""`kryptui doctor` on Python, terminal, disk, packages and features that are well and on others."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from machines import WELL, state_and_words

from kryptui.jobs.doctor import devices, disk, features, interpreter, packages, terminal
from kryptui.jobs.doctor.asking import Answer
from kryptui.jobs.doctor.features import Feature
from kryptui.jobs.doctor.terminal import Terminal

# Python


@pytest.mark.parametrize(("version", "state"), [("3.10.9", "problem"), ("3.11.0", "ok"), ("3.13.0", "problem")])
def test_python_must_be_one_that_kryptui_was_made_for(
    version: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: version)
    assert interpreter.check_version().state == state


def test_a_system_python_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert state_and_words(interpreter.check_environment())[0] == "note"
    monkeypatch.setenv("CONDA_PREFIX", sys.prefix)
    assert interpreter.check_environment().state == "ok"
    monkeypatch.setattr(sys, "prefix", "/somewhere/.venv")
    assert interpreter.check_environment().state == "ok"


@pytest.mark.parametrize(
    ("installed", "started", "said"),
    [
        ("0.0.1", None, "installed as 0.0.1"),
        (None, "/elsewhere/bin/kryptui", "another one, /elsewhere/bin/kryptui"),
    ],
)
def test_another_kryptui_than_the_installed_one_is_told_of(
    installed: str | None, started: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if installed:
        monkeypatch.setattr(interpreter, "metadata", lambda name: {"Version": installed})
    monkeypatch.setattr(shutil, "which", lambda name: started)
    state, words = state_and_words(list(interpreter.check_kryptui()))
    assert state == "note"
    assert said in words


# Terminal

GOOD = Terminal({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "utf-8", 120, 40)


def with_environment(**changes: str) -> Terminal:
    return replace(GOOD, environment={**GOOD.environment, **changes})


@pytest.mark.parametrize(
    ("check", "seen", "state", "said"),
    [
        (terminal.check_screen, GOOD, "ok", "120 x 40"),
        (terminal.check_screen, with_environment(SSH_TTY="/dev/pts/1"), "ok", "over SSH"),
        (terminal.check_screen, replace(GOOD, columns=None, rows=None), "ok", "no terminal"),
        (terminal.check_screen, replace(GOOD, columns=79), "note", "80 x 24"),
        (terminal.check_screen, replace(GOOD, rows=23), "note", "80 x 24"),
        (terminal.check_screen, with_environment(TERM="dumb"), "note", "export TERM"),
        (terminal.check_colours, GOOD, "ok", "16 million"),
        (terminal.check_colours, with_environment(NO_COLOR="1"), "ok", "NO_COLOR"),
        (terminal.check_colours, with_environment(COLORTERM=""), "note", "256"),
        (terminal.check_colours, with_environment(COLORTERM="", TERM="xterm"), "note", "16 as far"),
        (terminal.check_colours, with_environment(COLORTERM="", TMUX="/tmp/x"), "note", "~/.tmux.conf"),
        (terminal.check_colours, with_environment(COLORTERM="", STY="1.x"), "note", "~/.screenrc"),
        (terminal.check_colours, with_environment(COLORTERM="", SSH_TTY="/dev/pts/1"), "note", "SSH does not"),
        (terminal.check_letters, GOOD, "ok", "braille"),
        (terminal.check_letters, replace(GOOD, encoding="latin-1"), "problem", "export LC_ALL=C.UTF-8"),
        (terminal.check_letters, replace(GOOD, encoding="nonsense"), "problem", "nonsense lacks"),
        (terminal.check_letters, with_environment(TERM="linux"), "note", "braille"),
    ],
)
def test_a_terminal_is_judged_by_what_it_can_show(check: Any, seen: Terminal, state: str, said: str) -> None:
    found, words = state_and_words(check(seen))
    assert found == state
    assert said in words


# Disk


@pytest.mark.parametrize(("free", "state"), [(20e9, "ok"), (9e9, "note"), (0.9e9, "problem")])
def test_a_full_disk_is_a_problem(
    free: float, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=100e9, used=0, free=free))
    assert state_and_words(list(disk.check_room("workspace", tmp_path, set())))[0] == state


@pytest.mark.parametrize(("left", "state"), [(50_000, "ok"), (5_000, "note"), (50, "problem")])
def test_a_disk_without_room_for_more_files_is_a_problem(
    left: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=100e9, used=0, free=50e9))
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_files=10**6, f_favail=left))
    assert state_and_words(list(disk.check_room("workspace", tmp_path, set())))[0] == state


def test_a_workspace_that_cannot_be_written_to_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert state_and_words(list(disk.check_room("workspace", tmp_path, set())))[0] == "problem"


def test_each_disk_is_told_of_once(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    subjects = [finding.subject for finding in disk.examine(tmp_path, tmp_path)]
    assert subjects.count("workspace") == subjects.count("checkpoints") == 1
    assert "record" not in subjects


def test_checkpoints_are_weighed(tmp_path: Path) -> None:
    for run, count in (("aaaa", 1), ("bbbb", 2)):
        for number in range(count):
            (tmp_path / run / f"step-{number}").mkdir(parents=True)
            (tmp_path / run / f"step-{number}" / "weights.safetensors").write_bytes(bytes(10_000))
        (tmp_path / run / "best").symlink_to("step-0")
    words = disk.check_checkpoints(tmp_path).fact
    assert words.endswith("of 2 runs")
    assert words.startswith("30.0 kB")


def test_little_shared_memory_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for total, states in ((64 << 20, ["note"]), (1 << 30, [])):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, total=total: SimpleNamespace(total=total))
        assert [finding.state for finding in disk.check_shared_memory(tmp_path)] == states


# Packages and features


def test_versions_are_held_against_the_ranges() -> None:
    needed = ["numpy<2,>=1.26", "torch>=2.6", "timm>=1", "pytest>=8; extra == 'dev'"]
    there = {"numpy": "2.1.0", "torch": "2.11.0+cu130"}
    missing, wrong = sorted(
        packages.check_versions(needed, there.get), key=lambda finding: "timm" not in finding.fact
    )
    assert (missing.state, missing.remedy) == ("problem", "pip install 'timm>=1'")
    assert wrong.state == "problem"
    assert "numpy 2.1.0" in wrong.fact
    (well,) = packages.check_versions(needed[1:2], there.get)
    assert well.state == "ok"


@pytest.mark.parametrize("step", ["pictures", "timm", "oml", "tasks"])
def test_a_package_that_does_not_work_is_a_problem(step: str) -> None:
    assert state_and_words(packages.examine(WELL))[0] == "ok"
    state, words = state_and_words(packages.examine({**WELL, step: Answer(failure="ImportError: none")}))
    assert state == "problem"
    assert "ImportError: none" in words


def test_decoders_that_disagree_are_a_problem() -> None:
    assert packages.check_pictures(Answer({"difference": 99, "versions": ""})).state == "problem"


def test_a_task_that_cannot_be_loaded_is_a_problem_beside_those_that_can() -> None:
    first, second = packages.check_tasks(Answer({"verification": None, "mine": "'mine' cannot be loaded"}))
    assert (first.state, first.fact) == ("ok", "verification")
    assert (second.state, second.fact) == ("problem", "'mine' cannot be loaded")


def test_without_torch_it_alone_is_named() -> None:
    lost = Answer(failure="ImportError: libcudart")
    answers = dict.fromkeys(WELL, lost) | {"tasks": WELL["tasks"]}
    found = [*devices.examine(answers, {}), *packages.examine(answers)]
    assert [finding.subject for finding in found if finding.state == "problem"] == ["torch"]


def test_a_feature_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there, lacking = features.examine(
        [
            Feature("one", "json", partial(features.module, "json"), "pip install json"),
            Feature("two", "no_such_package", partial(features.package, "no_such_package"), "pip install it"),
        ]
    )
    assert (there.state, lacking.state, lacking.remedy) == ("ok", "note", "pip install it")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert features.program("git") == "not found"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert features.hub() == "HF_HUB_OFFLINE is set"


def test_a_module_without_its_library_is_lacking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken_driver.py").write_text("raise ImportError('no pq wrapper available')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert features.module("broken_driver") == "no pq wrapper available"
