"""What came of a submission: its file and how it was made, the first and last rows, the spread, the score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from kryptui.draw.words import clean, clip
from kryptui.tell.run import local
from kryptui.tui.paths import shorten
from kryptui.tui.submit import drawing

if TYPE_CHECKING:
    from kryptui.runs.rows import RunRow
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.submit.answer_file import AnswerFile
    from kryptui.tui.submit.submissions import Score

_NOTHING = """nothing to show yet

A submission that is done is shown here: its file, how it was made, its first and last rows.
So is one of the history: h goes there, enter shows it."""


class Result(VerticalScroll):
    """Shows one submission at a time; files are read and scored in threads."""

    app: KryptuiApp

    @dataclass
    class Scored(Message):
        """A submission has a score now."""

        run_id: str

    def __init__(self, root: Path, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._root = root
        self.run: RunRow | None = None
        """The submission that is shown."""
        self.file: AnswerFile | None = None
        self._wanted: str | None = None
        self._labels: Path | None = None
        self._facts = Static(Text(_NOTHING, "dim"), id="result-facts")
        self._preview, self._spread = Static("", id="result-preview"), Static("", id="result-spread")
        self._origin = Static("", id="result-origin")

    def compose(self) -> ComposeResult:
        yield self._facts
        yield Horizontal(self._preview, self._spread, id="result-rows")
        yield self._origin

    def open(self, run_id: str) -> None:
        """Shows the submission of that run, as it lies on disk now."""
        self._wanted = run_id
        self.border_subtitle = "reading …"

        def read() -> tuple[RunRow, AnswerFile | None]:
            from kryptui.runs.submissions import SUBMISSION
            from kryptui.tui.submit.answer_file import read_answer

            store = self.app.record.store()
            run = store.get_run(run_id)
            files = [file for file in store.artifacts(run_id) if file.kind == SUBMISSION]
            if not files:
                return run, None
            return run, read_answer(Path(files[-1].path), files[-1].sha256, lambda: self._wanted != run_id)

        def show(found: tuple[RunRow, AnswerFile | None]) -> None:
            if self._wanted == run_id:
                self._take(*found)

        def failed(error: str) -> None:
            if self._wanted == run_id:
                self.run = self.file = None
                self._draw(Text(shorten(clean(error), self._root), "red"), "")

        self.app.act(read, show, failed)

    def _take(self, run: RunRow, file: AnswerFile | None) -> None:
        self.run, self.file = run, file
        self.scroll_home(animate=False)
        self._show()
        self._score()

    def _show(self) -> None:
        run, file = self.run, self.file
        if run is None:
            return
        if file is None:
            words = f"{run.status}; it wrote no file" + (f": {run.error}" if run.error else "")
            self._draw(Text(clean(words), "red" if run.error else "dim"), clip(run.name, 40))
            return
        self._draw(
            drawing.answer_facts(file, self.app.submissions.scores.get(run.id), self._root), clip(run.name, 40)
        )
        self._preview.update(drawing.preview(file))
        self._spread.update(drawing.Spread(file))
        self._origin.update(drawing.answer_origin(file, self._root))

    def _draw(self, facts: RenderableType, title: str) -> None:
        self.border_title = Content(f"result · {title}" if title else "result")
        self.border_subtitle = "" if self.run is None else local(self.run.created)
        self._facts.update(facts)
        for part in (self._preview, self._spread, self._origin):
            part.update("")

    # Score

    def score_against(self, labels: Path | None) -> None:
        """Holds what is shown, now and later, against these labels."""
        self._labels = labels
        self._score()

    def _score(self) -> None:
        run, file, labels = self.run, self.file, self._labels
        scores = self.app.submissions.scores
        if run is None or file is None or labels is None:
            return
        known = scores.get(run.id)
        if known is not None and known.labels == labels:
            return
        from kryptui.tui.submit.submissions import Score

        def found(score: Score) -> None:
            scores[run.id] = score
            if self.run is run:
                self._show()
            self.post_message(self.Scored(run.id))

        self.app.act(
            lambda: Score(labels, _score(run.task, file.path, labels)),
            found,
            lambda error: found(Score(labels, {}, error)),
        )


def _score(task: str, answers: Path, labels: Path) -> dict[str, float]:
    """What the task says; raises InputError where it has no score, or the files do not fit together."""
    from kryptui.errors import InputError
    from kryptui.tasks import registry

    spec = registry.get(task)
    if spec.score is None:
        raise InputError(f"the task {task} has no score")
    return dict(registry.import_object(spec.score)(answers, labels))
