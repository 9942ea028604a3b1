"""A line that filters runs: offers names as they are typed, and says what it does not understand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.binding import Binding
from textual.suggester import Suggester
from textual.widgets import Input

from kryptui.runs.status import STATUSES

KINDS = ("train", "evaluate", "submit", "import")
COLUMNS = ("took", "created", "started", "ended", "name", "host", "note")


class FilterSuggester(Suggester):
    """Completes the last term of a filter."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.words: Sequence[str] = words()

    async def get_suggestion(self, value: str) -> str | None:
        """The whole line with its last term complete, or None."""
        before, space, last = value.rpartition(" ")
        negated = "-" if last.startswith("-") else ""
        typed = last.removeprefix("-")
        if not typed:
            return None
        found = next((word for word in self.words if word.startswith(typed) and word != typed), None)
        return None if found is None else f"{before}{space}{negated}{found}"


def words(
    tags: Iterable[str] = (), metrics: Iterable[str] = (), losses: Iterable[str] = (), names: Iterable[str] = ()
) -> list[str]:
    """What may stand in a filter, the most wanted first."""
    return [
        *(f"status:{status}" for status in STATUSES),
        *(f"tag:{tag}" for tag in tags),
        *(f"loss:{loss}" for loss in losses if loss),
        *(f"kind:{kind}" for kind in KINDS),
        *(f"{metric}<" for metric in metrics),
        *(f"{column}{':' if column in ('name', 'host', 'note') else '>'}" for column in COLUMNS),
        "cfg.seed=",
        "cfg.stages.0.lr<",
        *names,
    ]


class FilterInput(Input):
    """The line itself; tab or the right arrow takes what is offered."""

    BINDINGS = [
        Binding("tab", "take", "Complete", show=True, tooltip="take the word that is offered"),
        Binding("escape", "leave", "Back", show=True, tooltip="back to the runs, the filter as it is"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        self.offers = FilterSuggester()
        super().__init__(
            placeholder="status:running tag:x loss:triplet cfg.seed=1 eer<0.1", suggester=self.offers, id=id
        )

    def action_take(self) -> None:
        """Takes the word that is offered, else goes on to what comes next."""
        if self._suggestion and self.cursor_at_end:
            self.action_cursor_right()
        else:
            self.screen.focus_next()

    def action_leave(self) -> None:
        """The keys act on the runs again."""
        self.screen.focus_next()
