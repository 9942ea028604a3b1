"""What was looked for and found: a list that folds, and beside it the finding at hand with its pictures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widgets import Static

from kryptui.draw.words import clean, clip, clip_left, line
from kryptui.figures import ImageSheet
from kryptui.tasks.datasets import Concern, Finding
from kryptui.tui.widgets.line_list import LineList
from kryptui.tui.widgets.pictures_view import PicturesView

MARKS = {"wrong": ("✗", "red"), "doubtful": ("!", "yellow"), "note": ("·", "cyan")}
"""The sign and colour of each level."""

_FINE, _UNKNOWN = ("✓", "green"), ("…", "dim")

_UNFOLDED = 60
"""Findings of one concern that are shown at once unless asked for."""

_COMPARED = 4

_Row = tuple[Concern, Finding | None]


class FindingsPane(Container):
    """Concerns with their findings; enter folds a concern, and shows a finding alone, as large as can be."""

    BINDINGS = [
        Binding("left,h", "fold(True)", "Fold", show=False, tooltip="fold what stands under this title"),
        Binding("right,l", "fold(False)", "Unfold", show=False, tooltip="unfold what stands under this title"),
        Binding("enter", "look", "Look", tooltip="show the finding alone, or fold what stands under the title"),
        Binding("e", "elsewhere", "Samples", tooltip="show all samples of the group that the finding is about"),
        Binding("escape", "back", "Back", show=False, tooltip="back to the list"),
    ]

    @dataclass
    class GroupWanted(Message):
        """All samples of a group are to be shown."""

        group: str

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = "findings"
        self._concerns: Sequence[Concern] = ()
        self._so_far: Collection[str] = ()
        self._rows: list[_Row] = []
        self._folded: dict[str, bool] = {}
        self._shown: Finding | Concern | None = None

    def compose(self) -> ComposeResult:
        yield LineList(self._line, id="finding-list")
        with Vertical(id="finding"):
            yield Static(id="finding-text")
            yield PicturesView(id="finding-pictures")

    @property
    def here(self) -> _Row | None:
        """The concern and the finding under the cursor."""
        at = self.query_one(LineList).cursor
        return self._rows[at] if at < len(self._rows) else None

    def show(self, concerns: Sequence[Concern], so_far: Collection[str] = (), *, afresh: bool = False) -> None:
        """Shows what is known now, of some `so_far`, by title; `afresh` where it is another dataset."""
        here = None if afresh else self.here
        if afresh:
            self._folded, self._shown = {}, None
            self.remove_class("-alone")
            self.query_one(PicturesView).forget()
        self._concerns, self._so_far = concerns, so_far
        self._lay_out(here, at_top=afresh)

    def _lay_out(self, here: _Row | None, *, at_top: bool = False) -> None:
        self._rows = []
        for concern in self._concerns:
            self._rows.append((concern, None))
            if concern.findings and not self._is_folded(concern):
                self._rows += [(concern, finding) for finding in concern.findings]
        place = 0 if at_top else None
        if here is not None:
            wanted = here[0].title, here[1] and here[1].what
            place = next((at for at, (concern, finding) in enumerate(self._rows)
                          if (concern.title, finding and finding.what) == wanted), None)  # fmt: skip
        self.query_one(LineList).show(len(self._rows), place)
        self._show_detail()

    def _is_folded(self, concern: Concern) -> bool:
        many = concern.level == "note" or len(concern.findings or ()) > _UNFOLDED
        return self._folded.get(concern.title, many)

    # Lines

    def _line(self, place: int, width: int) -> Text:
        concern, finding = self._rows[place]
        if finding is not None:
            about = clip(finding.about, width // 2)
            room = width - 5 - (cell_len(about) + 2 if about else 0)
            what = clip_left(finding.what, room)
            text = line(f"    {what}")
            return text.append(" " * (width - text.cell_len - cell_len(about) - 1)).append(about, "dim")
        found = concern.findings
        mark, colour = _UNKNOWN if found is None else MARKS[concern.level] if found else _FINE
        text = line(f" {mark} ", colour).append(clip(concern.title, width - 14), "bold" if found else "dim")
        if found is None:
            return text.append("  not looked yet", "dim")
        if not found:
            return text.append("  none", "dim")
        so_far = " so far" if concern.title in self._so_far else ""
        text.append(f"  {len(found):,}{so_far}", colour)
        return text.append("  ▸" if self._is_folded(concern) else "", "dim")

    def _show_detail(self) -> None:
        here = self.here
        shown = None if here is None else here[1] or here[0]
        if shown is self._shown and isinstance(shown, Finding):
            return
        self._shown = shown
        text, sheet = Text(), None
        if here is not None:
            concern, finding = here
            if finding is None:
                text.append(clean(concern.title), "bold").append(f"\n{concern.about}", "dim")
            else:
                sheet = finding.sheet
                text.append(clean(finding.what)).append(f"\n{clean(finding.about) or concern.about}", "dim")
                if finding.groups:
                    text.append(f" · e shows all of {clip(finding.groups[0], 30)}", "dim")
        self.query_one("#finding-text", Static).update(text)
        pictures = self.query_one(PicturesView)
        pictures.display = sheet is not None
        pictures.sheets = _side_by_side(sheet) if sheet is not None else []

    @on(LineList.Moved)
    def _moved(self, event: LineList.Moved) -> None:
        event.stop()
        if isinstance(event, LineList.Chosen):
            self.action_look()
        else:
            self._show_detail()

    # Keys

    def action_fold(self, folded: bool) -> None:
        """Folds or unfolds what the cursor stands in."""
        if self.here is not None and self.here[0].findings:
            concern = self.here[0]
            self._folded[concern.title] = folded
            self._lay_out((concern, None) if folded else self.here)

    def action_look(self) -> None:
        """A finding alone and back; a title folds and unfolds."""
        if self.here is None:
            return
        concern, finding = self.here
        if finding is None:
            self.action_fold(not self._is_folded(concern))
        else:
            self.toggle_class("-alone")

    def action_back(self) -> None:
        """The list again."""
        self.remove_class("-alone")

    def action_elsewhere(self) -> None:
        """All samples of the first group that the finding is about."""
        if self.here is not None and self.here[1] is not None and self.here[1].groups:
            self.post_message(self.GroupWanted(self.here[1].groups[0]))


def _side_by_side(sheet: ImageSheet) -> list[ImageSheet]:
    """A few pictures in one row, as they are to be compared; many as they come."""
    if len(sheet.paths) > _COMPARED:
        return [sheet]
    return [ImageSheet("", [path], [caption]) for path, caption in zip(sheet.paths, sheet.captions, strict=True)]
