"""Configure: the YAML of a run beside a form that patches it, what is wrong, what it takes, and its launch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input, Static, TextArea

from kryptui.draw.words import clip
from kryptui.errors import InputError
from kryptui.tui import paths
from kryptui.tui.configure import edits, starts
from kryptui.tui.configure.command_line import CommandLine
from kryptui.tui.configure.config_desk import ConfigDesk
from kryptui.tui.configure.draft import SOURCE, Checked, changes, check
from kryptui.tui.configure.estimate_pane import EstimatePane
from kryptui.tui.configure.field_pane import FieldPane
from kryptui.tui.configure.start_list import StartList, pick
from kryptui.tui.configure.starts import Start
from kryptui.tui.dialogs import Ask, Confirm
from kryptui.tui.page import Page

if TYPE_CHECKING:
    from kryptui.config import AnyConfig

How = Literal["launch", "queue"]

_LEAST = 60  # cells that what is wrong gets before what is changed


class ConfigurePage(Page):
    """One configuration in the making."""

    PAGE = "configure"
    HELP = """
The YAML is the truth; the form shows what the schema knows and changes the YAML in place.

•  stands in the YAML, else its default holds
*  another value than at the start
✗  wrong, as it is said behind it
▸  a block that is folded

The estimate reads the data and builds the network in shapes alone. Its memory is what is sure \
to be needed: weights, gradients, the optimizer's state, and what the largest batch leaves for \
the way back.

