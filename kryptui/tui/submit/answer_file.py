"""A file of answers as it lies on disk: first and last rows, how its numbers spread, what its sidecar says."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kryptui.errors import InputError

if TYPE_CHECKING:
    from kryptui.figures import Histogram

HEAD, TAIL = 4, 3
"""Rows of the beginning and of the end that are shown."""

MOST_ROWS, MOST_BYTES = 5_000_000, 2 << 30
_LONGEST_CELL = 200
_BINS = 40
_FINEST = 1e9

State = Literal["same", "changed", "unknown"]


@dataclass(frozen=True)
class AnswerFile:
    """What was read. `state` says whether the file is the one on record, by its sha256."""

    path: Path
    columns: list[str]
    head: list[list[str]]
    tail: list[list[str]]
    rows: int
    sha256: str
    bytes: int
    state: State
    histogram: Histogram | None
    sidecar: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    """Why the sidecar tells nothing."""


def sidecar_of(path: Path) -> Path:
    """Where the facts about a file of answers lie."""
    return path.with_name(f"{path.name}.json")


def read_sidecar(path: Path) -> dict[str, Any]:
    """The facts beside a file of answers; raises InputError where they are missing or damaged."""
    place = sidecar_of(path)
    try:
        facts = json.loads(place.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{place}: is not there, so nothing tells how the file was made") from None
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{place}: cannot be read or is not JSON") from None
    if not isinstance(facts, dict):
        raise InputError(f"{place}: is not JSON as kryptui writes it")
    return facts


def read_answer(
    path: Path, recorded: str | None, is_stale: Callable[[], bool] = lambda: False
) -> AnswerFile | None:
    """Reads a file of answers whole, once; None where `is_stale` said meanwhile that nobody wants it any more.

    `recorded` is the sha256 on record. Raises InputError where the file is gone or no csv.
    """
    digest = hashlib.sha256()
    head: list[list[str]] = []
    tail: deque[list[str]] = deque(maxlen=TAIL)
    values: list[float] = []
    columns: list[str] = []
    rows = size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        with path.open("rb") as file:
            for line in file:
                digest.update(line)
                size += len(line)
                yield line.decode("utf-8", "replace")

    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: is larger than {MOST_BYTES >> 30} GB; that is no submission")
        reader = csv.reader(lines())
        columns = [cell[:_LONGEST_CELL] for cell in next(reader, [])]
        for row in filter(None, reader):
            rows += 1
            if rows > MOST_ROWS:
                raise InputError(f"{path}: has more than {MOST_ROWS:,} rows; that is no submission")
            if rows % 4096 == 0 and is_stale():
                return None
            shown = [cell[:_LONGEST_CELL] for cell in row]
            head.append(shown) if rows <= HEAD else tail.append(shown)
            values.append(_number(row))
    except FileNotFoundError:
        raise InputError(f"{path}: is not there any more") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except csv.Error as error:
        raise InputError(f"{path}: is no csv file ({error})") from None
    sha256 = digest.hexdigest()
    state: State = "unknown" if recorded is None else "same" if sha256 == recorded else "changed"
    sidecar, problem = {}, ""
    try:
        sidecar = read_sidecar(path)
    except InputError as error:
        problem = str(error)
    figure = _histogram(columns[-1] if columns else "", values)
    return AnswerFile(path, columns, head, list(tail), rows, sha256, size, state, figure, sidecar, problem)


def _number(row: list[str]) -> float:
    try:
        return float(row[-1])
    except (ValueError, IndexError):
        return math.nan


def _histogram(name: str, values: list[float]) -> Histogram | None:
    """How the last column spreads, where it holds numbers, over bins of a round width."""
    import numpy as np

    from kryptui.figures import Histogram

    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size or numbers.size < len(values) / 2:
        return None
    low, high = float(numbers.min()), float(numbers.max())
    width = _round_width((high - low) / _BINS)
    if max(abs(low), abs(high)) > width * _FINEST:
        return None  # further from zero than floats tell such bins apart
    first, last = math.floor(low / width), math.floor(high / width) + 1
    edges = [index * width for index in range(first, last + 1)]
    counts = np.bincount(np.floor(numbers / width).astype(np.int64) - first, minlength=last - first)
    return Histogram(name, name, edges, {"rows": counts[: last - first].tolist()})


def _round_width(width: float) -> float:
    """The next of 1, 2, 5, 10, ... times a power of ten; for numbers that are all alike one that shows them."""
    if width <= 0 or not math.isfinite(width):
        return 0.01
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9))
