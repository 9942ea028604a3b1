"""From a configuration to the faces that train and those that validate."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from kryptui.data.landmark_data import TEST, TRAIN, VALIDATION, digest, read_landmarks, split_people
from kryptui.data.manifest import Manifest
from kryptui.errors import InputError
from kryptui.tasks.landmarks.settings import LandmarkSettings, ValidationSettings
from kryptui.tasks.protocol import Notice


@dataclass(frozen=True)
class Dataset:
    """Faces to train on and faces of other people to measure on."""

    train: Manifest
    validation: Manifest
    notices: list[Notice]

    @property
    def digest(self) -> str:
        """A hash of both sides' pictures and points."""
        parts = [digest(self.train), digest(self.validation)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def load_dataset(settings: LandmarkSettings) -> Dataset:
    """Reads `train` and takes the validation people out of it; the split test is for later.

    Raises InputError for data that is missing or malformed, or of which too little remains, and for a split that
    is asked for where there is one.
    """
    manifest = read_landmarks(Path(settings.train))
    splits = set(manifest.table["split"])
    pool = manifest.split(TRAIN) if splits - {""} else manifest
    if not len(pool):
        raise InputError(f"{manifest.source} has no pictures of the split {TRAIN!r}, which a run trains on")
    train, validation = _divide(manifest, pool, settings)
    notices = [Notice("warning", f"left out: {item.path}: {item.reason}") for item in manifest.left_out]
    if not (train.table["identity"] != "").any():
        notices.append(Notice("warning", f"{manifest.source} names nobody: one person may train and validate"))
    people = train.table["identity"].nunique()
    notices.append(
        Notice(
            "info",
            f"training on {len(train)} faces of {people} people, validating on {len(validation)} of "
            f"{validation.table['identity'].nunique()} others",
        )
    )
    return Dataset(train, validation, notices)


def for_evaluation(source: Path) -> Manifest:
    """The faces that a trained model is measured on: the split test, else validation, else all."""
    manifest = read_landmarks(source)
    for name in (TEST, VALIDATION):
        if len(part := manifest.split(name)):
            return part
    return manifest


def _divide(manifest: Manifest, pool: Manifest, settings: LandmarkSettings) -> tuple[Manifest, Manifest]:
    asked, held_out = settings.validation, manifest.split(VALIDATION)
    if isinstance(asked, ValidationSettings):
        if len(held_out):
            raise InputError(f"task.validation: {manifest.source} has a split {VALIDATION!r} already; use auto")
        return split_people(pool, asked.identities, asked.split_seed)
    if asked != "auto":
        return pool, _of_others(pool, for_evaluation(Path(asked)))
    if len(held_out):
        return pool, _of_others(pool, held_out)
    default = ValidationSettings()
    return split_people(pool, default.identities, default.split_seed)


def _of_others(train: Manifest, validation: Manifest) -> Manifest:
    """The validation faces, checked to be of nobody, and of another source in no picture, that trains."""
    if train.source == validation.source:
        shared = sorted((set(train.table["identity"]) & set(validation.table["identity"])) - {""})
        if shared:
            raise InputError(f"{train.source}: person {shared[0]} is in the splits {TRAIN!r} and {VALIDATION!r}")
        return validation
    trained = {path.resolve() for path in train.absolute_paths()}
    for path in validation.absolute_paths():
        if path.resolve() in trained:
            raise InputError(f"task.validation: {path} is trained on too; take it out of one of them")
    return validation
