"""Runs: all of them in a table, filtered and sorted, with what one may want to do to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from kryptui.draw.words import clip
from kryptui.tell.run import loss
from kryptui.tui import deeds
from kryptui.tui.page import Page
from kryptui.tui.runs.facts import RunFacts
from kryptui.tui.runs.request import NEWEST, Request
from kryptui.tui.widgets.filter_input import FilterInput, words
from kryptui.tui.widgets.plot_view import PlotView, Shown
from kryptui.tui.widgets.run_table import RunTable, columns

if TYPE_CHECKING:
    from kryptui.draw.lines import Line
    from kryptui.runs.commands import Command
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store
    from kryptui.tui.runs.reading import Listed, RunsReader

_RECENT = 500  # runs whose tags and names are offered

_EMPTY = """no runs on record yet

  3   configure one and launch it, from a preset
  2   inspect and prepare a dataset first
  ^p  draw demo faces, if there is no data yet

or from a shell: kryptui run --headless quickstart"""


class RunsPage(Page):
    """The record as a table that lives."""

    PAGE = "runs"
    HELP = """
All runs on record, whoever started them and wherever.
A status is what a run really does: a killed one says crashed.

Filter with / such as: status:running tag:baseline loss:triplet cfg.seed=1 eer<0.1 took>30m
A minus before a term negates it. The arrow in the head shows what the table is sorted by, ▲ the best first.

