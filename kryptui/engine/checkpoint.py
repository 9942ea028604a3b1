"""Checkpoints: folders that are whole or absent, never changed, and hold all that it takes to go on.

`checkpoints/<run>/step-<n>/` holds weights.safetensors, checkpoint.json and state.pt; see `folders` for what lies
beside it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from kryptui.engine.folders import META_FILE, step_folder, sync, unfinished
from kryptui.errors import InputError, RunError
from kryptui.models.weights import WEIGHTS_FILE, read_weights

STATE_FILE = "state.pt"
FORMAT = 1

_META = {
    "step": int,
    "config": dict,
    "rebuild": dict,
    "data_hash": str,
    "precision": str,
    "threads": int,
    "weights_sha256": str,
}


@dataclass(frozen=True)
class Saved:
    """A checkpoint on disk, with the hash of its weights and its size in bytes."""

    path: Path
    sha256: str
    size: int


def save(
    folder: Path, step: int, weights: Mapping[str, Tensor], state: Mapping[str, Any], meta: Mapping[str, Any]
) -> Saved:
    """Writes the checkpoint of a step under its name once all of it is on the disk.

    Raises RunError where it cannot be written (a full disk, say); what was there before is left as it was.
    """
    target = step_folder(folder, step)
    temporary = unfinished(target)
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        save_file(whole, temporary / WEIGHTS_FILE)
        digest = _sha256(temporary / WEIGHTS_FILE)
        torch.save(dict(state), temporary / STATE_FILE)
        text = json.dumps({"format": FORMAT, "step": step, "weights_sha256": digest, **meta}, indent=1)
        (temporary / META_FILE).write_text(text, encoding="utf-8")
        size = 0
        for file in temporary.iterdir():
            size += file.stat().st_size
            sync(file)
        sync(temporary)
        temporary.rename(target)
        sync(folder)
    except (OSError, SafetensorError, RuntimeError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise RunError(
            f"{target}: the checkpoint could not be written ({_reason(error)}); those before it are whole. "
            "Make room, then resume the run"
        ) from error
    return Saved(target, digest, size)


def read_meta(path: Path) -> dict[str, Any]:
    """What checkpoint.json says; raises InputError for a folder that is no checkpoint of this format."""
    file = path / META_FILE
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: is no checkpoint; it holds no {META_FILE}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{file}: is damaged ({_reason(error)})") from None
    if not isinstance(meta, dict) or not isinstance(meta.get("format"), int):
        raise InputError(f"{file}: is damaged or no checkpoint of kryptui")
    if meta["format"] != FORMAT:
        raise InputError(f"{file}: has format {meta['format']}; this kryptui reads format {FORMAT}, so update it")
    wrong = [name for name, kind in _META.items() if not isinstance(meta.get(name), kind)]
    if wrong:
        raise InputError(f"{file}: is damaged ({', '.join(wrong)} missing or of another kind)")
    return meta


def check_data(path: Path, meta: Mapping[str, Any], data_hash: str) -> None:
    """Raises InputError unless a checkpoint was made on the data that has this hash."""
    if meta.get("data_hash") != data_hash:
        raise InputError(f"{path}: was made on other data than the configuration's task finds now; put it back")


def read_state(path: Path) -> dict[str, Any]:
    """What it takes to resume; raises InputError where it is missing or damaged."""
    try:
        state = torch.load(path / STATE_FILE, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises a dozen kinds for damaged files
        raise InputError(f"{path / STATE_FILE}: cannot be resumed from ({_reason(error)})") from None
    if not isinstance(state, dict):
        raise InputError(f"{path / STATE_FILE}: is no state of a run")
    return state


def read_own_weights(path: Path, meta: Mapping[str, Any]) -> dict[str, Tensor]:
    """A checkpoint's weights under the names that they were saved by, checked against their hash."""
    file = path / WEIGHTS_FILE
    weights = read_weights(file, strip=False)
    if _sha256(file) != meta.get("weights_sha256"):
        raise InputError(f"{file}: is not what was saved (its hash differs); the file is damaged")
    return weights


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.splitlines()[0][:160] if text else type(error).__name__
