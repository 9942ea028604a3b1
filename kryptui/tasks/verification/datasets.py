"""Which folders and files verification takes for datasets; what reads one is imported when one is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kryptui.data.recognise import recognise

if TYPE_CHECKING:
    from kryptui.tasks.verification.inspection import FaceDataset


class _Datasets:
    """Recognises and opens datasets; see `tasks.datasets.Datasets`."""

    def recognise(self, path: Path) -> str:
        """By a few names in it."""
        return recognise(path)

    def open(self, path: Path, name: str) -> FaceDataset:
        """Reads the list of images."""
        from kryptui.tasks.verification.inspection import FaceDataset

        return FaceDataset(path, name)


DATASETS = _Datasets()
