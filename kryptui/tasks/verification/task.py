"""Face verification at work: its batches, its loss, its evaluation, and its answers to a test tree."""

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
from kryptui.data.decode import BrokenImage
from kryptui.data.labels import known_fake
from kryptui.data.loading import ImageLoader, Locate
from kryptui.data.pairs import PairList, read_pairs
from kryptui.data.sampling import Groups, group_rows, plan_epoch, steps_per_epoch
from kryptui.errors import InputError, RunError
from kryptui.losses import WeightedSum, build_loss
from kryptui.machine import cores
from kryptui.models import embedder
from kryptui.models.drawing import DrawingApart, NoDrawing
from kryptui.preprocess import Preprocessing
from kryptui.tasks.protocol import Batch, Evaluation, Infer, Notice, Prediction, Progress, StageOutline
from kryptui.tasks.verification.aligning import by_path, check_aligned, contract_with, in_new_pictures
from kryptui.tasks.verification.dataset import Dataset, load_dataset
from kryptui.tasks.verification.embed import embed_images, embed_pixels, number_paths, similarities
from kryptui.tasks.verification.evaluation import evaluate_scores
from kryptui.tasks.verification.settings import VerificationSettings
from kryptui.tasks.verification.submission import answer_test_tree


class _Builder:
    """Makes verification tasks; see `tasks.protocol.TaskBuilder`."""

    def for_training(self, config: AnyConfig) -> VerificationTraining:
        """Checks the backbone first, which is quick, then reads the data."""
        assert config.model is not None
        embedder.check_backbone(config.model.backbone)
        return VerificationTraining(config, load_dataset(config.task))

    def outline(self, config: AnyConfig) -> VerificationOutline:
        """Checks the backbone first, then reads the data."""
        assert config.model is not None
        embedder.check_backbone(config.model.backbone)
        return VerificationOutline(load_dataset(config.task))

    def for_inference(self, config: AnyConfig, rebuild: Mapping[str, Any] | None) -> VerificationInference:
        """Takes the preprocessing contract from the checkpoint, or from the configuration if there is none."""
        return VerificationInference(config, rebuild)


BUILDER = _Builder()


class VerificationTraining:
    """A verification run with its data in hand."""

    def __init__(self, config: AnyConfig, dataset: Dataset) -> None:
        assert config.model is not None
        settings: VerificationSettings = config.task
        self._config, self._settings, self._dataset = config, settings, dataset
        self._threads = config.threads or cores()
        with DrawingApart(config.seed):  # what the start weights do not cover is drawn
            self._built = embedder.build(config.model, settings.embedding.size, settings.embedding.normalize)
        self._contract = contract_with(self._built.preprocessing, settings, config.model.backbone)
        self._locate = None if dataset.located is None else by_path(dataset.located)
        self._loader = ImageLoader(
            dataset.train.absolute_paths(), self._contract, self._threads, settings.max_pixels, self._locate
        )
        self._notices = [*dataset.notices, *(Notice("warning", text) for text in self._built.notices)]
        self._told: set[Path] = set()
        self.data_hash = dataset.digest
        self.rebuild: Mapping[str, Any] = {"preprocessing": self._contract.to_json()}

    def model(self) -> nn.Module:
        """The embedder with its start weights."""
        return self._built.embedder

    def stage(self, config: AnyConfig, index: int, device: torch.device) -> VerificationStage:
        """Batches and losses as the stage's settings want them."""
        return VerificationStage(
            config, index, device, self._dataset, self._loader, self._built.embedder.embedding_size
        )

    def evaluate(self, infer: Infer, device: torch.device, progress: Progress | None = None) -> Evaluation:
        """Scores the frozen validation pairs."""
        pairs = self._dataset.pairs
        scores, broken = _score_pairs(
            infer, device, pairs, self._contract, self._settings, self._threads, self._locate, progress
        )
        self._tell(broken)
        if lost := _unscored(pairs, scores, broken):
            text = f"the model's similarity of {lost} pairs is not a number; they are left out of the evaluation"
            self._notices.append(Notice("warning", text))
        return evaluate_scores(pairs, scores)

    def take_notices(self) -> list[Notice]:
        """What was read, pruned, left out; broken images once each."""
        self._tell(self._loader.take_untold())
        notices, self._notices = self._notices, []
        return notices

    def _tell(self, broken: list[BrokenImage]) -> None:
        new = [problem for problem in broken if problem.path not in self._told]
        self._notices += [Notice("warning", f"left out: {problem}") for problem in new]
        self._told |= {problem.path for problem in broken}


