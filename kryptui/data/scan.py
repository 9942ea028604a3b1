"""One pass over the images of a manifest: what each file is, and fingerprints to find copies by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from kryptui.data.decode import MAX_PIXELS, UNREADABLE, BrokenImage, decode_bytes
from kryptui.data.manifest import LeftOut, Manifest

HASH_BITS: Final = 64
THUMBNAIL: Final = 32

_BATCH = 256


class Stopped(Exception):  # noqa: N818 - no error: the caller asked for it
    """The `stop` function said so."""


@dataclass(frozen=True)
class Scanned:
    """One image that decodes: its file and its fingerprints.

    `width` and `height` are those of the upright picture. `file_hash` and `pixel_hash` are digests of the bytes
    and of the RGB pixels; `bits` is the perceptual hash (HASH_BITS of bool); `thumbnail` is grey, uint8
    (THUMBNAIL, THUMBNAIL).
    """

    row: int
    format: str
    mode: str
    width: int
    height: int
    file_hash: bytes
    pixel_hash: bytes
    bits: npt.NDArray[np.bool_]
    thumbnail: npt.NDArray[np.uint8]


def scan(
    manifest: Manifest,
    *,
    threads: int = 2,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[int, int], None] | None = None,
    seen: Callable[[Scanned | LeftOut], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> tuple[list[Scanned], list[LeftOut]]:
    """Reads and decodes every image once, in threads: those that decode, in order, and those that are broken.

    `progress(done, total)`, `seen`, which is told each of them, and `stop()` are called in the calling thread.
    Raises Stopped.
    """
    paths = manifest.absolute_paths()
    names = manifest.table["path"].tolist()
    good: list[Scanned] = []
    broken: list[LeftOut] = []
    with ThreadPoolExecutor(threads) as pool:
        # In batches: a map over everything would go on to its end after a stop.
        for start in range(0, len(paths), _BATCH):
            rows = range(start, min(start + _BATCH, len(paths)))
            for row, found in zip(
                rows, pool.map(lambda row: _look(row, paths[row], max_pixels), rows), strict=True
            ):
                if isinstance(found, Scanned):
                    good.append(found)
                else:
                    broken.append(LeftOut(names[row], found.reason, found.detail))
                if seen is not None:
                    seen(found if isinstance(found, Scanned) else broken[-1])
                if progress is not None:
                    progress(row + 1, len(paths))
                if stop is not None and stop():
                    pool.shutdown(cancel_futures=True)
                    raise Stopped
    return good, broken


def _look(row: int, path: Path, max_pixels: int) -> Scanned | BrokenImage:
    try:
        data = path.read_bytes()
        image, file_format, mode = decode_bytes(data, path, max_pixels=max_pixels)
    except BrokenImage as error:
        return error
    except OSError as error:
        return BrokenImage(path, UNREADABLE, error.strerror or str(error))
    grey = image.convert("L")
    small = grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    shape = f"{image.width}x{image.height}".encode()
    return Scanned(
        row=row,
        format=file_format,
        mode=mode,
        width=image.width,
        height=image.height,
        file_hash=hashlib.blake2b(data, digest_size=16).digest(),
        pixel_hash=hashlib.blake2b(image.tobytes(), digest_size=16, key=shape).digest(),
        bits=imagehash.phash(grey).hash.ravel(),
        thumbnail=np.asarray(small),
    )
