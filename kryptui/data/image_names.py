"""Which files are images, by the ending of their name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

IMAGE_SUFFIXES: Final = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif"),
        *(".tif", ".tiff", ".ppm", ".pgm", ".avif", ".heic", ".jp2"),
    )
)


def is_image_name(name: str) -> bool:
    """Whether a file's ending is that of an image."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES
