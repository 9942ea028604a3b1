"""What a configuration can begin with: presets, files, and runs on record; as a list, or looked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from kryptui.draw.words import clip
from kryptui.tui import paths
from kryptui.tui.configure import starts
from kryptui.tui.widgets.picker import Item, Picker

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp

_FEW_RUNS = 8
_MANY_RUNS = 200
_NAME = 24
_OTHER = "\0"


class StartList(OptionList):
    """The first page's choice: all presets and files, and the newest runs."""

    app: KryptuiApp

    @dataclass
    class Chosen(Message):
        """It is to begin with this: a preset, a path, or a run's id; None: something that is not in the list."""

        what: str | None

    def fill(self) -> None:
        """Looks what there is, in a thread, and takes the focus with it."""
        self.app.act(lambda: _every(self.app, _FEW_RUNS), self._show)

    def _show(self, found: Sequence[tuple[str, Text]]) -> None:
        here = self.highlighted
        self.clear_options()
        self.add_options([Option(line, id=what) for what, line in found])
        self.add_option(Option(_line("file", "another …", "type its path; or find any run"), id=_OTHER))
        self.highlighted = here or 0
        if self.is_on_screen:
            self.focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(None if event.option_id == _OTHER else event.option_id))


def pick(app: KryptuiApp, chosen: Callable[[str], object]) -> None:
    """Looks for what to begin with in a list that narrows as one types; a path may be typed too."""
    root = app.workspace.root
    every: list[tuple[str, Text]] = []

    def find(text: str) -> list[Item]:
        if not every:
            every.extend(_every(app, _MANY_RUNS))
        words = text.lower().split()
        found = [Item(what, line) for what, line in every if all(word in line.plain.lower() for word in words)]
        on_disk = paths.completions(text, root, starts.SUFFIXES) if text else []
        return [
            *found,
            *(Item(path, _line("file", path, ""), path) for path in on_disk if path not in dict(every)),
        ]

    def answered(what: str | None) -> None:
        if what is not None:
            chosen(what)

    foot = "enter begins with it · tab completes a path · esc closes"
    app.push_screen(Picker("begin with", find, hint="a preset, a run, or the path of a file", foot=foot), answered)


def _every(app: KryptuiApp, runs: int) -> list[tuple[str, Text]]:
    """Everything by what it is called in `ConfigurePage`, with its line."""
    found = [(name, _line("preset", name, about)) for name, about in starts.presets()]
    found += [(name, _line("file", name, "")) for name in starts.files(app.workspace.root)]
    recent = [] if app.record.is_missing else starts.recent_runs(app.record.store(), runs)
    return [*found, *((run.id, _line("run", run.name, f"{run.id} · {run.status}")) for run in recent)]


def _line(kind: str, name: str, about: str) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis").append(f"{kind:<8}", "dim")
    text.append(f"{clip(name, 40):<{_NAME}}", "bold")
    return text.append(f"  {clip(about, 120)}", "dim")
