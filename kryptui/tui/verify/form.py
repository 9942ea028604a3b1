"""The form in which a comparison is chosen: by which model, of which pictures, how."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from kryptui.data.image_names import IMAGE_SUFFIXES
from kryptui.errors import InputError
from kryptui.tui.dialogs import Choice, Choose
from kryptui.tui.paths import absolute, short
from kryptui.tui.submit import drawing
from kryptui.tui.submit.model import Model
from kryptui.tui.verify.asked import FACES, Asked, Faces, ModelAsked
from kryptui.tui.verify.words import LastOnDisk, join, last, split
from kryptui.tui.widgets.choice_line import ChoiceLine
from kryptui.tui.widgets.path_input import PathInput
from kryptui.tui.widgets.picker import Item, Picker

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.submit.model import Checkpoint

AUTO = "auto"

_PICTURES = (*sorted(IMAGE_SUFFIXES), ".csv")
_WEIGHTS = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")
_TITLES = {
    "model": "model",
    "checkpoint": "checkpoint",
    "config": "config",
    "pictures": "pictures",
    "faces": "faces",
    "detector": "detector",
    "threshold": "threshold",
    "device": "device",
}


@dataclass(frozen=True)
class Lack:
    """What is not chosen yet, or wrong: the field, and what to do."""

    field: str
    words: str


class Form(Vertical):
    """Model, checkpoint or configuration, pictures, and how faces are found and judged."""

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
        self._note = ""
        self._checkpoint, self._device = "best", AUTO
        self._faces: Faces = "central"
        self._devices: Sequence[str] = (AUTO, "cpu")
        self._model_line, self._checkpoint_line = ChoiceLine("looking …", id="model"), ChoiceLine(id="checkpoint")
        self._config = PathInput(root, "configuration or preset of these", (".yaml", ".yml"), id="config")
        self._pictures = PathInput(root, "two pictures or more, or a folder", _PICTURES, id="pictures")
        self._pictures.suggester = LastOnDisk(root, _PICTURES)
        self._faces_line, self._device_line = ChoiceLine(id="faces"), ChoiceLine(id="device")
        self._detector = PathInput(root, "from kryptui weights get yunet", (".onnx",), id="detector")
        self._threshold = Input(placeholder="the checkpoint's own", id="threshold", select_on_focus=False)
        fields: tuple[Widget, ...] = (
            self._model_line, self._checkpoint_line, self._config, self._pictures, self._faces_line,
            self._detector, self._threshold, self._device_line,
        )  # fmt: skip
        self._rows = {str(field.id): self._row(field) for field in fields}

    def compose(self) -> ComposeResult:
        yield from self._rows.values()

    def on_mount(self) -> None:
        """Looks which devices there are."""
        self._show_choices()
        self.app.act(_devices, self._take_devices)

    # What is chosen

    @property
    def is_weights(self) -> bool:
        """Whether the model is a file of weights, which needs a configuration."""
        model = self.model
        return model is not None and model.run is None and model.folder.suffix in _WEIGHTS

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The one that is chosen; where it is gone, the first."""
        found = () if self.model is None else self.model.checkpoints
        return next((one for one in found if one.name == self._checkpoint), found[0] if found else None)

    def paths(self) -> list[Path]:
        """The pictures, or the folder; raises InputError for a line that cannot be split."""
        return [absolute(path, self.root) for path in split(self._pictures.value)]

    def asked(self, *, is_folder: bool) -> Asked | Lack:
        """All that is chosen, or the first thing that lacks."""
        model = self._model_asked()
        if isinstance(model, Lack):
            return model
        try:
            paths = self.paths()
        except InputError as error:
            return Lack("pictures", str(error))
        if not paths:
            return Lack("pictures", "pictures: none chosen; type two or more, or a folder (p)")
        if len(paths) == 1 and not is_folder and model.faces != "all":
            return Lack("pictures", "pictures: one alone; name another, or have all its faces compared (faces)")
        if is_folder and model.faces == "all":
            return Lack("faces", "faces: of a folder one face of each picture counts; choose which")
        text = self._threshold.value.strip()
        threshold = _number(text)
        if text and threshold is None:
            return Lack("threshold", f"threshold: {text!r} is not a finite number")
        return Asked(model, tuple(paths), is_folder, threshold)

    def _model_asked(self) -> ModelAsked | Lack:
        model, checkpoint = self.model, self.checkpoint
        config = self._config.value.strip()
        if model is None:
            return Lack("model", f"model: {self._note or 'none yet'}")
        if self.is_weights:
            asked = ModelAsked(model.what, model.name, model.folder, config=self._config_of(config))
        elif checkpoint is None:
            return Lack("model", f"model: {model.problem}; or choose another (/)")
        else:
            asked = ModelAsked(model.what, model.name, model.place(checkpoint), checkpoint.name or "best")
        detector = self._detector.value.strip()
        return replace(
            asked,
            faces=self._faces,
            detector=absolute(detector, self.root) if detector else None,
            device=None if self._device == AUTO else self._device,
        )

    def _config_of(self, text: str) -> str | None:
        """A file as a whole path, a preset as it is named."""
        return str(absolute(text, self.root)) if text.endswith((".yaml", ".yml")) else text or None

    # What the page puts into it

    def show_model(self, model: Model | None, note: str) -> None:
        """What is to compare; where nothing is, why."""
        self.model, self._note = model, note
        self._model_line.put(Text(note, "dim") if model is None else drawing.model_words(model))
        self._show_choices()

    def go_to(self, name: str) -> None:
        """Puts the focus into a field."""
        self._rows[name].query("ChoiceLine, Input").first().focus()

    def _row(self, field: Widget) -> Horizontal:
        name = Static(Text(f"  {_TITLES[str(field.id)]}", "dim"), classes="form--name")
        return Horizontal(name, field, classes="form--row")

    def _show_choices(self) -> None:
        model, chosen = self.model, self.checkpoint
        self._rows["config"].display = self.is_weights
        self._rows["checkpoint"].display = not self.is_weights
        if model is None or chosen is None:
            self._checkpoint_line.put(Text("none", "dim"))
        else:
            words = drawing.checkpoint_words(chosen, model.headline)
            self._checkpoint_line.put(words, model.checkpoints.index(chosen), len(model.checkpoints))
        self._faces_line.put(Text(FACES[self._faces]), list(FACES).index(self._faces), len(FACES))
        self._device_line.put(Text(self._device), list(self._devices).index(self._device), len(self._devices))

    # Model

    @on(ChoiceLine.Opened, "#model")
    def list_models(self) -> None:
        """A list of the runs that can compare; a path in it means a checkpoint's folder, or a file of weights."""
        picker = Picker(
            "Which model compares?",
            self._find_models,
            hint="a name, tag:x, eer<0.1, … or a path such as checkpoints/ or weights.pt",
            foot="enter chooses · tab completes a path · esc cancels",
        )
        self.app.push_screen(picker, self._picked_model)

    def _find_models(self, text: str) -> list[Item]:
        from kryptui.tui.submit import picks
        from kryptui.tui.verify.reading import find_runs

        if not picks.is_path(text) and not text.endswith(_WEIGHTS):
            return find_runs(self._record, text)
        found = picks.find_models(self.root, text)
        files = picks.find_paths(self.root, _WEIGHTS, text)
        known = {item.value for item in found}
        weights = [item for item in files if item.value not in known and item.value.endswith(_WEIGHTS)]
        named = [item for item in weights if item.completes == text]
        return [*named, *found, *(item for item in weights if item not in named)]

    def _picked_model(self, value: str | None) -> None:
        if value is None:
            return
        self._checkpoint = "best"
        if not value.startswith("/"):
            self.want_run(value)
        else:
            self.app.act(partial(_of_path, Path(value)), self._take_model)

    def _take_model(self, model: Model) -> None:
        self.show_model(model, "")
        self.post_message(self.Chosen(typed=False))
        if self.is_weights and not self._config.value:
            self.go_to("config")

    def want_run(self, run_id: str) -> None:
        """Another run is to compare; its model is shown once it is read."""
        self._checkpoint, self.model = "best", None
        self._model_line.put(Text("looking …", "dim"))
        self._show_choices()
        self.post_message(self.RunWanted(run_id))

    # Lines of choices

    @on(ChoiceLine.Turned)
    def _turn(self, event: ChoiceLine.Turned) -> None:
        values, here = self._values(event.line)
        if values:
            self._choose(str(event.line.id), values[(values.index(here) + event.by) % len(values)])

    @on(ChoiceLine.Opened, "#checkpoint, #faces, #device")
    def _list(self, event: ChoiceLine.Opened) -> None:
        name = str(event.line.id)
        values, here = self._values(event.line)
        model = self.model
        if not values:
            return
        titles = {str(value): words for value, words in FACES.items()} if name == "faces" else {}
        if name == "checkpoint" and model is not None:
            titles = {one.name: drawing.checkpoint_words(one, model.headline).plain for one in model.checkpoints}
        choices = [Choice(value, titles.get(value, value)) for value in values]
        question = {"checkpoint": "Which checkpoint?", "faces": "Which faces count?", "device": "On which device?"}
        self.app.push_screen(Choose(question[name], choices, start=here), partial(self._choose, name))

    def _values(self, choice: ChoiceLine) -> tuple[list[str], str]:
        """What a line offers, and what is chosen of it."""
        if choice is self._faces_line:
            return list(FACES), self._faces
        if choice is self._device_line:
            return list(self._devices), self._device
        model, chosen = self.model, self.checkpoint
        if choice is not self._checkpoint_line or model is None or chosen is None:
            return [], ""
        return [one.name for one in model.checkpoints], chosen.name

    def _choose(self, name: str, value: str | None) -> None:
        if value is None:
            return
        if name == "checkpoint":
            self._checkpoint = value
        elif name == "faces":
            self._faces = _faces(value)
        else:
            self._device = value
        self._show_choices()
        self.post_message(self.Chosen(typed=False))

    def _take_devices(self, devices: Sequence[str]) -> None:
        self._devices = devices
        self._show_choices()

    # What is typed

    @on(PathInput.Browsed)
    def _browse(self, event: PathInput.Browsed) -> None:
        from kryptui.tui.submit.picks import find_paths

        field = event.input
        before, text = last(field.value) if field is self._pictures else ("", field.value)

        def picked(value: str | None) -> None:
            if value is not None:
                path = short(Path(value), self.root)
                field.value = f"{before}{join([path])} " if field is self._pictures else path
                field.cursor_position = len(field.value)

        find = partial(find_paths, self.root, field.suffixes)
        foot = "enter chooses · tab goes into a folder · esc cancels"
        self.app.push_screen(Picker("Which one?", find, text, field.placeholder, foot), picked)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Chosen(typed=True))


def _faces(value: str) -> Faces:
    return next(name for name in FACES if name == value)


def _number(text: str) -> float | None:
    """The finite number that a text is, if it is one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _of_path(path: Path) -> Model:
    """A file of weights, or what `of_folder` takes."""
    from kryptui.tui.submit.model import of_folder

    if path.is_file():
        return Model(str(path), path.name, path, {})
    return of_folder(path)


def _devices() -> Sequence[str]:
    """What may be asked for here."""
    from kryptui.jobs import usage

    return (AUTO, "cpu", *(f"cuda:{number}" for number in range(len(usage.machine().gpus))))
