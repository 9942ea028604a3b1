"""Asks the probe, and outlives it: a step that crashes or hangs costs its own answer alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from kryptui.jobs.doctor.finding import one_line

PROGRAM = (sys.executable, "-P", "-m", "kryptui.jobs.doctor.probe")
SECONDS = 90.0
"""For all steps; the first import of torch from a network disk may take half of it."""

FOUNDATION = "torch"
"""The step that the ones after it rest on: where it takes the process with it, they are not tried."""


@dataclass(frozen=True)
class Answer:
    """The facts that a step found, as plain types, or why there are none."""

    facts: Any = None
    failure: str | None = None


class Probe:
    """The steps of `kryptui.jobs.doctor.probe` in a process beside this one, begun at once."""

    def __init__(self, steps: Sequence[str], program: Sequence[str] = PROGRAM, seconds: float = SECONDS) -> None:
        self._steps, self._program, self._seconds = list(steps), program, seconds
        self._process: subprocess.Popen[str] | None = None
        with suppress(OSError):  # `answers` tries again, and says so
            self._process = self._start(self._steps)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def answers(self) -> dict[str, Answer]:
        """Waits for every step's answer."""
        found: dict[str, Answer] = {}
        deadline = time.monotonic() + self._seconds
        while left := [step for step in self._steps if step not in found]:
            try:
                process = self._process = self._process or self._start(left)
            except OSError as error:
                refused = Answer(failure=f"no process could be started ({error.strerror})")
                return found | dict.fromkeys(left, refused)
            try:
                said, complained = process.communicate(timeout=max(0.0, deadline - time.monotonic()))
                failure = ended(process.returncode, complained)
            except subprocess.TimeoutExpired:
                process.kill()
                said, _ = process.communicate()
                failure = f"no answer within {self._seconds:.0f} s"
            self._process = None
            found |= read(said)
            silent = [step for step in left if step not in found]
            if silent:
                found[silent[0]] = Answer(failure=failure)
                if silent[0] == FOUNDATION or time.monotonic() >= deadline:
                    not_tried = Answer(failure=f"not tried, as {silent[0]} did not answer")
                    found |= dict.fromkeys(silent[1:], not_tried)
        return found

    def _start(self, steps: Sequence[str]) -> subprocess.Popen[str]:
        # It finds packages just as this program does; a module that shadows one breaks both.
        path = os.pathsep.join(filter(None, sys.path))
        return subprocess.Popen(
            [*self._program, *steps],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONPATH": path, "NO_ALBUMENTATIONS_UPDATE": "1"},
        )


def ended(code: int, complained: str) -> str:
    """How a process ended that gave no answer, with the last that it wrote to stderr."""
    if code < 0:
        return f"it ended its process by a signal ({signal.strsignal(-code) or -code})"
    said = [line for line in complained.splitlines() if line.strip()]
    return f"it ended its process with code {code}" + (f" ({one_line(said[-1])})" if said else "")


def read(said: str) -> Mapping[str, Answer]:
    """The answers in what a probe wrote."""
    found = {}
    for line in said.splitlines():
        try:
            answer = json.loads(line)
        except ValueError:
            continue  # cut off when the process ended
        if "facts" in answer:
            found[answer["step"]] = Answer(facts=answer["facts"])
        elif "failure" in answer:
            found[answer["step"]] = Answer(failure=one_line(answer["failure"]))
    return found
