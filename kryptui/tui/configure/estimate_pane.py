"""What the run would take: told where it can be, else why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from kryptui.draw.words import clean
from kryptui.errors import KryptuiError
from kryptui.tui.configure.takes import in_full, in_short
from kryptui.tui.latest import Latest

if TYPE_CHECKING:
    from kryptui.config import AnyConfig
    from kryptui.jobs.estimate import Estimate, Estimator
    from kryptui.runs.rows import RunRow
    from kryptui.tui.app import KryptuiApp

_WAIT_SECONDS = 0.4
"""How long a configuration must have stood still before it is estimated."""

_SHORT = 4  # lines below which there is no room for a table


class EstimatePane(Widget):
    """An estimate, or a sentence in its place; one that is out of date is dimmed until the next comes."""

    app: KryptuiApp

    @dataclass
    class Failed(Message):
        """There is no estimate, and why: the run could not begin."""

        error: str

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._estimate: Estimate | None = None
        self._said = Text()
        self._wanted: object = None
        self._timer: Timer | None = None
        self._estimator: Estimator | None = None
        self.border_title = "estimate"

    def on_mount(self) -> None:
        """Estimates are made in a thread of their own."""
        self._estimating = Latest(self.app)

    def tells_of(self, config: AnyConfig | None) -> bool:
        """Whether what it says is of this configuration, None being one that is not valid."""
        return not self.border_subtitle and self._wanted == _what_counts(config)

    def want(self, config: AnyConfig | None, *, again: bool = False) -> None:
        """Has it estimated once it stands still; None is nothing that could be.

        What does not count for it leaves the estimate as it is, unless the data are to be looked at `again`.
        """
        counts = _what_counts(config)
        if config is None:
            self._stop()
            self._wanted = None
            self._say("no estimate before the configuration is valid", "dim")
            return
        if counts == self._wanted and not again:
            return
        self._wanted = counts
        if self._estimate is None:
            self._said = Text("estimating …", "dim")
        self._tell("estimating …")
        self._stop()
        self._timer = self.set_timer(_WAIT_SECONDS, partial(self._ask, config))

    def forget(self) -> None:
        """Reads the data anew with the next estimate."""
        self._estimator = self._wanted = None

    def _stop(self) -> None:
        """What was wanted before is of no use any more."""
        self._estimating.forget()
        if self._timer is not None:
            self._timer.stop()

    def _ask(self, config: AnyConfig) -> None:
        self._estimating.ask(lambda: self._make(config), self._put, self._failed)

    def _make(self, config: AnyConfig) -> Estimate:
        """In the thread: the first one loads torch."""
        from kryptui.jobs.estimate import Estimator

        if self._estimator is None:
            self._estimator = Estimator(self._past)
        return self._estimator.estimate(config)

    def _past(self) -> Sequence[RunRow]:
        from kryptui.jobs.estimate import PAST_RUNS

        try:
            record = self.app.record
            return () if record.is_missing else record.store().list_runs("kind:train", limit=PAST_RUNS)
        except KryptuiError:
            return ()  # then no time is told

    def _put(self, estimate: Estimate) -> None:
        self._estimate = estimate
        self._tell("")

    def _failed(self, error: str) -> None:
        self._say(f"no estimate: {error}", "yellow")
        self.post_message(self.Failed(error))

    def _say(self, text: str, style: str) -> None:
        self._estimate, self._said = None, Text(clean(text), style)
        self._tell("")

    def _tell(self, subtitle: str) -> None:
        self.border_subtitle = subtitle
        self.refresh()

    def render(self) -> Text:
        """As much as there is room for."""
        width, height = self.size
        if self._estimate is None:
            return self._said
        lines = in_short(self._estimate, width) if height < _SHORT else in_full(self._estimate, width, height)
        text = Text("\n").join(lines[: max(1, height)])
        return Text(text.plain, "dim", no_wrap=True) if self.border_subtitle else text


def _what_counts(config: AnyConfig | None) -> object:
    return None if config is None else config.model_copy(update={"name": "any"})
