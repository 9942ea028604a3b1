"""What a run would take, told before it begins: steps, images, parameters, memory, disk, and time by past runs."""

from __future__ import annotations

import io
import math
import os
import pickle
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kryptui.config import AnyConfig, at_stage, to_plain
from kryptui.engine.device import Device, Precision, resolve
from kryptui.engine.footprint import Footprint, activations_of, footprint
from kryptui.errors import InputError
from kryptui.jobs.doctor.limits import allowed_memory
from kryptui.models.embedder import count_parameters
from kryptui.runs.rows import RunRow
from kryptui.tasks import registry
from kryptui.tasks.protocol import Outline, StageOutline

PAST_RUNS = 200
"""How many of the latest runs are looked through for one that tells a speed."""

_PATIENCE_SECONDS = 120.0

_THREADS = re.compile(r", [0-9]+ threads?")


@dataclass(frozen=True)
class StageEstimate:
    """A stage if nothing ends it early: batches of an epoch, and optimizer steps and images of all its epochs."""

    name: str
    epochs: int
    batches: int
    steps: int
    images: int


@dataclass(frozen=True)
class Speed:
    """How fast a run on record trained the same network on the same kind of device."""

    run_id: str
    name: str
    images_per_second: float


@dataclass(frozen=True)
class Estimate:
    """A run before it begins. Sizes are in bytes; `capacity` is the device's memory, None where unknown."""

    stages: tuple[StageEstimate, ...]
    parameters: int
    largest_batch: int
    device: str
    precision: str
    memory: Footprint
    capacity: int | None
    checkpoint: int
    kept: int
    """Checkpoints that stay on disk at most: those that the configuration keeps, and the best."""
    may_end_early: bool
    notices: tuple[str, ...] = ()
    speed: Speed | None = None

    @property
    def steps(self) -> int:
        """Optimizer steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    @property
    def images(self) -> int:
        """Images of all stages, each as often as it is seen."""
        return sum(stage.images for stage in self.stages)

    @property
    def seconds(self) -> float | None:
        """Time to train, evaluations not counted; None where no run tells."""
        return None if self.speed is None else self.images / self.speed.images_per_second

    @property
    def fits(self) -> bool:
        """Whether what is known of the memory is less than there is."""
        return self.capacity is None or self.memory.total < self.capacity


class Estimator:
    """Estimates one configuration after the other; what it read or built for the one before is used again.

    `past` gives the latest runs on record, the newest first. For one thread at a time.
    """

    def __init__(self, past: Callable[[], Sequence[RunRow]] = tuple) -> None:
        self._past = past
        self._outline = _Last()
        self._activations = _Last()

    def estimate(self, config: AnyConfig) -> Estimate:
        """Reads the data if they are others than before; raises InputError where the run could not begin."""
        device = resolve(config.device, config.precision, config.threads, config.channels_last)
        outline, notices = self._outline.get(_data_key(config), lambda: _read(config))
        network, shape = outline.network(config)
        work = [outline.stage(at_stage(config, index), index) for index in range(len(config.stages))]
        largest = max(stage.largest_batch for stage in work)
        plain = to_plain(config)
        held = self._activations.get(
            (plain["model"], plain["task"], shape, largest, device.precision),
            lambda: _activations(outline.network(config)[0], shape, largest, device.precision),
        )
        memory = max(
            (footprint(network, stage.criterion, at_stage(config, index).optimizer, held)
             for index, stage in enumerate(work)),
            key=lambda found: found.total,
        )  # fmt: skip
        return Estimate(
            tuple(_stage(config, index, stage) for index, stage in enumerate(work)),
            count_parameters(network),
            largest,
            device.label,
            device.precision,
            memory,
            capacity(device),
            memory.weights + memory.optimizer,
            config.checkpoint.keep + 1,
            config.evaluate.patience is not None,
            notices,
            speed_of(plain, device, self._past()),
        )


def _activations(network: nn.Module, input_shape: tuple[int, ...], batch: int, precision: Precision) -> int | None:
    """What `activations_of` finds, found in a process of its own; None where it finds nothing.

    Tensors without content, made in one thread, let a backward pass in another end the process (torch 2.11).
    """
    question = io.BytesIO()
    try:
        torch.save((network, input_shape, batch, precision), question)
        done = subprocess.run(
            [sys.executable, "-c", "from kryptui.jobs.estimate import answer; answer()"],
            input=question.getvalue(),
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        return int(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError, pickle.PicklingError, AttributeError, TypeError):
        return None


def answer() -> None:
    """The other process: the question on stdin, the number on stdout."""
    found = activations_of(*torch.load(io.BytesIO(sys.stdin.buffer.read()), weights_only=False))
    sys.stdout.write("" if found is None else str(found))


def speed_of(config: dict[str, Any], device: Device, past: Sequence[RunRow]) -> Speed | None:
    """The speed of the newest run with this task, network and kind of device; on a CPU, of this machine only."""
    here = socket.gethostname()
    for run in past:
        if run.kind != "train" or run.task != config["task"]["kind"]:
            continue
        told = run.progress.get("images_per_second")
        ran_on = run.env.get("device", "")
        if not told or not _same_network(run.config, config) or not _same_kind(ran_on, device.label):
            continue
        if device.device.type != "cpu" or run.host == here:
            return Speed(run.id, run.name, float(told))
    return None


def capacity(device: Device) -> int | None:
    """The memory of a device in bytes, or what this process may take of the machine's."""
    if device.device.type == "cuda":
        return int(torch.cuda.get_device_properties(device.device).total_memory)
    import psutil  # type: ignore[import-untyped]

    try:
        total = int(psutil.virtual_memory().total)
    except (OSError, psutil.Error):
        return allowed_memory()
    return min(total, allowed_memory() or total)


