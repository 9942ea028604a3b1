"""What the Compare page wants to see; importing it loads nothing that a first frame must wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kryptui.runs.compare import Axis, Statistic


@dataclass(frozen=True)
class Wish:
    """What is to be compared, and how: which runs in which order, and what their curves are drawn over."""

    ids: tuple[str, ...] = ()
    metric: str | None = None
    axis: Axis = "step"
    smoothing: float = 0.0
    which: Statistic = "best"
    """Which evaluation of each run."""
    look: int = 0
    """Counts up with every return to the page, which is then told all again."""
