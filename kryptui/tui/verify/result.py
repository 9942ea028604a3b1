"""What came of a comparison: the faces side by side with their pairs, or the matrix; and what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from kryptui.draw.words import clip, line
from kryptui.tui.verify import drawing
from kryptui.tui.verify.crops_view import CropsView
from kryptui.tui.verify.matrix_view import Grid, MatrixView
from kryptui.tui.widgets.line_list import LineList

if TYPE_CHECKING:
    from kryptui.faces.comparing import Verified
    from kryptui.faces.similarities import SimilarityMatrix
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.verify.bench import Shown

_NOTHING = """nothing to show yet

/ chooses the model, p the pictures: two or more with blanks between them, or one folder. Enter compares.

Pictures give each pair of faces with its similarity and, where the model's evaluation is on record, the
probability of one person and the verdict. A folder gives the matrix of all its faces, person beside person."""


class Result(Vertical):
    """Shows one comparison at a time."""

    app: KryptuiApp

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shown: Shown | None = None
        """What is shown."""
        self.matrix = MatrixView(id="matrix", classes="pane")
        """The matrix; its cursor is the pair that is looked at."""
        self._crops, self._list = CropsView(id="crops"), LineList(self._line, id="pairs")
        self._faces = Vertical(self._crops, id="seen", classes="pane")
        self._listed = Vertical(self._list, id="listed", classes="pane")
        self._judge = Static("", id="judge")

    def compose(self) -> ComposeResult:
        yield Static(Text(_NOTHING, "dim"), id="nothing")
        yield self.matrix
        yield self._faces
        yield self._listed
        yield self._judge

    def show(self, shown: Shown) -> None:
        """Shows what came of a comparison."""
        self.shown = shown
        self.add_class("-shown")
        self._judge.update(drawing.judge_text(shown, self.app.workspace.root))
        if shown.matrix is not None:
            self._show_matrix(shown, shown.matrix)
        elif shown.verified is not None:
            self._show_pairs(shown, shown.verified)

    def _show_matrix(self, shown: Shown, matrix: SimilarityMatrix) -> None:
        wrong = frozenset((pair.first, pair.second) for pair in shown.suspects)
        grid = Grid(matrix.names, shown.columns, matrix.people, matrix.values, wrong)
        title = f"similarity of {len(matrix.names):,} faces, {len(set(matrix.people)):,} people"
        self.matrix.border_title = Content(f"{clip(shown.asked.pictures[0].name, 32)}: {title}")
        self.matrix.border_subtitle = "bold: one person · underlined: likely wrong"
        first = shown.suspects[0]
        self.matrix.show(grid, (first.first, first.second))

    def _show_pairs(self, shown: Shown, verified: Verified) -> None:
        names = [drawing.name_of(shown, row) for row in range(len(verified.names))]
        faces = zip(verified.names, names, verified.crops, strict=True)
        self._faces.border_title, self._listed.border_title = "as the model sees them", "pairs by similarity"
        self._crops.forget()
        self._crops.show([(full, name, crop.pixels) for full, name, crop in faces])
        self._list.show(len(verified.pairs), 0)

    def _line(self, place: int, width: int) -> Text:
        shown = self.shown
        if shown is None or shown.verified is None:
            return line()
        return drawing.pair_line(shown, shown.verified.pairs[place], width)

    def focus_main(self) -> None:
        """The keys act on the matrix, or on the pairs."""
        is_matrix = self.shown is not None and self.shown.matrix is not None
        (self.matrix if is_matrix else self._list).focus()
