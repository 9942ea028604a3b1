"""What an app hears of its background threads, and how it may be left."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kryptui.engine.predict import Written


class Leave(Enum):
    """How an app was left."""

    NOTHING = "nothing"
    """Nothing was in progress in it."""
    HEADLESS = "headless"
    """What is in progress goes on without a screen."""
    STOP = "stop"
    """What is in progress saves a checkpoint and ends."""


@dataclass(frozen=True)
class Began:
    """A training run has begun in this process."""

    run_id: str
    name: str


@dataclass(frozen=True)
class Ended:
    """A training run has ended in this process: finished, stopped or requeued; or failed, and why."""

    run_id: str
    name: str
    outcome: str
    why: str


@dataclass(frozen=True)
class AnswerProgress:
    """How far a submission is."""

    ticket: int
    done: int
    total: int


@dataclass(frozen=True)
class Answered:
    """A submission has ended: with its run's id and what was written, or with an error (`stopped` if it was)."""

    ticket: int
    result: tuple[str, Written] | None
    error: str | None


@dataclass(frozen=True)
class Said:
    """A line about the queue."""

    text: str


Event = Began | Ended | AnswerProgress | Answered | Said
