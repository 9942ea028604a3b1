"""Submit: a run's checkpoint answers a test set, beside whatever trains; what came of it, and of those before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widgets import Input, Static

from kryptui.jobs.events import Answered, AnswerProgress
from kryptui.tui.dialogs import Confirm
from kryptui.tui.page import Page
from kryptui.tui.paths import short, shorten
from kryptui.tui.submit import drawing
from kryptui.tui.submit.command import submit_command
from kryptui.tui.submit.desk import Desk
from kryptui.tui.submit.form import Form
from kryptui.tui.submit.history import History
from kryptui.tui.submit.result import Result
from kryptui.tui.widgets.section_line import SectionLine

if TYPE_CHECKING:
    from kryptui.jobs.events import Event
    from kryptui.runs.store import Store
    from kryptui.tui.submit.reading import Seen, SubmitReader

SECTIONS = (("checks", "k", "Checks"), ("result", "e", "Result"), ("history", "h", "History"))
"""Of these a small terminal shows one at a time: name, key, title."""

_WAIT_SECONDS = 0.25
"""Typing rests so long before what was typed is looked at."""


class SubmitPage(Page):
    """A form at the left, what is known of it and what came of it at the right, past submissions below."""

    PAGE = "submit"
    HELP = """
A submission answers a test set with a run's checkpoint: a csv file, and beside it a json file that tells how it
was made. It works in a thread of its own: what trains goes on, and this page can be left.

Enter starts once no check has a ✗; a ! stops nothing. A file that is there already is replaced only after asking.
Several may be asked for; they are made one after the other.

