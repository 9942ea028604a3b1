"""What the engine needs from those above it: somebody who takes down what happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from kryptui.figures import Figure


class Recorder(Protocol):
    """Takes the story of a run without holding up the loop; `flush` makes it durable."""

    def metric(self, step: int, epoch: float, values: Mapping[str, float], wished: bool = False) -> None:
        """Points of the curves at an optimizer step; `wished` ones are no candidates for the best."""

    def log(self, level: str, text: str) -> None:
        """A line for people; level is info, warning or error."""

    def evaluation(
        self,
        step: int,
        scalars: Mapping[str, float],
        figures: Sequence[Figure],
        scores: Mapping[str, np.ndarray[Any, Any]] | None = None,
        wished: bool = False,
    ) -> None:
        """What an evaluation at a step found."""

    def artifact(
        self,
        kind: str,
        path: str,
        sha256: str | None = None,
        bytes: int | None = None,
        step: int | None = None,
    ) -> None:
        """A file or folder that the run made."""

    def artifact_removed(self, path: str) -> None:
        """A file or folder that the run made and deleted."""

    def progress(self, **fields: Any) -> None:
        """Where the run stands now; only the newest counts."""

    def stepped(self) -> None:
        """The loop has moved; called after every batch, so it must cost nothing."""

    def flush(self) -> None:
        """Returns when all that was taken is durable; raises RunError where it cannot be."""
