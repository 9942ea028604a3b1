"""The samples of one group after the other, read in threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.widgets import Static

from kryptui.draw.words import clip, line
from kryptui.errors import InputError, nearest
from kryptui.figures import ImageSheet
from kryptui.tasks.datasets import Group
from kryptui.tui.widgets.line_list import LineList
from kryptui.tui.widgets.pictures_view import PicturesView

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp

Load = Callable[[str], Sequence[ImageSheet]]
"""The samples of a group by name; called in a thread."""


@dataclass(frozen=True)
class _Loaded:
    group: str
    sheets: Sequence[ImageSheet]


class SamplesPane(Container):
    """Groups in a list where there is room for it, and the samples of the one at hand."""

    BINDINGS = [
        Binding("right,n", "go(1)", "Next", key_display="←→", tooltip="the next group"),
        Binding("left,p", "go(-1)", "Previous", show=False, tooltip="the group before"),
        Binding(
            "x", "findings_first", "Findings first", tooltip="groups that findings are about first, or in order"
        ),
        Binding("home", "go(-1000000000)", "First", show=False),
        Binding("end", "go(1000000000)", "Last", show=False),
    ]

    app: KryptuiApp

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = "samples"
        self._groups: Sequence[Group] = ()
        self._order: list[int] = []
        self._concerned: Mapping[str, Sequence[str]] = {}
        self._load: Load = lambda group: ()
        self._findings_first = False
        self._wanted = ""

    def compose(self) -> ComposeResult:
        yield LineList(self._line, id="groups")
        with Vertical(id="group"):
            yield Static(id="group-text")
            yield PicturesView(id="group-pictures")

    @property
    def group(self) -> Group | None:
        """The group at hand."""
        at = self.query_one(LineList).cursor
        return self._groups[self._order[at]] if at < len(self._order) else None

    @property
    def pictures(self) -> PicturesView:
        """What has the keys."""
        return self.query_one(PicturesView)

    def show(self, groups: Sequence[Group], load: Load, concerned: Mapping[str, Sequence[str]]) -> None:
        """Shows the groups of another dataset."""
        self.pictures.forget()
        self._groups, self._load, self._concerned, self._wanted = groups, load, concerned, ""
        self._findings_first = False
        self._put_in_order(None)

    def learn(self, concerned: Mapping[str, Sequence[str]]) -> None:
        """Groups that findings are about are known now; the one at hand stays."""
        self._concerned = concerned
        self._put_in_order(self.group)

    def go_to(self, name: str) -> None:
        """Shows a group by name; raises InputError for one that is not there."""
        place = next((at for at, number in enumerate(self._order) if self._groups[number].name == name), None)
        if place is None:
            near = nearest(name, [group.name for group in self._groups])
            raise InputError(f"{name!r} is not there{near}")
        self.query_one(LineList).go(place)
        self._show_group()

    @property
    def names(self) -> list[str]:
        """The names of all groups."""
        return [group.name for group in self._groups]

    def action_go(self, by: int) -> None:
        """Another group."""
        self.query_one(LineList).action_move(by)

    def action_findings_first(self) -> None:
        """Changes the order and goes to its first; nothing where there are no findings."""
        if not self._findings_first and not self._concerned:
            self.app.say("there are no findings about any of them")
            return
        self._findings_first = not self._findings_first
        self._put_in_order(None)

    def _put_in_order(self, here: Group | None) -> None:
        order = list(range(len(self._groups)))
        if self._findings_first:
            order.sort(key=lambda number: self._groups[number].name not in self._concerned)
        self._order = order
        place = 0 if here is None else next((at for at, n in enumerate(order) if self._groups[n] is here), 0)
        self.query_one(LineList).show(len(order), place)
        self._show_group()

    @on(LineList.Moved)
    def _moved(self, event: LineList.Moved) -> None:
        event.stop()
        self._show_group()

    def _show_group(self) -> None:
        group = self.group
        text = self.query_one("#group-text", Static)
        if group is None:
            text.update(Text("there are no samples to show", "dim"))
            self.pictures.sheets = ()
            return
        at = self.query_one(LineList).cursor
        title = Text(no_wrap=True, overflow="ellipsis")
        title.append(f"‹ {clip(group.name, 40)} ›", "bold").append(f"  {group.about}")
        title.append(f"  {at + 1:,} of {len(self._order):,}", "dim")
        if group.name in self._concerned:
            title.append(f"  {', '.join(self._concerned[group.name])}", "yellow")
        text.update(title)
        if group.name != self._wanted:
            self._wanted = group.name
            load = self._load
            self.app.act(lambda: _Loaded(group.name, load(group.name)), self._loaded)

    def _loaded(self, loaded: _Loaded) -> None:
        if loaded.group == self._wanted:
            self.pictures.sheets = loaded.sheets

    def _line(self, place: int, width: int) -> Text:
        group = self._groups[self._order[place]]
        mark = "! " if group.name in self._concerned else "  "
        about = clip(group.about, width // 2)
        text = line(mark, "yellow").append(clip(group.name, max(4, width - cell_len(about) - 4)))
        return text.append(" " * max(1, width - text.cell_len - cell_len(about) - 1)).append(about, "dim")
