"""A model ready to answer: from a checkpoint, or from a configuration with its start weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from kryptui import config as configuration
from kryptui.config import AnyConfig
from kryptui.engine import checkpoint, folders
from kryptui.engine.device import Device, resolve, use
from kryptui.models.embedder import load_exactly
from kryptui.tasks import registry
from kryptui.tasks.protocol import Infer, InferenceTask


@dataclass(frozen=True)
class Restored:
    """A model on its device, its task, and where it came from."""

    config: AnyConfig
    task: InferenceTask
    model: nn.Module
    device: Device
    source: Path
    weights_sha256: str | None
    step: int | None

    @property
    def infer(self) -> Infer:
        """Inputs -> outputs."""
        return self.device.infer_with(self.model)


def from_checkpoint(path: Path, device: str | None = None) -> Restored:
    """The model of a checkpoint's folder, in the precision it was trained in.

    `device` replaces the configuration's. Raises InputError for a checkpoint that is damaged or does not fit.
    """
    meta = checkpoint.read_meta(path)
    config = configuration.check(meta["config"], str(path / folders.META_FILE), registry.settings_of)
    task = registry.builder(config).for_inference(config, meta["rebuild"])
    weights = checkpoint.read_own_weights(path, meta)
    model = task.model()
    load_exactly(model, weights, str(path))
    where = resolve(device or config.device, meta["precision"], config.threads, config.channels_last)
    return _ready(config, task, model, where, path, meta["weights_sha256"], int(meta["step"]))


def from_config(config: AnyConfig, source: Path, device: str | None = None) -> Restored:
    """The untrained model of a configuration, with its start weights."""
    where = resolve(device or config.device, config.precision, config.threads, config.channels_last)
    task = registry.builder(config).for_inference(config, None)
    return _ready(config, task, task.model(), where, source, None, None)


def _ready(
    config: AnyConfig,
    task: InferenceTask,
    model: nn.Module,
    device: Device,
    source: Path,
    sha256: str | None,
    step: int | None,
) -> Restored:
    use(device)
    return Restored(config, task, device.place(model).eval(), device, source, sha256, step)
