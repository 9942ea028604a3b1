"""Which checkpoints of old runs go and which stay: a plan that touches nothing, then the doing, run by run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from kryptui.jobs import stored
from kryptui.jobs.stored import Folder
from kryptui.jobs.workspace import Workspace
from kryptui.runs import glance, keeping, reading
from kryptui.runs.rows import RunRow
from kryptui.runs.status import OVER
from kryptui.runs.store import Store

Keep = Literal["best", "last", "both"]

KEEP: tuple[Keep, ...] = get_args(Keep)

_RESUMABLE = OVER - {"finished"}


@dataclass(frozen=True)
class Rule:
    """What stays of a run: its best or its last checkpoint, or both; runs that ended later are left alone.

    A run that could still be resumed keeps what that takes, unless `resumable`.
    """

    keep: Keep = "both"
    ended_before: float | None = None
    resumable: bool = False


@dataclass(frozen=True)
class Removal:
    """What goes of one run's folder."""

    run: RunRow
    folder: Folder
    steps: tuple[int, ...]
    unfinished: tuple[str, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """The steps whose checkpoints stay."""
        return tuple(sorted(set(self.folder.steps) - set(self.steps)))

    @property
    def bytes(self) -> int:
        """What it frees."""
        of_steps = sum(self.folder.steps[step] for step in self.steps)
        return of_steps + sum(self.folder.unfinished[name] for name in self.unfinished)


def plan(runs: Iterable[RunRow], found: Mapping[str, Folder], rule: Rule) -> list[Removal]:
    """What a rule removes of runs whose folders are `found` under their ids. Touches nothing.

    Never anything of a run that is not over or waits, never the best of a tagged run, and where `best` should stay
    but points nowhere, no checkpoint.
    """
    removals = []
    for run in runs:
        folder = found.get(run.id)
        if folder is not None and _is_old(run, rule):
            steps = tuple(sorted(set(folder.steps) - _kept(run, folder, rule)))
            removals.append(Removal(run, folder, steps, tuple(sorted(folder.unfinished))))
    return [removal for removal in removals if removal.steps or removal.unfinished]


def survey(workspace: Workspace, runs: Iterable[RunRow]) -> dict[str, Folder]:
    """The folders of runs that are on this machine, by the runs' ids, without what may still be being written."""
    found = {run.id: _settled(stored.folder_of(workspace, run)) for run in runs}
    return {run_id: folder for run_id, folder in found.items() if folder is not None}


def carry_out(store: Store, removal: Removal, rule: Rule) -> list[str]:
    """Removes checkpoints: first from the record, then from the disk. Returns what could not be done, in words.

    What the rule keeps by now, such as the best of a run that has been tagged meanwhile, stays. Raises InputError
    where the run is gone or busy by now.
    """
    path = removal.folder.path
    with store.writing() as connection:
        run = keeping.idle_run(connection, removal.run.id)
        folder = _settled(stored.look(path))
        due = plan([run], {} if folder is None else {run.id: folder}, rule)
        steps = [step for step in removal.steps if due and step in due[0].steps]
        unfinished = [name for name in removal.unfinished if due and name in due[0].unfinished]
        if steps:
            words = f"the checkpoint{'s' if len(steps) > 1 else ''} of step {', '.join(map(str, steps))}"
            keeping.forget_checkpoints(connection, run, path, steps, f"pruned {words}")
    return stored.remove(path, steps, unfinished)


def delete(store: Store, workspace: Workspace, run: RunRow, *, keep_files: bool = False) -> list[str]:
    """Deletes a run: first from the record, then its folder. Returns what could not be done, in words.

    Files without a record are orphans, which say nothing wrong; a record without its files would.
    Raises InputError, with nothing deleted, where the run is gone or busy by now.
    """
    folder = None if keep_files else stored.folder_of(workspace, run)
    keeping.delete_run(store, run.id)
    return [] if folder is None else stored.clear(folder)


def orphans(store: Store, workspace: Workspace) -> list[Folder]:
    """Folders of this workspace, named like runs, that neither this record nor another one here knows.

    Other records are the files `*.db` of the workspace. What has changed lately is left out: its run may be about
    to be on record.
    """
    place = workspace.root / "checkpoints"
    names = sorted(path.name for path in place.iterdir()) if place.is_dir() else []
    names = [name for name in names if keeping.is_run_id(name)]
    known = keeping.known(store, names)
    for file in workspace.root.glob("*.db"):
        known |= glance.run_ids(file)
    found = [stored.look(place / name) for name in names if name not in known]
    return [folder for folder in found if folder is not None and stored.is_settled(folder.path)]


def moment_ago(store: Store, seconds: float) -> float:
    """The moment so long ago, on the clock of the record."""
    with store.reading() as connection:
        return reading.now(connection) - seconds


def _settled(folder: Folder | None) -> Folder | None:
    """Without unfinished checkpoints that may still be being written."""
    if folder is None:
        return None
    leftovers = {n: size for n, size in folder.unfinished.items() if stored.is_settled(folder.path / n)}
    return Folder(folder.path, folder.steps, leftovers, folder.best)


def _is_old(run: RunRow, rule: Rule) -> bool:
    """Whether a run is over, and has been for as long as the rule demands."""
    ended = run.ended or run.heartbeat or run.started or run.created
    return run.status in OVER and (rule.ended_before is None or ended < rule.ended_before)


def _kept(run: RunRow, folder: Folder, rule: Rule) -> set[int]:
    """The steps of an old run's folder that the rule keeps."""
    if not folder.steps:
        return set()
    goes_on = run.status in _RESUMABLE and not rule.resumable
    stages = run.config.get("stages")
    if goes_on and isinstance(stages, list) and len(stages) > 1:
        return set(folder.steps)  # the next stage may start from any of them: the best of the stage before
    kept: set[int] = set()
    if goes_on or rule.keep != "best":
        kept.add(max(folder.steps))  # and not what `last` points at: this is where a resume goes on
    if goes_on or run.tags or rule.keep != "last":
        if folder.best is None or folder.best not in folder.steps:
            return set(folder.steps)
        kept.add(folder.best)
    return kept
