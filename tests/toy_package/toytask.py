"""A task from outside the package: a regression on generated numbers, with one figure of each type.

It is installed by putting this folder on the path: the dist-info beside it announces it as other packages would.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from kryptui.config import TaskSettings
from kryptui.errors import InputError
from kryptui.figures import Curve, Histogram, ImageSheet, Matrix, Report, Series, Table
from kryptui.tasks.datasets import Choice, Concern, Finding, Remainder
from kryptui.tasks.registry import TaskSpec


class ToySettings(TaskSettings):
    """y = sin of a weighted sum of 8 numbers, plus noise."""

    per_stage: ClassVar[frozenset[str]] = frozenset({"dropout"})

    kind: Literal["toy"]
    rows: int = Field(96, ge=8)
    batch: int = Field(16, ge=1)
    dropout: float = Field(0.2, ge=0, lt=1)
    explode_at: int | None = Field(None, description="batch of each epoch whose targets are not numbers")
    stuck_at: int | None = Field(None, description="batch of each epoch that never comes")
    delay: float = Field(0.0, ge=0, description="seconds that a batch takes to come")


SPEC = TaskSpec(
    kind="toy",
    settings=ToySettings,
    build="toytask:BUILDER",
    headline="rmse",
    better="lower",
    takes_model=False,
    directions=(("r2", "higher"),),
    datasets="toytask:DATASETS",
)


def _data(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 8)).astype(np.float32)
    y = np.sin(x @ np.linspace(-1, 1, 8)).astype(np.float32)
    return x, y + rng.normal(scale=0.05, size=rows).astype(np.float32)


class _Builder:
    def for_training(self, config: Any) -> Any:
        return ToyTraining(config)

    def outline(self, config: Any) -> Any:
        return ToyOutline()

    def for_inference(self, config: Any, rebuild: Mapping[str, Any] | None) -> Any:
        return ToyInference(config)


BUILDER = _Builder()


def _network(dropout: float) -> Any:
    from torch import nn

    return nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Dropout(dropout), nn.Linear(32, 1), nn.Flatten(0))


def _criterion() -> Any:
    import torch
    from torch import nn

    class Scaled(nn.Module):
        """Squared error of outputs times a learnt scale: a criterion with a parameter of its own."""

        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
            error = outputs * self.scale - targets["y"]
            return {"loss": error.square().mean(), "bias": error.mean().detach()}

    return Scaled()


class ToyTraining:
    """Training on generated rows."""

    def __init__(self, config: Any) -> None:
        self.settings = config.task
        self.x, self.y = _data(config.task.rows, 0)
        self.data_hash = f"toy-{config.task.rows}"
        self.rebuild: Mapping[str, Any] = {}

    def model(self) -> Any:
        return _network(self.settings.dropout)

    def stage(self, config: Any, index: int, device: Any) -> Any:
        return ToyStage(config, index, self.x, self.y)

    def evaluate(self, infer: Any, device: Any, progress: Any = None) -> Any:
        return _evaluate(infer, device, *_data(64, 1))

    def take_notices(self) -> list[Any]:
        return []


class ToyOutline:
    """Needs no data to know how many rows it draws."""

    def stage(self, config: Any, index: int) -> Any:
        import torch

        from kryptui.tasks.protocol import StageOutline

        rows, batch = config.task.rows, config.task.batch
        with torch.device("meta"):
            return StageOutline(-(-rows // batch), rows, min(rows, batch), _criterion())

    def network(self, config: Any) -> Any:
        import torch

        with torch.device("meta"):
            return _network(config.task.dropout), (8,)

    def take_notices(self) -> list[Any]:
        return []


class ToyStage:
    """Shuffled rows in batches."""

    def __init__(self, config: Any, index: int, x: np.ndarray, y: np.ndarray) -> None:
        self.settings, self.seed, self.index, self.x, self.y = config.task, config.seed, index, x, y
        self.steps_per_epoch = -(-len(x) // config.task.batch)
        self.criterion = _criterion()

    def batches(self, epoch: int, start: int) -> Iterator[Any]:
        import torch

        from kryptui.tasks.protocol import Batch

        order = np.random.default_rng([self.seed, self.index, epoch]).permutation(len(self.x))
        for number in range(start, self.steps_per_epoch):
            time.sleep(1e6 if number == self.settings.stuck_at else self.settings.delay)
            rows = order[number * self.settings.batch : (number + 1) * self.settings.batch]
            y = self.y[rows] * np.nan if number == self.settings.explode_at else self.y[rows]
            yield Batch(torch.from_numpy(self.x[rows]), {"y": torch.from_numpy(y)})

    def inputs(self, batch: Any) -> Any:
        import torch

        return batch.images + 0.01 * torch.randn_like(batch.images)


class ToyInference:
    """Answers csv files with columns x0 to x7; for evaluation y too."""

    def __init__(self, config: Any) -> None:
        self.settings = config.task

    def model(self) -> Any:
        from kryptui.models.drawing import NoDrawing

        with NoDrawing():
            return _network(self.settings.dropout)

    def evaluate(self, infer: Any, device: Any, source: Path, progress: Any = None) -> Any:
        table = _read(source)
        return _evaluate(infer, device, table[:, :8], table[:, 8])

    def predict(
        self, infer: Any, device: Any, source: Path, options: Mapping[str, Any], progress: Any = None
    ) -> Any:
        import torch

        from kryptui.tasks.protocol import Prediction

        values = infer(torch.from_numpy(_read(source)[:, :8]).to(device)).tolist()
        return Prediction(["row", "y"], [[row, value] for row, value in enumerate(values)])


def _read(source: Path) -> np.ndarray:
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    with source.open(newline="") as file:
        return np.array([[float(cell) for cell in row] for row in list(csv.reader(file))[1:]], dtype=np.float32)


def _evaluate(infer: Any, device: Any, x: np.ndarray, y: np.ndarray) -> Any:
    import torch

    from kryptui.tasks.protocol import Evaluation

    answers = infer(torch.from_numpy(x).to(device)).cpu().numpy()
    error = answers - y
    counts, edges = np.histogram(error, bins=5)
    return Evaluation(
        {"rmse": float(np.sqrt(np.mean(error**2))), "r2": float(1 - np.var(error) / np.var(y))},
        [
            Curve("answers", "y", "answer", [Series("rows", y.tolist(), answers.tolist())]),
            Histogram("errors", "error", edges.tolist(), {"rows": counts.tolist()}),
            Matrix("first rows", ["y", "answer"], ["0", "1"], [y[:2].tolist(), answers[:2].tolist()]),
            Table("worst", ["row", "error"], [[int(np.argmax(abs(error))), float(np.max(abs(error)))]]),
            ImageSheet("none", [], []),
        ],
        {"error": error},
    )


class _Datasets:
    def recognise(self, path: Path) -> str:
        return "rows of numbers" if path.suffix == ".csv" and path.read_text().startswith("x0") else ""

    def open(self, path: Path, name: str) -> Any:
        return ToyDataset(path)


DATASETS = _Datasets()


class ToyDataset:
    """A csv file of rows; there are no pictures in it, and nothing to prepare."""

    choices = (Choice("rows", "rows to train on", (8, 32, 96), 96),)
    groups = ()
    subject = "all rows"
    notices = ()
    preparation = None

    def __init__(self, path: Path) -> None:
        with path.open(newline="") as file:
            self.rows = list(csv.reader(file))[1:]
        self.broken: list[Finding] | None = None

    def report(self) -> Report:
        counts, edges = np.histogram([float(row[-1]) for row in self.rows if row[-1]], bins=4)
        figure = Histogram("y", "y", edges.tolist(), {"rows": counts.tolist()})
        return Report("", {"rows": len(self.rows)}, [figure])

    def concerns(self) -> list[Concern]:
        return [Concern("rows without y", "they teach nothing", "wrong", self.broken)]

    def remains(self, chosen: Mapping[str, Any]) -> Remainder:
        return Remainder({"rows": min(int(chosen["rows"]), len(self.rows))})

    def samples(self, group: str) -> list[ImageSheet]:
        return []

    def inspect(self, *, threads: int, count: Any, found: Any, stop: Any) -> None:
        self.broken = [Finding(f"row {number}") for number, row in enumerate(self.rows) if not row[-1]]
        count("reading rows", len(self.rows), len(self.rows))

    def prepare(self, out: Path, options: Any, **how: Any) -> None:
        raise AssertionError("there is nothing to prepare")

    def command(self, out: str | None = None, options: Any = None) -> str:
        return ""
