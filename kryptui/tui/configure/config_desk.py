"""Form and YAML of one configuration side by side: the text is the truth, the form patches it and follows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, TextArea

from kryptui.errors import InputError
from kryptui.tasks import registry
from kryptui.tui.configure import edits, form_deeds
from kryptui.tui.configure.draft import Checked, changes, check
from kryptui.tui.configure.fields import Row
from kryptui.tui.configure.offers import Known, backbones
from kryptui.tui.configure.seen import VIEWS
from kryptui.tui.configure.settings_form import SettingsForm
from kryptui.tui.configure.shapes import MISSING
from kryptui.tui.configure.yaml_editor import YamlEditor
from kryptui.tui.latest import Latest
from kryptui.tui.widgets.path_input import OnDisk

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp

_WAIT_SECONDS = 0.1
"""How long nobody must have typed before the text is checked."""

_PLACE = re.compile(r"([a-z_]\w*(?:\.\w+)*): (.+)", re.S)
_WEIGHTS = (".safetensors", ".pt", ".pth", ".bin")
_DATASETS = (".csv",)


class _Sift(Input):
    """Words that settings are sifted by."""

    BINDINGS = [
        Binding(
            "enter,down", "screen.rows", "Settings", key_display="⏎", tooltip="to the settings that are found"
        ),
        Binding("escape", "screen.back", "All", tooltip="all settings again"),
    ]


class ConfigDesk(Container):
    """The draft, and what may be done to it."""

    app: KryptuiApp

    @dataclass
    class Drafted(Message):
        """The text was checked."""

        draft: Checked

    @dataclass
    class Faced(Message):
        """The setting at hand: its row, what is wrong with it, and what it was where that is another value."""

        row: Row | None
        problem: str
        before: Any

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._start = self._draft = Checked("")
        self._base: Checked | None = None
        self._is_typed = False
        self._then: Callable[[], object] | None = None
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        form, editor = SettingsForm(id="form", classes="pane"), YamlEditor(id="yaml", classes="pane")
        form.border_title, editor.border_title = "settings", "yaml"
        yield form
        yield editor
        yield _Sift(placeholder="names of settings, such as lr", id="sift")

    def on_mount(self) -> None:
        """Checks are made in a thread of their own."""
        self._checking = Latest(self.app)
        root = self.app.workspace.root
        self.form.offers = {
            ("model", "backbone"): Known(backbones),
            ("model", "weights"): OnDisk(root, _WEIGHTS),
            **{("task", name): OnDisk(root, _DATASETS) for name in _dataset_fields()},
        }

    # The draft

    @property
    def form(self) -> SettingsForm:
        """The form."""
        return self.query_one(SettingsForm)

    @property
    def editor(self) -> YamlEditor:
        """The text."""
        return self.query_one(YamlEditor)

    @property
    def start(self) -> Checked:
        """What it began with."""
        return self._start

    @property
    def draft(self) -> Checked:
        """The draft as it was when it was last checked."""
        return self._draft

    def begin(self, start: Checked) -> None:
        """Begins with another text; there is no way back to the one before."""
        self.editor.begin(start.text)
        self._start = start
        self.form.seen.folds.clear()
        self.form.seen.unfold_to(())
        self._take(start if start.text == self.editor.text else check(self.editor.text))

    def rebase(self, start: Checked) -> None:
        """Takes what it was saved as for what it began with."""
        self._start = start
        self._take(self.fresh())

    def fresh(self) -> Checked:
        """The draft as the text is now."""
        text = self.editor.text
        if text != self._draft.text:
            self._take(check(text))
        return self._draft

    def patch(self, change: Callable[[Checked], str], then: Callable[[], object] | None = None) -> bool:
        """Changes the text, then does something once the form shows it; whether it could: a toast says why not."""
        try:
            text = change(self.fresh())
        except InputError as error:
            self.app.fail(str(error))
            return False
        self.editor.change(text)
        self._then = then
        self._check()
        return True

    def go_to_problem(self) -> None:
        """Moves to the first thing that is wrong: in the form, or in the text where there is no form for it."""
        draft = self.fresh()
        place = next(iter(draft.problems), None)
        if place:
            self.form.go_to(place)
            self.show_form()
        elif place is not None:
            self.show_yaml()
            self.editor.go_to_line(draft.line or 1)

    def remark(self, error: str) -> None:
        """Says an error at the setting that it names, if it names one."""
        found = _PLACE.match(error)
        place = tuple(int(key) if key.isdecimal() else key for key in found[1].split(".")) if found else ()
        form = self._draft.form
        row = form.nearest(place) if form and place and form.row(place[:1]) else None
        self.form.remark(row.place if row and found else None, found[2] if found else "")
        self._face()

    def _check(self) -> None:
        """Has the text checked."""
        if self._timer is not None:
            self._timer.stop()
        text = self.editor.text
        if text != self._draft.text:
            self._checking.ask(_check_of(text), self._take, self.app.fail)
        elif self._then is not None:
            self._take(self._draft)

    def _take(self, draft: Checked) -> None:
        self._draft = draft
        self.form.remark(None)
        self.form.put(draft, self._start)
        self._title()
        self.editor.problems = draft.problems_by_line
        then, self._then = self._then, None
        if then is not None:
            then()
        self._face()
        self.post_message(self.Drafted(draft))

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_WAIT_SECONDS, self._check)

    # One beside the other

    def show_form(self) -> None:
        """The keys act on the form."""
        self.remove_class("-yaml")
        self.form.take_focus()

    def show_yaml(self) -> None:
        """The text can be edited, at the setting at hand."""
        row, draft = self.form.row, self._draft
        at = draft.start_of(row.place) if row is not None and draft.form is not None else None
        self.add_class("-yaml")
        self.editor.focus()
        if at is not None:
            self.call_after_refresh(self.editor.go_to, at)  # once it is seen, and has a size

    @on(YamlEditor.Left)
    def _left_yaml(self) -> None:
        place = self.fresh().place_at(self.editor.at)
        self.show_form()
        if place is not None:
            self.form.go_to(place)

    @on(TextArea.SelectionChanged)
    def _in_yaml(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        if self.editor.has_focus:
            self._face()

    @on(SettingsForm.Moved)
    def _in_form(self) -> None:
        """The text beside the form shows what stands there for the row."""
        row, draft = self.form.row, self._draft
        if (
            row is not None
            and self.editor.display
            and not self.editor.has_focus
            and draft.text == self.editor.text
        ):
            at = draft.start_of(row.place) if row.is_given and draft.form is not None else None
            if at is not None:
                self.editor.go_to(at)
        self._face()

    def _face(self) -> None:
        """Tells of the setting under the cursor of whichever has the focus."""
        row = self.form.row
        if self.editor.has_focus:
            place = self._draft.place_at(self.editor.at)
            row = self._draft.form.nearest(place) if self._draft.form and place else None
        before: Any = MISSING
        if row is not None and changes(row, self._start):
            before = self._start.values.get(row.place, MISSING)
        problem = self.form.problem_of(row) if row is not None else ""
        if self.editor.has_focus:
            problem = problem or self._draft.problems_by_line.get(self.editor.line, "")
        self.post_message(self.Faced(row, problem, before))

    # Sifting

    def sift(self) -> None:
        """Typing sifts the settings."""
        self.show_form()
        self.add_class("-sifting")
        self.query_one("#sift").focus()

    @on(Input.Changed, "#sift")
    def _sifted(self, event: Input.Changed) -> None:
        event.stop()
        self.form.seen.filter = event.value
        self._arrange()

    def next_view(self) -> None:
        """All settings, those in the YAML, or those that differ from the start."""
        seen = self.form.seen
        seen.view = VIEWS[(VIEWS.index(seen.view) + 1) % len(VIEWS)]
        self._arrange()

    def stop_sifting(self) -> None:
        """Shows all settings again."""
        self.remove_class("-sifting")
        self.query_one("#sift", Input).value = ""
        self.form.seen.filter, self.form.seen.view = "", "all"
        self._arrange()

    def _arrange(self) -> None:
        self._title()
        self.form.go_to_found()

    def _title(self) -> None:
        words = {
            "all": "settings",
            "given": "settings in the YAML",
            "changed": "settings that differ from the start",
        }
        is_stale = self._draft.form is None
        sift = self.query_one(_Sift)
        if not self.form.seen.filter and not sift.has_focus:
            self.remove_class("-sifting")
            sift.value = ""
        self.form.border_title = "settings before the YAML broke" if is_stale else words[self.form.seen.view]

    # What the form wants

    @on(SettingsForm.Typed)
    def _typed(self, event: SettingsForm.Typed) -> None:
        """The text follows each letter, in one step back for all of them."""
        if self._base is None:
            self._base = self.fresh()
        if self._is_typed:
            self.editor.undo()
            self._is_typed = False
        try:
            text = edits.type_in(self._base, event.row, event.text)
        except InputError as error:
            self.form.remark(event.row.place, str(error))
            self._face()
            return
        self.form.remark(None)
        if text != self._base.text:
            self.editor.change(text)
            self._is_typed = True

    @on(SettingsForm.Ended)
    def _ended(self, event: SettingsForm.Ended) -> None:
        if not event.keep and self._is_typed:
            self.editor.undo()
        self._base, self._is_typed = None, False
        self._check()
        self._face()

    @on(SettingsForm.Wanted)
    def _wanted(self, event: SettingsForm.Wanted) -> None:
        row = event.row
        match event.deed:
            case "turn":
                form_deeds.turn(self, row, event.by)
            case "choose":
                form_deeds.choose(self, row)
            case "add":
                form_deeds.add(self, row)
            case "take out":
                form_deeds.take_out(self, row)


def _dataset_fields() -> set[str]:
    """What tasks call the setting that takes a dataset."""
    found = set()
    for kind in registry.kinds():
        try:
            name = registry.settings_of(kind).dataset
        except InputError:
            continue  # of another package, and broken
        found |= {name} if name is not None else set()
    return found


def _check_of(text: str) -> Callable[[], Checked]:
    """A check of this text, to be made later."""
    return lambda: check(text)
