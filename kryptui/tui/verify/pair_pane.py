"""Two faces of a matrix and what is known of them; the faces are found again when they are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from kryptui.draw.words import clean
from kryptui.tui.latest import Latest
from kryptui.tui.verify import drawing
from kryptui.tui.verify.crops_view import CropsView

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from kryptui.jobs.recogniser import Recogniser
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.verify.bench import Shown

    Found = dict[Path, "NDArray[np.uint8] | str"]

_KEPT = 200


class PairPane(Vertical):
    """Names, similarity and verdict, and below them the faces as the model sees them."""

    app: KryptuiApp

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.border_title = "pair"
        self._shown: Shown | None = None
        self._pair = (0, 0)
        self._latest = Latest(self.app)
        self._found: Found = {}
        self._words, self._crops = Static("", id="pair"), CropsView(id="pair-faces")

    def compose(self) -> ComposeResult:
        yield self._words
        yield self._crops

    def show(self, shown: Shown, first: int, second: int) -> None:
        """Shows two faces of a matrix by their places in it, equal ones once."""
        assert shown.matrix is not None
        if shown is not self._shown:
            self._shown = shown
            self._found = {}
            self._crops.forget()
        self._pair = first, second
        self._words.update(drawing.pair_text(shown, first, second))
        rows = list(dict.fromkeys(self._pair))
        missing = [path for row in rows if (path := shown.matrix.paths[row]) not in self._found]
        if not missing:
            self._latest.forget()
            self._show_faces(shown, rows)
            return

        def take(found: Found) -> None:
            if len(self._found) > _KEPT:
                self._found = {}
            self._found |= found
            self.show(shown, *self._pair)

        self._latest.ask(partial(_find, shown.recogniser, missing), take, self.app.fail)

    def _show_faces(self, shown: Shown, rows: Sequence[int]) -> None:
        assert shown.matrix is not None
        faces = []
        for letter, row in zip("ab", rows, strict=False):
            name, found = shown.matrix.names[row], self._found[shown.matrix.paths[row]]
            if isinstance(found, str):
                self._words.update(Text(f"{letter}: {clean(found)}", "red"))
            else:
                faces.append((name, letter, found))
        self._crops.show(faces)


def _find(recogniser: Recogniser, paths: Sequence[Path]) -> Found:
    """The face in each picture as the model sees it (H, W, 3), or why there is none."""
    answer: Found = {}
    for path in paths:
        found = recogniser.crops(path)
        answer[path] = found[0].pixels if isinstance(found, list) else found.why
    return answer
