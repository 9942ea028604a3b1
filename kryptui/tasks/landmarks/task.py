"""Landmarks at work: batches of faces, the hourglass, its loss, its evaluation and its answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kryptui.config import AnyConfig
from kryptui.data.augment import Augmentation, augment, normalize, to_unit
from kryptui.data.crop_loading import CropLoader
from kryptui.data.crops import Shake, move_back, move_points
from kryptui.data.decode import BrokenImage
from kryptui.data.landmark_data import points_of
from kryptui.data.manifest import Manifest
from kryptui.errors import InputError, RunError
from kryptui.faces.hourglass import HourglassLandmarker
from kryptui.machine import cores
from kryptui.models.drawing import DrawingApart, NoDrawing
from kryptui.models.hourglass import StackedHourglass
from kryptui.preprocess import POINTS, Preprocessing
from kryptui.tasks.landmarks.criterion import HeatmapLoss
from kryptui.tasks.landmarks.dataset import Dataset, for_evaluation, load_dataset
from kryptui.tasks.landmarks.evaluation import evaluate_points
from kryptui.tasks.landmarks.faces import contract_of, loader_of, make_loader, training_shake
from kryptui.tasks.landmarks.locate import locate
from kryptui.tasks.landmarks.pictures import COLUMNS, read_pictures
from kryptui.tasks.landmarks.samples import draw_samples
from kryptui.tasks.landmarks.settings import LandmarkSettings
from kryptui.tasks.protocol import Batch, Evaluation, Infer, Notice, Prediction, Progress, StageOutline


class _Builder:
    """Makes landmarks tasks; see `tasks.protocol.TaskBuilder`."""

    def for_training(self, config: AnyConfig) -> LandmarkTraining:
        """Reads the lists of faces."""
        return LandmarkTraining(config, load_dataset(config.task))

    def outline(self, config: AnyConfig) -> LandmarkOutline:
        """Reads the lists of faces."""
        return LandmarkOutline(load_dataset(config.task))

    def for_inference(self, config: AnyConfig, rebuild: Mapping[str, Any] | None) -> LandmarkInference:
        """Takes the preprocessing contract from the checkpoint, or from the configuration if there is none."""
        return LandmarkInference(config, rebuild)


BUILDER = _Builder()


class LandmarkTraining:
    """A landmarks run with its data in hand."""

    def __init__(self, config: AnyConfig, dataset: Dataset) -> None:
        settings: LandmarkSettings = config.task
        self._settings, self._dataset, self._seed = settings, dataset, config.seed
        contract, threads = contract_of(settings), config.threads or cores()
        self._train = loader_of(dataset.train, settings, contract, threads)
        self._measured = loader_of(dataset.validation, settings, contract, threads)
        self._notices, self._told = list(dataset.notices), set[Path]()
        self.data_hash = dataset.digest
        self.rebuild: Mapping[str, Any] = {"preprocessing": contract.to_json()}

    def model(self) -> nn.Module:
        """The hourglass with random start weights, of the run's seed."""
        with DrawingApart(self._seed):
            return _network(self._settings)

    def stage(self, config: AnyConfig, index: int, device: torch.device) -> LandmarkStage:
        """Batches and loss as the stage's settings want them."""
        return LandmarkStage(config, index, device, self._train, points_of(self._dataset.train))

    def evaluate(self, infer: Infer, device: torch.device, progress: Progress | None = None) -> Evaluation:
        """Measures the validation faces; broken ones are left out."""
        faces = self._dataset.validation
        return _measure(infer, device, faces, self._measured, self._settings, progress, self._notices)

    def take_notices(self) -> list[Notice]:
        """What was read and left out; broken pictures once each."""
        for loader in (self._train, self._measured):
            new = [problem for problem in list(loader.broken.values()) if problem.path not in self._told]
            self._notices += [Notice("warning", f"left out: {problem}") for problem in new]
            self._told |= {problem.path for problem in new}
        notices, self._notices = self._notices, []
        return notices


class LandmarkOutline:
    """What is known of a landmarks run before it begins; see `tasks.protocol.Outline`."""

    def __init__(self, dataset: Dataset) -> None:
        self._faces, self._notices = len(dataset.train), list(dataset.notices)

    def stage(self, config: AnyConfig, index: int) -> StageOutline:
        """Every face once an epoch."""
        settings: LandmarkSettings = config.task
        largest = min(self._faces, settings.batch)
        return StageOutline(_steps(self._faces, settings), self._faces, largest, _criterion(settings))

    def network(self, config: AnyConfig) -> tuple[nn.Module, tuple[int, ...]]:
        """The hourglass, and a square of its contract."""
        settings: LandmarkSettings = config.task
        with torch.device("meta"), NoDrawing():  # type: ignore[no-untyped-call]
            return _network(settings), (3, settings.image_size, settings.image_size)

    def take_notices(self) -> list[Notice]:
        """What was read and left out."""
        notices, self._notices = self._notices, []
        return notices


