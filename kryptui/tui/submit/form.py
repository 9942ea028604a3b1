"""The form in which a submission is chosen: a line for each choice, before its name what the checks say of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from kryptui.tui.dialogs import Choice, Choose
from kryptui.tui.paths import absolute, short
from kryptui.tui.submit import drawing
from kryptui.tui.widgets.choice_line import ChoiceLine
from kryptui.tui.widgets.path_input import PathInput
from kryptui.tui.widgets.picker import Item, Picker

if TYPE_CHECKING:
    from kryptui.jobs.doctor.finding import Finding
    from kryptui.tasks.registry import TaskSpec
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.submit.model import Checkpoint, Model

AUTO = "auto"

_TITLES = {
    "run": "run",
    "checkpoint": "checkpoint",
    "source": "test data",
    "output": "output",
    "device": "device",
    "labels": "labels",
}
_CSV = (".csv",)
_LABELS = "a csv file, for a score; may stay empty"


class _Row(Horizontal):
    """A name and a field."""

    def __init__(self, title: str, field: Widget) -> None:
        super().__init__(classes="form--row")
        self._title, self._field = title, field
        self._label = Static("", classes="form--name")
        self.mark(None)

    def compose(self) -> ComposeResult:
        yield self._label
        yield self._field

    def mark(self, state: str | None) -> None:
        """Says before the name what the checks say."""
        sign, style = drawing.MARKS.get(state or "", (" ", ""))
        self._label.update(Text().append(f"{sign} ", style).append(self._title, "dim"))


class Form(Vertical):
    """Run, checkpoint, test data, output, device, what the task lets one choose, labels."""

    BINDINGS = [
        Binding("up", "app.focus_previous", "Up", show=False),
        Binding("down", "app.focus_next", "Down", show=False),
    ]

    app: KryptuiApp

    @dataclass
    class Chosen(Message):
        """Something else is chosen; where it is `typed`, more may follow soon."""

        typed: bool

    @dataclass
    class RunWanted(Message):
        """A run was chosen, whose model is to be read."""

        run_id: str

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.root = root = self.app.workspace.root
        self._record = self.app.record  # read in a thread, which may outlast the form
        self.model: Model | None = None
        self.device = AUTO
        self._checkpoint = "best"
        self._devices: Sequence[str] = (AUTO, "cpu")
        self._device_is_chosen = False
        self._run_line = ChoiceLine("looking …", id="run")
        self._checkpoint_line = ChoiceLine(id="checkpoint")
        self._source = PathInput(root, "a folder, such as data/test_public", id="source")
        self._output = PathInput(root, "a csv file to write", _CSV, id="output")
        self._device_line = ChoiceLine(id="device")
        self._labels = PathInput(root, _LABELS, _CSV, id="labels")
        fields = (
            self._run_line, self._checkpoint_line, self._source, self._output, self._device_line, self._labels,
        )  # fmt: skip
        self._rows = {str(field.id): _Row(_TITLES[str(field.id)], field) for field in fields}
        self._options: dict[str, Input] = {}
        self._options_of: TaskSpec | None = None
        self._offered: dict[str | None, str] = {}

    def compose(self) -> ComposeResult:
        yield from self._rows.values()

    def on_mount(self) -> None:
        """Looks which devices there are."""
        self._show_device()
        self.app.act(_devices, self._take_devices)

    # What is chosen

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The one that is chosen; where it is gone, the first."""
        found = () if self.model is None else self.model.checkpoints
        return next((one for one in found if one.name == self._checkpoint), found[0] if found else None)

    @property
    def source(self) -> Path | None:
        """The data to be answered."""
        return self._path(self._source)

    @property
    def output(self) -> Path | None:
        """The file to be written."""
        return self._path(self._output)

    @property
    def labels(self) -> Path | None:
        """The labels that submissions are held against."""
        return self._path(self._labels)

    def _path(self, field: PathInput) -> Path | None:
        return absolute(field.value, self.root) if field.value.strip() else None

    def options(self) -> tuple[dict[str, Any], list[Finding]]:
        """The task's options, and what is wrong with those that are no options."""
        from kryptui.tui.submit.checks import options_of

        settings = None if self._options_of is None else self._options_of.answer_settings
        return options_of(settings, {name: field.value for name, field in self._options.items()})

    # What the page puts into it

    def show_model(self, model: Model | None, note: str) -> None:
        """What is to answer; where nothing is, why."""
        before, self.model = self.model, model
        self._run_line.put(Text(note, "dim") if model is None else drawing.model_words(model))
        self._show_checkpoint()
        if model is not None and (before is None or before.what != model.what):
            self._take_own_device(model.device)
            self.name_output()
            self.call_later(self._take_options, model.spec)

    def name_output(self) -> None:
        """Offers a file that is not there yet, unless somebody has named one."""
        from kryptui.tui.submit.reading import free_output

        model = self.model
        if model is not None and self._is_untouched(self._output):
            self.app.act(
                partial(free_output, self.root, model.name, self.app.submissions.outputs),
                lambda path: self._offer(self._output, short(path, self.root)),
            )

    def offer_source(self, source: Path) -> None:
        """Offers data to be answered, unless somebody has named others."""
        self._offer(self._source, short(source, self.root))

    def take_again(self, source: str) -> None:
        """Chooses these data, and a file that is not there yet."""
        self._source.value = short(Path(source), self.root) if source else ""
        self._offered[self._output.id] = self._output.value = ""
        self.name_output()

    def _offer(self, field: PathInput, text: str) -> None:
        if self._is_untouched(field):
            self._offered[field.id] = text
            if field.value != text:
                field.value = text

    def _is_untouched(self, field: PathInput) -> bool:
        return field.value in ("", self._offered.get(field.id, ""))

    def mark(self, findings: Iterable[tuple[str, Finding | None]]) -> None:
        """Says before each name what the checks say; of several the worst."""
        order = ("ok", "note", "problem")
        states: dict[str, str] = {}
        for subject, finding in findings:
            if finding is not None:
                name = _field_of(subject)
                states[name] = max(states.get(name, "ok"), finding.state, key=order.index)
        for name, row in self._rows.items():
            row.mark(states.get(name))

    def go_to(self, name: str) -> None:
        """Puts the focus into a field."""
        self._rows[name].query("ChoiceLine, Input").first().focus()

    def go_to_problem(self, subject: str) -> None:
        """Puts the focus into the field that a check speaks of, if there is one."""
        name = _field_of(subject)
        if name in self._rows:
            self.go_to(name)

    # Run, checkpoint, device

    @on(ChoiceLine.Opened, "#run")
    def list_runs(self) -> None:
        """A list of the runs that can answer; a path in it means a checkpoint's folder."""
        picker = Picker(
            "Which run answers?",
            self._find_models,
            hint="a name, tag:x, eer<0.1, … or a path such as checkpoints/",
            foot="enter chooses · tab completes a checkpoint's path · esc cancels",
        )
        self.app.push_screen(picker, self._picked_model)

    def _find_models(self, text: str) -> list[Item]:
        from kryptui.tui.submit import picks

        if picks.is_path(text):
            return picks.find_models(self.root, text)
        return picks.find_runs(self._record, text)

    def _picked_model(self, value: str | None) -> None:
        if value is None:
            return
        self._checkpoint = "best"
        if not value.startswith("/"):
            self.want_run(value)
            return
        from kryptui.tui.submit.model import of_folder

        def take(model: Model) -> None:
            self.show_model(model, "")
            self.post_message(self.Chosen(typed=False))

        self.app.act(partial(of_folder, Path(value)), take)

    def want_run(self, run_id: str) -> None:
        """Another run is to answer; its model is shown once it is read."""
        self._checkpoint, self.model = "best", None
        self._run_line.put(Text("looking …", "dim"))
        self._show_checkpoint()
        self.post_message(self.RunWanted(run_id))

    def _show_checkpoint(self) -> None:
        model, chosen = self.model, self.checkpoint
        if model is None or chosen is None:
            self._checkpoint_line.put(Text("none", "dim"))
            return
        words = drawing.checkpoint_words(chosen, model.headline)
        self._checkpoint_line.put(words, model.checkpoints.index(chosen), len(model.checkpoints))

    @on(ChoiceLine.Turned, "#checkpoint")
    def _turn_checkpoint(self, event: ChoiceLine.Turned) -> None:
        model, chosen = self.model, self.checkpoint
        if model is not None and chosen is not None:
            place = (model.checkpoints.index(chosen) + event.by) % len(model.checkpoints)
            self._choose_checkpoint(model.checkpoints[place].name)

    @on(ChoiceLine.Opened, "#checkpoint")
    def _list_checkpoints(self) -> None:
        model, chosen = self.model, self.checkpoint
        if model is not None and chosen is not None:
            choices = [
                Choice(one.name, drawing.checkpoint_words(one, model.headline).plain) for one in model.checkpoints
            ]
            self.app.push_screen(Choose("Which checkpoint?", choices, start=chosen.name), self._choose_checkpoint)

    def _choose_checkpoint(self, name: str | None) -> None:
        if name is not None:
            self._checkpoint = name
            self._show_checkpoint()
            self.post_message(self.Chosen(typed=False))

    def _show_device(self) -> None:
        self._device_line.put(Text(self.device), list(self._devices).index(self.device), len(self._devices))

    def _take_devices(self, devices: Sequence[str]) -> None:
        self._devices = (*devices, *(() if self.device in devices else (self.device,)))
        self._show_device()

    def _take_own_device(self, device: str) -> None:
        """A model answers where its configuration says, unless somebody has chosen otherwise."""
        if not self._device_is_chosen:
            self.device = device
            self._take_devices(self._devices)

    @on(ChoiceLine.Turned, "#device")
    def _turn_device(self, event: ChoiceLine.Turned) -> None:
        place = list(self._devices).index(self.device) + event.by
        self._choose_device(self._devices[place % len(self._devices)])

    @on(ChoiceLine.Opened, "#device")
    def _list_devices(self) -> None:
        choices = [Choice(name, name) for name in self._devices]
        self.app.push_screen(Choose("On which device?", choices, start=self.device), self._choose_device)

    def _choose_device(self, device: str | None) -> None:
        if device is not None:
            self.device, self._device_is_chosen = device, True
            self._show_device()
            self.post_message(self.Chosen(typed=False))

    # What is typed

    async def _take_options(self, spec: TaskSpec | None) -> None:
        """Has a line for each option of the task."""
        from kryptui.tui.submit.checks import label_of

        if spec is self._options_of:
            return
        for name in self._options:
            await self._rows.pop(f"option-{name}").remove()
        self._options_of, self._options = spec, {}
        has_score = spec is None or spec.score is not None
        self._labels.placeholder = _LABELS if has_score else f"the task {spec.kind if spec else ''} has no score"
        settings = None if spec is None else spec.answer_settings
        for name, info in ({} if settings is None else settings.model_fields).items():
            field = Input(placeholder=info.description or "", id=f"option-{name}", select_on_focus=False)
            self._options[name] = field
            row = self._rows[f"option-{name}"] = _Row(label_of(name), field)
            await self.mount(row, before=self._rows["labels"])
        self.post_message(self.Chosen(typed=False))

    @on(PathInput.Browsed)
    def _browse(self, event: PathInput.Browsed) -> None:
        from kryptui.tui.submit.picks import find_paths

        field = event.input

        def picked(value: str | None) -> None:
            if value is not None:
                field.value = short(Path(value), self.root)
                field.cursor_position = len(field.value)

        find = partial(find_paths, self.root, field.suffixes)
        foot = "enter chooses · tab goes into a folder · esc cancels"
        self.app.push_screen(Picker("Which one?", find, field.value, field.placeholder, foot), picked)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Chosen(typed=True))


def _field_of(subject: str) -> str:
    """The id of the field that a check speaks of; an option's check has its title as subject."""
    ids: Mapping[str, str] = {
        "model": "checkpoint", "contract": "checkpoint", "test data": "source", "room": "output",
    }  # fmt: skip
    return ids.get(subject, subject if subject in _TITLES else f"option-{subject.replace(' ', '_')}")


def _devices() -> Sequence[str]:
    """What may be asked for here."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return (AUTO, "cpu", *(f"cuda:{number}" for number in range(count)))
