"""One look at every image of a dataset: what loads, what is broken, what is there twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kryptui.data.decode import MAX_PIXELS
from kryptui.data.duplicates import exact_groups, near_pairs
from kryptui.data.labels import known_fake
from kryptui.data.manifest import LeftOut, Manifest
from kryptui.data.scan import Scanned, scan

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ExactCopies:
    """Images with the same pixels, named by path.

    `same_file` tells whether their bytes are equal too. They may be of several identities, and in several splits.
    """

    paths: list[str]
    identities: list[str]
    splits: list[str]
    same_file: bool


@dataclass(frozen=True)
class LookAlike:
    """Two images that look alike and differ in pixels.

    `distance` counts the bits that differ of the 64 of the perceptual hash; `correlation` is that of the grey
    thumbnails, at most 1.
    """

    first: str
    second: str
    distance: int
    correlation: float


@dataclass(frozen=True)
class Alike:
    """A look-alike, and what is known of its two images together."""

    names: LookAlike
    one_identity: bool
    with_fake: bool
    across_splits: bool


@dataclass(frozen=True)
class Examined:
    """What a look at every image of `manifest` found; `table` holds those that load, in the order of `scanned`."""

    manifest: Manifest
    table: pd.DataFrame
    scanned: list[Scanned]
    broken: list[LeftOut]
    exact: list[ExactCopies]
    alike: list[Alike]

    def lighter(self) -> Examined:
        """The same without what only comparing needs, which is most of its memory."""
        nothing = np.empty(0, dtype=np.bool_), np.empty(0, dtype=np.uint8)
        scanned = [replace(image, bits=nothing[0], thumbnail=nothing[1]) for image in self.scanned]
        return replace(self, scanned=scanned)


def examine(
    manifest: Manifest,
    *,
    threads: int = 2,
    max_pixels: int = MAX_PIXELS,
    progress: Progress | None = None,
    comparing: Progress | None = None,
    seen: Callable[[Scanned | LeftOut], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Examined:
    """Reads every image once, then compares them all; changes nothing.

    `progress` counts images read, `comparing` those compared, `seen` is told each image as it is read; all are
    called in the calling thread. Raises Stopped where `stop` says so.
    """
    scanned, broken = scan(
        manifest, threads=threads, max_pixels=max_pixels, progress=progress, seen=seen, stop=stop
    )
    table = manifest.table.iloc[[image.row for image in scanned]].reset_index(drop=True)
    exact = _exact_copies(table, scanned)
    alike = _near_copies(table, near_pairs(scanned, progress=comparing, stop=stop))
    return Examined(manifest, table, scanned, broken, exact, alike)


def _exact_copies(table: pd.DataFrame, scanned: Sequence[Scanned]) -> list[ExactCopies]:
    columns = [table[name].tolist() for name in ("path", "identity", "split")]
    groups = []
    for places in exact_groups(scanned, lambda image: image.pixel_hash):
        paths, identities, splits = ([column[place] for place in places] for column in columns)
        one_file = len({scanned[place].file_hash for place in places}) == 1
        groups.append(ExactCopies(paths, identities, splits, one_file))
    return groups


def _near_copies(table: pd.DataFrame, pairs: Sequence[tuple[int, int, int, float]]) -> list[Alike]:
    fake = known_fake(table).tolist()
    path, identity, split = (table[name].tolist() for name in ("path", "identity", "split"))
    return [
        Alike(
            LookAlike(path[one], path[other], distance, round(correlation, 4)),
            one_identity=identity[one] == identity[other],
            with_fake=fake[one] or fake[other],
            across_splits=bool(split[one] and split[other]) and split[one] != split[other],
        )
        for one, other, distance, correlation in pairs
    ]
