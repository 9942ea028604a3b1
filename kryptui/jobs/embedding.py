"""All pictures of a dataset through a recogniser, to a table of embeddings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from kryptui.data.embeddings import Embeddings
from kryptui.faces.face import Face
from kryptui.faces.pictures import read_pictures
from kryptui.faces.recognised import Embedded
from kryptui.jobs.recogniser import Recogniser
from kryptui.tasks.protocol import Progress


def embed_dataset(
    recogniser: Recogniser, source: Path, progress: Progress | None = None, stop: threading.Event | None = None
) -> tuple[Embeddings, Embedded]:
    """The embeddings of a dataset in any layout, or of a folder of pictures, and what was found in its pictures.

    Raises InputError for a source without pictures, KeyboardInterrupt once `stop` is set.
    """
    pictures = read_pictures(source)
    found = recogniser.embed(pictures.paths, progress, stop)
    flags = None
    if pictures.manifest is not None:
        flags = [None if flag is pd.NA else bool(flag) for flag in pictures.manifest.table["is_fake"]]
    faces = [None if one is None else one.face for one in found.found]
    embeddings = Embeddings(
        pictures.names,
        found.embeddings,
        _rows(faces, 4, lambda face: face.box),
        _rows(faces, 10, lambda face: face.points.ravel()).reshape(-1, 5, 2),
        _rows(faces, 1, lambda face: face.score)[:, 0],
        pictures.identities,
        flags,
        {"source": str(source.absolute()), "model": str(recogniser.model.source), **recogniser.facts},
    )
    return embeddings, found


def _rows(faces: Sequence[Face | None], width: int, values: Callable[[Face], ArrayLike]) -> NDArray[np.float32]:
    """(N, width): the values of each face, NaN where there is none."""
    rows = np.full((len(faces), width), np.nan, dtype=np.float32)
    for row, face in enumerate(faces):
        if face is not None:
            rows[row] = values(face)
    return rows
