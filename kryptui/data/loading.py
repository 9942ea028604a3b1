"""From files to uint8 batches: threads decode, one batch ahead of the model and more, in a fixed order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from kryptui.data.align import Points, aligned
from kryptui.data.decode import BrokenImage, decode, fit
from kryptui.preprocess import Preprocessing

Indices = NDArray[np.int64]
Pixels = NDArray[np.uint8]
_AHEAD = 3

Locate = Callable[[Path, Image.Image], Points | None]
"""An image file and its picture -> the five points of the face in it, or None; called by many threads."""


@dataclass
class ImageLoader:
    """Decodes the images at `paths` by index; a broken one is left out of its batch and kept in `broken`.

    Whether a file is broken depends on the file alone, so batches are the same on every pass. Where `geometry` has
    a template, `locate` says where the faces are; a picture of which it knows none is taken as it stands.
    """

    paths: Sequence[Path]
    geometry: Preprocessing
    threads: int
    max_pixels: int
    locate: Locate | None = None
    broken: dict[int, BrokenImage] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _untold: list[BrokenImage] = field(default_factory=list)

    def batches(self, plan: Iterable[Indices], pin: bool = False) -> Iterator[tuple[Tensor, Indices]]:
        """For each array of indices: images uint8 (B, 3, H, W), channels last in memory, and the B that loaded.

        `pin` puts batches in page-locked memory, from where a copy to a GPU need not wait.
        """
        with ThreadPoolExecutor(self.threads, thread_name_prefix="decode") as pool:
            waiting: deque[tuple[Indices, list[Future[Pixels | None]]]] = deque()
            plan = iter(plan)
            try:
                while True:
                    while len(waiting) < _AHEAD and (indices := next(plan, None)) is not None:
                        waiting.append((indices, [pool.submit(self._load, int(i)) for i in indices]))
                    if not waiting:
                        return
                    indices, futures = waiting.popleft()
                    yield self._assemble(indices, futures, pin)
            finally:
                for _, futures in waiting:
                    for future in futures:
                        future.cancel()

    def take_untold(self) -> list[BrokenImage]:
        """The broken images met since the last call, each once."""
        with self._lock:
            untold, self._untold = self._untold, []
        return untold

    def cut(self, index: int, picture: Image.Image) -> Pixels:
        """What is loaded of a picture, uint8 (H, W, 3) of the geometry's size; called by many threads."""
        geometry, points = self.geometry, None
        if geometry.template is not None and self.locate is not None:
            points = self.locate(self.paths[index], picture)
        if geometry.template is not None and points is not None:
            return aligned(picture, points, geometry.template, geometry.size)
        return fit(picture, geometry.size, geometry.crop, geometry.interpolation)

    def _load(self, index: int) -> Pixels | None:
        if index in self.broken:
            return None
        try:
            picture = decode(self.paths[index], max_pixels=self.max_pixels)
        except BrokenImage as problem:
            with self._lock:
                if index not in self.broken:
                    self.broken[index] = problem
                    self._untold.append(problem)
            return None
        return self.cut(index, picture)

    def _assemble(
        self, indices: Indices, futures: list[Future[Pixels | None]], pin: bool
    ) -> tuple[Tensor, Indices]:
        pictures = [future.result() for future in futures]
        loaded = np.array([picture is not None for picture in pictures], dtype=bool)
        batch = torch.empty((int(loaded.sum()), *self.geometry.size, 3), dtype=torch.uint8, pin_memory=pin)
        if loaded.any():
            np.stack([picture for picture in pictures if picture is not None], out=batch.numpy())
        return batch.permute(0, 3, 1, 2), indices[loaded]
