"""What a headless run shows while it goes: bars on a terminal, plain lines in a pipe, or JSON lines."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from kryptui.spans import duration

if TYPE_CHECKING:
    from kryptui.cli.teller import Teller
    from kryptui.engine.protocols import Recorder
    from kryptui.figures import Figure


class View(Protocol):
    """Somebody who looks at what a run records."""

    def begin(self, run_id: str) -> None:
        """The run is on record under this id."""

    def metric(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Points of the curves."""

    def log(self, level: str, text: str) -> None:
        """A line for people."""

    def progress(self, fields: Mapping[str, Any]) -> None:
        """Where the run stands."""

    def close(self) -> None:
        """The run is over."""


class Watched:
    """A recorder that shows a view what goes through it, without waiting until it is seen."""

    def __init__(self, recorder: Recorder, view: View, teller: Teller) -> None:
        self._recorder, self._view, self._teller = recorder, view, teller

    def show(self, tell: Callable[[View], None]) -> None:
        """Tells the view alone."""
        self._teller.tell(lambda: tell(self._view))

    def metric(self, step: int, epoch: float, values: Mapping[str, float], wished: bool = False) -> None:
        """Recorded and shown."""
        self._recorder.metric(step, epoch, values, wished)
        self.show(lambda view: view.metric(step, epoch, values))

    def log(self, level: str, text: str) -> None:
        """Recorded and shown."""
        self._recorder.log(level, text)
        self.show(lambda view: view.log(level, text))

    def evaluation(
        self,
        step: int,
        scalars: Mapping[str, float],
        figures: Sequence[Figure],
        scores: Mapping[str, Any] | None = None,
        wished: bool = False,
    ) -> None:
        """Recorded; its numbers are shown as metrics."""
        self._recorder.evaluation(step, scalars, figures, scores, wished)

    def artifact(
        self,
        kind: str,
        path: str,
        sha256: str | None = None,
        bytes: int | None = None,
        step: int | None = None,
    ) -> None:
        """Recorded."""
        self._recorder.artifact(kind, path, sha256, bytes, step)

    def artifact_removed(self, path: str) -> None:
        """Recorded."""
        self._recorder.artifact_removed(path)

    def progress(self, **fields: Any) -> None:
        """Recorded and shown."""
        self._recorder.progress(**fields)
        self.show(lambda view: view.progress(fields))

    def stepped(self) -> None:
        """Recorded."""
        self._recorder.stepped()

    def flush(self) -> None:
        """Waits for the record."""
        self._recorder.flush()


class JsonView:
    """One JSON object a line on stdout: {"event": metric | log | progress | started | finished | failed, ...}."""

    def begin(self, run_id: str) -> None:
        """The first event."""
        self.event("started", run=run_id)

    def metric(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """All values of one step; what is not finite is null."""
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        self.event("metric", step=step, epoch=round(epoch, 6), values=finite)

    def log(self, level: str, text: str) -> None:
        """Level and text."""
        self.event("log", level=level, text=text)

    def progress(self, fields: Mapping[str, Any]) -> None:
        """stage, epoch, step, total, images_per_second, seconds_left; or evaluated, to_evaluate; or paused."""
        self.event("progress", **fields)

    def event(self, kind: str, /, **fields: Any) -> None:
        """Writes one line at once."""
        sys.stdout.write(json.dumps({"event": kind, "time": round(time.time(), 3), **fields}) + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing is left to write."""


class PlainView:
    """Lines of text on stderr, for pipes and log files."""

    def __init__(self) -> None:
        self._loss = math.nan

    def begin(self, run_id: str) -> None:
        """The first line."""
        _say(f"run {run_id}")

    def metric(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Remembers what the next progress line shows."""
        self._loss = values.get("loss", self._loss)

    def log(self, level: str, text: str) -> None:
        """The line, with its level unless it is only informing."""
        _say(text if level == "info" else f"{level}: {text}")

    def progress(self, fields: Mapping[str, Any]) -> None:
        """One line a point of the curves."""
        if "step" in fields:
            _say(
                f"step {fields['step']:>6}/{fields['total']}  {fields['stage']} epoch {fields['epoch']}/"
                f"{fields['epochs']}  loss {self._loss:.4f}  {fields['images_per_second']:.0f} img/s  "
                f"left {duration(fields['seconds_left'])}"
            )

    def close(self) -> None:
        """Nothing is left to write."""


class BarView:
    """A live bar on a terminal, log lines scrolling above it."""

    def __init__(self, headline: str, lower_is_better: bool) -> None:
        self._headline, self._lower = headline, lower_is_better
        self._console = Console(stderr=True, highlight=False)
        self._facts = {"loss": "-", "best": "-", "speed": "-", "left": "-", "epoch": "-", "stage": "starting"}
        self._best = math.nan
        self._progress = Progress(
            TextColumn("{task.fields[stage]} {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn(f"best {headline} " + "{task.fields[best]}"),
            TextColumn("{task.fields[speed]} img/s"),
            TextColumn("left {task.fields[left]}"),
            console=self._console,
            refresh_per_second=4,
        )
        self._bar: TaskID = self._progress.add_task("run", total=None, **self._facts)  # type: ignore[arg-type]
        self._progress.start()

    def begin(self, run_id: str) -> None:
        """The first line above the bar."""
        self.log("info", f"run {run_id}")

    def metric(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Keeps loss and best headline on the bar."""
        if "loss" in values:
            self._facts["loss"] = f"{values['loss']:.4f}"
        value = values.get(self._headline, math.nan)
        if not math.isnan(value):
            better = math.isnan(self._best) or (value < self._best if self._lower else value > self._best)
            self._best = value if better else self._best
            self._facts["best"] = f"{self._best:.4f}"
        self._progress.update(self._bar, **self._facts)  # type: ignore[arg-type]

    def log(self, level: str, text: str) -> None:
        """A line above the bar."""
        style = {"warning": "yellow", "error": "red"}.get(level, "")
        words = text if level == "info" else f"{level}: {text}"
        self._console.print(words, style=style, markup=False)

    def progress(self, fields: Mapping[str, Any]) -> None:
        """Moves the bar."""
        if "step" not in fields:
            return
        self._facts |= {
            "stage": str(fields["stage"]),
            "epoch": f"{fields['epoch']}/{fields['epochs']}",
            "speed": f"{fields['images_per_second']:.0f}",
            "left": duration(fields["seconds_left"]),
        }
        self._progress.update(
            self._bar,
            completed=fields["step"],
            total=fields["total"],
            **self._facts,  # type: ignore[arg-type]
        )

    def close(self) -> None:
        """Leaves the last state of the bar standing."""
        self._progress.stop()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
