"""What the lists over the page offer: runs that can answer, by a filter; folders and files, by a path's start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from kryptui.draw.numerals import NOTHING, number
from kryptui.draw.words import clean, line, pad
from kryptui.engine.folders import META_FILE, POINTERS
from kryptui.tell.run import STATUS_MARKS, STATUS_STYLES, epochs, loss, model
from kryptui.tui.paths import absolute, completions
from kryptui.tui.widgets.picker import Item

if TYPE_CHECKING:
    from kryptui.runs.rows import RunRow
    from kryptui.tui.feed import Record

MOST_RUNS = 200


def is_path(text: str) -> bool:
    """Whether a text means a folder rather than a filter of runs."""
    return text.startswith(("~", ".")) or "/" in text


def find_runs(record: Record, text: str) -> list[Item]:
    """The runs that can answer and that the filter finds, the best first; raises InputError for a bad filter."""
    from kryptui.runs import submissions
    from kryptui.tui.submit.reading import headlines

    if record.is_missing:
        return []
    store = record.store()
    of_task = headlines(store)
    found = submissions.can_answer(store, of_task, text, MOST_RUNS)
    return [Item(run.id, run_line(run, of_task[run.task])) for run in found]


def run_line(run: RunRow, headline: str) -> Text:
    """A run in a line of a list: its name and best, how far it came, what it is."""
    from kryptui.runs.explain import age

    summary = run.summaries.get(headline)
    value = None if summary is None else summary.headline
    text = line().append(f"{STATUS_MARKS[run.status]} ", STATUS_STYLES.get(run.status, ""))
    text.append(pad(run.name, 24), "bold").append(f"  {headline} ", "dim")
    text.append(pad(NOTHING if value is None else number(value), 7))
    words = (epochs(run), f"{age(run.created, run.read)} ago", " · ".join(filter(None, (model(run), loss(run)))))
    for word, width in zip(words, (7, 8, 30), strict=True):
        text.append("  " + pad(word, width), "dim")
    text.rstrip()
    return text


def find_models(root: Path, text: str) -> list[Item]:
    """Folders that the text goes on to, first the one that it names; those with checkpoints say so."""
    items = []
    for item in find_paths(root, (), text):
        path = Path(item.value)
        if (path / META_FILE).is_file():
            items.append(Item(item.value, item.line.append("  a checkpoint", "green"), item.completes))
        elif any((path / name).is_symlink() for name in POINTERS):
            items.append(Item(item.value, item.line.append("  a run's checkpoints", "green"), item.completes))
        else:
            items.append(item)
    return items


def find_paths(root: Path, suffixes: tuple[str, ...], text: str) -> list[Item]:
    """What lies on disk and goes on from the text, first what the text itself names; values are whole paths."""
    here = absolute(text, root)
    named = [text] if text.strip() and (here.is_dir() or (suffixes and here.is_file())) else []
    found = [
        *named,
        *(other for other in completions(text, root, suffixes) if other.rstrip("/") != text.rstrip("/")),
    ]
    return [Item(str(absolute(one, root)), line(clean(one)), one) for one in found]