A launch checks data and model first, then trains in this app, one run after the other."""

    BINDINGS = [
        Binding("l", "go('launch')", "Launch", tooltip="check the data, then train it in this app"),
        Binding("L", "go('queue')", "Queue", tooltip="check the data, then leave it to a worker on the queue"),
        Binding("e", "yaml", "YAML", tooltip="edit the text, at the setting at hand; esc comes back"),
        Binding("w", "save", "Save", tooltip="save it as a YAML file"),
        Binding("o", "choose_start", "Start from", tooltip="begin with a preset, a run on record or a file"),
        Binding("slash", "sift", "Find", key_display="/", tooltip="find settings by their names"),
        Binding("y", "copy", "Copy", tooltip="copy the command that does the same without a screen"),
        Binding("u", "undo", "Undo", show=False, tooltip="take the last change of the YAML back"),
        Binding("U,ctrl+r", "redo", "Redo", show=False, tooltip="make it again"),
        Binding("v", "view", "View", show=False, tooltip="all settings, those in the YAML, or those that differ"),
        Binding("n", "problem", "Problem", show=False, tooltip="go to what is to be mended first"),
        Binding("ctrl+s", "save", "Save", show=False),
        Binding("escape", "back", "Back", show=False, tooltip="show all settings again"),
    ]  # fmt: skip

    look_seconds = 60.0

    def __init__(self) -> None:
        super().__init__()
        self._start: Start | None = None
        self._kept = ""
        self._was_left = False
        self._going: How | None = None
        self._wishes: list[Callable[[Checked], str]] = []

    def compose_page(self) -> ComposeResult:
        yield Static(id="state", markup=False)
        yield StartList(id="starts")
        yield ConfigDesk(id="desk")
        with Horizontal(id="below"):
            yield FieldPane(id="field", classes="pane")
            yield EstimatePane(id="estimate", classes="pane")
        yield CommandLine(id="command")

    def on_mount(self) -> None:
        """Nothing is begun yet: a list of what to begin with."""
        self.add_class("-empty")
        self._tell()

    def on_screen_resume(self) -> None:
        """Another page may want something begun, or a dataset in it."""
        app = self.app
        source, data, words = app.configure_from, app.configure_data, app.configure_overrides
        app.configure_from, app.configure_data, app.configure_overrides = None, None, []
        if data is not None:
            self._wishes = [partial(edits.train_on, dataset=data)]
        self._wishes += [partial(edits.override, words=text) for text in words]
        if source is not None:
            self._leave_for(source)
        elif self._start is None:
            self.query_one(StartList).fill()
        elif self._wishes:
            self._grant()
        elif self._was_left:
            self._estimate.want(self._desk.fresh().config, again=True)  # the data may be others now
        self._was_left = False

    def on_screen_suspend(self) -> None:
        """Another page is opened, or a dialog."""
        self._was_left = self.app.current_mode != self.PAGE

    def on_resize(self) -> None:
        """More or less can be told."""
        self._tell()

    @property
    def _desk(self) -> ConfigDesk:
        return self.query_one(ConfigDesk)

    @property
    def _estimate(self) -> EstimatePane:
        return self.query_one(EstimatePane)

    # Beginning

    @on(StartList.Chosen)
    def _start_chosen(self, event: StartList.Chosen) -> None:
        event.stop()
        if event.what is None:
            self.action_choose_start()
        else:
            self._leave_for(event.what)

    def action_choose_start(self) -> None:
        """Begins with something else."""
        pick(self.app, self._leave_for)

    def _leave_for(self, what: str) -> None:
        """Begins with a preset, a file or a run, after asking where changes would be lost."""
        if self._start is None or self._desk.editor.text == self._kept:
            self._open(what)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._open(what)

        question = f"Drop the changes of {clip(self._start.name, 40)}?"
        self.app.push_screen(Confirm(question, "they were neither saved nor launched", "Drop them"), answered)

    def _open(self, what: str) -> None:
        root = self.app.workspace.root

        def read() -> tuple[Start, Checked]:
            if what in dict(starts.presets()):
                start = starts.preset(what)
            elif starts.is_file(what, root):
                start = starts.file(what, root)
            else:
                start = starts.run(self.app.record.store(), what)
            return start, check(start.text)

        self.app.act(read, lambda found: self._begin(*found))

    def _begin(self, start: Start, checked: Checked) -> None:
        self._start = start
        self.remove_class("-empty")
        self._desk.begin(checked)
        self._kept = self._desk.editor.text
        self.call_after_refresh(self._desk.show_form)  # what is not seen yet takes no focus
        if self._wishes:
            self._grant()

    def _grant(self) -> None:
        """Puts into the draft what another page has chosen."""
        wishes, self._wishes = self._wishes, []

        def change(draft: Checked) -> str:
            for wish in wishes:
                draft = check(wish(draft))
            return draft.text

        if self._desk.patch(change):
            self.app.say("what was chosen stands in it now; u takes it back")

    # What is known of it

    @on(ConfigDesk.Drafted)
    def _drafted(self, event: ConfigDesk.Drafted) -> None:
        event.stop()
        draft = event.draft
        if self._start is None:
            return
        self.query_one(CommandLine).want(draft.config, self._start.source, self._desk.start.data)
        self._estimate.want(draft.config)
        self._tell()

    @on(ConfigDesk.Faced)
    def _faced(self, event: ConfigDesk.Faced) -> None:
        event.stop()
        self.query_one(FieldPane).put(event.row, event.problem, event.before)

    @on(EstimatePane.Failed)
    def _not_estimated(self, event: EstimatePane.Failed) -> None:
        event.stop()
        self._desk.remark(event.error)

    def _tell(self) -> None:
        """The line above."""
        state = self.query_one("#state", Static)
        if self._start is None:
            state.update(
                Text.assemble(("begin with", "bold"), "  a preset, a file, or the configuration of a run")
            )
            return
        state.update(self._state(self._start, self._desk.draft))

    def _state(self, start: Start, draft: Checked) -> Text:
        """What it began with and what is wrong; at the right, where there is room, what is changed."""
        right = Text(no_wrap=True)
        changed = sum(changes(row, self._desk.start) for row in (draft.form.rows if draft.form else []))
        if changed:
            right.append(f"{changed} changed", "yellow")
        if self._desk.editor.text != self._kept:
            right.append(" · " if right else "", "dim").append("not saved", "dim")
        text = Text(no_wrap=True).append(f"{start.kind} ", "dim").append(clip(start.name, 34), "bold").append("  ")
        room = self.size.width - text.cell_len - 2
        if draft.error and room - right.cell_len - 2 < _LEAST:
            right = Text()
        room -= right.cell_len + 2
        if self._going is not None:
            text.append("checking data and model …", "bold cyan")
        elif draft.error:
            text.append(clip(f"✗ {draft.error.removeprefix(SOURCE).lstrip(',: ')}", max(20, room)), "red")
        else:
            text.append("✓ valid", "green")
        return text.append(" " * (self.size.width - text.cell_len - right.cell_len - 2)).append_text(right)

    # What is done with it

    def action_go(self, how: How) -> None:
        """Launches or queues it, unless something is wrong."""
        if self._going is not None:
            self.app.say("it is being checked already")
            return
        config = self._whole()
        if config is None:
            return
        self._going = how
        self._tell()
        launcher, text = self.app.launcher, self._desk.editor.text
        act = partial(launcher.launch if how == "launch" else launcher.enqueue, config)
        self.app.act(act, partial(self._went, how, config.name, text), self._refused)

    def _went(self, how: How, name: str, text: str, run_id: str) -> None:
        self._going, self._kept = None, text
        self._tell()
        if how == "queue":
            self.app.say(f"{clip(name, 40)} waits as {run_id}; w on Runs works on the queue here", "queued")
        elif self.app.page is self:
            self.app.open_run(run_id)
        else:
            self.app.say(f"{clip(name, 40)} is launched as {run_id}")

    def _refused(self, error: str) -> None:
        self._going = None
        self._tell()
        self._desk.remark(error)
        self.app.fail(error, "not begun")

    def _whole(self) -> AnyConfig | None:
        """The configuration; where there is none, says why and moves to what is wrong."""
        if self._start is None:
            self.app.say("choose what to begin with first")
            return None
        draft = self._desk.fresh()
        if draft.config is None:
            self._desk.go_to_problem()
            self.app.fail(draft.error, "mend this first")
        return draft.config

    def action_save(self) -> None:
        """Asks where, and before it overwrites."""
        config, root = self._whole(), self.app.workspace.root
        if config is None or self._start is None:
            return

        def check_path(words: str) -> None:
            if not words.lower().endswith(starts.SUFFIXES):
                raise InputError("the name must end in .yaml")
            if paths.absolute(words, root).is_dir():
                raise InputError("there is a folder of this name")

        def named(words: str | None) -> None:
            if not words:
                return
            path = paths.absolute(words, root)
            if not path.exists():
                self._write(path)
                return
            question = Confirm(f"Overwrite {clip(words, 50)}?", "what stands in it now is lost", "Overwrite")
            self.app.push_screen(question, lambda yes: self._write(path) if yes else None)

        offer = self._start.name if self._start.kind == "file" else f"{config.name.replace(' ', '-')}.yaml"
        self.app.push_screen(Ask("save as", offer, "a path that ends in .yaml", check_path), named)

    def _write(self, path: Path) -> None:
        text, name = self._desk.editor.text, paths.short(path, self.app.workspace.root)

        def write() -> Checked:
            from kryptui.data.manifest import write_atomic

            write_atomic(path, text)
            return check(text)

        def written(checked: Checked) -> None:
            self._start, self._kept = Start("file", name, text, name), text
            self._desk.rebase(checked)
            self.app.say(f"saved as {clip(name, 50)}")

        self.app.act(write, written)

    def action_copy(self) -> None:
        """The command goes to the clipboard."""
        if self._whole() is None:
            return
        command = self.query_one(CommandLine).now()
        if command.text:
            self.app.copy_to_clipboard(command.text)
            self.app.say(command.text, "in the clipboard")
        else:
            self.app.say(command.remedy)

    # Moving about

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing acts on a draft that is not there, nor is sought while the key is a letter of a text."""
        if self._start is None:
            return action not in ("yaml", "sift", "view", "undo", "redo", "back", "problem", "go", "save", "copy")
        return action != "sift" or not isinstance(self.focused, Input | TextArea)

    def action_yaml(self) -> None:
        """The text takes the keys."""
        self._desk.show_yaml()

    def action_sift(self) -> None:
        """Typing finds settings."""
        self._desk.sift()

    def action_rows(self) -> None:
        """The keys act on the form."""
        self._desk.show_form()

    def action_view(self) -> None:
        """Other settings are shown."""
        self._desk.next_view()

    def action_problem(self) -> None:
        """To what is wrong."""
        self._desk.go_to_problem()

    def action_undo(self) -> None:
        """One change back."""
        self._desk.editor.undo()

    def action_redo(self) -> None:
        """And forth."""
        self._desk.editor.redo()

    def action_back(self) -> None:
        """All settings, and the form."""
        self._desk.stop_sifting()
        self._desk.show_form()

    def page_commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """What the keys of the text leave no room for."""
        for name, about in starts.presets():
            yield f"Begin with {name}", about, partial(self._leave_for, name)
        if self._start is not None:
            yield "Estimate anew", "reads the data again", self._estimate_anew

    def _estimate_anew(self) -> None:
        self._estimate.forget()
        self._estimate.want(self._desk.fresh().config)
