"""Which rows of a form are seen: blocks fold, and a filter or a view sifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from kryptui.tui.configure.draft import Checked, changes
from kryptui.tui.configure.fields import Row
from kryptui.tui.configure.outline import Place

View = Literal["all", "given", "changed"]
"""All rows, those that the YAML gives, or those whose value is another than at the start."""

VIEWS: tuple[View, ...] = ("all", "given", "changed")


@dataclass
class Seen:
    """What is folded, looked for and sifted out."""

    folds: dict[Place, bool] = field(default_factory=dict)
    filter: str = ""
    view: View = "all"

    @property
    def is_sifted(self) -> bool:
        """Whether some rows are left out; then nothing is folded."""
        return bool(self.filter.strip()) or self.view != "all"

    def is_folded(self, row: Row) -> bool:
        """Whether a block hides its rows; at first where the YAML gives nothing of it."""
        if row.role == "value" or self.is_sifted:
            return False
        return self.folds.get(row.place, not row.is_given or not row.value)

    def unfold_to(self, place: Place) -> None:
        """Has the row of a place seen."""
        self.filter, self.view = "", "all"
        for length in range(1, len(place)):
            self.folds[place[:length]] = False

    def of(self, rows: Sequence[Row], start: Checked) -> list[Row]:
        """The rows that are seen, in order; with each that is found, what it stands in."""
        if not self.is_sifted:
            return self._unfolded(rows)
        wanted = {
            row.place[:length] for row in rows if self.finds(row, start) for length in range(1, len(row.place) + 1)
        }
        return [row for row in rows if row.place in wanted]

    def finds(self, row: Row, start: Checked) -> bool:
        """Whether a row is looked for itself, not only as what another stands in."""
        if self.view == "given" and not row.is_given:
            return False
        if self.view == "changed" and not changes(row, start):
            return False
        return all(word in row.name.lower() for word in self.filter.lower().split())

    def _unfolded(self, rows: Sequence[Row]) -> list[Row]:
        seen = []
        folded: int | None = None
        for row in rows:
            if folded is not None and row.depth > folded:
                continue
            folded = row.depth if self.is_folded(row) else None
            seen.append(row)
        return seen


def nearest_of(rows: Sequence[Row], place: Place) -> int | None:
    """Where the row of a place is among others, or that of what it stands in."""
    places = {row.place: number for number, row in enumerate(rows)}
    return next((places[place[:length]] for length in range(len(place), 0, -1) if place[:length] in places), None)