With a file of labels, what is shown is scored against it; scores stand in the history until the app is left."""

    BINDINGS = [
        Binding("enter", "start", "Start", tooltip="write the submission, once all checks pass"),
        Binding("slash", "runs", "Run", key_display="/", tooltip="choose the run, or the folder of a checkpoint"),
        Binding("t", "field('source')", "Test data", tooltip="choose what is to be answered"),
        Binding("o", "field('output')", "Output", tooltip="choose the file to write"),
        Binding("l", "field('labels')", "Labels", tooltip="choose labels to hold submissions against"),
        Binding("c", "cancel", "Cancel", tooltip="stop the submission in progress; nothing is written"),
        Binding("h", "section('history')", "History", tooltip="go to past submissions; enter shows one"),
        Binding("e", "section('result')", "Result", show=False, tooltip="go to the submission that is shown"),
        Binding("k", "section('checks')", "Checks", show=False, tooltip="see the checks where not all has room"),
        Binding("y", "copy", "Copy", tooltip="copy the command that does the same in a shell"),
        Binding("Y", "copy_facts", "Copy result", show=False, tooltip="copy path and sha256 of what is shown"),
        Binding("u", "again", "Use again", show=False, tooltip="choose again what a past submission did"),
        Binding("g", "origin", "Its run", show=False, tooltip="open on Live the run of a past submission"),
        Binding("r", "check", "Check again", show=False, tooltip="look again at everything that is checked"),
        Binding("C", "cancel_all", "Cancel all", show=False, tooltip="stop this submission and those that wait"),
        Binding("escape", "back", "Back", show=False),
    ]  # fmt: skip

    look_seconds = 1.0

    def __init__(self) -> None:
        super().__init__()
        self._reader: SubmitReader | None = None
        self._run_id: str | None = None
        self._gone = ""
        self._timer: Timer | None = None
        self._shown_ticket = 0

    def compose_page(self) -> ComposeResult:
        root = self.app.workspace.root
        self._desk = Desk(self.app, self._checked)
        self._form, self._result = Form(id="form", classes="pane"), Result(root, id="result", classes="pane")
        self._history = History(root, id="history", classes="pane")
        self._sections = SectionLine(SECTIONS, id="sections")
        self._findings, self._progress = Static("", id="findings"), Static("", id="progress", classes="pane")
        self._facts, self._shell = Static("", id="facts"), Static("", id="command")
        self._checks = VerticalScroll(self._findings, id="checks", classes="pane", can_focus=False)
        with Horizontal(id="submit"):
            with Vertical(id="left"):
                yield self._form
                yield VerticalScroll(self._facts, self._shell, id="about", classes="pane", can_focus=False)
            with Vertical(id="right"):
                yield self._progress
                yield self._sections
                yield self._checks
                yield self._result
        yield self._history

    def on_mount(self) -> None:
        """The keys act on the form."""
        titles = {"form": "submission", "about": "model", "progress": "progress", "checks": "checks"}
        for name, title in (titles | {"result": "result", "history": "history"}).items():
            self.query_one(f"#{name}").border_title = title
        self._see("checks")
        self._form.go_to("run")

    def on_screen_resume(self) -> None:
        """The disk may have changed, and submissions may have ended, while another page was shown."""
        run_id, self.app.submit_run = self.app.submit_run, None
        if run_id is not None:
            self._form.want_run(run_id)
        self._open_latest()
        self._show_progress()
        self.action_check()

    # The record

    def read(self, store: Store) -> Seen:
        """The chosen run, else the best that can answer; and past submissions."""
        from kryptui.tui.submit.reading import SubmitReader

        if self._reader is None:
            self._reader = SubmitReader(self.app.workspace)
        return self._reader.read(store, self._run_id)

    def show(self, value: Seen) -> None:
        """Fills form and history."""
        self._history.show(value.past, self.app.submissions.scores)
        if value.last_source is not None:
            self._form.offer_source(value.last_source)
        given_by_hand = self._form.model is not None and self._form.model.run is None
        if not given_by_hand and value.run_id == self._run_id:
            self._gone = value.gone
            if value.model is not None:
                self._run_id = value.model.what  # it stays, though another may become better
            self._form.show_model(value.model, value.gone or "none yet; space takes a checkpoint's folder")
            self._look()

    def show_nothing(self, error: str | None) -> None:
        """No record yet, or one that cannot be read."""
        self._gone = error or ""
        if self._form.model is None:
            self._form.show_model(None, error or "none yet; space takes a checkpoint's folder")
            self._look()

    @on(Form.RunWanted)
    def _want_run(self, event: Form.RunWanted) -> None:
        self._run_id = event.run_id
        self._look()
        self.look()

    # Checks

    @on(Form.Chosen)
    def _chosen(self, event: Form.Chosen) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if event.typed:
            self._timer = self.set_timer(_WAIT_SECONDS, self._settle)
            self._checked()
        else:
            self._look()

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._look()

    def action_check(self) -> None:
        """Looks again at everything."""
        self._desk.forget()
        self._settle()

    def _look(self) -> None:
        self._desk.look(self._form, self._gone)
        self._result.score_against(self._form.labels)

    def _checked(self) -> None:
        """Draws what the checks say, and what depends on them."""
        lines = self._desk.lines
        self._findings.update(drawing.checks(lines, self.app.workspace.root))
        self._form.mark(lines)
        self._show_facts()
        ready = "enter starts" if self._is_ready else ""
        self._checks.border_subtitle = f"[bold $primary]{ready}[/]" if ready else ""
        self._sections.note = Text(ready, "green")

    @property
    def _is_ready(self) -> bool:
        """Whether everything was looked at as it is now, and nothing is in the way."""
        return self._timer is None and self._desk.is_ready

    def _show_facts(self) -> None:
        form = self._form
        if form.model is None:
            self._facts.update("")
            self._shell.update("")
            return
        place = None if form.checkpoint is None else form.model.place(form.checkpoint)
        meta = {} if place is None else self._desk.meta(place)
        facts = drawing.model_facts(form.model, form.checkpoint, meta, self.app.workspace.root)
        self._facts.update(facts)
        command = self._command()
        text = Text.assemble(("y copies the command for a shell:\n", "dim"), command) if command else Text("")
        self._shell.update(text)

    def _command(self) -> str | None:
        """What does the same in a shell; None while something is not chosen yet."""
        form, app = self._form, self.app
        if form.model is None or form.checkpoint is None or form.source is None or form.output is None:
            return None
        return submit_command(
            form.model, form.checkpoint.name, form.source, form.output, form.options()[0], self._device,
            app.workspace.root, app.workspace.database,
        )  # fmt: skip

    @property
    def _device(self) -> str | None:
        """The device to be asked for: None where it is the model's own."""
        form = self._form
        return None if form.model is not None and form.device == form.model.device else form.device

    # Starting and cancelling

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_start()

    def action_start(self) -> None:
        """Starts, or says what is in the way and goes there."""
        if self._timer is not None:
            self._settle()  # what was typed is looked at; enter starts once that is done
            return
        bad = self._desk.problem
        if bad is not None:
            self._form.go_to_problem(bad.subject)
            words = f"{bad.subject}: {bad.fact}" + (f"; {bad.remedy}" if bad.remedy else "")
            self.app.warn(shorten(words, self.app.workspace.root))
        elif not self._is_ready:
            self.app.say("the checks are still being looked at")
        elif self._desk.replaces or self._form.output in self.app.submissions.outputs:
            question = Confirm(
                "Replace the file?", f"{self._form.output}\nstays until the new one is whole", "Replace"
            )
            self.app.push_screen(question, lambda yes: self._start() if yes else None)
        else:
            self._start()

    def _start(self) -> None:
        form = self._form
        model, checkpoint, source, output = form.model, form.checkpoint, form.source, form.output
        if model is None or checkpoint is None or source is None or output is None:
            return
        name = checkpoint.name or "best"
        ticket = self.app.launcher.submit(model.what, name, source, output, form.options()[0], device=self._device)
        self.app.submissions.begin(ticket, f"{model.name}, step {checkpoint.step:,}", output)
        form.name_output()
        self._see("checks")
        self._show_progress()

    def action_cancel(self) -> None:
        """Stops the one in progress."""
        job = self.app.submissions.going
        if job is None:
            self.app.say("no submission is in progress")
        else:
            self.app.launcher.cancel(job.ticket)

    def action_cancel_all(self) -> None:
        """Stops it and those that wait."""
        self.app.launcher.cancel()

    def hear(self, event: Event) -> None:
        """Follows the submissions of this session."""
        if isinstance(event, AnswerProgress | Answered):
            self._show_progress()
        if isinstance(event, Answered):
            self._open_latest()
            self.action_check()
            self._form.name_output()

    def _show_progress(self) -> None:
        widget, submissions = self._progress, self.app.submissions
        width = widget.scrollable_content_region.width or self.size.width - 2
        going, latest = submissions.going, submissions.latest
        if going is not None:
            lines = drawing.progress(going, submissions.waiting, width)
        elif latest is not None:
            lines = [drawing.ended(latest, width, self.app.workspace.root)]
        else:
            lines = [Text("nothing in progress", "dim")]
        widget.set_class(going is None and latest is None, "-idle")
        widget.update(Text("\n").join(lines))
        self.refresh_bindings()

    def _open_latest(self) -> None:
        """Shows what came of the latest submission, once."""
        job = self.app.submissions.latest
        if job is not None and job.ticket != self._shown_ticket:
            self._shown_ticket = job.ticket
            if job.run_id is not None:
                self._result.open(job.run_id)
                self._see("result")

    def on_resize(self) -> None:
        """The bar is as long as there is room."""
        self.call_after_refresh(self._show_progress)

    # Result and history

    @on(History.Chosen)
    def _past_chosen(self, event: History.Chosen) -> None:
        self._result.open(event.past.run.id)
        self._see("result")
        if not self._history.display:
            self._result.focus()

    @on(Result.Scored)
    def _scored(self) -> None:
        self.look()

    def action_again(self) -> None:
        """Chooses run, data and device of a past submission; the output is a new one."""
        past = self._history.here
        if past is None:
            self.app.say("no past submission to use again")
            return
        if past.run.parent is not None:
            self._form.want_run(past.run.parent)
        self._form.take_again(str(past.run.env.get("source", "")))
        self._form.go_to("run")

    def action_origin(self) -> None:
        """Shows on Live the run that a past submission came from."""
        past = self._history.here
        if past is None or past.run.parent is None:
            self.app.say("no run on record is behind it")
        else:
            self.app.open_run(past.run.parent)

    def action_copy(self) -> None:
        """Copies the command that does the same in a shell."""
        command = self._command()
        if command is None:
            self.app.warn("choose run, test data and output first")
        else:
            self.app.copy_to_clipboard(command)
            self.app.say(command, "copied")

    def action_copy_facts(self) -> None:
        """Copies what tells the file that is shown from any other."""
        file = self._result.file
        if file is None:
            self.app.say("no submission is shown")
        else:
            self.app.copy_to_clipboard(f"{file.path}  sha256 {file.sha256}")
            self.app.say(f"{short(file.path, self.app.workspace.root)}  sha256 {file.sha256[:16]}…", "copied")

    # Places

    def action_runs(self) -> None:
        """Chooses what answers."""
        self._form.list_runs()

    def action_field(self, name: str) -> None:
        """Goes to a field."""
        self._form.go_to(name)

    def action_back(self) -> None:
        """The letters act on the page again."""
        self._form.go_to("run")

    def action_section(self, name: str) -> None:
        """Goes to the checks, the result or the history."""
        self._see(name)
        target = {"result": self._result, "history": self._history.list}.get(name)
        if target is not None:
            self.call_after_refresh(target.focus)

    def _see(self, name: str) -> None:
        for section, _, _ in SECTIONS:
            self.set_class(section == name, f"-see-{section}")
        self._sections.here = name

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that have nothing to act on are not named in the footer."""
        if action in ("cancel", "cancel_all"):
            return self.app.submissions.going is not None
        return True