class LandmarkStage:
    """One stage's batches and loss."""

    def __init__(
        self,
        config: AnyConfig,
        index: int,
        device: torch.device,
        loader: CropLoader,
        points: np.ndarray[Any, Any],
    ) -> None:
        settings: LandmarkSettings = config.task
        self._settings, self._seed, self._index = settings, config.seed, index
        self._loader, self._points, self._pin = loader, points, device.type == "cuda"
        how = settings.augment
        self._augmentation = Augmentation(
            grey=how.grey, brightness=how.brightness, contrast=how.contrast, saturation=how.saturation
        )
        self.steps_per_epoch = _steps(len(points), settings)
        self._criterion = _criterion(settings)

    @property
    def criterion(self) -> nn.Module:
        """The error of the heatmaps."""
        return self._criterion

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """Squares around faces, and their points (B, 5, 2) in them.

        Where a square lies, how far it is turned and whether it is mirrored is drawn here and not on the device:
        so a picture is resampled once, and its points move with it.
        """
        rng = np.random.default_rng([self._seed, self._index, epoch])
        order = rng.permutation(len(self._points))
        loader = self._loader.shaken(training_shake(self._settings, len(order), rng))
        plan = np.array_split(order, self.steps_per_epoch)
        for images, rows in loader.batches(plan[start:], self._pin):
            points = move_points(self._points[rows], loader.matrices[rows])
            yield Batch(images, {"points": torch.from_numpy(points.astype(np.float32))})

    def inputs(self, batch: Batch) -> Tensor:
        """Changed in colour, then normalised by the contract."""
        return normalize(augment(to_unit(batch.images), self._augmentation), self._loader.geometry)


class LandmarkInference:
    """A landmarks model without training data: of a checkpoint, or with random weights."""

    def __init__(self, config: AnyConfig, rebuild: Mapping[str, Any] | None) -> None:
        self._settings: LandmarkSettings = config.task
        self._threads = config.threads or cores()
        self._seed = None if rebuild is not None else config.seed
        self.contract = (
            contract_of(self._settings)
            if rebuild is None
            else Preprocessing.from_json(rebuild["preprocessing"], "checkpoint")
        )

    def model(self) -> nn.Module:
        """The hourglass; bare if it is a checkpoint's."""
        with NoDrawing() if self._seed is None else DrawingApart(self._seed):  # type: ignore[no-untyped-call]
            return _network(self._settings)

    def landmarker(self, infer: Infer, device: torch.device, name: str) -> HourglassLandmarker:
        """What places the points of faces that a detector found; `name` says with which weights."""
        stride, margin = self._settings.network.stride, self._settings.crop.margin
        return HourglassLandmarker(infer, self.contract, stride, margin, device, name)

    def evaluate(
        self, infer: Infer, device: torch.device, source: Path, progress: Progress | None = None
    ) -> Evaluation:
        """Measures the split test of a source with landmarks, else validation, else all of it.

        Raises InputError for a broken picture, RunError where the model gives NaN.
        """
        faces = for_evaluation(source)
        loader = loader_of(faces, self._settings, self.contract, self._threads)
        found = _measure(infer, device, faces, loader, self._settings, progress, [])
        _refuse_broken(source, list(loader.broken.values()))
        if not math.isfinite(found.scalars["nme"]):
            raise RunError(f"{source}: the model's points are no numbers")
        return found

    def predict(
        self,
        infer: Infer,
        device: torch.device,
        source: Path,
        options: Mapping[str, Any],
        progress: Progress | None = None,
    ) -> Prediction:
        """The points of each picture, in pixels; `skip_broken` leaves broken ones out."""
        if unknown := options.keys() - {"skip_broken"}:
            raise InputError(f"{sorted(unknown)[0]}: is no option of landmarks, which has skip_broken alone")
        pictures = read_pictures(source)
        shake = Shake.none(len(pictures.paths))
        loader = make_loader(pictures.paths, pictures.boxes, shake, self._settings, self.contract, self._threads)
        points = _locate(infer, device, loader, self._settings, progress)
        broken = list(loader.broken.values())
        if not options.get("skip_broken"):
            _refuse_broken(source, broken)
        rows: list[list[str | int | float]] = []
        for index, name in enumerate(pictures.names):
            if index not in loader.broken:
                if not np.isfinite(points[index]).all():
                    raise RunError(f"{source}: the model's points of {name} are no numbers")
                rows.append([name, *(round(float(value), 2) for value in points[index].flat)])
        if not rows:
            raise InputError(f"{source}: none of its {len(pictures.names)} pictures can be read")
        notes = {
            "images": len(rows),
            "problems": [str(problem) for problem in broken],
            "notices": pictures.notices,
        }
        return Prediction(COLUMNS, rows, notes)


def _network(settings: LandmarkSettings) -> StackedHourglass:
    how = settings.network
    return StackedHourglass(len(POINTS), how.stacks, how.channels, how.depth, how.stride)


def _criterion(settings: LandmarkSettings) -> HeatmapLoss:
    return HeatmapLoss(settings.network.stride, settings.sigma)


def _steps(faces: int, settings: LandmarkSettings) -> int:
    return math.ceil(faces / settings.batch)


def _locate(
    infer: Infer,
    device: torch.device,
    loader: CropLoader,
    settings: LandmarkSettings,
    progress: Progress | None,
) -> np.ndarray[Any, Any]:
    """Points (N, 5, 2) in the pictures; of broken ones no numbers."""
    found = locate(
        infer, device, loader, settings.network.stride, batch=settings.evaluate_batch, progress=progress
    )
    return move_back(found, loader.matrices)


def _measure(
    infer: Infer,
    device: torch.device,
    faces: Manifest,
    loader: CropLoader,
    settings: LandmarkSettings,
    progress: Progress | None,
    notices: list[Notice],
) -> Evaluation:
    """An evaluation of all faces that load, with sheets of what was found."""
    points = _locate(infer, device, loader, settings, progress)
    loaded = np.array([row not in loader.broken for row in range(len(faces))])
    true, found = points_of(faces), points
    measured = evaluate_points(found[loaded], true[loaded])
    try:
        sheets = draw_samples(loader, found, true, loaded, settings.samples)
    except OSError as problem:
        sheets = []
        notices.append(Notice("warning", f"no samples are drawn: {problem}"))
    return Evaluation(measured.scalars, [*measured.figures, *sheets], measured.scores)


def _refuse_broken(source: Path, broken: list[BrokenImage]) -> None:
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise InputError(f"{source}: {broken[0]}{more}; mend the pictures or take them out")
