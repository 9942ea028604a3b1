"""Helpers for tests of landmarks: pictures of five spots, their csv, and a small configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kryptui import config as configuration
from kryptui.config import AnyConfig
from kryptui.data.manifest import LANDMARK_COLUMNS
from kryptui.tasks import registry

SHAPE = np.array([[12.0, 14], [28, 14], [20, 22], [14, 30], [26, 30]])
COLOURS = np.array([[255, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 255]])
SIZE = 48


def draw_face(points: np.ndarray) -> Image.Image:
    """Soft spots in the colours of eyes, nose and mouth on grey."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    picture = np.full((SIZE, SIZE, 3), 90.0)
    for (x, y), colour in zip(points, COLOURS, strict=True):
        weight = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)[..., None]
        picture = picture * (1 - weight) + colour * weight
    return Image.fromarray(picture.round().astype(np.uint8))


def write_faces(root: Path, people: dict[str, int], splits: dict[str, str] | None = None) -> Path:
    """So many faces of each person, and a csv of them."""
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    lines = [",".join(["path", "identity", "split", *LANDMARK_COLUMNS])]
    for person, count in people.items():
        for number in range(count):
            points = SHAPE + rng.uniform(-4, 6, 2) + rng.normal(0, 0.7, (5, 2))
            name = f"{person}-{number}.png"
            draw_face(points).save(root / name)
            numbers = [f"{value:.2f}" for value in points.flat]
            lines.append(",".join([name, person, (splits or {}).get(person, ""), *numbers]))
    path = root / "landmarks.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def landmark_config(source: Path, *overrides: str, **settings: Any) -> AnyConfig:
    """A small configuration; keywords replace top-level settings."""
    data = {
        "name": "points",
        "device": "cpu",
        "precision": "fp32",
        "threads": 1,
        "stages": [{"name": "one", "epochs": 3, "lr": 0.005}],
        "checkpoint": {"every": "4 steps", "keep": 2},
        "log": {"every": 1},
        "task": {
            "kind": "landmarks",
            "train": str(source),
            "image_size": 32,
            "network": {"stacks": 2, "channels": 8, "depth": 2, "stride": 2},
            "sigma": 1.5,
            "batch": 8,
            "samples": {"count": 2, "folder": str(source.parent / "samples")},
        },
        **settings,
    }
    return configuration.check(data, "landmarks", registry.settings_of, overrides)
