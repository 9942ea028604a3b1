"""A dataset's labels reviewed: suspects beside the medoids of their identities, and what is decided of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from kryptui.draw.words import clean
from kryptui.errors import InputError
from kryptui.tui.dialogs import Ask, Confirm
from kryptui.tui.page import Page
from kryptui.tui.paths import short, shorten
from kryptui.tui.review import drawing, saving
from kryptui.tui.review.examining import doctor_command, examine, prepare_command
from kryptui.tui.review.form import Form
from kryptui.tui.review.suspects_pane import SuspectsPane
from kryptui.tui.verify.form import Lack
from kryptui.tui.work import Work

if TYPE_CHECKING:
    from kryptui.data.overlay import Action
    from kryptui.jobs.workspace import Workspace
    from kryptui.runs.store import Store
    from kryptui.tui.review.desk import Desk
    from kryptui.tui.verify.reading import Seen

_NO_MODEL = "none yet: train one (3), or / takes a path"
_OF_SUSPECT = frozenset({"follow", "decide", "move_photo", "undecided"})


class ReviewScreen(Page):
    """A form first; then the list of suspects, and the one under the cursor beside its medoids."""

    PAGE = "data"
    HELP = """
The label doctor embeds the real photos of this dataset by a model and finds those that are not the person they are
filed under (stranger), those that may not be (unsure), and people who are filed under two names (split).

Each suspect is shown beside the medoid of its identity, the photo that is most like all others, and beside that of
the person whom it fits better, if there is one.

= the doctor is sure, and what he suggests is decided. ? nothing is decided: the photo stays where it is. ✓ decided
by hand, or by an overlay that was taken up.

