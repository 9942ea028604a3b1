"""Data: choose a dataset, see what is in it and what is wrong with it, and prepare it for runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import ContentSwitcher, Static

from kryptui.draw.words import clean
from kryptui.errors import InputError, WouldReplace
from kryptui.tui import paths
from kryptui.tui.data import folders, preparing
from kryptui.tui.data.chooser import DatasetChooser
from kryptui.tui.data.findings_pane import FindingsPane
from kryptui.tui.data.folder_tree import FolderTree
from kryptui.tui.data.head import DatasetHead
from kryptui.tui.data.sections import KEYS, DatasetSections
from kryptui.tui.page import Page
from kryptui.tui.work import Work

if TYPE_CHECKING:
    from kryptui.tasks.datasets import Prepared
    from kryptui.tui.data.opened import Known, Opened, Tasks
    from kryptui.tui.data.prepare_dialog import Preparation

_OF_DATASET = frozenset({"apply", "inspect", "configure", "choose", "zoom", "section", "jump", "copy", "doctor"})
"""Actions on the dataset that is open."""


class DataPage(Page):
    """A chooser, and the sections of the dataset that was chosen."""

    PAGE = "data"
    HELP = """
A dataset before it is trusted. What the list of its files tells is there at once; then every file is read, in
threads beside the screen, and findings appear as they come.

Overview counts. Findings are what is broken, there twice or doubtful, with the pictures concerned. Remains shows
what each setting would leave to train on: its rows are steps from where you stand. Samples shows one group after
the other. The source is never changed.

