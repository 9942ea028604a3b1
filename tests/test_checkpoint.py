"""Checkpoints are whole or absent, and damaged ones are refused in a line."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from kryptui.engine import checkpoint, folders
from kryptui.errors import InputError, RunError

WEIGHTS = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.zeros(2, dtype=torch.bfloat16)}
STATE = {"position": {"step": 3}, "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}}}
META: dict[str, Any] = {
    "config": {"name": "x"},
    "rebuild": {},
    "data_hash": "d",
    "precision": "fp32",
    "threads": 1,
}


def saved(folder: Path, step: int = 3) -> Path:
    return checkpoint.save(folder, step, WEIGHTS, STATE, META).path


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    path = saved(tmp_path)
    meta = checkpoint.read_meta(path)
    weights = checkpoint.read_own_weights(path, meta)
    assert meta["step"] == 3
    assert weights.keys() == WEIGHTS.keys()
    assert all(torch.equal(weights[name], WEIGHTS[name]) for name in WEIGHTS)
    assert checkpoint.read_state(path)["optimizer"]["state"][0]["step"].item() == 3


def test_its_size_and_hash_are_those_of_the_files(tmp_path: Path) -> None:
    found = checkpoint.save(tmp_path, 3, WEIGHTS, STATE, META)
    assert found.size == sum(file.stat().st_size for file in found.path.iterdir())
    assert found.sha256 == json.loads((found.path / "checkpoint.json").read_text())["weights_sha256"]


def test_nothing_else_is_left_behind(tmp_path: Path) -> None:
    saved(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003"]


@pytest.mark.parametrize("broken", ["save_file", "torch.save", "rename"])
def test_a_full_disk_keeps_the_checkpoints_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    before = saved(tmp_path, 2)
    content = {file.name: file.read_bytes() for file in before.iterdir()}

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if broken == "save_file":
        monkeypatch.setattr(checkpoint, "save_file", full)
    elif broken == "torch.save":
        monkeypatch.setattr(torch, "save", full)
    else:
        monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(RunError, match=r"step-00000003: .*No space left on device.*before it are whole"):
        saved(tmp_path, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000002"]
    assert {file.name: file.read_bytes() for file in before.iterdir()} == content


def test_a_really_full_disk_is_told_in_a_line(tmp_path: Path) -> None:
    # /dev/full refuses every byte, as a full disk does; safetensors and torch report it in their own ways.
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    folder = tmp_path / "run"
    temporary = folder / ".step-00000003.writing"
    real_mkdir = Path.mkdir

    def mkdir_with_full(self: Path, *arguments: Any, **options: Any) -> None:
        real_mkdir(self, *arguments, **options)
        if self == temporary:
            (self / "state.pt").symlink_to("/dev/full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "mkdir", mkdir_with_full)
        with pytest.raises(RunError, match="could not be written"):
            saved(folder)
    assert list(folder.iterdir()) == []


def test_pointers_are_swapped_in_one_piece(tmp_path: Path) -> None:
    saved(tmp_path, 2)
    saved(tmp_path, 3)
    folders.point(tmp_path, "best", 2)
    folders.point(tmp_path, "best", 3)
    assert (tmp_path / "best").resolve().name == "step-00000003"
    assert not list(tmp_path.glob(".*.writing"))


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / ".step-00000009.writing").mkdir()
    (tmp_path / ".step-00000009.writing" / "weights.safetensors").write_bytes(b"half")
    (tmp_path / ".best.writing").symlink_to("step-00000009")
    folders.remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000003"]


def test_steps_are_numbers_in_order(tmp_path: Path) -> None:
    for step in (100, 20, 3):
        saved(tmp_path, step)
    assert folders.steps(tmp_path) == [3, 20, 100]


def test_a_folder_without_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no checkpoint"):
        checkpoint.read_meta(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 1, "step": 1}'])
def test_a_damaged_description_is_refused(tmp_path: Path, text: str) -> None:
    path = saved(tmp_path)
    (path / "checkpoint.json").write_text(text)
    with pytest.raises(InputError, match="is damaged"):
        checkpoint.read_meta(path)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    meta = json.loads((path / "checkpoint.json").read_text())
    (path / "checkpoint.json").write_text(json.dumps({**meta, "format": 99}))
    with pytest.raises(InputError, match="format 99; this kryptui reads format 1, so update it"):
        checkpoint.read_meta(path)


def test_a_flipped_bit_in_the_weights_is_noticed(tmp_path: Path) -> None:
    path = saved(tmp_path)
    file = path / "weights.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(InputError, match="hash differs"):
        checkpoint.read_own_weights(path, checkpoint.read_meta(path))


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 half a zip"])
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes) -> None:
    path = saved(tmp_path)
    (path / "state.pt").write_bytes(content)
    with pytest.raises(InputError, match="cannot be resumed from"):
        checkpoint.read_state(path)


def test_a_checkpoint_that_is_half_deleted_does_not_pass_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.step_folder(tmp_path, 5).mkdir()

    def interrupted(path: Path) -> None:
        raise OSError("interrupted")

    monkeypatch.setattr(folders.shutil, "rmtree", interrupted)
    folders.remove(tmp_path, 5)
    assert folders.steps(tmp_path) == []
