"""What a run would take, in words: a table where there is room, else two lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from kryptui.draw.numerals import count, size
from kryptui.draw.words import clip, line, pad
from kryptui.spans import duration

if TYPE_CHECKING:
    from kryptui.jobs.estimate import Estimate

_NAME = 12
_LABEL = 13


def in_short(estimate: Estimate, width: int) -> list[Text]:
    """Two lines: how much is to be done, and what it takes."""
    upto = "up to " if estimate.may_end_early else ""
    first = [f"{upto}{count(estimate.steps)} steps", f"{count(estimate.images)} images", _time(estimate)]
    second = [
        f"{count(estimate.parameters)} parameters",
        f"memory {_memory(estimate)}",
        f"checkpoint {size(estimate.checkpoint)}",
    ]
    lines = [_joined(first, width), _joined(second, width)]
    if not estimate.fits:
        lines[1].stylize("red")
    return lines


def in_full(estimate: Estimate, width: int, height: int) -> list[Text]:
    """A line a stage, then what the whole takes; of more stages than there is room for, the first."""
    rows = list(_rows(estimate))
    room = max(1, height - len(rows) - 1)
    head = f"{pad('stage', _NAME)}{'epochs':>8}{'batches':>9}{'steps':>11}{'images':>12}"
    lines = [line(clip(head, width), "dim")]
    stages = estimate.stages if len(estimate.stages) <= room else estimate.stages[: room - 1]
    for stage in stages:
        text = f"{pad(stage.name, _NAME)}{count(stage.epochs):>8}{count(stage.batches):>9}"
        lines.append(line(clip(f"{text}{count(stage.steps):>11}{count(stage.images):>12}", width)))
    if len(stages) < len(estimate.stages):
        lines.append(line(f"… {len(estimate.stages) - len(stages)} more stages", "dim"))
    for label, words, style in rows:
        row = line(pad(label, _LABEL), "dim")
        lines.append(row.append(clip(words, max(8, width - _LABEL)), style or "not dim"))
    return lines


def _rows(estimate: Estimate) -> Iterator[tuple[str, str, str]]:
    upto = "up to " if estimate.may_end_early else ""
    yield "in all", f"{upto}{estimate.steps:,} steps, {estimate.images:,} images", "bold"
    yield "parameters", f"{estimate.parameters:,}", ""
    yield "memory", _memory(estimate), "" if estimate.fits else "bold red"
    yield "", _parts(estimate), "dim"
    disk = f"{size(estimate.checkpoint)} each, {estimate.kept} kept: {size(estimate.checkpoint * estimate.kept)}"
    yield "checkpoints", disk, ""
    yield "time", _time(estimate), ""
    for notice in estimate.notices[:1]:
        yield "data", notice, "dim"


def _memory(estimate: Estimate) -> str:
    """At least so much: what libraries need beside it is not known."""
    memory = f"≥ {size(estimate.memory.total)}"
    if estimate.capacity is None:
        return memory
    return f"{memory} of {size(estimate.capacity)}{'' if estimate.fits else ': too much'}"


def _parts(estimate: Estimate) -> str:
    memory = estimate.memory
    fixed = (
        f"weights {size(memory.weights)}, gradients {size(memory.gradients)}, optimizer {size(memory.optimizer)}"
    )
    if memory.activations is None:
        return f"{fixed}; activations are not known"
    return (
        f"{fixed}, activations {size(memory.activations)} ({estimate.largest_batch} images, {estimate.precision})"
    )


def _time(estimate: Estimate) -> str:
    if estimate.speed is None or estimate.seconds is None:
        return f"time unknown: no run of this network on {estimate.device}"
    speed = estimate.speed
    return f"≈ {duration(estimate.seconds)} at {speed.images_per_second:,.0f} img/s, as {speed.name}"


def _joined(parts: list[str], width: int) -> Text:
    """As many parts as fit, the first first."""
    text = line()
    for part in parts:
        gap = " · " if text else ""
        if text and text.cell_len + cell_len(gap) + cell_len(part) > width:
            break
        text.append(gap, "dim").append(clip(part, width))
    return text
