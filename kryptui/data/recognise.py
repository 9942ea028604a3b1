"""What a folder or a file looks like as a dataset, by a handful of names in it; of a csv only the head is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from kryptui.data.image_names import is_image_name

_FOLDERS = 6
"""Folders that are looked into: the first ones tell."""

_NAMES = 24
_ENTRIES = 2000
_HEAD_BYTES = 4096


def recognise(path: Path) -> str:
    """`prepared folder`, `contest tree`, `class folders` or `manifest csv`; empty for anything else.

    Takes the same short time whatever the size of the dataset. A guess: `read_dataset` has the last word.
    """
    try:
        if path.suffix.lower() == ".csv":
            return "manifest csv" if path.is_file() and _is_manifest(path) else ""
        if (path / "manifest.csv").is_file():
            return "prepared folder" if (path / "prepare.json").is_file() else "manifest csv"
        if (path / "meta.json").is_file() and (path / "images").is_dir():
            return "contest tree"
        return "class folders" if _holds_people(path) else ""
    except OSError:
        return ""


def _is_manifest(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).decode("utf-8-sig", "replace").partition("\n")[0]
    names = {name.strip().strip('"') for name in head.split(",")}
    return "path" in names and bool(names & {"identity", "label"})


def _holds_people(path: Path) -> bool:
    """Whether there are folders of images that are neither pairs of a test tree nor part of a contest tree."""
    if path.name == "images" and (path.parent / "meta.json").is_file():
        return False
    folders = sorted(islice(_folders(path), _ENTRIES))
    if folders == ["images"]:
        return _holds_people(path / "images")
    images = [_images(path / name) for name in folders[:_FOLDERS]]
    are_pairs = all({Path(name).stem for name in found} <= {"0", "1"} for found in images)
    return sum(map(bool, images)) >= 2 and not are_pairs


def _folders(path: Path) -> Iterator[str]:
    with os.scandir(path) as entries:
        for entry in islice(entries, _ENTRIES):
            if not entry.name.startswith(".") and entry.is_dir():
                yield entry.name


def _images(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in islice(entries, _NAMES) if is_image_name(entry.name)]
    except OSError:
        return []
