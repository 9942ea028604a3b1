"""Faces with their points drawn on them: the same ones at every evaluation, and the worst."""

from __future__ import annotations

import hashlib
import io
import secrets
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from kryptui.data.crop_loading import CropLoader
from kryptui.data.crops import move_points
from kryptui.figures import Figure, ImageSheet
from kryptui.metrics import landmarks as metrics
from kryptui.tasks.landmarks.settings import SampleSettings

_SIDE = 256
_TRUE, _FOUND = (0, 220, 90), (255, 40, 40)


def draw_samples(
    loader: CropLoader,
    found: NDArray[np.float64],
    true: NDArray[np.float64],
    loaded: NDArray[np.bool_],
    settings: SampleSettings,
) -> list[Figure]:
    """Two sheets of crops with the true points (N, 5, 2) as rings and the found ones as crosses.

    Pictures are named by their content, so that what does not change is written once. Raises OSError where they
    cannot be written.
    """
    rows = np.flatnonzero(loaded & np.isfinite(found).all(axis=(1, 2)))
    if not settings.count or not len(rows):
        return []
    errors = np.zeros(len(loaded))
    errors[rows] = metrics.face_errors(found[rows], true[rows])
    even = rows[np.unique(np.linspace(0, len(rows) - 1, settings.count).round().astype(int))]
    worst = rows[np.argsort(-errors[rows], kind="stable")[: settings.count]]
    drawn = _draw(loader, found, true, np.union1d(even, worst), Path(settings.folder).absolute())
    return [
        ImageSheet(title, [str(drawn[row]) for row in chosen], [f"{errors[row]:.3f}" for row in chosen], 4)
        for title, chosen in (("points found (crosses) and true (rings)", even), ("largest errors", worst))
    ]


def _draw(
    loader: CropLoader,
    found: NDArray[np.float64],
    true: NDArray[np.float64],
    rows: NDArray[np.int64],
    folder: Path,
) -> dict[int, Path]:
    (images, loaded), *_ = loader.batches([rows])
    matrices = loader.matrices[loaded]
    scale = _SIDE / loader.geometry.size[0]
    marks = [(move_points(points[loaded], matrices) + 0.5) * scale for points in (true, found)]
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for place, row in enumerate(loaded):
        picture = Image.fromarray(images[place].permute(1, 2, 0).numpy()).resize((_SIDE, _SIDE))
        pen = ImageDraw.Draw(picture)
        for x, y in marks[0][place]:
            pen.ellipse((x - 6, y - 6, x + 6, y + 6), outline=_TRUE, width=2)
        for x, y in marks[1][place]:
            pen.line((x - 5, y, x + 5, y), fill=_FOUND, width=2)
            pen.line((x, y - 5, x, y + 5), fill=_FOUND, width=2)
        drawn[int(row)] = _write(picture, folder)
    return drawn


def _write(picture: Image.Image, folder: Path) -> Path:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=88)
    path = folder / f"{hashlib.sha256(data.getvalue()).hexdigest()[:16]}.jpg"
    if not path.is_file():
        part = folder / f".{path.name}.{secrets.token_hex(4)}"
        part.write_bytes(data.getvalue())
        part.replace(path)
    return path
