"""Faces for tests: a detector that sees every patch on black as one, and a model that sees their colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from toys import toy_config

from kryptui.engine.device import resolve
from kryptui.engine.restore import Restored
from kryptui.faces.face import Face, Pixels
from kryptui.faces.finding import Finder
from kryptui.jobs.embedding_cache import EmbeddingCache
from kryptui.jobs.recogniser import Recogniser
from kryptui.preprocess import Preprocessing, template_points

RED, GREEN, BLUE, ORANGE = (220, 30, 30), (30, 220, 30), (30, 30, 220), (220, 90, 30)
TEMPLATE = np.array(template_points("arcface", (112, 112))) / 112


class Patches:
    """Finds patches of colour on black, the largest first, each with a face's five points in it."""

    name = "patches"

    def __init__(self) -> None:
        self.looks = 0

    def find(self, pixels: Pixels) -> list[Face]:
        self.looks += 1
        lit = (pixels.max(axis=2) > 100).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(lit)
        faces = []
        for x, y, width, height, _ in stats[1:]:
            points = TEMPLATE * [width, height] + [x, y]
            faces.append(Face((float(x), float(y), float(width), float(height)), points, 0.9))
        return sorted(faces, key=lambda face: -face.area)


class ColourTask:
    """Embeds a picture as its mean colour of length one; black gives no number."""

    def __init__(self, template: Any = "arcface") -> None:
        self.contract = Preprocessing((16, 16), (0.5,) * 3, (0.5,) * 3, interpolation="nearest", template=template)
        self.seen = 0

    def embed(self, infer: Any, device: Any, pixels: np.ndarray) -> np.ndarray:
        assert pixels.shape[1:] == (16, 16, 3)
        self.seen += len(pixels)
        mean = pixels.mean(axis=(1, 2)).astype(np.float32)
        with np.errstate(invalid="ignore"):
            return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def colour_model(task: Any = None, source: Path = Path("model")) -> Restored:
    device = resolve("cpu", "fp32", 1)
    return Restored(
        toy_config(), ColourTask() if task is None else task, torch.nn.Identity(), device, source, "0" * 64, 7
    )


def colour_recogniser(
    which: Any = "largest", task: Any = None, cache: EmbeddingCache | None = None, detector: Patches | None = None
) -> Recogniser:
    found = Patches() if detector is None else detector
    return Recogniser(colour_model(task), Finder(lambda: found, which), cache=cache)


def write_faces(path: Path, colours: Sequence[tuple[int, int, int]], sides: Sequence[int] | None = None) -> Path:
    """A black picture with square patches side by side."""
    sides = [40] * len(colours) if sides is None else sides
    pixels = np.zeros((max([60, *sides]) + 20, 20 + sum(side + 20 for side in sides), 3), dtype=np.uint8)
    left = 20
    for colour, side in zip(colours, sides, strict=True):
        pixels[10 : 10 + side, left : left + side] = colour
        left += side + 20
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path