class VerificationOutline:
    """What is known of a verification run before it begins; see `tasks.protocol.Outline`."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset, self._notices = dataset, list(dataset.notices)
        self._built: tuple[object, tuple[embedder.Embedder, Preprocessing]] | None = None

    def stage(self, config: AnyConfig, index: int) -> StageOutline:
        """A person or class gives a batch the images that it has, up to those that are asked for."""
        settings: VerificationSettings = config.task
        groups, per_batch, take = _groups(settings, *_columns(self._dataset))
        images = sorted(
            sum(min(len(pool), most) for pool, most in zip(group, take, strict=True)) for group in groups
        )
        steps = steps_per_epoch(len(groups), per_batch)
        largest = sum(images[-math.ceil(len(groups) / steps) :])
        size = self._embedder(config)[0].embedding_size
        with torch.device("meta"), NoDrawing():  # type: ignore[no-untyped-call]
            criterion = _criterion(settings, size, self._dataset.labelled.num_classes)
        return StageOutline(steps, sum(images), largest, criterion)

    def network(self, config: AnyConfig) -> tuple[nn.Module, tuple[int, ...]]:
        """The embedder, and a picture of its contract."""
        network, contract = self._embedder(config)
        return network, (3, *contract.size)

    def take_notices(self) -> list[Notice]:
        """What was read, pruned, left out."""
        notices, self._notices = self._notices, []
        return notices

    def _embedder(self, config: AnyConfig) -> tuple[embedder.Embedder, Preprocessing]:
        assert config.model is not None
        model, embedding = config.model, config.task.embedding
        if self._built is None or self._built[0] != (model, embedding):
            self._built = (model, embedding), embedder.build_shapes(model, embedding.size, embedding.normalize)
        return self._built[1]


class VerificationStage:
    """One stage's batches and loss."""

    def __init__(
        self,
        config: AnyConfig,
        index: int,
        device: torch.device,
        dataset: Dataset,
        loader: ImageLoader,
        embedding_size: int,
    ) -> None:
        settings: VerificationSettings = config.task
        self._seed, self._index, self._pin = config.seed, index, device.type == "cuda"
        self._loader = loader
        self._augmentation = Augmentation(**settings.augment.model_dump())
        labels, people, is_fake = _columns(dataset)
        self._targets = {
            "label": torch.from_numpy(labels),
            "identity": torch.from_numpy(people),
            "is_fake": torch.from_numpy(is_fake),
        }
        self._groups, self._per_batch, self._take = _groups(settings, labels, people, is_fake)
        self.steps_per_epoch = steps_per_epoch(len(self._groups), self._per_batch)
        self._criterion = _criterion(settings, embedding_size, dataset.labelled.num_classes)

    @property
    def criterion(self) -> nn.Module:
        """The weighted sum of the losses."""
        return self._criterion

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """Images with their label, identity and is_fake."""
        rng = np.random.default_rng([self._seed, self._index, epoch])
        plan = plan_epoch(self._groups, self._per_batch, self._take, rng)
        for images, rows in self._loader.batches(plan[start:], self._pin):
            at = torch.from_numpy(rows)
            yield Batch(images, {name: values[at] for name, values in self._targets.items()})

    def inputs(self, batch: Batch) -> Tensor:
        """Augmented, then normalised by the contract."""
        return normalize(augment(to_unit(batch.images), self._augmentation), self._loader.geometry)


