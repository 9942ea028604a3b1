"""Lengths of time as people write and read them."""

from __future__ import annotations

import math

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
"""Seconds of each unit."""


def seconds_of(text: str) -> float | None:
    """The seconds of a number with a unit, such as 30s, 1.5h or 7d; None for anything else."""
    unit = UNITS.get(text[-1:])
    try:
        seconds = math.nan if unit is None else float(text[:-1]) * unit
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def age(seconds: float) -> str:
    """About how long, in the largest unit: 5s, 12m, 3h, 2d, 7w."""
    whole = max(0, int(seconds))
    return next((f"{whole // size}{unit}" for unit, size in reversed(UNITS.items()) if whole >= size), "0s")


def duration(seconds: float) -> str:
    """How long, in its two largest units: 8s, 2m05s, 1h07m, 3d04h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 2 * 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"
