"""Which pictures a folder or a csv holds, whatever its layout: people, pairs, or just pictures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kryptui.data.image_names import is_image_name
from kryptui.data.layouts import identity_of, read_dataset
from kryptui.data.manifest import LeftOut, Manifest, identity_order, names_in_common_folder
from kryptui.data.walk import LOCKED, OUTSIDE
from kryptui.errors import InputError

Layout = Literal["contest tree", "class folders", "manifest", "test tree", "folder"]


@dataclass(frozen=True)
class Pictures:
    """The pictures of a source, sorted by name.

    `names` are posix paths, each once and none leading upward, so that a copy of the source can use them;
    `paths` is where they lie. `identities` is None where the layout knows no people. `manifest` is there for
    contest trees and manifests, its rows in the order of `names`.
    """

    source: Path
    layout: Layout
    names: list[str]
    paths: list[Path]
    identities: list[str] | None
    manifest: Manifest | None = None
    left_out: tuple[LeftOut, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def top(self, count: int) -> Pictures:
        """The pictures of the `count` identities that have the most; equals go by their names' order.

        Raises InputError where the layout knows no people.
        """
        if self.identities is None:
            raise InputError(f"{self.source} is a {self.layout} and names no people; leave out --top-n")
        photos = Counter(self.identities)
        ranked = sorted(photos, key=lambda identity: (-photos[identity], identity_order(identity)))
        chosen = set(ranked[:count])
        rows = [row for row, identity in enumerate(self.identities) if identity in chosen]
        return self.take(rows)

    def take(self, rows: list[int]) -> Pictures:
        """Some of the pictures, in order."""
        manifest = self.manifest
        if manifest is not None:
            manifest = replace(manifest, table=manifest.table.iloc[rows].reset_index(drop=True))
        return replace(
            self,
            names=[self.names[row] for row in rows],
            paths=[self.paths[row] for row in rows],
            identities=None if self.identities is None else [self.identities[row] for row in rows],
            manifest=manifest,
        )

    def folders(self) -> set[Path]:
        """The real folders in which the pictures lie, and the source where it is one."""
        places = {path.parent for path in self.paths} | ({self.source} if self.source.is_dir() else set())
        return {Path(os.path.realpath(place)) for place in places}


def read_pictures(source: Path) -> Pictures:
    """The pictures of a contest tree, class folders, a manifest csv, a test tree, or a folder with images in it.

    Nothing is opened. Raises InputError: nothing there, a malformed file, no image at all.
    """
    if not source.exists():
        raise InputError(f"{source} does not exist; give a folder of images or a manifest csv")
    is_tree = source.is_dir()
    images = source.absolute().name == "images" and (source.absolute().parent / "meta.json").is_file()
    if not is_tree or images or any((source / name).is_file() for name in ("manifest.csv", "meta.json")):
        return _of_dataset(source, read_dataset(source))
    left_out: list[LeftOut] = []
    names = sorted(_walk(source, source, left_out))
    if not names:
        raise InputError(f"{source} holds no images (endings such as .jpg and .png); give a folder of images")
    layout = _layout(names)
    return Pictures(
        source,
        layout,
        names,
        [source / name for name in names],
        [identity_of(name) for name in names] if layout == "class folders" else None,
        left_out=tuple(left_out),
    )


def _of_dataset(source: Path, manifest: Manifest) -> Pictures:
    names = manifest.table["path"].tolist()
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
        names = names_in_common_folder([os.path.normpath(path) for path in manifest.absolute_paths()])
    order = sorted(range(len(names)), key=names.__getitem__)
    return Pictures(
        source,
        "contest tree" if (manifest.root / "meta.json").is_file() and manifest.source.is_dir() else "manifest",
        names,
        manifest.absolute_paths(),
        manifest.table["identity"].tolist(),
        manifest,
        manifest.left_out,
    ).take(order)


def _walk(root: Path, folder: Path, left_out: list[LeftOut]) -> Iterator[str]:
    """The names of the images in a folder and those below it; links that lead out of the root are left out."""
    inside = os.path.realpath(root) + os.sep
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        left_out.append(LeftOut(folder.relative_to(root).as_posix(), LOCKED, error.strerror or ""))
        return
    for entry in entries:
        place = folder / entry.name
        name = place.relative_to(root).as_posix()
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, place, left_out)
        elif is_image_name(entry.name):
            if entry.is_symlink() and not os.path.realpath(place).startswith(inside):
                left_out.append(LeftOut(name, OUTSIDE, os.path.realpath(place)))
            else:
                yield name


def _layout(names: list[str]) -> Layout:
    parts = [name.split("/") for name in names]
    if all(part[0] == "images" for part in parts):
        parts = [part[1:] for part in parts]
    if any(len(part) != 2 for part in parts):
        return "folder"
    if all(Path(part[1]).stem in ("0", "1") for part in parts):
        return "test tree"
    return "class folders"
