"""Verify: faces compared by a model, some pictures each with each, or a folder as a matrix."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widgets import Input, Static

from kryptui.draw.words import clean, line
from kryptui.errors import InputError
from kryptui.tui.latest import Latest
from kryptui.tui.page import Page
from kryptui.tui.paths import short, shorten
from kryptui.tui.verify import asked as asking
from kryptui.tui.verify import drawing, saving
from kryptui.tui.verify.bench import Bench
from kryptui.tui.verify.form import Form, Lack
from kryptui.tui.verify.looking import look
from kryptui.tui.verify.matrix_view import MatrixView
from kryptui.tui.verify.pair_pane import PairPane
from kryptui.tui.verify.result import Result
from kryptui.tui.widgets.line_list import LineList
from kryptui.tui.widgets.section_line import SectionLine
from kryptui.tui.work import Work

if TYPE_CHECKING:
    from kryptui.runs.store import Store
    from kryptui.tui.verify.bench import Shown
    from kryptui.tui.verify.looking import Looked
    from kryptui.tui.verify.reading import Seen

SECTIONS = (("form", "f", "Form"), ("result", "e", "Result"), ("wrong", "w", "Likely wrong"))
"""Of these a small terminal shows one at a time: name, key, title."""

_WAIT_SECONDS = 0.25
"""Typing rests so long before what was typed is looked at."""


class VerifyPage(Page):
    """A form at the left; at the right the faces with their similarities, or the matrix with what looks wrong."""

    PAGE = "verify"
    HELP = """
Faces are found in pictures, aligned as the model wants them, embedded and compared.

Pictures: two or more paths, with blanks between them, give each pair of faces. One folder, or a table of pictures,
gives the matrix of all, person beside person; the layout tells the people, or else the names of folders and files.

In the matrix the arrows move the cursor; the faces of the pair are shown beside it. Bold is of one person,
underlined looks wrong: n and N go through these pairs, the least alike of one person, the most alike of two.

