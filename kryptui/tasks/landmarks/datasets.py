"""Which folders and files landmarks takes for datasets; what reads one is imported when one is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kryptui.preprocess import POINTS

if TYPE_CHECKING:
    from kryptui.tasks.landmarks.inspection import LandmarkDataset

_HEAD_BYTES = 4096


class _Datasets:
    """Recognises and opens datasets; see `tasks.datasets.Datasets`."""

    def recognise(self, path: Path) -> str:
        """By the header of a csv, or by CelebA's lists."""
        try:
            if path.is_dir():
                places = [path / name for name in ("landmarks.csv", "manifest.csv")]
                if any(place.is_file() and _has_points(place) for place in places):
                    return "faces with points"
                lists = (place.glob("list_landmarks_*celeba.txt") for place in (path, path / "Anno"))
                return "CelebA" if any(any(found) for found in lists) else ""
            return "faces with points" if path.suffix.lower() == ".csv" and _has_points(path) else ""
        except OSError:
            return ""

    def open(self, path: Path, name: str) -> LandmarkDataset:
        """Reads the list of faces."""
        from kryptui.tasks.landmarks.inspection import LandmarkDataset

        return LandmarkDataset(path, name)


DATASETS = _Datasets()


def _has_points(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES).decode("utf-8-sig", "replace").partition("\n")[0]
    names = {name.strip().strip('"') for name in head.split(",")}
    return {"path", f"{POINTS[0]}_x"} <= names
