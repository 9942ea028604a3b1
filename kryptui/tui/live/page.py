"""Live: one run, whoever started it and wherever, while it trains and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from kryptui.draw.words import clean
from kryptui.jobs.events import Began
from kryptui.tui import deeds
from kryptui.tui.live.head import RunHead
from kryptui.tui.news import headline_and_columns
from kryptui.tui.page import Page
from kryptui.tui.widgets.log_view import LogView
from kryptui.tui.widgets.plot_view import PlotView, Shown
from kryptui.tui.widgets.report_view import ReportView

if TYPE_CHECKING:
    from kryptui.draw.lines import Line
    from kryptui.jobs.events import Event
    from kryptui.runs.commands import Command
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store
    from kryptui.tui.live.curves import Group, LiveCurves, Look
    from kryptui.tui.live.reading import LiveReader, Seen

_EMPTY = """no run to watch yet

  3   configure one and launch it
  1   all runs on record"""

_SMOOTHINGS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99)
_AXES = ("step", "epoch", "time")
_PLOTS = ("first", "second", "third")


class LivePage(Page):
    """Curves, log, and the run's controls."""

    PAGE = "live"
    HELP = """
Watches a run through the record, so it does not matter who started it, in which shell or on which host.
What you ask of it, it does after its batch, and says so in its log.

The legend has the last values, ★ the best. With arrows a cursor reads values; z looks closer there.
Raw values lie faint behind smoothed ones; where there are thousands, their whole range is drawn."""

    BINDINGS = [
        Binding("p", "pause", "Pause", tooltip="pause after this batch, with a checkpoint"),
        Binding("s", "stop", "Stop", tooltip="stop after this batch, with a checkpoint to resume from"),
        Binding("k", "steer('checkpoint')", "Checkpoint", tooltip="save a checkpoint after this batch"),
        Binding("e", "steer('evaluate')", "Evaluate", tooltip="evaluate after this batch, then train on"),
        Binding("r", "steer('resume')", "Resume", tooltip="end a pause, or queue an ended run"),
        Binding("v", "view", "View", tooltip="curves, or what the last evaluation found"),
        Binding("m", "group(1)", "Metrics", tooltip="other metrics in the third plot"),
        Binding("M", "group(-1)", "Metrics", show=False, tooltip="the metrics before in the third plot"),
        Binding("l", "log_scale", "Log", tooltip="logarithmic values, or linear"),
        Binding("plus,equals_sign", "smooth(1)", "Smooth", key_display="+-", tooltip="smooth more"),
        Binding("minus", "smooth(-1)", "Smooth", show=False, tooltip="smooth less"),
        Binding("a", "axis", "Axis", tooltip="over steps, epochs, or time of running"),
        Binding("right", "cursor(1)", "Cursor", key_display="←→", tooltip="a cursor that reads values"),
        Binding("left", "cursor(-1)", "Cursor", show=False, tooltip="the cursor to the left"),
        Binding("z", "zoom(1)", "Zoom", tooltip="look closer at the cursor, or at the end"),
        Binding("Z", "zoom(-1)", "Zoom out", show=False, tooltip="look at more"),
        Binding("escape", "reset", "Reset", show=False, tooltip="no cursor, no zoom"),
        Binding("f", "full", "Full", show=False, tooltip="the pane with the focus alone, or all again"),
        Binding("slash", "search", "Search log", key_display="/", tooltip="search the log"),
        Binding("n", "found(-1)", "Next", show=False, tooltip="the find before this in the log"),
        Binding("N", "found(1)", "Last", show=False, tooltip="the find after this in the log"),
        Binding("right_square_bracket", "other(1)", "Next run", show=False, tooltip="the next run in progress"),
        Binding("left_square_bracket", "other(-1)", "Run before", show=False, tooltip="the one before"),
        Binding("c", "clone", "New", show=False, tooltip="configure a new run from this one"),
        Binding("t", "tag", "Tag", show=False, tooltip="tag the run"),
    ]  # fmt: skip

    look_seconds = 0.4

    def __init__(self) -> None:
        super().__init__()
        self._reader: LiveReader | None = None
        self._generation = 0
        self._asked: str | None = None
        self._run: RunRow | None = None
        self._others: Sequence[RunRow] = ()
        self._curves: LiveCurves | None = None
        self._look_at: Look | None = None
        self._group = 0
        self._window: tuple[float, float] | None = None
        self._cursor: float | None = None
        self._drawn: object = None

    def compose_page(self) -> ComposeResult:
        yield RunHead(id="head")
        yield Static(_EMPTY, id="live-empty", markup=False)
        with Grid(id="panes"):
            for name in _PLOTS:
                yield PlotView("", id=name, classes="pane plot")
            with Vertical(id="log-pane", classes="pane"):
                yield LogView(id="log")
                yield Input(placeholder="search the log; n and N go on", id="search")
        with VerticalScroll(id="evaluation", classes="pane"):
            yield ReportView("no evaluation yet", id="report")

    def on_mount(self) -> None:
        """The keys act on the page; the log scrolls."""
        self.query_one("#log-pane").border_title = "log"
        self.query_one(LogView).focus()

    def on_screen_resume(self) -> None:
        """Another run may have been chosen."""
        if self.app.run_id != self._asked or self._reader is None:
            self._watch(self.app.run_id)

    def _watch(self, run_id: str | None) -> None:
        self._asked = self.app.run_id = run_id
        self._generation += 1
        self._reader = None
        self._window = self._cursor = None
        opened = self.app.opened
        self._run = opened if opened is not None and opened.id == run_id else None
        self._group = 0
        if self._curves is not None:
            self._curves.clear()
        if self.is_mounted:
            self.query_one(LogView).clear()
            self.query_one(ReportView).report = None
        self.refresh_bindings()
        self.look()

    # The record

    def read(self, store: Store) -> Seen | None:
        """What is new of the run."""
        from kryptui.tui.live.reading import LiveReader

        reader = self._reader
        if reader is None:
            reader = self._reader = LiveReader(self._asked, self._generation)
        return reader.read(store)

    def show(self, value: Seen) -> None:
        """Head, curves, log and evaluation."""
        from kryptui.tui.live.curves import LiveCurves, Look

        if value.generation != self._generation:
            return
        if self._curves is None:
            self._curves, self._look_at = LiveCurves(), self._look_at or Look()
        self.remove_class("-empty")
        status = None if self._run is None else self._run.status
        self._run, self._others = value.run, value.others
        if value.run.status != status:
            self.refresh_bindings()
        self._asked = self.app.run_id = value.run.id
        if value.anew:
            self._curves.clear()
        self._curves.extend(value.gained, value.running)
        headline, _ = headline_and_columns(value.run)
        self.query_one(RunHead).show(value.run, headline)
        self.query_one(LogView).write((line.time, line.level, line.text) for line in value.lines)
        if value.evaluation is not None:
            from kryptui.figures import Report

            found = value.evaluation
            title = f"evaluation at step {found.step}"
            self.query_one(ReportView).report = Report(title, dict(found.scalars), found.figures)
        self._draw()

    def show_nothing(self, error: str | None) -> None:
        """Nothing to watch."""
        self.add_class("-empty")
        self.query_one("#live-empty", Static).update(Text(_EMPTY if error is None else f"error: {error}"))

    def hear(self, event: Event) -> None:
        """A run that begins here is watched, unless another one is."""
        if isinstance(event, Began) and (self._run is None or self._run.id == event.run_id):
            self._watch(event.run_id)

    # Curves

    @property
    def _groups(self) -> list[Group]:
        from kryptui.tui.live.curves import groups

        if self._run is None or self._curves is None:
            return []
        return groups(sorted(self._curves.traces), *headline_and_columns(self._run))

    @property
    def _shown_groups(self) -> list[Group]:
        """Of the three plots: loss, headline, and the one that is chosen of the rest."""
        every = self._groups
        rest = every[2:]
        return [*every[:2], *([rest[self._group % len(rest)]] if rest else [])]

    def _draw(self) -> None:
        """Draws what has changed, and only that."""
        if self._run is None or self._curves is None or self._look_at is None:
            return
        key = (
            self._curves.revision, self._generation, self._look_at, self._group, self._window, self._cursor,
            tuple((name, found.best) for name, found in self._run.summaries.items()),
        )  # fmt: skip
        if key == self._drawn:
            return
        self._drawn = key
        shown = self._shown_groups
        for place, name in enumerate(_PLOTS):
            view = self.query_one(f"#{name}", PlotView)
            if place < len(shown):
                self._draw_group(view, shown[place], is_loss=place == 0)
            else:
                view.border_title, view.shown = "", Shown(note="")

    def _draw_group(self, view: PlotView, group: Group, *, is_loss: bool) -> None:
        assert self._run is not None
        assert self._curves is not None
        assert self._look_at is not None
        look = self._look_at
        smoothed = is_loss or not group.metrics[0].startswith(headline_and_columns(self._run)[0] or "\0")
        lines: Sequence[Line] = self._curves.lines(group, look, self._run.summaries, smoothed)
        _, label = self._curves.unit(look.axis)
        readout: list[Text] = []
        if self._cursor is not None:
            readout.append(Text(f"{label} {self._words(self._cursor)}", "bold reverse"))
            for marker, colour, name, words in self._curves.reading(group, look, self._cursor):
                readout.append(Text(marker, colour).append(f" {name} ", "default").append(words, "bold default"))
        notes = []
        if smoothed and look.smoothing:
            notes.append(f"smoothed {look.smoothing:g}")
        if look.log_y:
            notes.append("log")
        notes.append(f"by {look.axis}")
        if self._window is not None:
            notes.append("zoomed")
        view.border_title = Content(clean(group.title))
        view.border_subtitle = " · ".join(notes)
        view.shown = Shown(lines, label, look.log_y, self._window, self._cursor, "no values yet", readout)

    def _words(self, x: float) -> str:
        from kryptui.draw.numerals import number

        return f"{round(x):,}" if self._look_at is not None and self._look_at.axis == "step" else number(x)

    def _change(self, **changes: object) -> None:
        from kryptui.tui.live.curves import Look

        self._look_at = replace(self._look_at or Look(), **changes)  # type: ignore[arg-type]
        self._draw()

    def action_log_scale(self) -> None:
        """Logarithmic values, or linear."""
        self._change(log_y=not (self._look_at is not None and self._look_at.log_y))

    def action_smooth(self, by: int) -> None:
        """More or less smoothing."""
        now = 0.6 if self._look_at is None else self._look_at.smoothing
        place = _SMOOTHINGS.index(now) + by
        self._change(smoothing=_SMOOTHINGS[max(0, min(place, len(_SMOOTHINGS) - 1))])

    def action_axis(self) -> None:
        """Steps, epochs, time."""
        now = "step" if self._look_at is None else self._look_at.axis
        self._window = self._cursor = None
        self._change(axis=_AXES[(_AXES.index(now) + 1) % len(_AXES)])

    def action_group(self, by: int) -> None:
        """Other metrics in the third plot; it is shown where there was no room for it."""
        if self.has_class("-narrow") and not self.has_class("-third"):
            self.add_class("-third")
        else:
            self._group += by
        self._draw()

    @property
    def _ends(self) -> tuple[float, float] | None:
        """Where what is seen begins and ends on the axis."""
        if self._curves is None or self._look_at is None:
            return None
        return self._window or self._curves.span(self._look_at.axis)

    def action_cursor(self, by: int) -> None:
        """Moves the cursor by about a column."""
        ends = self._ends
        if ends is None:
            return
        step = (ends[1] - ends[0]) / max(self.query_one("#first").size.width - 8, 10)
        start = ends[1] if by < 0 else ends[0]
        at = start if self._cursor is None else self._cursor + by * step
        self._cursor = max(ends[0], min(at, ends[1]))
        self._draw()

    def action_zoom(self, by: int) -> None:
        """Half or double of what is seen, around the cursor or at the end."""
        if self._curves is None or self._look_at is None:
            return
        whole, ends = self._curves.span(self._look_at.axis), self._ends
        if whole is None or ends is None:
            return
        size = (ends[1] - ends[0]) * (0.5 if by > 0 else 2.0)
        if size >= whole[1] - whole[0]:
            self._window = None
        elif size > (whole[1] - whole[0]) / 4096:
            middle = ends[1] - size / 2 if self._cursor is None else self._cursor
            first = max(whole[0], min(middle - size / 2, whole[1] - size))
            self._window = first, first + size
        self._draw()

    def action_reset(self) -> None:
        """No cursor, no zoom, no search, all panes."""
        self._window = self._cursor = None
        self.remove_class("-full", "-third", "-searching")
        self.query_one(LogView).search("")
        self.query_one(LogView).focus()
        self._draw()

    def action_view(self) -> None:
        """Curves, or the last evaluation."""
        self.toggle_class("-evaluation")
        self.query_one("#evaluation" if self.has_class("-evaluation") else "#log").focus()

    def action_full(self) -> None:
        """The log alone, or all panes."""
        self.toggle_class("-full")

    # Log

    def action_search(self) -> None:
        """Typing searches the log."""
        self.add_class("-searching")
        self.set_focus(self.query_one("#search"))

    @on(Input.Changed, "#search")
    def _searched(self, event: Input.Changed) -> None:
        found = self.query_one(LogView).search(event.value)
        pane = self.query_one("#log-pane")
        pane.border_title = f"log · {found} line{'' if found == 1 else 's'} found" if event.value else "log"

    @on(Input.Submitted, "#search")
    def _search_entered(self) -> None:
        self.query_one(LogView).focus()

    def action_found(self, by: int) -> None:
        """To the next place with what was searched for."""
        self.query_one(LogView).go_on(by)

    # The run

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what has a meaning for the run as it is."""
        status = None if self._run is None else self._run.status
        going = status in ("running", "paused", "hung")
        if action == "steer":
            if parameters == ("resume",):
                return status in ("paused", "stopped", "failed", "crashed")
            return going
        if action == "pause":
            return going and status != "paused"
        return going or status == "queued" if action == "stop" else True

    def action_pause(self) -> None:
        """Pauses the run."""
        self.action_steer("pause")

    def action_steer(self, command: Command) -> None:
        """Sends a command to the run."""
        if self._run is not None:
            deeds.steer(self.app, self._run, command, self.look)

    def action_stop(self) -> None:
        """Stops the run, after asking."""
        if self._run is not None:
            deeds.stop(self.app, self._run, self.look)

    def action_tag(self) -> None:
        """Tags the run."""
        if self._run is not None:
            deeds.tag(self.app, [self._run], self._run.tags, self.look)

    def action_clone(self) -> None:
        """Configures a new run from this one."""
        if self._run is not None:
            self.app.configure_from = self._run.id
            self.app.action_go("configure")

    def action_other(self, by: int) -> None:
        """Switches between the runs in progress."""
        ids = [run.id for run in self._others]
        if not ids:
            self.app.say("no other run is in progress")
            return
        here = None if self._run is None else self._run.id
        place = (ids.index(here) + by) % len(ids) if here in ids else 0
        if ids[place] != here:
            self._watch(ids[place])

    def page_commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """The runs in progress, by name."""
        for run in self._others:
            yield f"Watch {run.name}", f"{run.status}, {run.id}", partial(self._watch, run.id)