Decisions are saved as an overlay, a csv file that prepare carries out. The dataset is never changed."""

    BINDINGS = [
        Binding("enter", "start", "Examine", tooltip="look for wrong labels by the chosen model"),
        Binding("slash", "models", "Model", key_display="/", tooltip="choose a run, a checkpoint or weights"),
        Binding("c", "cancel", "Cancel", tooltip="stop the examination in progress"),
        Binding("a", "follow", "Agree", tooltip="decide as the doctor suggests"),
        Binding("d", "decide('drop')", "Drop", tooltip="leave the photo out"),
        Binding("m", "move_photo", "Move", tooltip="file the photo under another identity"),
        Binding("u", "decide('merge')", "Unite", tooltip="merge the identity into the other one"),
        Binding("space", "decide('keep')", "Keep", key_display="space", tooltip="leave the label as it is"),
        Binding("n", "undecided", "Next", tooltip="go to the next suspect that is undecided"),
        Binding("s", "save", "Save", tooltip="save the decisions as an overlay"),
        Binding("t", "take_up", "Take up", show=False, tooltip="take up the decisions of an overlay"),
        Binding("f", "form", "Form", show=False, tooltip="go to the form, to examine by another model"),
        Binding("e", "suspects", "Suspects", show=False, tooltip="go to the list of suspects"),
        Binding("z", "zoom", "Zoom", show=False, tooltip="the pictures alone, or the list with them"),
        Binding("y", "copy('doctor')", "Copy", show=False, tooltip="copy the command that examines in a shell"),
        Binding("Y", "copy('prepare')", "Copy prepare", show=False, tooltip="copy the command that applies it"),
        Binding("escape", "back", "Back", tooltip="back to the dataset"),
        Binding("q", "leave", "Quit", show=False, tooltip="leave the app; a run in progress can go on"),
    ]  # fmt: skip

    look_seconds = 1.0

    def __init__(self, dataset: Path, name: str, workspace: Workspace) -> None:
        super().__init__()
        self._dataset, self._called, self._workspace = dataset, clean(name), workspace
        self._run_id: str | None = None
        self._work: Work | None = None
        self._ended = Text("nothing examined yet", "dim")
        self._desk: Desk | None = None
        self._overlay: Path | None = None
        """Where decisions were saved last, or taken up from."""

    def compose_page(self) -> ComposeResult:
        self._free = saving.free_place(self._workspace.root, self._dataset)
        self._form = Form(self._dataset, id="form", classes="pane")
        self._progress, self._commands = Static("", id="progress"), Static("", id="commands")
        self._nothing = Static("", id="nothing")
        self._pane = SuspectsPane(self._called, id="review")
        yield self._progress
        with Vertical(id="examine"):
            yield self._form
            yield VerticalScroll(self._nothing, id="about", classes="pane", can_focus=False)
        yield self._pane
        yield self._commands

    def on_mount(self) -> None:
        """The keys act on the form."""
        self._form.border_title = f"labels of {self._called}"
        self.query_one("#about").border_title = "examination"
        self._nothing.update(Text("enter examines the labels; the dataset is never changed", "dim"))
        self._form.go_to("model")
        self._show_state()

    def on_unmount(self) -> None:
        """Nobody waits for it any more."""
        if self._work is not None:
            self._work.stop()

    # The record

    def read(self, store: Store) -> Seen:
        """The chosen run, else the best whose model tells faces apart."""
        from kryptui.tui.verify import reading

        return reading.read(store, self._workspace, self._run_id)  # the app is out of reach once it is closed

    def show(self, value: Seen) -> None:
        """Fills the line of the model."""
        model = self._form.model
        if (model is not None and model.run is None) or value.run_id != self._run_id:
            return  # chosen by hand, or another one by now
        if value.model is not None:
            self._run_id = value.model.what  # it stays, though another may become better
        self._form.show_model(value.model, value.gone or _NO_MODEL)
        self._show_state()

    def show_nothing(self, error: str | None) -> None:
        """No record yet, or one that cannot be read."""
        if self._form.model is None:
            self._form.show_model(None, error or _NO_MODEL)
            self._show_state()

    @on(Form.RunWanted)
    def _want_run(self, event: Form.RunWanted) -> None:
        self._run_id = event.run_id
        self.look()

    @on(Form.Chosen)
    def _chosen(self) -> None:
        self._show_state()

    # Examining

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_start()

    def action_start(self) -> None:
        """Examines the labels, or says what is in the way and goes there."""
        asked = self._form.asked(is_folder=True)
        if isinstance(asked, Lack):
            self._form.go_to(asked.field)
            self.app.warn(shorten(asked.words, self._workspace.root))
        else:
            self._unless_unsaved("Examine anew?", "Examine", self._start)

    def _start(self) -> None:
        asked = self._form.asked(is_folder=True)
        if isinstance(asked, Lack) or self._work is not None:
            return
        self._work = work = Work("opening the model", partial(self.app.call_soon, self._show_state))
        self._show_state()
        self.app.act(
            partial(examine, asked, self._workspace, self.app.record, work),
            partial(self._examined, work),
            partial(self._failed, work),
        )

    def _examined(self, work: Work, desk: Desk | None) -> None:
        if self._work is not work or not self.is_running:
            return
        self._work = None
        if desk is None or work.is_stopped:
            self._ended = Text.assemble(("■ ", "yellow"), "cancelled")
        else:
            self._desk, self._overlay, self._ended = desk, None, drawing.nothing_text(desk.report)
            if desk.findings:
                self._pane.show(desk)
                self._see_suspects(True)
            if self.app.screen is not self:
                self.app.say(f"{len(desk.findings):,} suspect labels", self._called)
        self._show_state()

    def _failed(self, work: Work, error: str) -> None:
        if self._work is not work or not self.is_running:
            return
        self._work = None
        words = clean(" ".join(shorten(error, self._workspace.root).split()))
        self._ended = Text.assemble(("✗ ", "red"), words)
        self._show_state()

    def action_cancel(self) -> None:
        """Stops what is in progress."""
        if self._work is not None:
            self._work.stop()
            self._show_state()

    # What is shown

    @property
    def _is_reviewing(self) -> bool:
        return self.has_class("-found")

    def _see_suspects(self, seen: bool) -> None:
        self.set_class(seen, "-found")
        if seen:
            self.call_after_refresh(self._pane.list.focus)
            self.call_after_refresh(self._fit)
        else:
            self._form.go_to("model")
        self._show_state()

    def _show_state(self) -> None:
        width = max(20, (self.size.width or 80) - 2)
        if self._work is not None:
            self._progress.update(self._work.tell(width))
        elif self._desk is not None and self._is_reviewing:
            self._progress.update(drawing.counts_text(self._desk))
        else:
            self._progress.update(self._ended)
        lines = [
            Text.assemble((f"{key} ", "bold"), clean(command))
            for key, command in (("y", self._command("doctor")), ("Y", self._command("prepare")))
            if command is not None
        ]
        self._commands.update(Text("\n").join(lines))
        self.refresh_bindings()

    def _command(self, name: str) -> str | None:
        """The command that examines or prepares in a shell; None while there is none."""
        workspace, asked = self._workspace, self._form.asked(is_folder=True)
        root = workspace.root
        overlay = short(self._overlay or self._free, root)
        if name == "prepare":
            return prepare_command(self._dataset, root, overlay) if self._is_reviewing else None
        return None if isinstance(asked, Lack) else doctor_command(asked, root, workspace.database, overlay)

    def on_resize(self) -> None:
        """Bar and columns are as wide as there is room."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self._pane.fit()
        self._show_state()

    # Deciding

    def action_follow(self) -> None:
        """Decides as the doctor suggests."""
        self._decided(lambda desk, place: desk.follow(place))

    def action_decide(self, action: str) -> None:
        """Drops, merges or keeps."""
        self._decided(lambda desk, place: desk.decide(place, cast("Action", action)))

    def action_move_photo(self) -> None:
        """Asks whom the photo shows."""
        desk, place = self._desk, self._pane.list.cursor
        if desk is None:
            return
        finding = desk.findings[place]
        if finding.kind == "split":
            self.app.warn("these are two identities; u unites them, space keeps them apart")
            return

        def check(name: str) -> None:
            if name.strip() not in desk.identities:
                raise InputError(f"there is no identity {name.strip()!r} in the dataset")

        def named(name: str | None) -> None:
            if name and name.strip() and desk is self._desk:
                self._decided(lambda desk, _: desk.decide(place, "move", name.strip()))

        question = f"Who is on {clean(finding.photo.rpartition('/')[2])}?"
        self.app.push_screen(Ask(question, finding.other or "", "an identity", check, desk.identities), named)

    def _decided(self, act: Callable[[Desk, int], object]) -> None:
        if self._desk is None:
            return
        try:
            act(self._desk, self._pane.list.cursor)
        except InputError as error:
            self.app.warn(str(error))
            return
        self._show_decisions()

    def _show_decisions(self) -> None:
        self._pane.show_decisions()
        self._show_state()

    def action_undecided(self) -> None:
        """Goes to the next suspect that nobody has decided about."""
        place = None if self._desk is None else self._desk.next_undecided(self._pane.list.cursor)
        if place is None:
            self.app.say("none is undecided; s saves")
        else:
            self._pane.list.go(place)

    # Overlays

    def action_save(self) -> None:
        """Saves the decisions."""
        if self._desk is not None:
            saving.ask_and_save(self.app, self._desk, self._overlay or self._free, self._saved)

    def _saved(self, path: Path) -> None:
        self._overlay = path
        self._show_state()

    def action_take_up(self) -> None:
        """Takes up what an overlay decided."""
        if self._desk is not None:
            offered = self._overlay or self._workspace.root / f"labels-{self._dataset.stem or 'faces'}.csv"
            saving.ask_and_take_up(self.app, self._desk, offered, self._taken_up)

    def _taken_up(self, path: Path, taken: int) -> None:
        self._overlay = path
        self.app.say(f"{taken:,} decisions are about suspects found here", "taken up")
        self._show_decisions()

    def action_copy(self, name: str) -> None:
        """Copies a command for a shell."""
        command = self._command(name)
        if command is not None:
            self.app.copy_to_clipboard(command)
            self.app.say(command, "copied")

    # Places

    def action_models(self) -> None:
        """Chooses what compares."""
        self._form.list_models()

    def action_form(self) -> None:
        """The form, to examine by another model."""
        self._see_suspects(False)

    def action_suspects(self) -> None:
        """The list again."""
        self._see_suspects(True)

    def action_zoom(self) -> None:
        """The pictures alone, or with the list."""
        self.toggle_class("-zoomed")

    def action_back(self) -> None:
        """From the form to the suspects, from there to the dataset; asks where decisions are unsaved."""
        if self._desk is not None and self._desk.findings and not self._is_reviewing:
            self.action_cancel()
            self._see_suspects(True)
        else:
            self._unless_unsaved("Leave the review?", "Leave", self._close)

    def action_leave(self) -> None:
        """Leaves the app; asks where decisions are unsaved."""
        self._unless_unsaved("Quit without saving?", "Quit", self.app.action_leave)

    def _close(self) -> None:
        if self.app.screen is self:
            self.dismiss()

    def _unless_unsaved(self, question: str, yes: str, act: Callable[[], object]) -> None:
        if self._desk is None or not self._desk.unsaved:
            act()
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                act()

        details = "decisions are not saved and would be lost; n goes back, s saves them"
        self.app.push_screen(Confirm(question, details, yes), answered)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys apply now."""
        desk, reviewing = self._desk, self._is_reviewing
        has_suspects = desk is not None and bool(desk.findings)
        if action in _OF_SUSPECT or action in ("form", "zoom", "save", "take_up"):
            if not (reviewing and has_suspects):
                return False
            is_split = desk is not None and desk.findings[self._pane.list.cursor].kind == "split"
            fits = {"decide('drop')": not is_split, "decide('merge')": is_split, "move_photo": not is_split}
            return fits.get(f"{action}({parameters[0]!r})" if parameters else action, True)
        match action:
            case "start" | "models":
                return not reviewing and self._work is None
            case "cancel":
                return self._work is not None
            case "suspects":
                return has_suspects and not reviewing and self._work is None
            case "copy":
                return self._command(str(parameters[0])) is not None
        return True