class VerificationInference:
    """A verification model without training data: of a checkpoint, or with a configuration's start weights."""

    def __init__(self, config: AnyConfig, rebuild: Mapping[str, Any] | None) -> None:
        assert config.model is not None
        self._settings: VerificationSettings = config.task
        self._threads = config.threads or cores()
        embedding = self._settings.embedding
        if rebuild is None:
            built = embedder.build(config.model, embedding.size, embedding.normalize)
            if built.layer_is_new:
                raise InputError(
                    f"task.embedding.size: {config.model.weights} has no trained layer of {embedding.size}; "
                    "give the size that it was trained with, or null"
                )
            self._model = built.embedder
            self.contract = contract_with(built.preprocessing, self._settings, config.model.backbone)
        else:
            self._model = embedder.build_bare(config.model, embedding.size, embedding.normalize)
            self.contract = Preprocessing.from_json(rebuild["preprocessing"], "checkpoint")

    def model(self) -> nn.Module:
        """The embedder; bare if it is a checkpoint's."""
        return self._model

    def embed(self, infer: Infer, device: torch.device, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Embeddings float32 (N, D) of length one, from RGB uint8 (N, H, W, 3) of the contract's size."""
        return embed_pixels(infer, device, pixels, self.contract, batch=self._settings.evaluate_batch)

    def evaluate(
        self, infer: Infer, device: torch.device, source: Path, progress: Progress | None = None
    ) -> Evaluation:
        """Scores a pair list; raises InputError for a broken image, RunError where the model gives NaN."""
        pairs = read_pairs(source)
        locate = self._locate([path for pair in pairs.absolute_paths() for path in pair])
        scores, broken = _score_pairs(
            infer, device, pairs, self.contract, self._settings, self._threads, locate, progress
        )
        if broken:
            more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
            raise InputError(f"{source}: {broken[0]}{more}; mend the images or take their pairs out")
        if lost := _unscored(pairs, scores, broken):
            raise RunError(f"{source}: the model's similarity of {lost} of {len(pairs)} pairs is not a number")
        return evaluate_scores(pairs, scores)

    def predict(
        self,
        infer: Infer,
        device: torch.device,
        source: Path,
        options: Mapping[str, Any],
        progress: Progress | None = None,
    ) -> Prediction:
        """The similarity of each pair of a test tree; `fill_missing` stands for pairs without both images."""

        def embed(paths: list[Path]) -> tuple[np.ndarray[Any, Any], list[BrokenImage]]:
            return embed_images(
                infer,
                device,
                paths,
                self.contract,
                batch=self._settings.evaluate_batch,
                threads=self._threads,
                max_pixels=self._settings.max_pixels,
                locate=self._locate(paths),
                progress=progress,
            )

        return answer_test_tree(source, embed, options.get("fill_missing"))

    def _locate(self, paths: list[Path]) -> Locate | None:
        """Finds the faces in new pictures, if the contract wants them aligned and they are not."""
        align = self._settings.align
        if self.contract.template is None or align is None:
            return None
        if align == "done":
            check_aligned(paths)
            return None
        return in_new_pictures(align, paths)


def _score_pairs(
    infer: Infer,
    device: torch.device,
    pairs: PairList,
    contract: Preprocessing,
    settings: VerificationSettings,
    threads: int,
    locate: Locate | None,
    progress: Progress | None = None,
) -> tuple[np.ndarray[Any, Any], list[BrokenImage]]:
    paths, first, second = number_paths(pairs.absolute_paths())
    embeddings, broken = embed_images(
        infer,
        device,
        paths,
        contract,
        batch=settings.evaluate_batch,
        threads=threads,
        max_pixels=settings.max_pixels,
        locate=locate,
        progress=progress,
    )
    return similarities(embeddings, first, second), broken


def _unscored(pairs: PairList, scores: np.ndarray[Any, Any], broken: list[BrokenImage]) -> int:
    """How many pairs of whole images the model gives no similarity that is a number."""
    unusable = {problem.path for problem in broken}
    unscored = np.flatnonzero(~np.isfinite(scores))
    both = pairs.absolute_paths() if len(unscored) else []
    return sum(1 for index in unscored if not unusable & set(both[index]))


def _columns(dataset: Dataset) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Of each training image (N,): its label, its person's number, and whether it is a fake."""
    table = dataset.labelled.table
    labels = table["label"].to_numpy(dtype=np.int64, copy=True)
    people = np.unique(table["identity"].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)
    return labels, people, known_fake(table).to_numpy(dtype=bool, copy=True)


def _groups(
    settings: VerificationSettings,
    labels: np.ndarray[Any, Any],
    people: np.ndarray[Any, Any],
    is_fake: np.ndarray[Any, Any],
) -> tuple[Groups, int, list[int]]:
    """Who is drawn into a batch together, how many at a time, and how many images of each kind."""
    batch = settings.batch
    if batch.classes is not None and batch.images is not None:
        if settings.fakes == "negatives":
            raise InputError(
                "task.batch: draws by classes, and fakes that are negatives belong to none; "
                "give identities, real and fake instead"
            )
        return group_rows(labels, np.zeros(len(labels), dtype=np.int64), 1), batch.classes, [batch.images]
    assert batch.identities is not None
    assert batch.real is not None
    assert batch.fake is not None
    return group_rows(people, is_fake.astype(np.int64), 2), batch.identities, [batch.real, batch.fake]


def _criterion(settings: VerificationSettings, embedding_size: int, num_classes: int) -> nn.Module:
    terms = []
    for place, loss in enumerate(settings.losses):
        spec = loss.model_dump()
        weight = spec.pop("weight")
        try:
            module = build_loss(spec, embedding_size=embedding_size, num_classes=num_classes)
        except InputError as error:
            raise InputError(f"task.losses.{place}: {error}") from None
        terms.append((loss.kind, weight, module))
    return WeightedSum(terms)
