"""What the Verify page reads of the record: the run whose model is to compare, as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kryptui.errors import InputError
from kryptui.runs import listing, submissions
from kryptui.tui.submit.model import Model, of_run, spec_of
from kryptui.tui.submit.picks import run_line
from kryptui.tui.widgets.picker import Item

if TYPE_CHECKING:
    from kryptui.jobs.workspace import Workspace
    from kryptui.runs.store import Store
    from kryptui.tui.feed import Record

MOST_RUNS = 200


@dataclass(frozen=True)
class Seen:
    """The run that was asked for, None for the best; its model, or why there is none."""

    run_id: str | None
    model: Model | None
    gone: str


def read(store: Store, workspace: Workspace, run_id: str | None) -> Seen:
    """The chosen run, else the best of those whose models make embeddings."""
    if run_id is None:
        best = next(iter(submissions.can_answer(store, _headlines(store), limit=1)), None)
        if best is None:
            return Seen(None, None, "")
        return Seen(None, of_run(store, workspace, best.id), "")
    try:
        return Seen(run_id, of_run(store, workspace, run_id), "")
    except InputError as error:
        return Seen(run_id, None, str(error))


def find_runs(record: Record, text: str) -> list[Item]:
    """Runs whose models make embeddings and that the filter finds, the best first; raises as the filter does."""
    if record.is_missing:
        return []
    store = record.store()
    of_task = _headlines(store)
    found = submissions.can_answer(store, of_task, text, MOST_RUNS)
    return [Item(run.id, run_line(run, of_task[run.task])) for run in found]


def _headlines(store: Store) -> dict[str, str]:
    specs = {task: spec_of(task) for task in listing.tasks(store)}
    return {task: spec.headline for task, spec in specs.items() if spec is not None and spec.embeds}
