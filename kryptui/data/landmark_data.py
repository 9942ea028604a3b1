"""Readers of pictures with the points of a face: csv files and CelebA's own lists, to a manifest."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kryptui.data.layouts import NOT_THERE
from kryptui.data.manifest import LANDMARK_COLUMNS, LeftOut, Manifest, identity_order, make_table
from kryptui.data.tables import TextTable, is_file, read_table, require_columns
from kryptui.errors import InputError
from kryptui.preprocess import POINTS

TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"

NO_POINTS: Final = "no landmarks"
ONE_PLACE: Final = "both eyes at one place"

_SPLITS = {"val": VALIDATION, "valid": VALIDATION, "dev": VALIDATION}
_CSV_NAMES = ("landmarks.csv", "manifest.csv")
_CELEBA = {  # the list of points: where its pictures lie
    "list_landmarks_align_celeba.txt": ("img_align_celeba", "img_align_celeba_png"),
    "list_landmarks_celeba.txt": ("img_celeba",),
}
_PARTITIONS = {"0": TRAIN, "1": VALIDATION, "2": TEST}


def read_landmarks(path: Path) -> Manifest:
    """Reads pictures with five points each: a csv file, a folder with one, or a folder or list of CelebA's.

    A csv has `path` and the ten columns of `LANDMARK_COLUMNS`, and may have `identity` and `split`; pictures count
    from its folder. CelebA's `list_landmarks_celeba.txt` or `list_landmarks_align_celeba.txt` lies beside its
    pictures' folder, `identity_CelebA.txt` and `list_eval_partition.txt`, or all in its `Anno`, `Eval`, `Img`.
    Faces without points, or with both eyes at one place, and pictures that are not there are in `left_out`.
    Raises InputError: nothing there, a malformed file, no picture with points.
    """
    if path.is_dir():
        manifest = _read_folder(path)
    elif path.name in _CELEBA and path.is_file():
        manifest = _read_celeba(_celeba_root(path), path)
    elif path.exists():
        manifest = _read_csv(path)
    else:
        raise InputError(f"{path} does not exist; give a csv with landmarks, or CelebA's folder")
    return _usable(manifest)


def points_of(manifest: Manifest) -> NDArray[np.float64]:
    """The points (N, 5, 2) of a manifest's pictures."""
    return manifest.table[list(LANDMARK_COLUMNS)].to_numpy(dtype=np.float64).reshape(-1, len(POINTS), 2)


def digest(manifest: Manifest) -> str:
    """The sha256 of the rows and their points, in hex; neither the order nor the place of the files changes it."""
    order = np.argsort(manifest.table["path"].to_numpy(dtype=str), kind="stable")
    points = points_of(manifest)[order].round(4) + 0.0
    return hashlib.sha256(manifest.digest().encode() + points.tobytes()).hexdigest()


def split_people(manifest: Manifest, fraction: float, seed: int) -> tuple[Manifest, Manifest]:
    """The pictures of most people, and those of about `fraction` of them; a picture without identity is a person.

    Deterministic by seed, whatever the order of the rows. Raises InputError where one side would be empty.
    """
    table = manifest.table
    people = table["identity"].where(table["identity"] != "", "\0" + table["path"])
    names = sorted(people.unique(), key=identity_order)
    if len(names) < 2:
        raise InputError(f"{manifest.source} holds one person only; validation needs people of its own")
    count = min(max(1, round(fraction * len(names))), len(names) - 1)
    chosen = np.random.default_rng(seed).permutation(len(names))[:count]
    held_out = people.isin([names[place] for place in chosen])
    return manifest.subset(~held_out), manifest.subset(held_out)


# Csv files


def _read_folder(path: Path) -> Manifest:
    for name in _CSV_NAMES:
        if (path / name).is_file():
            return _read_csv(path / name)
    for place in (path, path / "Anno"):
        found = [name for name in _CELEBA if (place / name).is_file()]
        for name in found:
            if _images(path, name) is not None or name == found[-1]:
                return _read_celeba(path, place / name)
    raise InputError(
        f"{path} holds none of {', '.join((*_CSV_NAMES, *_CELEBA))}; give a csv with landmarks, or CelebA's folder"
    )


def _read_csv(path: Path) -> Manifest:
    table = read_table(path)
    require_columns(table, ("path", *LANDMARK_COLUMNS), ("identity", "split"))
    paths = table.columns["path"]
    seen: set[str] = set()
    for row, name in enumerate(paths):
        if not name or name in seen:
            raise table.bad(row, "path", "the path of a picture that stands here once")
        seen.add(name)
    count = len(paths)
    identities = table.columns.get("identity", [""] * count)
    splits = [_SPLITS.get(word, word) for word in table.columns.get("split", [""] * count)]
    frame = make_table(paths, identities, [None] * count, splits)
    for name in LANDMARK_COLUMNS:
        frame[name] = table.parse(name, _pixels, "a number of pixels, or nothing where there is no face")
    _refuse_half_faces(table, frame)
    root = Path(os.path.realpath(path.parent))
    missing = [name for name in paths if not is_file(root / name)]
    if len(missing) == count:
        raise InputError(f"{path}: none of its {count} pictures exists; {paths[0]!r} was looked for in {root}")
    return Manifest(frame, root, path).without([LeftOut(name, NOT_THERE) for name in missing])