Prepare writes a split and frozen validation pairs, which runs are then scored on alike, whatever they train on."""

    BINDINGS = [
        Binding("a", "apply", "Prepare", tooltip="write split and validation pairs for runs to train on"),
        Binding("c", "cancel", "Cancel", tooltip="stop what is going on"),
        Binding(
            "g", "configure", "Configure", tooltip="configure a run on this dataset, with the settings chosen"
        ),
        Binding("o", "choose", "Open", tooltip="choose another dataset"),
        Binding("i", "inspect", "Inspect", tooltip="read every file and look for what is wrong"),
        Binding("z", "zoom", "Zoom", tooltip="one section alone, or all of them"),
        Binding("d", "doctor", "Doctor labels", show=False, tooltip="find wrong labels and decide about them"),
        Binding("v", "section('overview')", "Overview", show=False, tooltip="counts and histograms"),
        Binding("f", "section('findings')", "Findings", show=False, tooltip="what is broken, double or doubtful"),
        Binding("r", "section('remains')", "Remains", show=False, tooltip="what each setting leaves to train on"),
        Binding("s", "section('samples')", "Samples", show=False, tooltip="look at the examples"),
        Binding("slash", "jump", "Go to", key_display="/", show=False, tooltip="go to a group of samples by name"),
        Binding("y", "copy", "Copy command", show=False, tooltip="copy the command that does the same in a shell"),
        Binding("escape", "back", "Back", tooltip="back to the dataset that is open"),
    ]

    look_seconds = 60.0

    def __init__(self) -> None:
        super().__init__()
        self._tasks: Tasks | None = None
        self._kind = ""
        self._opened: Opened | None = None
        self._opening: Path | None = None
        self._work: Work | None = None
        self._note = ""

    def compose_page(self) -> ComposeResult:
        yield DatasetHead(KEYS, id="data-head")
        with ContentSwitcher(initial="chooser", id="data-body"):
            yield DatasetChooser(self._look_into, id="chooser")
            yield Static("the list of its files is read; none of them is opened yet", id="reading")
            yield DatasetSections(id="sections")

    @property
    def _sections(self) -> DatasetSections:
        return self.query_one(DatasetSections)

    def on_mount(self) -> None:
        """The tree has the keys; what tasks know of datasets is imported beside."""
        self._show_state()
        self.app.act(_find_tasks, self._know_tasks)

    def on_screen_resume(self) -> None:
        """What was asked for on another page is opened."""
        if self._tasks is not None:
            self._open_asked()

    def on_unmount(self) -> None:
        """Nobody waits for it any more."""
        if self._work is not None:
            self._work.stop()

    def _show_state(self) -> None:
        section = self._sections.section if self._is_open else ""
        head = self.query_one(DatasetHead)
        head.show(self.app.workspace.root, self._opened, self._work, self._note, section)

    def _changed(self) -> None:
        """Other keys apply now."""
        self._show_state()
        self.refresh_bindings()

    # Tasks

    def _know_tasks(self, tasks: Tasks) -> None:
        self._tasks, self._kind = tasks, tasks.first
        self._show_chooser()
        self._open_asked()

    def _open_asked(self) -> None:
        asked, self.app.data_source = self.app.data_source, None
        if asked is not None:
            self._open(paths.absolute(str(asked), self.app.workspace.root))

    def _take_task(self, kind: str) -> None:
        self._kind = kind
        self._close()
        self._show_chooser()

    def page_commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """Other tasks know other datasets."""
        for kind in self._tasks.kinds if self._tasks is not None else ():
            if kind != self._kind:
                title = f"Look at data as {kind} does"
                yield title, "what that task tells of a dataset", partial(self._take_task, kind)

    def _look_into(self, folder: Path, depth: int) -> folders.Listing:
        datasets = self._tasks.by_kind.get(self._kind) if self._tasks is not None else None
        return folders.look(folder, (lambda path: "") if datasets is None else datasets.recognise, depth)

    # Choosing

    @property
    def _is_open(self) -> bool:
        return self.query_one(ContentSwitcher).current == "sections"

    def _show_chooser(self, problem: str = "") -> None:
        chooser = self.query_one(DatasetChooser)
        if self._tasks is not None and self._kind not in self._tasks.by_kind:
            problem = problem or f"the task {self._kind} tells nothing of datasets"
        chooser.refuse(problem)
        self.query_one(ContentSwitcher).current = "chooser"
        chooser.folders.show(self.app.workspace.root)
        self.set_focus(chooser.folders)
        self._changed()

    @on(FolderTree.Wanted)
    @on(DatasetChooser.Typed)
    def _wanted(self, event: FolderTree.Wanted | DatasetChooser.Typed) -> None:
        self._open(event.path)

    def action_choose(self) -> None:
        """Another dataset; what is going on goes on until one is opened."""
        self._show_chooser()

    def action_back(self) -> None:
        """The sections of the dataset that is open."""
        self.query_one(ContentSwitcher).current = "sections"
        self._sections.turn_to(self._sections.section)
        self._changed()

    # Opening

    def _close(self) -> None:
        if self._work is not None:
            self._work.stop()
        self._opened = self._opening = self._work = None
        self._note = ""

    def _open(self, path: Path) -> None:
        datasets = self._tasks.by_kind.get(self._kind) if self._tasks is not None else None
        self._close()
        if datasets is None:
            self._show_chooser()
            return
        name = paths.short(path, self.app.workspace.root)

        def read() -> Opened:
            from kryptui.tui.data.opened import Opened

            return Opened(datasets.open(path, name), path, name, datasets.recognise(path) or "dataset")

        def opened(found: Opened) -> None:
            if self._opening == path:
                self._take(found)

        def refused(problem: str) -> None:
            if self._opening == path:
                self._close()
                self._show_chooser(paths.shorten(problem, self.app.workspace.root))

        self._opening, self._note = path, f"reading {name} …"
        self.query_one(ContentSwitcher).current = "reading"
        self._changed()
        self.app.act(read, opened, refused)

    def _take(self, opened: Opened) -> None:
        self._opened, self._opening, self._note = opened, None, ""
        self._sections.show(opened)
        self.action_back()
        if self.app.launcher.training is None:
            self.action_inspect()
        else:
            self._note = "a run is training here; i inspects nevertheless"
            self._changed()

    # Work

    def _begin(self, what: str) -> Work:
        if self._work is not None:
            self._work.stop()
        work = Work(what, lambda: self.app.call_soon(self._progress, work))
        self._work, self._note = work, ""
        self._changed()
        return work

    def _progress(self, work: Work) -> None:
        if work is self._work and self._opened is not None:
            if self._opened.found:
                self._sections.show_so_far()
            self._show_state()

    def _end(self, work: Work, note: str = "") -> None:
        if self._work is work:
            self._work, self._note = None, note
            self._changed()

    def _failed(self, work: Work, problem: str) -> None:
        self._end(work, paths.shorten(problem, self.app.workspace.root))
        self.app.fail(paths.shorten(problem, self.app.workspace.root))

    def action_cancel(self) -> None:
        """Stops what is going on."""
        if self._work is not None:
            self._work.stop()
            self._show_state()

    def action_inspect(self) -> None:
        """Reads every file, in a thread; one that was inspected already is read anew."""
        opened = self._opened
        if opened is None:
            return
        if opened.known.is_whole:
            self._open(opened.path)
            return
        work = self._begin("reading")

        def inspected(known: Known) -> None:
            if opened is not self._opened:
                return
            if work.is_stopped:
                opened.found.clear()
                self._end(work, f"stopped after {work.done:,} of {work.total:,}; i begins anew")
            else:
                opened.learn(known)
                self._end(work)
                if self.app.screen is not self:
                    self.app.say(f"{known.findings:,} findings", opened.name)
            self._sections.learn()

        look = partial(opened.inspect, work.count, lambda: work.is_stopped)
        self.app.act(look, inspected, partial(self._failed, work))

    # Preparing

    def action_apply(self) -> None:
        """Asks where to, and how."""
        if self._opened is not None:
            preparing.ask(self.app, self._opened, partial(self._prepare, self._opened))

    def _prepare(self, opened: Opened, preparation: Preparation, overwrite: bool = False) -> None:
        from kryptui.tui.data.opened import threads

        root = self.app.workspace.root
        out = paths.absolute(preparation.out, root)
        work = self._begin("preparing")

        def write() -> Prepared | WouldReplace | None:
            try:
                return opened.dataset.prepare(
                    out,
                    preparation.options,
                    overwrite=overwrite,
                    threads=threads(),
                    count=work.count,
                    stop=lambda: work.is_stopped,
                )
            except WouldReplace as question:
                return question

        def written(result: Prepared | WouldReplace | None) -> None:
            self._end(work, "stopped; nothing was written" if result is None else "")
            if isinstance(result, WouldReplace):
                again = partial(self._prepare, opened, preparation, overwrite=True)
                preparing.ask_to_replace(self.app, preparation.out, again)
            elif result is not None:
                name = paths.short(out, root)
                preparing.offer(self.app, name, result, partial(self._go_on, name))

        self.app.act(write, written, partial(self._failed, work))

    def _go_on(self, out: str, answer: str) -> None:
        if answer == "configure":
            self._configure(out)
        elif answer == "open":
            self._open(paths.absolute(out, self.app.workspace.root))

    def action_configure(self) -> None:
        """A run on the dataset as it is."""
        if self._opened is not None:
            self._configure(self._opened.name)

    def _configure(self, name: str) -> None:
        self.app.configure_data = name
        self.app.configure_overrides = [f"task.{key}={option}" for key, option in self._sections.chosen.items()]
        self.app.action_go("configure")

    def action_copy(self) -> None:
        """The command that inspects goes to the clipboard."""
        command = clean(self._opened.dataset.command()) if self._opened is not None else ""
        if command:
            self.app.copy_to_clipboard(command)
            self.app.say(command, "in the clipboard")

    def action_doctor(self) -> None:
        """Labels that a model finds wrong, and what is decided about them."""
        from kryptui.tui.review.screen import ReviewScreen

        if self._opened is not None and self.app.screen is self:
            self.app.push_screen(ReviewScreen(self._opened.path, self._opened.name, self.app.workspace))

    # Sections

    def action_section(self, name: str) -> None:
        """Shows a section, or moves to it where all are seen."""
        self._sections.turn_to(name)

    def action_zoom(self) -> None:
        """One section alone, or all."""
        self.toggle_class("-zoomed")

    def on_dataset_sections_turned(self) -> None:
        """The line above says which one is at hand."""
        self._show_state()

    @on(FindingsPane.GroupWanted)
    def _group_wanted(self, event: FindingsPane.GroupWanted) -> None:
        self._go_to_group(event.group)

    def action_jump(self) -> None:
        """A group by name."""
        from kryptui.tui.dialogs import Ask

        def answered(name: str | None) -> None:
            if name:
                self._go_to_group(name.strip())

        names = self._sections.samples.names
        if names:
            self.app.push_screen(Ask("Go to", hint="the name of one of them", suggestions=names), answered)

    def _go_to_group(self, name: str) -> None:
        try:
            self._sections.samples.go_to(name)
        except InputError as error:
            self.app.warn(str(error))
        else:
            self._sections.turn_to("samples")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys apply now."""
        opened = self._opened
        if action in _OF_DATASET and (opened is None or not self._is_open):
            return False
        match action:
            case "cancel":
                return self._work is not None
            case "back":
                return opened is not None and not self._is_open
            case "inspect":
                return self._work is None
            case "apply":
                return self._work is None and opened is not None and opened.preparation is not None
            case "zoom":
                return self.has_class("-wide") and self.has_class("-tall")
        return True


def _find_tasks() -> Tasks:
    from kryptui.tui.data.opened import find_tasks

    return find_tasks()
