"""Choosing a dataset: a tree of folders, a line to type a path into, and how to begin where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from kryptui.draw.words import clean
from kryptui.tui.data.folder_tree import MARK, DatasetInput, FolderTree, Look
from kryptui.tui.paths import absolute

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp

_HINT = f"enter opens what is marked {MARK} · → unfolds · / types a path · u goes up"

_BEGIN = """no dataset here yet. To begin:

  d   draw demo faces into data/faces: 48 people, in a minute
  /   type the path of a folder or of a csv file, wherever it lies
  u   look in the folder above

The contest's own data, from a shell:

  kryptui data get kryptonite

Folders of images by person, a tree with meta.json, and a manifest csv are datasets."""


class DatasetChooser(Vertical):
    """The tree has the keys; what is wrong with the last choice stands below it."""

    BINDINGS = [
        Binding("slash", "type", "Path", key_display="/", tooltip="type a path"),
        Binding("d", "draw", "Demo faces", tooltip="draw demo faces into data/faces"),
    ]

    app: KryptuiApp

    @dataclass
    class Typed(Message):
        """A path was entered."""

        path: Path

    def __init__(self, look: Look, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._look = look

    def compose(self) -> ComposeResult:
        with Horizontal(id="path-line"):
            yield Static("path", id="path-sign")
            yield DatasetInput(lambda: self.app.workspace.root, "a folder, or a csv file", id="path")
        yield FolderTree(self._look, id="folders")
        yield Static(id="chooser-error", markup=False)
        yield Static("looking into the workspace …", id="chooser-hint", markup=False)

    @property
    def folders(self) -> FolderTree:
        """What has the keys."""
        return self.query_one(FolderTree)

    def refuse(self, problem: str) -> None:
        """Says what is wrong with a path; nothing takes it back."""
        self.query_one("#chooser-error", Static).update(Text(clean(problem)))
        self.set_class(bool(problem), "-refused")

    @on(FolderTree.Listed)
    def _listed(self, event: FolderTree.Listed) -> None:
        event.stop()
        is_empty = not event.listing.has_dataset and self.folders.top == self.app.workspace.root
        self.set_class(is_empty, "-empty")
        self.query_one("#chooser-hint", Static).update(_BEGIN if is_empty else _HINT)

    @on(Input.Submitted, "#path")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.post_message(self.Typed(absolute(event.value, self.app.workspace.root)))

    @on(DatasetInput.Left)
    def _left(self) -> None:
        self.screen.set_focus(self.folders)

    def action_type(self) -> None:
        """A path may be typed."""
        self.screen.set_focus(self.query_one(DatasetInput))

    def action_draw(self) -> None:
        """Demo faces."""
        self.app.draw_faces()
