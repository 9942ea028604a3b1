"""Numbers as people read them: in reports, in a column of a table, at the ticks of an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

NOTHING = "–"

_FINEST = 4
_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def number(value: float | int | str | None) -> str:
    """One value of a report: `1,240`, `0.0412`, `3.1e-5`, `yes`; text stays as it is."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size and not 1e-3 <= size < 1e7:
        return _scientific(value)
    if value == round(value) and (size >= 10 or not size):
        return f"{value + 0.0:,.0f}"
    return f"{value:,.{_decimals(size)}f}"


def place(value: float) -> str:
    """A place on an axis, as short as it can be: `1,200`, `2.5`."""
    text = number(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def count(value: int) -> str:
    """A count in at most seven cells up to 10^15: `1,240`, `2.5M`."""
    if value < 1_000_000:
        return f"{value:,}"
    if value >= 1e15:
        return _scientific(float(value))
    scale, suffix = next((scale, suffix) for scale, suffix in _SUFFIXES if value >= scale)
    return f"{value / scale:.1f}{suffix}"


def column(values: Sequence[float | int | None]) -> list[str]:
    """Numbers that stand below each other, with as many decimals as the finest of them needs, at most four."""
    present = [float(value) for value in values if isinstance(value, float) and math.isfinite(value)]
    sizes = [abs(value) for value in present if value]
    if not present or (sizes and not 1e-3 <= min(sizes) <= max(sizes) < 1e7):
        return [number(value) for value in values]
    most = _decimals(max(sizes, default=0.0))
    needed = next(places for places in range(most + 1) if all(round(v, places) == round(v, most) for v in present))
    return [
        number(value) if value is None or isinstance(value, bool) or not math.isfinite(value)
        else f"{value + 0.0:,.{needed}f}"
        for value in values
    ]  # fmt: skip


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Labels of evenly or logarithmically placed ticks: alike in form, as short as tells them apart."""
    sizes = [abs(tick) for tick in ticks if tick]
    if not sizes:
        return ["0"] * len(ticks)
    if max(sizes) >= 1e4 or min(sizes) < 1e-4:
        return [_compact(tick) for tick in ticks]
    for places in range(8):
        labels = [f"{tick + 0.0:.{places}f}" for tick in ticks]
        if all(math.isclose(float(label), tick, rel_tol=1e-6, abs_tol=1e-12)
               for label, tick in zip(labels, ticks, strict=True)):  # fmt: skip
            break
    if max(sizes) / min(sizes) >= 100:
        # Decades side by side: 0.001 and 1, not 0.001 and 1.000.
        return [f"{tick:g}" for tick in ticks]
    return labels


def _decimals(size: float) -> int:
    return _FINEST if size < 10 else 2 if size < 1e3 else 1


def _scientific(value: float) -> str:
    mantissa, exponent = f"{value:.3g}".split("e") if "e" in f"{value:.3g}" else (f"{value:.2e}".split("e"))
    return f"{mantissa}e{int(exponent)}"


def _compact(value: float) -> str:
    if not value:
        return "0"
    if 1e-3 <= abs(value) < 1e15:
        for scale, suffix in _SUFFIXES:
            if abs(value) >= scale:
                return f"{value / scale:.5g}{suffix}"
        return f"{value:.5g}"
    return _scientific(value)


def size(count: float) -> str:
    """Bytes as people say them: 512 B, 4.2 MB, 139.8 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < (1000 if unit == "B" else 999.5):
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.95 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
