"""What a person means by WHAT: a run, a checkpoint's folder, or a file of weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kryptui import config as configuration
from kryptui.engine.folders import META_FILE, POINTERS, step_folder
from kryptui.engine.restore import Restored, from_checkpoint, from_config
from kryptui.errors import InputError
from kryptui.jobs.workspace import Workspace
from kryptui.models.embedder import oml_vit_settings
from kryptui.models.weights import read_weights
from kryptui.runs.store import Store
from kryptui.tasks import registry

OML_PRESET = "devail"
_WEIGHTS = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")


def open_model(
    what: str,
    workspace: Workspace,
    store: Store | None,
    config: Path | None = None,
    device: str | None = None,
    checkpoint: str = "best",
) -> tuple[Restored, dict[str, Any]]:
    """The model that `what` names, and where it came from: the run's id and name, if it is a run's.

    Without a `store` no run is known. Of a run, or its folder, the `checkpoint` is meant: best, last or step-N. A
    file of weights needs the configuration that it belongs to, but for OML's ViT extractors, which tell what they
    are. Raises InputError for anything else.
    """
    path = Path(what)
    if path.is_file():
        return _from_weights(path, config, device), {"run": None}
    if config is not None:
        raise InputError(f"--config: {what} brings its own configuration; it is for files of weights")
    if path.is_dir():
        chosen = path if (path / META_FILE).is_file() else _checkpoint(path, checkpoint)
        return _restored(chosen, device), {"run": None}
    if is_path(what):
        raise InputError(f"{what}: no such file or folder")
    if store is None:
        raise InputError(f"{what}: no such file or folder, and there is no record of runs to look in")
    run = store.get_run(store.resolve_run(what))
    if run.kind != "train":
        raise InputError(f"run {run.id}: is no training run ({run.kind}), so it has no checkpoint")
    chosen = _checkpoint(workspace.checkpoints(run.id, run.workspace), checkpoint)
    if not chosen.is_dir():
        raise InputError(f"run {run.id} ({run.name}): has no checkpoint at {chosen}")
    return _restored(chosen, device), {"run": run.id, "name": run.name}


def is_path(what: str) -> bool:
    """Whether it names a file or a folder, there or not, rather than a run."""
    path = Path(what)
    return path.exists() or "/" in what or path.suffix in _WEIGHTS


def _restored(chosen: Path, device: str | None) -> Restored:
    """The model of a checkpoint; of the next one, where its run moves the pointer and deletes it meanwhile."""
    while True:
        path = chosen.resolve()
        try:
            return from_checkpoint(path, device)
        except InputError:
            if chosen.resolve() == path:
                raise


def _checkpoint(folder: Path, name: str) -> Path:
    """Where the checkpoint of this name lies in a run's folder, if it is there: best, last or step-N."""
    if name in POINTERS:
        return folder / name
    step = name.removeprefix("step-")
    if step == name or not step.isdecimal():
        raise InputError(f"{name}: is no name of a checkpoint; give best, last or step-N")
    return step_folder(folder, int(step))


def _from_weights(path: Path, config: Path | None, device: str | None) -> Restored:
    overrides = [f"model.weights={json.dumps(str(path))}", "model.pretrained=false"]
    if config is None:
        vit = oml_vit_settings(read_weights(path))
        if vit is None:
            raise InputError(
                f"{path}: does not say what model it belongs to; name its configuration or preset by --config"
            )
        config = configuration.preset_path(OML_PRESET)
        overrides.append(f"model.backbone={vit.backbone}")
    return from_config(configuration.load(config, registry.settings_of, overrides), path, device)
