"""What the Runs page wants to see: a filter, an order, and the runs that are looked at."""

from __future__ import annotations

from dataclasses import dataclass

NEWEST = "-created"
"""The order of a table that nobody has sorted."""


@dataclass(frozen=True)
class Request:
    """A filter, an order, the run under the cursor, and those that are marked."""

    filter: str = ""
    sort: str = NEWEST
    run_id: str | None = None
    marked: tuple[str, ...] = ()
