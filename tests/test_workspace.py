"""Where the files of a run lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from kryptui.jobs.workspace import Workspace


def test_a_new_run_of_this_workspace_keeps_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Workspace(Path(), "runs.db").checkpoints("a", str(tmp_path)) == Path("checkpoints/a")


def test_a_run_of_another_workspace_has_its_checkpoints_there(tmp_path: Path) -> None:
    assert Workspace(tmp_path, "runs.db").checkpoints("a", "/w") == Path("/w/checkpoints/a")


def test_checkpoints_that_were_brought_here_are_found_here(tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "a").mkdir(parents=True)
    assert Workspace(tmp_path, "runs.db").checkpoints("a", "/w") == tmp_path / "checkpoints/a"
