"""A model that makes embeddings, and whatever finds faces for it: from files to embeddings."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kryptui import config as configuration
from kryptui.data.align import aligned, moved
from kryptui.data.decode import MAX_PIXELS, UNREADABLE, BrokenImage, decode_bytes, fit
from kryptui.engine.restore import Restored
from kryptui.errors import InputError
from kryptui.faces.choice import Box, Which, widened
from kryptui.faces.face import Face, Pixels
from kryptui.faces.finding import Finder
from kryptui.faces.found import Found
from kryptui.faces.recognised import Crop, Embedded, Problem
from kryptui.jobs.embedding_cache import EmbeddingCache, Made
from kryptui.machine import cores
from kryptui.tasks.protocol import EmbeddingTask, Progress

NOT_A_NUMBER = "the model's embedding is not a number"

_BATCH = 64
_AHEAD = 4  # pictures read before they are wanted, for each thread


def open_recogniser(
    model: Restored,
    *,
    detector: Path | None = None,
    which: Which = "central",
    is_aligned: bool = False,
    margin: float | None = None,
    cached: bool = True,
) -> Recogniser:
    """The recogniser that a model needs: with a detector where its contract aligns faces, or a `margin` is given.

    `is_aligned` says that the pictures hold nothing but faces, as `data align` leaves them; a `margin`, that a
    model without a template sees the box of the face, grown by so much of it on each side. Raises InputError for
    a model without embeddings, a margin that is of no use, or a detector that is not there.
    """
    task = embedding_task(model)
    if margin is not None and (task.contract.template is not None or is_aligned):
        reason = (
            "the pictures are aligned already"
            if is_aligned
            else "this model's contract aligns faces by its template"
        )
        raise InputError(f"--margin: {reason}; leave it out")
    needs_faces = not is_aligned and (task.contract.template is not None or margin is not None)
    finder = Finder.of(detector, which) if needs_faces else None
    recogniser = Recogniser(model, finder, margin)
    if cached:
        recogniser.cache = EmbeddingCache(recogniser.key)
    return recogniser


def embedding_task(model: Restored) -> EmbeddingTask:
    """The model's task, if it makes embeddings; raises InputError where it does not."""
    if not (hasattr(model.task, "contract") and hasattr(model.task, "embed")):
        kind = model.config.task.kind
        raise InputError(f"{model.source}: a {kind} model makes no embeddings; name one that tells people apart")
    return cast(EmbeddingTask, model.task)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A picture on its way to the model: cut into `pixels`, `known` from before, or with a `problem`."""

    path: Path
    digest: bytes
    found: Found | None = None
    pixels: Pixels | None = None
    known: Made | None = None
    problem: str = ""


class Recogniser:
    """Finds a face, aligns it as the model's contract wants it, and embeds it.

    Without a `finder` a picture is taken as it is. `cache` keeps what was made of a picture; what a picture gives
    depends on its content and on `facts` alone.
    """

    def __init__(
        self,
        model: Restored,
        finder: Finder | None,
        margin: float | None = None,
        *,
        max_pixels: int = MAX_PIXELS,
        cache: EmbeddingCache | None = None,
    ) -> None:
        self.model, self.task, self.finder = model, embedding_task(model), finder
        self.contract = self.task.contract
        self.margin, self.max_pixels, self.cache = margin, max_pixels, cache
        self.threads = model.config.threads or cores()

    @property
    def facts(self) -> dict[str, Any]:
        """By what an embedding is made, as plain JSON types: two that differ here are not comparable."""
        sha256 = self.model.weights_sha256
        if sha256 is None and self.model.source.is_file():
            with self.model.source.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "weights_sha256": sha256,
            "config": configuration.digest(self.model.config),
            "contract": self.contract.to_json(),
            "precision": f"{self.model.device.device.type} {self.model.device.precision}",
            "finder": None if self.finder is None else self.finder.name,
            "which": None if self.finder is None else self.finder.which,
            "margin": self.margin,
        }

    @property
    def key(self) -> str:
        """A short hash of `facts`."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()[:24]

    def crops(self, path: Path) -> list[Crop] | Problem:
        """The faces that count in a picture, or the picture itself without a finder; or why there is none."""
        try:
            picture = self._decode(_read(path), path)
        except BrokenImage as broken:
            return Problem(path, _why(broken))
        if self.finder is None:
            return [Crop(path, None, self._cut(picture, None))]
        found = self.finder.look(picture)
        if found.face is None:
            return Problem(path, _lacking(found))
        faces = self.finder.faces(picture) if self.finder.which == "all" else [found.face]
        return [Crop(path, face, self._cut(picture, face), found.faces - len(faces)) for face in faces]

    def embed_crops(self, crops: Sequence[Crop]) -> NDArray[np.float32]:
        """Embeddings float32 (N, D) of length one."""
        device = self.model.device.device
        found = self.task.embed(self.model.infer, device, np.stack([crop.pixels for crop in crops]))
        return np.asarray(found, dtype=np.float32)

    def embed(
        self, paths: Sequence[Path], progress: Progress | None = None, stop: threading.Event | None = None
    ) -> Embedded:
        """The embedding of the face that counts in each picture, read by threads a few ahead of the model.

        Raises KeyboardInterrupt once `stop` is set; what was made until then stays in the cache.
        """
        made: list[Made | Problem] = []
        batch: list[_Prepared] = []
        with (
            ThreadPoolExecutor(self.threads, thread_name_prefix="faces") as pool,
            closing(self._prepared(pool, paths)) as coming,
        ):
            for prepared in coming:
                if stop is not None and stop.is_set():
                    raise KeyboardInterrupt
                batch.append(prepared)
                if len(batch) == _BATCH or len(made) + len(batch) == len(paths):
                    made += self._finish(batch)
                    batch = []
                if progress is not None:
                    progress(len(made) + len(batch), len(paths))
        return _gather(paths, made)

    def _prepared(self, pool: ThreadPoolExecutor, paths: Sequence[Path]) -> Generator[_Prepared]:
        waiting: deque[Future[_Prepared]] = deque()
        coming = iter(paths)
        try:
            while True:
                while len(waiting) < _AHEAD * self.threads and (path := next(coming, None)) is not None:
                    waiting.append(pool.submit(self._prepare, path))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _prepare(self, path: Path) -> _Prepared:
        """A picture read, and looked up or cut for the model; one thread's work."""
        try:
            content = _read(path)
            digest = hashlib.sha256(content).digest()
            if self.cache is not None and (known := self.cache.get(digest)) is not None:
                return _Prepared(path, digest, known=known)
            picture = self._decode(content, path)
        except BrokenImage as broken:
            return _Prepared(path, b"", problem=_why(broken))
        found = None if self.finder is None else self.finder.look(picture)
        if found is not None and found.face is None:
            return _Prepared(path, digest, found=found)
        return _Prepared(path, digest, found, self._cut(picture, None if found is None else found.face))

    def _finish(self, batch: Sequence[_Prepared]) -> list[Made | Problem]:
        """What comes of prepared pictures, once the model has seen those that it must."""
        seen = [one for one in batch if one.pixels is not None]
        vectors: Sequence[NDArray[np.float32]] = []
        if seen:
            crops = [Crop(one.path, None, one.pixels) for one in seen if one.pixels is not None]
            vectors = list(self.embed_crops(crops))
        embeddings = {id(one): vector for one, vector in zip(seen, vectors, strict=True)}
        made: list[Made | Problem] = []
        fresh: list[tuple[bytes, Made]] = []
        for one in batch:
            if one.problem:
                made.append(Problem(one.path, one.problem))
                continue
            result = one.known
            if result is None:
                result = Made(one.found, embeddings.get(id(one)))
                fresh.append((one.digest, result))
            made.append(_checked(one.path, result))
        if self.cache is not None:
            self.cache.put(fresh)
        return made

    def _decode(self, content: bytes, path: Path) -> Image.Image:
        return decode_bytes(content, path, max_pixels=self.max_pixels)[0]

    def _cut(self, picture: Image.Image, face: Face | None) -> Pixels:
        contract = self.contract
        if face is None:
            return fit(picture, contract.size, contract.crop, contract.interpolation)
        if contract.template is not None:
            return aligned(picture, face.points, contract.template, contract.size)
        return _boxed(picture, widened(face.box, self.margin or 0.0), contract.size)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        raise BrokenImage(path, UNREADABLE, getattr(error, "strerror", None) or str(error)) from None


