"""Helpers for tests on the toy task: its configuration, a recorder in memory, and whole programs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kryptui import config as configuration
from kryptui.config import AnyConfig
from kryptui.engine.control import Control
from kryptui.engine.device import resolve
from kryptui.engine.train import Goal, Trainer
from kryptui.tasks import registry

PACKAGE = Path(__file__).parent / "toy_package"


def toy_config(*overrides: str, **settings: Any) -> AnyConfig:
    """A small configuration of the toy task; keywords replace top-level settings."""
    data = {
        "name": "toy",
        "device": "cpu",
        "precision": "fp32",
        "threads": 1,
        "stages": [{"name": "one", "epochs": 3, "lr": 0.01}],
        "checkpoint": {"every": "4 steps", "keep": 2},
        "log": {"every": 5},
        "task": {"kind": "toy"},
        **settings,
    }
    return configuration.check(data, "toy", registry.settings_of, overrides)


class MemoryRecorder:
    """Keeps what it is told, for looking at."""

    def __init__(self) -> None:
        self.points: list[tuple[int, float, str, float]] = []
        self.lines: list[str] = []
        self.evaluations: list[int] = []
        self.artifacts: dict[str, int | None] = {}
        self.flushes = self.moves = 0

    def metric(self, step: int, epoch: float, values: Mapping[str, float], wished: bool = False) -> None:
        self.points += [(step, epoch, name, value) for name, value in sorted(values.items())]

    def log(self, level: str, text: str) -> None:
        self.lines.append(f"{level}: {text}")

    def evaluation(
        self,
        step: int,
        scalars: Mapping[str, float],
        figures: Sequence[Any],
        scores: Any = None,
        wished: bool = False,
    ) -> None:
        self.evaluations.append(step)

    def artifact(
        self,
        kind: str,
        path: str,
        sha256: str | None = None,
        bytes: int | None = None,
        step: int | None = None,
    ) -> None:
        self.artifacts[path] = step

    def artifact_removed(self, path: str) -> None:
        self.artifacts.pop(path, None)

    def progress(self, **fields: Any) -> None:
        self.last_progress = fields

    def stepped(self) -> None:
        self.moves += 1

    def flush(self) -> None:
        self.flushes += 1


def make_trainer(
    config: AnyConfig, folder: Path, recorder: Any = None, control: Control | None = None
) -> tuple[Trainer, MemoryRecorder]:
    """A trainer of the toy task with a recorder in memory."""
    recorder = recorder or MemoryRecorder()
    task = registry.builder(config).for_training(config)
    device = resolve(config.device, config.precision, config.threads)
    goal = Goal("rmse", lower_is_better=True)
    return Trainer(config, task, goal, device, folder, recorder, control or Control()), recorder


def environment() -> dict[str, str]:
    """The environment of a whole program that can find the toy task."""
    path = os.pathsep.join(filter(None, [str(PACKAGE), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "120", "KRYPTUI_DB": "runs.db"}


def kryptui(*arguments: str | Path, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Runs the real command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "kryptui", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
