"""What the pane beside the table says of the run under the cursor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.content import Content
from textual.widget import Widget

from kryptui.draw.numerals import NOTHING, size
from kryptui.draw.words import clean, clip
from kryptui.runs.explain import age, explain
from kryptui.tell.run import STATUS_MARKS, STATUS_STYLES, number

if TYPE_CHECKING:
    from kryptui.tui.runs.reading import Detail

_NAMES = 9


class RunFacts(Widget):
    """Status and what to do, how it differs from its preset, best, tags, note, files."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._detail: Detail | None = None

    @property
    def detail(self) -> Detail | None:
        """What is shown; None where no run is under the cursor."""
        return self._detail

    @detail.setter
    def detail(self, detail: Detail | None) -> None:
        self._detail = detail
        self.border_title = Content("" if detail is None else clip(detail.run.name, 40))
        self.border_subtitle = "" if detail is None else detail.run.id
        self.refresh()

    def render(self) -> Text:
        """As many lines as there is room for, the most telling first."""
        if self._detail is None:
            return Text("")
        width, height = self.size
        lines = list(_lines(self._detail, width, height))
        return Text("\n", no_wrap=True, overflow="crop").join(lines[:height])


def _lines(detail: Detail, width: int, height: int) -> Iterator[Text]:
    run = detail.run
    told = Text(f"{STATUS_MARKS[run.status]} {run.status}: ", STATUS_STYLES.get(run.status, "") or "bold")
    told.append(clean(explain(run)), "default")
    # A reason may take as many lines as leave room for the rest.
    yield from _wrapped(told, width, max(1, min(4, height - 6)))
    yield from _metrics(detail, width)
    yield from _settings(detail, width, max(2, height - 8))
    rows = {
        "tags": " ".join(run.tags),
        "note": " ".join((run.note or "").split()),
        "best": "" if detail.best is None else _file(detail),
        "on": " on ".join(str(word) for word in (run.env.get("device"), run.host) if word),
        "made": f"{age(run.created, run.read)} ago",
    }
    for name, words in rows.items():
        if words:
            yield _row(name, words, width, "yellow" if name == "tags" else "")


def _wrapped(text: Text, width: int, most: int) -> list[Text]:
    from rich.console import Console

    lines = list(text.wrap(Console(width=max(width, 1)), max(width, 1)))
    if len(lines) > most:
        lines[most - 1].truncate(max(width - 1, 1))
        lines[most - 1].append("…")
    for line in lines:
        line.rstrip()
    return lines[:most]


def _metrics(detail: Detail, width: int) -> Iterator[Text]:
    for name, found in detail.run.summaries.items():
        if found.best is not None and name == detail.headline:
            words = f"{number(found.best)} at step {found.best_step}, last {number(found.last)}"
            yield _row(name, words, width, "bold")


def _settings(detail: Detail, width: int, most: int) -> Iterator[Text]:
    if detail.preset is None:
        return
    if not detail.differs:
        yield Text(f"as preset {detail.preset}", "dim")
        return
    yield Text(f"differs from preset {detail.preset}", "dim")
    shown = detail.differs if len(detail.differs) <= most else detail.differs[: most - 1]
    for path, there, here in shown:
        name = path.removeprefix("task.")
        text = Text("  ").append(clip(name, max(8, width // 2)), "dim").append(" ")
        text.append(_value(there), "red").append(" → ").append(_value(here), "green")
        text.truncate(width, overflow="ellipsis")
        yield text
    if len(shown) < len(detail.differs):
        yield Text(f"  and {len(detail.differs) - len(shown)} more", "dim")


def _value(value: Any) -> str:
    text = NOTHING if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return clip(text, 32)


def _file(detail: Detail) -> str:
    best = detail.best
    assert best is not None
    return f"{clean(best.path)}{'' if best.bytes is None else f'  {size(best.bytes)}'}"


def _row(name: str, words: str, width: int, style: str) -> Text:
    text = Text().append(name.ljust(_NAMES), "dim").append(clip(words, max(width - _NAMES, 4)), style)
    return text