A model is a run, a checkpoint's folder, or a file of weights with its configuration. YuNet finds the faces. The
threshold is the checkpoint's own, unless one is typed. It works in a thread of its own: this page can be left."""

    BINDINGS = [
        Binding("enter", "start", "Compare", tooltip="find the faces and compare them"),
        Binding("slash", "models", "Model", key_display="/", tooltip="choose a run, a checkpoint or weights"),
        Binding("p", "field('pictures')", "Pictures", tooltip="choose what is compared"),
        Binding("c", "cancel", "Cancel", tooltip="stop the comparison in progress"),
        Binding("n", "wrong(1)", "Next wrong", tooltip="go to the next pair that looks wrong"),
        Binding("N", "wrong(-1)", "Last wrong", show=False, tooltip="go to the pair before that looks wrong"),
        Binding("e", "section('result')", "Result", tooltip="go to the matrix, or to the pairs"),
        Binding("w", "section('wrong')", "Likely wrong", show=False, tooltip="list the pairs that look wrong"),
        Binding("f", "section('form')", "Form", show=False, tooltip="go to the form"),
        Binding("s", "save('csv')", "Save", tooltip="write the matrix as a csv file"),
        Binding("S", "save('png')", "Picture", show=False, tooltip="draw the matrix as a PNG file"),
        Binding("y", "copy", "Copy", tooltip="copy the command that does the same in a shell"),
        Binding("t", "field('threshold')", "Threshold", show=False, tooltip="choose from where on it is a match"),
        Binding("d", "field('detector')", "Detector", show=False, tooltip="choose what finds faces"),
        Binding("escape", "back", "Back", show=False),
    ]  # fmt: skip

    look_seconds = 1.0

    def __init__(self) -> None:
        super().__init__()
        self._run_id: str | None = None
        self._looked: list[Looked] = []
        self._is_folder = False
        self._timer: Timer | None = None
        self._work: Work | None = None
        self._ended = Text("nothing compared yet", "dim")
        self._written: dict[str, Path] = {}
        self._typed_since = False

    def compose_page(self) -> ComposeResult:
        self._bench = Bench(self.app.workspace, self.app.record)
        self._looking = Latest(self.app)
        self._form = Form(id="form", classes="pane")
        self._sections = SectionLine(SECTIONS, id="sections")
        self._progress = Static("", id="progress")
        self._found, self._shell = Static("", id="found"), Static("", id="command")
        self._result, self._pair = Result(id="result"), PairPane(id="pair-pane", classes="pane")
        self._suspects = LineList(self._suspect, id="suspects")
        yield self._sections
        with Horizontal(id="verify"):
            with Vertical(id="left"):
                yield self._form
                yield VerticalScroll(self._found, self._shell, id="about", classes="pane", can_focus=False)
                yield self._pair
                yield Vertical(self._suspects, id="wrong", classes="pane")
            with Vertical(id="right"):
                yield self._progress
                yield self._result

    def on_mount(self) -> None:
        """The keys act on the form."""
        self._form.border_title = "comparison"
        self.query_one("#about").border_title = "pictures"
        self.query_one("#wrong").border_title = "likely wrong"
        self._see("form")
        self._form.go_to("model")
        self._chosen_now()

    def on_screen_resume(self) -> None:
        """The disk may have changed while another page was shown."""
        self._show_progress()
        self._chosen_now()

    def on_unmount(self) -> None:
        """The app is left: nobody waits for what is in progress."""
        if self._work is not None:
            self._work.stop()

    # The record

    def read(self, store: Store) -> Seen:
        """The chosen run, else the best whose model tells faces apart."""
        from kryptui.tui.verify import reading

        return reading.read(store, self.app.workspace, self._run_id)

    def show(self, value: Seen) -> None:
        """Fills the line of the model."""
        form = self._form
        is_by_hand = form.model is not None and form.model.run is None
        if is_by_hand or value.run_id != self._run_id:
            return
        if value.model is not None:
            self._run_id = value.model.what  # it stays, though another may become better
        form.show_model(value.model, value.gone or "none yet: train one (3), or / takes a path")
        self._show_chosen()

    def show_nothing(self, error: str | None) -> None:
        """No record yet, or one that cannot be read."""
        if self._form.model is None:
            self._form.show_model(None, error or "none yet: train one (3), or / takes a path")
            self._show_chosen()

    @on(Form.RunWanted)
    def _want_run(self, event: Form.RunWanted) -> None:
        self._run_id = event.run_id
        self.look()

    # What is chosen

    @on(Form.Chosen)
    def _chosen(self, event: Form.Chosen) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._typed_since |= event.typed
        if event.typed:
            self._timer = self.set_timer(_WAIT_SECONDS, self._chosen_now)
        else:
            self._chosen_now()

    def _chosen_now(self) -> None:
        """Looks what lies at the paths that are typed."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        try:
            paths = self._form.paths()
        except InputError:
            paths = []
        self._looking.ask(partial(look, paths), self._take_looked, self.app.fail)

    def _take_looked(self, found: tuple[list[Looked], bool]) -> None:
        self._looked, self._is_folder = found
        self._show_chosen()

    def _show_chosen(self) -> None:
        root = self.app.workspace.root
        self._found.update(drawing.looked_text(self._looked, root) if self._looked else Text("none yet", "dim"))
        command = self._command()
        shown = Text("")
        if command is not None:
            shown = Text.assemble(("y copies the command for a shell:\n", "dim"), command)
        self._shell.update(shown)

    def _command(self) -> str | None:
        """What does the same in a shell; None while something is not chosen yet."""
        asked = self._form.asked(is_folder=self._is_folder)
        if isinstance(asked, Lack):
            return None
        workspace = self.app.workspace
        return asking.command(
            asked, workspace.root, workspace.database, self._written.get("csv"), self._written.get("png")
        )

    # Comparing

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_start()

    def action_start(self) -> None:
        """Compares, or says what is in the way and goes there."""
        if self._work is not None:
            self.app.say("a comparison is in progress; c cancels it")
            return
        try:
            paths = self._form.paths()
        except InputError:
            paths = []
        # What was typed last may not have been looked at yet.
        self._looking.ask(partial(look, paths), self._start, self.app.fail)

    def _start(self, found: tuple[list[Looked], bool]) -> None:
        self._take_looked(found)
        asked = self._form.asked(is_folder=self._is_folder)
        bad = next((one for one in self._looked if one.problem), None)
        if not isinstance(asked, Lack) and bad is not None:
            asked = Lack("pictures", f"{short(bad.path, self.app.workspace.root)}: {bad.problem}")
        if isinstance(asked, Lack):
            self._see("form")
            self._form.go_to(asked.field)
            self.app.warn(shorten(asked.words, self.app.workspace.root))
            return
        if self._work is not None:
            return
        self._written, self._typed_since = {}, False
        self._work = work = Work("opening the model", partial(self.app.call_soon, self._show_progress))
        self._show_progress()
        self.app.act(partial(self._bench.compare, asked, work), self._compared, self._failed)

    def _compared(self, shown: Shown | None) -> None:
        self._work = None
        if shown is None:
            self._ended = Text.assemble(("■ ", "yellow"), "cancelled")
        else:
            self._ended = drawing.ended_text(shown)
            self._show_result(shown)
        self._show_progress()
        self._show_chosen()

    def _show_result(self, shown: Shown) -> None:
        self.set_class(shown.matrix is not None, "-matrix")
        self._result.show(shown)
        if shown.matrix is not None:
            self._suspects.show(len(shown.suspects), 0)
            self._pair.show(shown, *self._result.matrix.cursor)
        if not (self._typed_since and isinstance(self.focused, Input)):  # who types on is not disturbed
            self._see("result")
            self.call_after_refresh(self._result.focus_main)

    def _failed(self, error: str) -> None:
        self._work = None
        words = clean(" ".join(shorten(error, self.app.workspace.root).split()))
        self._ended = Text.assemble(("✗ ", "red"), words)
        self._show_progress()

    def action_cancel(self) -> None:
        """Stops what is in progress."""
        if self._work is None:
            self.app.say("nothing is in progress")
        else:
            self._work.stop()
            self._show_progress()

    def _show_progress(self) -> None:
        width = max(20, self._progress.size.width or self.size.width - 2)
        self._progress.update(self._ended if self._work is None else self._work.tell(width))
        self.refresh_bindings()

    def on_resize(self) -> None:
        """The bar is as long as there is room."""
        self.call_after_refresh(self._show_progress)

    # What came of it

    @property
    def _matrix(self) -> Shown | None:
        """What is shown, if it is a matrix."""
        shown = self._result.shown
        return shown if shown is not None and shown.matrix is not None else None

    def _suspect(self, place: int, width: int) -> Text:
        shown = self._matrix
        return line() if shown is None else drawing.suspect_line(shown, place, width)

    @on(LineList.Moved, "#suspects")
    def _listed(self, event: LineList.Moved) -> None:
        self._go_to_wrong(event.place)
        if isinstance(event, LineList.Chosen):
            self.action_section("result")

    @on(MatrixView.Moved)
    def _moved(self, event: MatrixView.Moved) -> None:
        if self._matrix is not None:
            self._pair.show(self._matrix, event.row, event.column)

    def action_wrong(self, by: int) -> None:
        """Goes to the next pair that looks wrong, or back to the one that the cursor has left."""
        shown, place = self._matrix, self._suspects.cursor
        if shown is None:
            return
        first, second, _ = shown.suspects[place]
        if self._result.matrix.cursor == (first, second):
            self._suspects.go(place + by)
        else:
            self._go_to_wrong(place)

    def _go_to_wrong(self, place: int) -> None:
        if self._matrix is not None and place < len(self._matrix.suspects):
            first, second, _ = self._matrix.suspects[place]
            self._result.matrix.go(first, second)

    def action_save(self, form: saving.Form) -> None:
        """Writes the matrix to a file."""
        shown = self._matrix
        if shown is None or shown.matrix is None:
            self.app.say("no matrix to save: compare a folder first")
            return
        saving.ask_and_save(self.app, shown.matrix, shown.asked.pictures[0], form, self._saved)

    def _saved(self, form: saving.Form, path: Path) -> None:
        self._written[form] = path
        self._show_chosen()

    def action_copy(self) -> None:
        """Copies the command that does the same in a shell."""
        command = self._command()
        if command is None:
            asked = self._form.asked(is_folder=self._is_folder)
            self.app.warn(asked.words if isinstance(asked, Lack) else "choose model and pictures first")
        else:
            self.app.copy_to_clipboard(command)
            self.app.say(command, "copied")

    # Places

    def action_models(self) -> None:
        """Chooses what compares."""
        self._form.list_models()

    def action_field(self, name: str) -> None:
        """Goes to a field."""
        self._see("form")
        self._form.go_to(name)

    def action_back(self) -> None:
        """The letters act on the page again."""
        self._see("form")
        self._form.go_to("model")

    def action_section(self, name: str) -> None:
        """Goes to the form, to what came of it, or to the pairs that look wrong."""
        self._see(name)
        if name == "form":
            self._form.go_to("model")
        elif name == "wrong" and self._matrix is not None:
            self.call_after_refresh(self._suspects.focus)
        else:
            self.call_after_refresh(self._result.focus_main)

    def _see(self, name: str) -> None:
        for section, _, _ in SECTIONS:
            self.set_class(section == name, f"-see-{section}")
        self._sections.here = name

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that have nothing to act on are not named in the footer."""
        if action == "cancel":
            return self._work is not None
        if action in ("wrong", "save"):
            return self._matrix is not None
        return True