Marked runs share their marker and colour with Compare."""

    BINDINGS = [
        Binding("enter", "open", "Open", tooltip="watch the run on Live"),
        Binding("space", "mark", "Mark", tooltip="mark the run for Compare, or take the mark away"),
        Binding("c", "compare", "Compare", tooltip="compare the marked runs"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="filter the runs"),
        Binding("n", "clone", "New", tooltip="configure a new run from this one"),
        Binding("r", "steer('resume')", "Resume", tooltip="end a pause, or queue an ended run to go on"),
        Binding("s", "stop", "Stop", tooltip="stop after this batch, with a checkpoint; take off the queue"),
        Binding("t", "tag", "Tag", tooltip="add tags, or take them away with a minus before"),
        Binding("less_than_sign", "sort_by(-1)", "Sort", key_display="<>", tooltip="sort by the column before"),
        Binding("greater_than_sign", "sort_by(1)", "Sort", show=False, tooltip="sort by the column after"),
        Binding("o", "turn_sort", "Order", show=False, tooltip="turn the order round"),
        Binding("m", "note", "Note", show=False, tooltip="write a note on the run"),
        Binding("f2,N", "rename", "Rename", show=False, tooltip="give the run another name"),
        Binding("p", "steer('pause')", "Pause", show=False, tooltip="pause after this batch, with a checkpoint"),
        Binding("u", "submit", "Submit", show=False, tooltip="build a submission with the run's best checkpoint"),
        Binding("w", "work", "Work", show=False, tooltip="work on the queue here, one run after the other"),
        Binding("x", "export", "Export", tooltip="write the table's runs, or the marked ones, to a csv file"),
        Binding("y", "copy", "Copy", show=False, tooltip="copy the run's id to the clipboard"),
        Binding("Y", "copy_config", "Copy YAML", show=False, tooltip="copy its configuration to the clipboard"),
        Binding("d,delete", "delete", "Delete", show=False, tooltip="delete it or the marked runs, after asking"),
        Binding("v", "view", "View", show=False, tooltip="facts or curve, where there is no room for both"),
        Binding("U", "unmark", "Unmark all", show=False, tooltip="take all marks away"),
    ]  # fmt: skip

    AUTO_FOCUS = ""  # the first widget that takes it would be the filter, where there is no table

    look_seconds = 0.4

    def __init__(self) -> None:
        super().__init__()
        self._request = Request()
        self._reader: RunsReader | None = None
        self._listed: Listed | None = None
        self._metrics: Sequence[str] = ()
        self._refused: str | None = None

    def compose_page(self) -> ComposeResult:
        with Horizontal(id="filter-line"):
            yield Static("/", id="filter-sign")
            yield FilterInput(id="filter")
            yield Static("", id="count")
        yield RunTable(self.app.marks, id="table")
        yield Static(_EMPTY, id="empty", markup=False)
        with Horizontal(id="detail"):
            yield PlotView("", id="curve", classes="pane")
            yield RunFacts(id="facts", classes="pane")

    def on_mount(self) -> None:
        """The keys act on the table."""
        self.query_one("#table").focus()

    def on_screen_resume(self) -> None:
        """Marks may have changed on another page."""
        self._want()

    # The record

    def read(self, store: Store) -> Listed:
        """The list, or what is new in it."""
        from kryptui.tui.runs.reading import RunsReader

        if self._reader is None:
            self._reader = RunsReader()
        return self._reader.read(store, self._request)

    def show(self, value: Listed) -> None:
        """Fills table, detail and counts."""
        self._listed = value
        self._refused = value.error
        self.app.marks.drop(value.gone)
        table = self.query_one(RunTable)
        if value.runs is not None:
            self._metrics = value.metrics
            table.show(value.runs, value.metrics, value.request.sort)
            self._offer(value)
        else:
            table.put(value.changed)
        self.set_class(value.total == 0, "-empty")
        self._count()
        self._show_detail(value)
        wanted = self._wanted()
        if wanted != value.request:
            self._want()

    def show_nothing(self, error: str | None) -> None:
        """No record yet, or one that cannot be read."""
        self.add_class("-empty")
        self.query_one("#empty", Static).update(Text(_EMPTY if error is None else f"error: {error}"))

    def _offer(self, listed: Listed) -> None:
        """Offers what the whole list has; a filter that is half typed finds nothing to offer."""
        if listed.request.filter:
            return
        runs = listed.runs or ()
        recent = runs[:_RECENT]
        tags = dict.fromkeys(tag for run in recent for tag in run.tags)
        losses = dict.fromkeys(loss(run) for run in recent[:50])
        names = dict.fromkeys(run.name for run in recent)
        self.query_one(FilterInput).offers.words = words(tags, listed.known_metrics, losses, names)

    def _count(self) -> None:
        listed = self._listed
        if listed is None:
            return
        shown, marked = len(self._rows), len(self.app.marks)
        text = Text(f"{shown} of {_counted(listed.total)}" if self._filter else _counted(listed.total), "dim")
        if marked:
            text.append(f" · {marked} marked", "dim")
        if self._refused:
            text = Text(clip(self._refused, max(20, self.size.width - 30)), "red")
        count = self.query_one("#count", Static)
        if count.content != text:  # another text lays the whole page out anew
            count.update(text)

    def _show_detail(self, listed: Listed) -> None:
        if listed.detail is not None and self._here is not None and listed.detail.run.id == self._here.id:
            self.query_one(RunFacts).detail = listed.detail
        elif self._here is None:
            self.query_one(RunFacts).detail = None
        lines = self._lines(listed) if listed.curves else []
        plot = self.query_one(PlotView)
        marked = len(self.app.marks)
        of = f"{marked} marked run{'s' if marked > 1 else ''}" if marked else "this run"
        plot.border_title = Content(f"{listed.headline} of {of}" if listed.headline else "")
        plot.shown = Shown(lines, "step", note="no evaluation yet")

    def _lines(self, listed: Listed) -> list[Line]:
        from kryptui.draw.curves import with_star
        from kryptui.draw.lines import Line, drawable

        lines = []
        for run_id, (name, x, y) in listed.curves.items():
            marker, colour = self.app.marks.looks(run_id)
            line = Line(clip(name, 28), marker, colour, *drawable(x, y))
            lines.append(line if listed.best is None else with_star(line, listed.best))
        return lines

    # What is wanted

    @property
    def _rows(self) -> Sequence[RunRow]:
        return self.query_one(RunTable).runs

    @property
    def _here(self) -> RunRow | None:
        return self.query_one(RunTable).run

    @property
    def _filter(self) -> str:
        return self.query_one(FilterInput).value.strip()

    def _wanted(self) -> Request:
        here = self._here
        run_id = None if here is None else here.id
        return replace(self._request, filter=self._filter, run_id=run_id, marked=tuple(self.app.marks))

    def _want(self, sort: str | None = None) -> None:
        wanted = self._wanted()
        self._request = wanted if sort is None else replace(wanted, sort=sort)
        self.look()

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self._want()

    @on(Input.Submitted, "#filter")
    def _entered(self) -> None:
        self.query_one("#table").focus()

    @on(RunTable.Moved)
    def _moved(self) -> None:
        """The pane below follows the cursor."""
        self._want()

    @on(RunTable.HeadClicked)
    def _head_clicked(self, event: RunTable.HeadClicked) -> None:
        """Sorts by that column, or turns the order round."""
        self._sort(event.key)

    @on(RunTable.Chosen)
    def _run_chosen(self) -> None:
        """A second click opens."""
        self.action_open()

    def _sort(self, key: str) -> None:
        now = self._request.sort
        self._want(sort=f"-{key}" if now == key else key)

    def action_sort_by(self, by: int) -> None:
        """Sorts by the next column; beyond the last it is by age again."""
        keys = [NEWEST, "status", "name", *(column.key for column in columns(self._metrics))]
        now = self._request.sort
        key = now if now in keys else now.removeprefix("-")
        at = keys.index(key) if key in keys else 0
        self._want(sort=keys[(at + by) % len(keys)])

    def action_turn_sort(self) -> None:
        """The other way round."""
        now = self._request.sort
        self._want(sort=now.removeprefix("-") if now.startswith("-") else f"-{now}")

    def action_filter(self) -> None:
        """Typing filters."""
        self.set_focus(self.query_one(FilterInput))

    def action_view(self) -> None:
        """The curve in place of the facts, or back."""
        self.toggle_class("-curve")

    # Going elsewhere

    def action_open(self) -> None:
        """Watches the run."""
        if self._here is not None:
            self.app.open_run(self._here.id, self._here)

    def action_clone(self) -> None:
        """Configures a new run from this one."""
        if self._here is not None:
            self.app.configure_from = self._here.id
        self.app.action_go("configure")

    def action_submit(self) -> None:
        """Builds a submission with it."""
        if self._here is not None:
            self.app.submit_run = self._here.id
        self.app.action_go("submit")

    def action_compare(self) -> None:
        """Compares the marked runs; marks the one under the cursor where only one is marked."""
        marks, here = self.app.marks, self._here
        if len(marks) == 1 and here is not None and here.id not in marks:
            marks.toggle(here.id)
        if len(marks) < 2:
            self.app.say("mark two runs or more with space, then c compares them")
            return
        self.app.action_go("compare")

    # Marks

    def action_mark(self) -> None:
        """Marks the run and goes on to the next."""
        if self._here is None:
            return
        if not self.app.marks.toggle(self._here.id):
            self.app.warn("no more runs can be told apart; take a mark away first")
        table = self.query_one(RunTable)
        table.refresh()
        table.action_move(1)
        self._count()
        self._want()

    def action_unmark(self) -> None:
        """Takes all marks away."""
        self.app.marks.clear()
        self.query_one("#table").refresh()
        self._count()
        self._want()

    @property
    def _chosen(self) -> list[RunRow]:
        """The marked runs that are shown, else the one under the cursor."""
        marked = [run for run in self._rows if run.id in self.app.marks]
        here = self._here
        return marked or ([here] if here is not None else [])

    # What is done to runs

    def _changed(self) -> None:
        """The list is read anew."""
        if self._reader is not None:
            self._reader.forget()
        self.look()

    def action_steer(self, command: Command) -> None:
        """Sends a command to the run under the cursor."""
        if self._here is not None:
            deeds.steer(self.app, self._here, command, self._changed)

    def action_stop(self) -> None:
        """Stops the run, after asking."""
        if self._here is not None:
            deeds.stop(self.app, self._here, self._changed)

    def action_work(self) -> None:
        """Works on the queue in this app."""
        self.app.work()

    def action_tag(self) -> None:
        """Tags the chosen runs."""
        if self._chosen:
            known = sorted({tag for run in self._rows[:_RECENT] for tag in run.tags})
            deeds.tag(self.app, self._chosen, known, self._changed)

    def action_note(self) -> None:
        """Writes a note."""
        if self._here is not None:
            deeds.note(self.app, self._here, self._changed)

    def action_rename(self) -> None:
        """Gives the run another name."""
        if self._here is not None:
            deeds.rename(self.app, self._here, self._changed)

    def action_delete(self) -> None:
        """Deletes the chosen runs, after asking."""
        if self._chosen:
            deeds.delete(self.app, self._chosen, self._changed)

    def action_export(self) -> None:
        """Writes the marked runs to a file, else all that are shown."""
        marked = [run for run in self._rows if run.id in self.app.marks]
        if marked or self._rows:
            deeds.export(self.app, marked or list(self._rows))

    def action_copy(self) -> None:
        """Copies the id."""
        if self._here is not None:
            self.app.copy_to_clipboard(self._here.id)
            self.app.say(f"{self._here.id} is in the clipboard")

    def action_copy_config(self) -> None:
        """Copies the configuration as YAML."""
        from kryptui import yaml_text

        if self._here is not None and self._here.config:
            self.app.copy_to_clipboard(yaml_text.dump(self._here.config))
            self.app.say(f"the configuration of {clip(self._here.name, 40)} is in the clipboard")

    def page_commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Filters by name."""
        for text in ("status:running", "status:finished", "status:failed", "status:crashed", "kind:train", ""):
            yield f"Filter {text}" if text else "Filter: all runs", "Runs", partial(self._set_filter, text)

    def _set_filter(self, text: str) -> None:
        self.query_one(FilterInput).value = text


def _counted(runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'}"