def _why(broken: BrokenImage) -> str:
    return f"{broken.reason} ({broken.detail})" if broken.detail else broken.reason


def _lacking(found: Found) -> str:
    return f"{found.problem} ({found.detail})" if found.detail else found.problem


def _checked(path: Path, made: Made) -> Made | Problem:
    if made.found is not None and made.found.face is None:
        return Problem(path, _lacking(made.found))
    if made.embedding is None or not np.isfinite(made.embedding).all():
        return Problem(path, NOT_A_NUMBER)
    return made


def _gather(paths: Sequence[Path], made: Sequence[Made | Problem]) -> Embedded:
    vectors = {row: one.embedding for row, one in enumerate(made) if isinstance(one, Made)}
    size = next((len(vector) for vector in vectors.values() if vector is not None), 1)
    embeddings = np.full((len(paths), size), np.nan, dtype=np.float32)
    for row, vector in vectors.items():
        embeddings[row] = vector
    found = [one.found if isinstance(one, Made) else None for one in made]
    return Embedded(list(paths), embeddings, found, [one for one in made if isinstance(one, Problem)])


def _boxed(picture: Image.Image, box: Box, size: tuple[int, int]) -> Pixels:
    """The square around a box, upright, as uint8 (H, W, 3) with (H, W) = `size`; black where the picture ends."""
    x, y, wide, high = box
    height, width = size
    scale = height / max(wide, high)
    left, top = (x + wide / 2 - 0.5) * scale, (y + high / 2 - 0.5) * scale
    return moved(picture, np.array([[scale, 0, (width - 1) / 2 - left], [0, scale, (height - 1) / 2 - top]]), size)