class _Last:
    """Keeps what was made last, for as long as the same is asked for."""

    def __init__(self) -> None:
        self._kept: tuple[Any, Any] | None = None

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        if self._kept is None or self._kept[0] != key:
            self._kept = None  # the old is let go before the new is made
            self._kept = key, make()
        return self._kept[1]


def _read(config: AnyConfig) -> tuple[Outline, tuple[str, ...]]:
    outline = getattr(registry.builder(config), "outline", None)
    if outline is None:
        raise InputError(f"the task {config.task.kind!r} tells nothing of a run before it begins")
    found: Outline = outline(config)
    return found, tuple(notice.text for notice in found.take_notices())


def _data_key(config: AnyConfig) -> tuple[Any, ...]:
    """What decides what is read: settings, and when the dataset itself was last changed."""
    task, settings = to_plain(config)["task"], config.task
    reads = task.keys() if settings.reads is None else settings.reads
    changed = None
    if settings.dataset is not None:
        try:
            changed = Path(task[settings.dataset]).stat().st_mtime_ns
        except (OSError, ValueError):
            changed = None
    return settings.kind, {name: task[name] for name in reads}, config.model, changed


def _stage(config: AnyConfig, index: int, stage: StageOutline) -> StageEstimate:
    settings = config.stages[index]
    a_step = at_stage(config, index).optimizer.accumulate
    return StageEstimate(
        settings.name,
        settings.epochs,
        stage.steps_per_epoch,
        settings.epochs * math.ceil(stage.steps_per_epoch / a_step),
        settings.epochs * stage.images_per_epoch,
    )


def _same_network(past: dict[str, Any], config: dict[str, Any]) -> bool:
    """Start weights make no difference to the speed."""
    mine, theirs = config.get("model"), past.get("model")
    if not isinstance(mine, dict) or not isinstance(theirs, dict):
        return bool(mine == theirs)
    return all(mine.get(name) == theirs.get(name) for name in ("backbone", "image_size"))


def _same_kind(ran_on: Any, label: str) -> bool:
    """Alike but for the number of a GPU and of threads."""
    words = [_THREADS.sub("", re.sub(r"^cuda:[0-9]+", "cuda", str(text))) for text in (ran_on, label)]
    return words[0] == words[1]
