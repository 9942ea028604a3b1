"""Asks where a preparation is to be written and how, and shows the command that does the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input, Static

from kryptui import yaml_text
from kryptui.config import Settings
from kryptui.config_errors import problems_of
from kryptui.draw.words import clean
from kryptui.errors import InputError
from kryptui.tui.dialogs import Dialog

_OUT = "out"


@dataclass(frozen=True)
class Preparation:
    """A folder to write to, as it was typed, and the options."""

    out: str
    options: Settings


class PrepareDialog(Dialog[Preparation | None]):
    """A field for the folder and one for each option; what cannot be is said below its field as it is typed."""

    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]

    BINDINGS = [
        Binding("escape", "cancel", "Cancel"),
        Binding("ctrl+y", "copy", "Copy", tooltip="copy the command"),
    ]

    def __init__(
        self,
        title: str,
        out: str,
        settings: type[Settings],
        command: Callable[[str, Settings], str],
        note: Callable[[str], str],
    ) -> None:
        super().__init__()
        self._title, self._out, self._settings = title, out, settings
        self._command, self._note = command, note

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog -prepare", can_focus=False):
            yield Static(Text(self._title), classes="dialog--title")
            yield from self._field(_OUT, self._out, "folder to write to")
            defaults = self._settings()
            for name, field in self._settings.model_fields.items():
                yield from self._field(name, yaml_text.inline(getattr(defaults, name)), field.description or "")
            yield Static(id="prepare-command", markup=False)
            yield Static(
                Text("enter prepares · tab goes on · ^y copies the command · esc leaves it"),
                classes="dialog--details",
            )
            with Horizontal(classes="dialog--buttons"):
                yield Button("Cancel", id="cancel")
                yield Button("Prepare", id="prepare", variant="primary")

    def _field(self, name: str, value: str, about: str) -> ComposeResult:
        with Vertical(classes="prepare--field"):
            with Horizontal():
                yield Static(Text(name), classes="prepare--name")
                yield Input(value, id=f"field-{name}")
                yield Static(Text(about), classes="prepare--about")
            yield Static(id=f"error-{name}", classes="dialog--error", markup=False)

    def on_mount(self) -> None:
        """The folder first."""
        self.query_one(f"#field-{_OUT}", Input).focus()
        self._check()

    @on(Input.Changed)
    def _typed(self) -> None:
        self._check()

    @on(Input.Submitted)
    @on(Button.Pressed, "#prepare")
    def _entered(self) -> None:
        preparation = self._check()
        if preparation is not None:
            self.dismiss(preparation)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Nothing is prepared."""
        self.dismiss(None)

    def action_copy(self) -> None:
        """The command goes to the clipboard."""
        preparation = self._check()
        if preparation is not None:
            self.app.copy_to_clipboard(clean(self._command(preparation.out, preparation.options)))
            self.app.notify("the command is in the clipboard", markup=False)

    def _check(self) -> Preparation | None:
        """What is typed, or None where something cannot be, which is said."""
        out = self.query_one(f"#field-{_OUT}", Input).value.strip()
        problems: dict[str, str] = {} if out else {_OUT: "name a folder"}
        values: dict[str, Any] = {}
        for name in self._settings.model_fields:
            try:
                values[name] = yaml_text.parse(self.query_one(f"#field-{name}", Input).value, name)[0]
            except InputError:
                problems[name] = "this is no value"
        options = None
        if not problems:
            try:
                options = self._settings.model_validate(values)
            except ValidationError as error:
                found = problems_of(error, self._settings)
                problems = {str(place[0]): text for place, text in found.items() if place}
        for name in (_OUT, *self._settings.model_fields):
            problem = problems.get(name) or (self._note(out) if name == _OUT and out else "")
            below = self.query_one(f"#error-{name}", Static)
            below.update(problem)
            below.display = bool(problem)
        command = self._command(out, options) if options is not None else ""
        self.query_one("#prepare-command", Static).update(clean(command))
        return None if options is None else Preparation(out, options)
