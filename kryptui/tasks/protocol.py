"""What a task brings: the seam between the engine, which knows only these types, and the tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np

from kryptui.figures import Figure
from kryptui.preprocess import Preprocessing

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from kryptui.config import AnyConfig
    from kryptui.faces.face import Landmarker

Infer = Callable[["Tensor"], "Tensor"]
"""Normalised inputs on the device -> the model's outputs, in float32, without gradients."""

Progress = Callable[[int, int], None]
"""Is told how many of how many are done."""


class Check(NamedTuple):
    """What a look at data came to, in a line that also says what to do; only a problem stops the work."""

    state: Literal["ok", "note", "problem"]
    text: str


CheckSource = Callable[[Path, Mapping[str, Any]], list[Check]]
"""Looks at unlabelled data before any work, given the options for it; raises InputError for what is none."""

Score = Callable[[Path, Path], Mapping[str, float]]
"""A file of answers, a file of labels -> numbers by name; raises InputError where they do not fit together."""


@dataclass(frozen=True)
class Notice:
    """A line for people; `level` is info or warning."""

    level: str
    text: str


@dataclass
class Batch:
    """Images uint8 (B, 3, H, W), or whatever the task's `inputs` takes, and named target tensors (B, ...)."""

    images: Tensor
    targets: dict[str, Tensor]

    def to(self, device: torch.device) -> Batch:
        """The batch on a device; a copy to a GPU does not wait."""
        targets = {name: value.to(device, non_blocking=True) for name, value in self.targets.items()}
        return Batch(self.images.to(device, non_blocking=True), targets)


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation found: numbers by name, figures, and the arrays from which they were computed."""

    scalars: Mapping[str, float]
    figures: list[Figure] = field(default_factory=list)
    scores: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """A task's answer to unlabelled data: a table in its final order, checked before it was handed over."""

    columns: list[str]
    rows: list[list[str | int | float]]
    notes: Mapping[str, Any] = field(default_factory=dict)


class Stage(Protocol):
    """A stage's work: its batches, what is done to them on the device, and its loss."""

    steps_per_epoch: int

    @property
    def criterion(self) -> nn.Module:
        """(outputs, targets) -> {"loss": 0-d, other 0-d statistics}; its parameters are trained too."""

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches of an epoch from its step `start` on; the same on every call."""

    def inputs(self, batch: Batch) -> Tensor:
        """Augmented, normalised inputs of a batch that is on the device; may draw from torch's generator."""


class TrainingTask(Protocol):
    """A task with its training data in hand."""

    data_hash: str
    rebuild: Mapping[str, Any]
    """Plain facts that, with the configuration, rebuild the model for inference; stored in checkpoints."""

    def model(self) -> nn.Module:
        """The network with its start weights; may draw from torch's generator."""

    def stage(self, config: AnyConfig, index: int, device: torch.device) -> Stage:
        """The work of stage `index` on a device, by the settings that `config` has for it."""

    def evaluate(self, infer: Infer, device: torch.device, progress: Progress | None = None) -> Evaluation:
        """Measures the model on the validation data; draws from no generator."""

    def take_notices(self) -> list[Notice]:
        """What a person should know and has not been told yet, such as files that were left out."""


@dataclass(frozen=True)
class StageOutline:
    """A stage before it begins: batches and images of an epoch, the largest batch, and its loss in shapes."""

    steps_per_epoch: int
    images_per_epoch: int
    largest_batch: int
    criterion: nn.Module


class Outline(Protocol):
    """What is known of a run before it begins: its data are at hand, its network is shapes without values."""

    def stage(self, config: AnyConfig, index: int) -> StageOutline:
        """Stage `index` by the settings that `config` has for it; raises InputError where they cannot be."""

    def network(self, config: AnyConfig) -> tuple[nn.Module, tuple[int, ...]]:
        """The network on the meta device, and the shape of one input; draws, fetches and allocates nothing."""

    def take_notices(self) -> list[Notice]:
        """What a person should know of the data and has not been told yet."""


class InferenceTask(Protocol):
    """A task without training data: as a checkpoint rebuilds it, or with its configuration's start weights."""

    def model(self) -> nn.Module:
        """The network; for a checkpoint without its weights, and made without drawing random numbers."""

    def evaluate(
        self, infer: Infer, device: torch.device, source: Path, progress: Progress | None = None
    ) -> Evaluation:
        """Measures the model on labelled data; raises InputError for data that is not right."""

    def predict(
        self,
        infer: Infer,
        device: torch.device,
        source: Path,
        options: Mapping[str, Any],
        progress: Progress | None = None,
    ) -> Prediction:
        """Answers unlabelled data; raises InputError before any work where an answer cannot be complete."""


class EmbeddingTask(InferenceTask, Protocol):
    """An inference task whose model makes embeddings of pictures, that are compared by their cosines."""

    contract: Preprocessing
    """What a picture must go through before `embed` takes it, but for colours and numbers."""

    def embed(self, infer: Infer, device: torch.device, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Embeddings float32 (N, D) of length one, from RGB uint8 (N, H, W, 3) of the contract's size."""


class LandmarkTask(InferenceTask, Protocol):
    """An inference task whose model places the points of faces that were found."""

    def landmarker(self, infer: Infer, device: torch.device, name: str) -> Landmarker:
        """What places them; `name` says with which weights."""


class TaskBuilder(Protocol):
    """Makes a working task from a configuration: with its data, or from what a checkpoint holds."""

    def for_training(self, config: AnyConfig) -> TrainingTask:
        """Reads the training data; raises InputError for data that is not right."""

    def outline(self, config: AnyConfig) -> Outline:
        """Reads the training data as `for_training` does, and no weights.

        What it has read goes for every configuration that is alike in `model` and in what its task `reads`. Draws
        from no generator: a run may train beside it. Raises InputError for data that is not right.
        """

    def for_inference(self, config: AnyConfig, rebuild: Mapping[str, Any] | None) -> InferenceTask:
        """Takes nothing but the configuration and `TrainingTask.rebuild`; None means the start weights."""
