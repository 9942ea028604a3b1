"""Compare: the marked runs over and beside each other, in curves, metrics, settings, evaluations and pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from kryptui.draw.words import clip
from kryptui.tui.compare.curves import ComparisonCurves
from kryptui.tui.compare.keys import EMPTY, HELP, KEYS, SECTIONS, applies
from kryptui.tui.compare.run_chooser import RunChooser
from kryptui.tui.compare.run_legend import RunLegend
from kryptui.tui.compare.wish import Wish
from kryptui.tui.page import Page
from kryptui.tui.widgets.drawn_view import DrawnView
from kryptui.tui.widgets.section_line import SectionLine

if TYPE_CHECKING:
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store
    from kryptui.tui.compare.reading import Compared, ComparisonReader
    from kryptui.tui.runs.reading import Listed, RunsReader

_SMOOTHING = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.99)
_PATIENCE = 0.4  # seconds until it is said that something is being read
_ROWS_SHORT, _ROWS_TALL = 5, 8  # of the legend that are in sight


class ComparePage(Page):
    """What differs between runs, and what came of it."""

    PAGE = "compare"
    HELP = HELP
    BINDINGS = KEYS

    def __init__(self) -> None:
        super().__init__()
        self._wish = Wish()
        self._reader: ComparisonReader | None = None
        self._runs_reader: RunsReader | None = None
        self._compared: Compared | None = None
        self._baseline: str | None = None
        self._section = "curves"
        self._is_choosing = False
        self._filter = ""
        self._everything = self._around = False
        self._sheets: list[str] = []
        self._sheet: str | None = None

    def compose_page(self) -> ComposeResult:
        with Container(id="body"):
            yield SectionLine(SECTIONS, id="sections")
            yield RunLegend(id="legend", classes="pane")
            with Container(id="panes"):
                yield ComparisonCurves(id="curves", classes="pane section")
                for name, _, title in SECTIONS[1:]:
                    yield DrawnView(title.lower(), id=name, classes="pane section")
            yield RunChooser(self.app.marks, id="choose")
            yield Static(EMPTY, id="nothing", markup=False)

    def on_screen_resume(self) -> None:
        """Marks may have changed on another page."""
        self._go_to_section(self._section)
        self._set_choosing(self._is_choosing or len(self.app.marks) < 2)
        self._want(look=self._wish.look + 1)

    # The record

    def read(self, store: Store) -> Compared | Listed | None:
        """The comparison, or the runs to choose from."""
        if self._is_choosing:
            from kryptui.tui.runs.reading import RunsReader
            from kryptui.tui.runs.request import Request

            if self._runs_reader is None:
                self._runs_reader = RunsReader()
            return self._runs_reader.read(store, Request(filter=self._filter))
        from kryptui.tui.compare.reading import ComparisonReader

        if self._reader is None:
            self._reader = ComparisonReader()
        return self._reader.read(store, self._wish)

    def show(self, value: Compared | Listed) -> None:
        """Shows what was read, unless something else is wanted by now."""
        from kryptui.tui.compare.reading import Compared

        if not isinstance(value, Compared):
            self.set_class(value.total == 0, "-nothing")
            self.query_one(RunChooser).show(value)
        elif value.wish == self._wish and not self._is_choosing:
            self.remove_class("-nothing")
            self._show_comparison(value)

    def show_nothing(self, error: str | None) -> None:
        """No record yet, or one that cannot be read."""
        self.add_class("-nothing")
        self.query_one("#nothing", Static).update(Text(EMPTY if error is None else f"error: {error}"))

    def _want(self, ids: Iterable[str] | None = None, **changes: Any) -> None:
        """Asks for another comparison: of the runs that are marked, in the order that was given to them."""
        marked = tuple(self.app.marks)
        kept = tuple(run_id for run_id in (self._wish.ids if ids is None else ids) if run_id in marked)
        new = tuple(run_id for run_id in marked if run_id not in kept)
        self._wish = replace(self._wish, ids=kept + new, **changes)
        self.look()
        self.set_timer(_PATIENCE, self._say_waiting)

    def _say_waiting(self) -> None:
        """Says that a long read is in progress."""
        if self._compared is not None and self._compared.wish != self._wish:
            self.query_one(SectionLine).note = Text("reading …", "dim")

    # Choosing

    def _set_choosing(self, is_choosing: bool) -> None:
        """Shows all runs to choose from, or the chosen ones."""
        if self._runs_reader is not None:
            self._runs_reader.forget()
        chooser = self.query_one(RunChooser)
        if is_choosing != self._is_choosing or self.focused is None:
            (chooser.table if is_choosing else self.query_one(RunLegend)).focus()
        self._is_choosing = is_choosing
        self.set_class(is_choosing, "-choosing")
        chooser.tell()
        self.refresh_bindings()
        self.look()

    @on(RunChooser.Filtered)
    def _filtered(self) -> None:
        self._filter = self.query_one(RunChooser).filter
        self.look()

    @on(RunChooser.Started)
    def _chosen(self) -> None:
        self._set_choosing(False)
        self._want()

    def action_choose(self) -> None:
        """Other runs."""
        self._set_choosing(True)

    # Comparing

    def _show_comparison(self, compared: Compared) -> None:
        if compared.gone:
            self.app.marks.drop(compared.gone)
            count = len(compared.gone)
            self.app.warn(f"{count} marked run{'s are' if count > 1 else ' is'} not on record any more")
            self._marks_changed()
            return
        self._compared = compared
        if self._baseline not in compared.wish.ids:
            self._baseline = compared.runs[0].id
        self._draw()
        self.refresh_bindings()

    def _marks_changed(self) -> None:
        self._set_choosing(len(self.app.marks) < 2)
        self._want()

    def _draw(self) -> None:
        """Shows the comparison as it is looked at now."""
        from kryptui.tui.compare import panes, rows

        compared, baseline = self._compared, self._baseline
        if compared is None or baseline is None:
            return
        labels = rows.labels(compared.runs, self.app.marks.looks)
        self._curves.show(compared, labels)
        self._sheets = panes.sheet_titles(compared, labels)
        if self._sheet not in self._sheets:
            self._sheet = self._sheets[0] if self._sheets else None
        heads = self._name_panes(compared)
        wanted = {
            "metrics": panes.metrics(compared, labels, baseline),
            "settings": panes.settings(
                compared, labels, heads["settings"], everything=self._everything, around=self._around
            ),
            "figures": panes.figures(compared, labels),
            "pictures": panes.pictures(compared, labels, self._sheet, heads["pictures"]),
        }
        for name, (key, draw) in wanted.items():
            self.query_one(f"#{name}", DrawnView).want(key, draw)
        self._draw_legend(compared, baseline)

    def _draw_legend(self, compared: Compared, baseline: str) -> None:
        """The rows, as high as they need up to a bound; with the values at the cursor."""
        from kryptui.tui.compare import rows

        legend = self.query_one(RunLegend)
        legend.show(rows.legend(compared, self.app.marks.looks, baseline, self._curves.cursor))
        most = _ROWS_TALL if self.has_class("-tall") else _ROWS_SHORT
        legend.styles.height = min(legend.lines, 1 + most) + legend.gutter.height

    def _name_panes(self, compared: Compared) -> dict[str, str]:
        """Gives panes their titles; returns those that must stand inside, where there are no frames."""
        from kryptui.tui.compare import panes

        titles = panes.titles(compared, everything=self._everything, pictures=self._pictures)
        for name, title in titles.items():
            self.query_one(f"#{name}").border_title = title
        note = f"! compare with care{': see settings' if self.is_wide else ''}" if compared.warnings else ""
        self.query_one(SectionLine).note = Text(note, "yellow")
        return dict.fromkeys(titles, "") if self.has_class("-tall") else titles

    @property
    def _pictures(self) -> str:
        """Which pictures these are, and how many kinds there are."""
        if self._sheet is None:
            return "pictures"
        return f"{clip(self._sheet, 40)} {self._sheets.index(self._sheet) + 1}/{len(self._sheets)}"

    def on_resize(self, event: events.Resize) -> None:
        """Titles may stand elsewhere."""
        self.call_after_refresh(self._draw)

    # Sections

    @property
    def _curves(self) -> ComparisonCurves:
        return self.query_one(ComparisonCurves)

    @property
    def _has_room(self) -> bool:
        """Whether all sections can stand beside each other."""
        return self.is_wide and self.has_class("-tall")

    def _go_to_section(self, name: str) -> None:
        self._section = name
        for other, _, _ in SECTIONS:
            self.query_one(f"#{other}").set_class(other == name, "-here")
        self.query_one(SectionLine).here = name
        self.refresh_bindings()

    def action_section(self, name: str) -> None:
        """Goes to a section; its key once more shows it alone, where there is room for all."""
        pane = self.query_one(f"#{name}")
        if self._has_room and pane.has_focus:
            self.action_full()
            return
        self._go_to_section(name)
        pane.focus()

    @on(events.DescendantFocus)
    def _focus_moved(self, event: events.DescendantFocus) -> None:
        if event.widget.has_class("section") and event.widget.id != self._section:
            self._go_to_section(str(event.widget.id))

    def action_full(self) -> None:
        """The pane at hand alone, or all."""
        self.toggle_class("-full")
        self.refresh_bindings()
        self.call_after_refresh(self._draw)

    def action_legend(self) -> None:
        """To the runs."""
        self.query_one(RunLegend).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where one section is seen at a time, its keys alone apply."""
        comparing = self._compared is not None and not self._is_choosing
        if action == "full" and not self._has_room:
            return False
        all_in_sight = self._has_room and not self.has_class("-full")
        return applies(action, self._section, comparing=comparing, all_in_sight=all_in_sight)

    # Curves

    def action_metric(self, by: int) -> None:
        """Draws the next metric, or the one before."""
        if (compared := self._compared) is not None and compared.metric is not None:
            names = [metric.name for metric in compared.metrics]
            # Keys may be quicker than what they ask for.
            now = self._wish.metric if self._wish.metric in names else compared.metric.name
            self._want(metric=names[(names.index(now) + by) % len(names)])

    def action_choose_metric(self) -> None:
        """Chooses the metric from a list."""
        from kryptui.tui.compare.metrics import choose

        if self._compared is not None:
            choose(self.app, self._compared, lambda name: self._want(metric=name))

    def action_axis(self) -> None:
        """Step, epoch, time, and round again."""
        from kryptui.runs.compare import Axis

        axes = get_args(Axis)
        self._want(axis=axes[(axes.index(self._wish.axis) + 1) % len(axes)])

    def action_smooth(self, by: int) -> None:
        """Smooths more or less."""
        at = _SMOOTHING.index(self._wish.smoothing)
        self._want(smoothing=_SMOOTHING[max(0, min(at + by, len(_SMOOTHING) - 1))])

    def action_log(self) -> None:
        """A logarithmic scale, or a linear one."""
        self._curves.log_scale = not self._curves.log_scale
        self._draw()

    def action_cursor(self, by: int) -> None:
        """Reads the values at the next place."""
        self._curves.move(by)
        self._draw()

    def action_zoom(self, factor: float) -> None:
        """Shows a smaller or a larger part of the axis."""
        self._curves.zoom(factor)
        self._draw()

    def action_leave(self) -> None:
        """Ends reading, then zooming, then the pane alone."""
        if not self._curves.back():
            self.remove_class("-full")
        self._draw()

    # Evaluations and settings

    def action_which(self) -> None:
        """The best evaluation of each run, or the last."""
        self._want(which="last" if self._wish.which == "best" else "best")

    def action_sheet(self, by: int) -> None:
        """The next kind of pictures."""
        if self._sheet is not None:
            self._sheet = self._sheets[(self._sheets.index(self._sheet) + by) % len(self._sheets)]
            self.query_one("#pictures", DrawnView).action_to_top()
            self._draw()

    def action_all_settings(self) -> None:
        """All settings, or those that differ."""
        self._everything = not self._everything
        self._draw()

    def action_around(self) -> None:
        """What they ran on, or not."""
        self._around = not self._around
        self._draw()

    # The runs

    @property
    def _here(self) -> RunRow | None:
        return self.query_one(RunLegend).run

    def action_baseline(self) -> None:
        """Measures against the run under the cursor."""
        if self._here is not None:
            self._baseline = self._here.id
            self._draw()

    def action_unmark(self) -> None:
        """Takes the run under the cursor out."""
        if self._here is not None and self._here.id in self.app.marks:
            self.app.marks.toggle(self._here.id)
            self._marks_changed()

    def action_order(self, by: int) -> None:
        """Moves the run under the cursor among the others."""
        ids = list(self._wish.ids)
        if self._here is not None and self._here.id in ids:
            at = ids.index(self._here.id)
            ids.insert(max(0, min(at + by, len(ids) - 1)), ids.pop(at))
            self._want(ids)

    def action_open(self) -> None:
        """Watches the run under the cursor."""
        if self._here is not None:
            self.app.open_run(self._here.id, self._here)

    def action_export(self) -> None:
        """Asks what to write, and where."""
        from kryptui.tui.compare.export import export

        if (compared := self._compared) is not None:
            baseline = next((run for run in compared.runs if run.id == self._baseline), compared.runs[0])
            export(self.app, compared, baseline)

    def page_commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Metrics by name."""
        if self._compared is not None and not self._is_choosing:
            for metric in self._compared.metrics:
                yield f"Draw {clip(metric.name, 40)}", "a metric", partial(self._want, metric=metric.name)
