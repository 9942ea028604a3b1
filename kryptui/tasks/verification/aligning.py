"""Where the faces are that a run aligns: by points that were stored, or in new pictures found now."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from kryptui.data.align import Points
from kryptui.data.loading import Locate
from kryptui.data.manifest import LANDMARK_COLUMNS, Manifest
from kryptui.errors import InputError
from kryptui.faces.aligning import ALIGN_FILE
from kryptui.faces.finding import Finder
from kryptui.faces.points import read_points
from kryptui.preprocess import Preprocessing
from kryptui.tasks.verification.settings import AlignSettings, VerificationSettings

Located = Mapping[Path, Points | None]
"""The points of the face in each image, None where none was found."""


def contract_with(own: Preprocessing, settings: VerificationSettings, backbone: str) -> Preprocessing:
    """The backbone's contract with the template that the task aligns to.

    Raises InputError where the backbone takes aligned faces and the task does not align.
    """
    align = settings.align
    if align is None:
        if own.template is not None:
            raise InputError(
                f"task.align: {backbone} takes faces that lie on the {own.template} template; give "
                f"{{template: {own.template}}}, done for faces that kryptui data align has aligned, or "
                "model.preprocessing={template: none} for pictures as they are"
            )
        return own
    return replace(own, template="arcface" if align == "done" else align.template)


def stored_points(align: AlignSettings, manifest: Manifest, paths: Iterable[Path]) -> dict[Path, Points | None]:
    """The points of the images at `paths`, as they were stored; raises InputError where one has none on record."""
    if align.landmarks is not None:
        source, known = align.landmarks, read_points(Path(align.landmarks)).by_path()
    else:
        source, known = str(manifest.source), _of_manifest(manifest)
    found: dict[Path, Points | None] = {}
    lacking = []
    for path in paths:
        real = os.path.realpath(path)
        if real in known:
            found[path] = known[real]
        else:
            lacking.append(path)
    if lacking:
        raise InputError(
            f"{source}: has no landmarks for {len(lacking)} images (first: {lacking[0]}); "
            "find them by kryptui data landmarks"
        )
    return found


def _of_manifest(manifest: Manifest) -> dict[str, Points | None]:
    """The points in the columns of a manifest, by real path."""
    if not set(LANDMARK_COLUMNS) <= set(manifest.table.columns):
        raise InputError(
            f"task.align.landmarks: {manifest.source} has no columns of landmarks; find them by "
            "kryptui data landmarks, and give its csv here"
        )
    values = manifest.table[list(LANDMARK_COLUMNS)].to_numpy(dtype=float).reshape(-1, 5, 2)
    paths = [os.path.realpath(path) for path in manifest.absolute_paths()]
    return {
        path: points if np.isfinite(points).all() else None for path, points in zip(paths, values, strict=True)
    }


def by_path(located: Located) -> Locate:
    """Locates by points that are known."""
    return lambda path, _: located[path]


def in_new_pictures(align: AlignSettings, paths: Sequence[Path]) -> Locate:
    """Locates by the stored points where they name a picture, and finds the face in others.

    Raises InputError where a detector is needed and there is none.
    """
    known: Mapping[str, Points | None] = {}
    if align.landmarks is not None and Path(align.landmarks).is_file():
        known = read_points(Path(align.landmarks)).by_path()
    stored = {path: known[real] for path in paths if (real := os.path.realpath(path)) in known}
    if len(stored) == len(set(paths)):
        return by_path(stored)
    finder = Finder.of(align.detector, align.which)

    def locate(path: Path, picture: Image.Image) -> Points | None:
        return stored[path] if path in stored else finder.points(picture)

    return locate


def check_aligned(paths: Iterable[Path]) -> None:
    """Raises InputError unless `kryptui data align` has aligned all the images, as a file above them tells."""
    known: dict[Path, bool] = {}
    for folder in dict.fromkeys(path.parent for path in paths):
        if not _is_aligned(folder.resolve(), known):
            raise InputError(
                f"{folder}: its faces are not aligned (no {ALIGN_FILE} beside or above them); align them by "
                "kryptui data align, or have the run do it: task.align={template: arcface}"
            )


def _is_aligned(folder: Path, known: dict[Path, bool]) -> bool:
    if folder not in known:
        above = folder.parent
        known[folder] = (folder / ALIGN_FILE).is_file() or (above != folder and _is_aligned(above, known))
    return known[folder]
