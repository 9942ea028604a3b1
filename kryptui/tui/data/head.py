"""The two lines above a dataset: what it is and how far one is with it, and its sections by their keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from kryptui.draw.words import clip, clip_left, line
from kryptui.tui.work import Work

if TYPE_CHECKING:
    from kryptui.tui.data.opened import Opened

_LEAST_NAME = 16


class DatasetHead(Widget):
    """Draws what it is given; nothing is kept but that."""

    ALLOW_SELECT = False

    def __init__(self, keys: Mapping[str, str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys = keys
        self._root = Path()
        self._opened: Opened | None = None
        self._work: Work | None = None
        self._note = self._section = ""

    def show(self, root: Path, opened: Opened | None, work: Work | None, note: str, section: str) -> None:
        """Shows a dataset of the workspace, what goes on or else `note`, and which section is seen, if any."""
        self._root, self._opened, self._work, self._note, self._section = root, opened, work, note, section
        self.set_class(bool(section), "-two")
        self.refresh()

    def render(self) -> Text:
        """One line, or two where there are sections, of exactly the width that there is."""
        return Text("\n").join([self._state(self.size.width), self._sections(self.size.width)])

    def _state(self, width: int) -> Text:
        opened = self._opened
        if opened is None:
            text = line().append(f" {clip(self._note or 'choose a dataset', width - 2)}", "bold")
            room = width - text.cell_len - 5
            return text if self._note else text.append(f"  in {clip_left(str(self._root), room)}", "dim")
        text = line().append(f" {clip_left(opened.name, max(_LEAST_NAME, width // 3))}", "bold")
        text.append(f"  {clip(opened.kind, 20)}", "dim")
        state = self._progress(opened, width - text.cell_len - 3)
        return text.append(" " * (width - text.cell_len - state.cell_len - 1)).append_text(state)

    def _progress(self, opened: Opened, room: int) -> Text:
        if self._work is not None:
            return self._work.tell(room)
        if self._note:
            return line(clip(self._note, room), "yellow")
        if not opened.known.is_whole:
            return line(clip("not inspected: i reads every file", room), "dim")
        found = opened.known.findings
        if not found:
            return line(clip("inspected: nothing wrong", room), "green")
        return line(clip(f"inspected: {found:,} finding{'' if found == 1 else 's'}", room))

    def _sections(self, width: int) -> Text:
        text = line()
        if self._opened is None or not self._section:
            return text
        found = sum(len(found.findings or ()) for found in self._opened.concerns if found.level != "note")
        for name, key in self._keys.items():
            here = name == self._section
            click = Style(meta={"@click": f"screen.section('{name}')"})
            count = f" {found:,}" if name == "findings" and found else ""
            text.append(f" {key} ", Style(bold=True) + click)
            text.append(f"{name}{count}", Style(bold=here, underline=here, dim=not here) + click).append("  ")
        command = clip_left(self._opened.dataset.command(), 60)
        room = width - text.cell_len - cell_len(command) - 10
        if command and room > 1:
            text.append(" " * room + "y copies ", "dim").append(command, "dim")
        return text
