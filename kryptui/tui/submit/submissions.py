"""The submissions asked for in this session, by ticket, and their scores: kept whatever page is shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kryptui.jobs.events import Answered, AnswerProgress, Event

if TYPE_CHECKING:
    from kryptui.engine.predict import Written
    from kryptui.tui.news import Severity

State = Literal["waiting", "going", "done", "failed", "stopped"]

STOPPED = "stopped"
"""What the launcher says in place of an error where a submission was cancelled."""

_WINDOW_SECONDS = 5.0
"""Over how long the speed is measured: long enough to be calm, short enough to be true."""


@dataclass
class Job:
    """A submission that was asked for: what of, whereto, and how far it is."""

    ticket: int
    model: str
    output: Path
    state: State = "waiting"
    done: int = 0
    total: int = 0
    error: str = ""
    run_id: str | None = None
    seen: list[tuple[float, int]] = field(default_factory=list)
    """Moments with what was done by then, the last few seconds' alone."""

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end."""
        return self.state in ("done", "failed", "stopped")

    @property
    def speed(self) -> float | None:
        """What is done in a second at present; None until that can be told."""
        if len(self.seen) < 2:
            return None
        (before, had), (now, has) = self.seen[0], self.seen[-1]
        return (has - had) / (now - before) if now > before else None

    @property
    def seconds_left(self) -> float | None:
        """How long it still takes at this speed; None until that can be told."""
        return (self.total - self.done) / self.speed if self.speed else None


@dataclass(frozen=True)
class Score:
    """What a submission is worth against labels: numbers by name, or why there are none."""

    labels: Path
    values: Mapping[str, float]
    error: str = ""


class Submissions:
    """Those of this session in the order in which they were asked for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.jobs: dict[int, Job] = {}
        self.scores: dict[str, Score] = {}
        """By the id of the submission's run."""

    def begin(self, ticket: int, model: str, output: Path) -> Job:
        """Keeps one that was just asked for."""
        job = self.jobs[ticket] = Job(ticket, model, output)
        self._mark_first()
        return job

    @property
    def going(self) -> Job | None:
        """The one in progress."""
        return next((job for job in self.jobs.values() if not job.is_over), None)

    @property
    def waiting(self) -> list[Job]:
        """Those that come after it."""
        return [job for job in self.jobs.values() if job.state == "waiting"]

    @property
    def latest(self) -> Job | None:
        """The one asked for last of those that are over."""
        return next((job for job in reversed(self.jobs.values()) if job.is_over), None)

    @property
    def outputs(self) -> frozenset[Path]:
        """The files that those that are not over are to write."""
        return frozenset(job.output for job in self.jobs.values() if not job.is_over)

    def hear(self, event: Event) -> Iterator[tuple[str, str, Severity]]:
        """Takes what the launcher tells; yields toasts as title, text and severity."""
        if not isinstance(event, AnswerProgress | Answered):
            return
        job = self.jobs.get(event.ticket)
        if job is None or job.is_over:
            return
        if isinstance(event, AnswerProgress):
            self._progressed(job, event.done, event.total)
        else:
            yield self._ended(job, event.result, event.error)
            self._mark_first()

    def _progressed(self, job: Job, done: int, total: int) -> None:
        now = self._clock()
        if job.seen and done < job.seen[-1][1]:
            job.seen.clear()
        job.state, job.done, job.total = "going", done, total
        job.seen.append((now, done))
        while len(job.seen) > 2 and now - job.seen[1][0] > _WINDOW_SECONDS:
            del job.seen[0]

    def _ended(self, job: Job, result: tuple[str, Written] | None, error: str | None) -> tuple[str, str, Severity]:
        if result is not None:
            job.run_id, written = result
            job.state = "done"
            return "submission", f"{job.output.name}: {len(written.prediction.rows):,} rows", "information"
        job.error = error or "no reason was given"
        job.state = "stopped" if error == STOPPED else "failed"
        if job.state == "stopped":
            return "submission", f"{job.output.name}: cancelled; nothing was written", "warning"
        return "submission failed", job.error, "error"

    def _mark_first(self) -> None:
        if self.going is not None:
            self.going.state = "going"