def _pixels(text: str) -> float:
    value = float(text) if text else math.nan
    if text and not math.isfinite(value):
        raise ValueError(text)
    return value


def _refuse_half_faces(table: TextTable, frame: pd.DataFrame) -> None:
    absent = frame[list(LANDMARK_COLUMNS)].isna().to_numpy()
    for row in np.flatnonzero(absent.any(axis=1) & ~absent.all(axis=1)):
        name = LANDMARK_COLUMNS[int(np.argmax(absent[row]))]
        raise table.bad(int(row), name, "a number of pixels, as other points of this face are there")


# CelebA


def _celeba_root(listed: Path) -> Path:
    return listed.parent.parent if listed.parent.name == "Anno" else listed.parent


def _images(root: Path, listed: str) -> Path | None:
    places = [root / up / folder for folder in _CELEBA[listed] for up in ("", "Img")]
    return next((place for place in places if place.is_dir()), None)


def _read_celeba(root: Path, listed: Path) -> Manifest:
    images = _images(root, listed.name)
    if images is None:
        raise InputError(
            f"{root} has no folder {' or '.join(_CELEBA[listed.name])} with the pictures of {listed.name}"
        )
    names, points = _read_points(listed)
    people = _read_words(root, "identity_CelebA.txt")
    parts = _read_words(root, "list_eval_partition.txt")
    unknown = sorted(set(parts.values()) - _PARTITIONS.keys())
    if unknown:
        raise InputError(f"{root}: list_eval_partition.txt holds {unknown[0]!r}; it must be 0, 1 or 2")
    there = {entry.name for entry in os.scandir(images)}
    if not there & set(names):
        raise InputError(f"{listed}: none of its {len(names)} pictures, such as {names[0]}, is in {images}")
    folder = Path(os.path.relpath(images, root)).as_posix()
    frame = make_table(
        [f"{folder}/{name}" for name in names],
        [people.get(name, "") for name in names],
        [None] * len(names),
        [_PARTITIONS[parts[name]] if name in parts else "" for name in names],
    )
    frame[list(LANDMARK_COLUMNS)] = points
    missing = [LeftOut(f"{folder}/{name}", NOT_THERE) for name in names if name not in there]
    return Manifest(frame, Path(os.path.realpath(root)), listed).without(missing)


def _read_points(path: Path) -> tuple[list[str], NDArray[np.float64]]:
    """A count, a header, then a name and ten numbers a line, of which spaces stand between."""
    lines = _lines(path)
    header = lines[1].lower().replace("_", "").split() if len(lines) > 1 else []
    expected = [name.replace("_", "") for name in LANDMARK_COLUMNS]
    if header != expected or not lines[0].strip().isdecimal():
        raise InputError(f"{path}: is no list of CelebA's: it begins with a count and a line {' '.join(expected)}")
    names, rows = [], []
    for number, line in enumerate(lines[2:], 3):
        words = line.split()
        try:
            row = [float(word) for word in words[1:]]
        except ValueError:
            row = []
        if len(row) != len(expected) or not all(map(math.isfinite, row)):
            raise InputError(f"{path}, line {number}: must be the name of a picture and ten numbers")
        names.append(words[0])
        rows.append(row)
    if not rows:
        raise InputError(f"{path} lists no picture")
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise InputError(f"{path}: {twice} stands there twice")
    return names, np.array(rows)


def _read_words(root: Path, name: str) -> dict[str, str]:
    """A list of two words a line, first to second; empty where the file is not there."""
    places = [root / up / name for up in ("", "Anno", "Eval")]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return {}
    words: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        pair = line.split()
        if len(pair) != 2:
            raise InputError(f"{path}, line {number}: must be the name of a picture and one word")
        words[pair[0]] = pair[1]
    return words


def _lines(path: Path) -> Sequence[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def _usable(manifest: Manifest) -> Manifest:
    points = points_of(manifest)
    absent = np.isnan(points).any(axis=(1, 2))
    one = ~absent & (np.linalg.norm(points[:, 0] - points[:, 1], axis=1) == 0)
    left_out = [
        LeftOut(path, NO_POINTS if none else ONE_PLACE)
        for path, none, bad in zip(manifest.table["path"], absent, absent | one, strict=True)
        if bad
    ]
    if len(left_out) == len(manifest):
        raise InputError(f"{manifest.source} has no picture with landmarks")
    return manifest.without(left_out)
