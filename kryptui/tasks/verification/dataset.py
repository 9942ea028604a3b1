"""From a configuration to the images that train and the frozen pairs that validate."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kryptui.data.labels import Labelled, assign_labels
from kryptui.data.layouts import read_dataset
from kryptui.data.manifest import Manifest
from kryptui.data.pairs import PairList, read_pairs
from kryptui.data.prepare import PAIRS_FILE, TRAIN, VALIDATION, freeze_pairs, split_identities
from kryptui.errors import InputError
from kryptui.tasks.protocol import Notice
from kryptui.tasks.verification.aligning import Located, check_aligned, stored_points
from kryptui.tasks.verification.settings import AlignSettings, ValidationSettings, VerificationSettings


@dataclass(frozen=True)
class Dataset:
    """Labelled training images and the pairs that every run on this data is scored on."""

    train: Manifest
    labelled: Labelled
    pairs: PairList
    notices: list[Notice]
    located: Located | None = None
    """Where the faces are in training images and pairs, if they are to be aligned."""

    @property
    def digest(self) -> str:
        """A hash of the labelled images, the pairs, and the points that faces are aligned by."""
        labels = self.labelled.table["label"].to_numpy().tobytes()
        parts = [self.train.digest().encode(), labels, self.pairs.digest().encode()]
        if self.located is not None:
            places = [np.full((5, 2), np.nan) if points is None else points for points in self.located.values()]
            parts.append(np.stack(places).round(3).tobytes())
        return hashlib.sha256(b"\n".join(parts)).hexdigest()[:16]


def load_dataset(settings: VerificationSettings) -> Dataset:
    """Reads `train`, takes the validation people out of it, labels and prunes the rest.

    Raises InputError for data that is missing, malformed, split already though a split is asked for, or of which
    too little remains.
    """
    manifest = read_dataset(Path(settings.train))
    train, pairs = _divide(manifest, settings)
    notices = [Notice("warning", text) for text in (*manifest.notices, *_left_out(manifest))]
    located = None
    if settings.align == "done":
        check_aligned([*train.absolute_paths(), *_images(pairs)])
    elif settings.align is not None:
        train, located, told = _locate(settings.align, manifest, train, pairs)
        notices.append(told)
    labelled = assign_labels(train.table, settings.fakes, settings.min_real, settings.min_class)
    kept = Manifest(labelled.table, train.root, train.source)
    counts = labelled.counts
    notices.append(
        Notice(
            "info",
            f"training on {counts.images} images of {counts.identities} people ({counts.reals} real, "
            f"{counts.fake_images} fake) in {labelled.num_classes} classes; validating on {_count(pairs)}",
        )
    )
    if counts.lost_reals or counts.lost_fakes:
        notices.append(Notice("info", f"pruned: {counts.lost_reals} real and {counts.lost_fakes} fake images"))
    return Dataset(kept, labelled, pairs, notices, located)


def _locate(
    align: AlignSettings, manifest: Manifest, train: Manifest, pairs: PairList
) -> tuple[Manifest, Located, Notice]:
    """The training images that are kept, the points of all that are used, and what was not found."""
    located = stored_points(align, manifest, dict.fromkeys([*train.absolute_paths(), *_images(pairs)]))
    has_face = [located[path] is not None for path in train.absolute_paths()]
    without = len(has_face) - sum(has_face)
    others = sum(located[path] is None for path in dict.fromkeys(_images(pairs)))
    fate = "taken as they are" if align.missing == "as-is" else "left out"
    told = f"aligning faces to {align.template}; no face was found in {without} training images, {fate}"
    if align.missing == "leave-out":
        train = train.subset(pd.Series(has_face, index=train.table.index))
    return train, located, Notice("info", f"{told}, and in {others} of the pairs, taken as they are")


def _images(pairs: PairList) -> list[Path]:
    return [path for pair in pairs.absolute_paths() for path in pair]


def _divide(manifest: Manifest, settings: VerificationSettings) -> tuple[Manifest, PairList]:
    asked = settings.validation
    is_split = bool((manifest.table["split"] == TRAIN).any())
    if isinstance(asked, ValidationSettings):
        if is_split:
            raise InputError(
                f"task.validation: {manifest.source} is split already; use auto, or give a pair list, "
                "or train on the unsplit source"
            )
        return _split(manifest, asked)
    if asked != "auto":
        pairs = read_pairs(Path(asked))
        train = _without_pairs(manifest.split(TRAIN) if is_split else manifest, pairs)
        if not len(train):
            raise InputError(
                f"task.validation: everyone in {manifest.source} stands in the pairs of {asked}, so nobody is "
                "left to train on; give other pairs or more people"
            )
        return train, pairs
    if not is_split:
        return _split(manifest, ValidationSettings())
    beside = manifest.root / PAIRS_FILE
    if beside.is_file():
        return manifest.split(TRAIN), _of_others(manifest.split(TRAIN), read_pairs(beside), beside)
    defaults = ValidationSettings()
    held_out = manifest.split(VALIDATION)
    return manifest.split(TRAIN), freeze_pairs(held_out, defaults.split_seed, defaults.pairs)


def _split(manifest: Manifest, how: ValidationSettings) -> tuple[Manifest, PairList]:
    split = split_identities(manifest, how.identities, how.split_seed)
    pairs = freeze_pairs(split.split(VALIDATION), how.split_seed, how.pairs)
    return split.split(TRAIN), pairs


def _without_pairs(train: Manifest, pairs: PairList) -> Manifest:
    """Training images without the people who stand in the pairs."""
    validated = {path.resolve() for pair in pairs.absolute_paths() for path in pair}
    stands = [path.resolve() in validated for path in train.absolute_paths()]
    people = set(train.table["identity"][stands])
    return train.subset(~train.table["identity"].isin(people))


def _of_others(train: Manifest, pairs: PairList, source: Path) -> PairList:
    """The pairs, checked to hold nobody of the training split they lie beside."""
    trained = set(train.table["identity"])
    shared = sorted(trained & {*pairs.table["identity1"], *pairs.table["identity2"]})
    if shared:
        raise InputError(
            f"{source}: person {shared[0]} stands in these pairs and in the training split; prepare the data again"
        )
    return pairs


def _count(pairs: PairList) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in pairs.counts().items()) + " pairs"


def _left_out(manifest: Manifest) -> list[str]:
    return [
        f"left out: {item.path}: {item.reason}{f' ({item.detail})' if item.detail else ''}"
        for item in manifest.left_out
    ]
