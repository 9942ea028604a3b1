"""By which model labels are examined: the form of the Verify page, of one dataset in the place of pictures."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult

from kryptui.tui.verify import form


class Form(form.Form):
    """Model, checkpoint or configuration, and how faces are found; the threshold comes from the data."""

    def __init__(self, dataset: Path, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._dataset = dataset
        self._threshold.placeholder = "by the data"

    def compose(self) -> ComposeResult:
        yield from (row for name, row in self._rows.items() if name != "pictures")

    def paths(self) -> list[Path]:
        """The dataset."""
        return [self._dataset]
