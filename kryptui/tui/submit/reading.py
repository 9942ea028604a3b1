"""What the Submit page reads of the record: which runs can answer, the chosen one's checkpoints, the past."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kryptui.errors import InputError
from kryptui.runs import listing, submissions
from kryptui.tui.submit.answer_file import read_sidecar, sidecar_of
from kryptui.tui.submit.model import Model, of_run, spec_of

if TYPE_CHECKING:
    from kryptui.jobs.workspace import Workspace
    from kryptui.runs.rows import ArtifactRow, RunRow
    from kryptui.runs.store import Store

PAST = 200
"""How many of the latest submissions are listed."""

FileState = Literal["there", "replaced", "changed", "gone", "elsewhere", "none"]


@dataclass(frozen=True)
class Past:
    """A submission on record, its file, and how that lies on disk, as far as its size tells."""

    run: RunRow
    file: ArtifactRow | None
    path: Path
    rows: int | None
    state: FileState


@dataclass(frozen=True)
class Seen:
    """What was read. `best` is the run to begin with, None where none can answer yet."""

    run_id: str | None
    best: RunRow | None
    model: Model | None
    gone: str
    """Why the run that is chosen cannot be looked at."""
    past: tuple[Past, ...]

    @property
    def last_source(self) -> Path | None:
        """The data that were answered last."""
        found = (past.run.env.get("source") for past in self.past)
        return next((Path(source) for source in found if isinstance(source, str)), None)


class SubmitReader:
    """Reads for the page, in the feed's thread; keeps what need not be read again."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._rows: dict[Path, tuple[int, int | None]] = {}

    def read(self, store: Store, run_id: str | None) -> Seen:
        """The chosen run, else the best; and past submissions."""
        best, found, gone = None, None, ""
        if run_id is None:
            best = next(iter(submissions.can_answer(store, headlines(store), limit=1)), None)
        try:
            wanted = run_id or (None if best is None else best.id)
            found = None if wanted is None else of_run(store, self._workspace, wanted)
        except InputError as error:
            gone = str(error)
        later: set[Path] = set()
        past = tuple(self._past(run, file, later) for run, file in submissions.past(store, PAST))
        return Seen(run_id, best, found, gone, past)

    def _past(self, run: RunRow, file: ArtifactRow | None, later: set[Path]) -> Past:
        """`later` holds the files of later submissions, and takes this one's."""
        path = Path(file.path if file is not None else str(run.env.get("output", "")))
        state = "replaced" if file is not None and path in later else _state(path, file)
        if file is not None:
            later.add(path)
        return Past(run, file, path, self._count(path) if state == "there" else None, state)

    def _count(self, path: Path) -> int | None:
        """The rows that the sidecar tells of, read once."""
        try:
            changed = sidecar_of(path).stat().st_mtime_ns
        except OSError:
            return None
        known = self._rows.get(path)
        if known is None or known[0] != changed:
            try:
                rows = read_sidecar(path).get("rows")
            except InputError:
                rows = None
            known = self._rows[path] = changed, rows if isinstance(rows, int) else None
        return known[1]


def headlines(store: Store) -> Mapping[str, str]:
    """The tasks on record that are installed here, each with the metric that decides."""
    specs = {task: spec_of(task) for task in listing.tasks(store)}
    return {task: spec.headline for task, spec in specs.items() if spec is not None}


def free_output(root: Path, model: str, taken: frozenset[Path]) -> Path:
    """A file in the workspace that is not there yet and that no submission in progress is to write."""
    plain = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in model)[:80]
    stem = f"submission-{plain.strip('-.') or 'model'}"
    path, number = root / f"{stem}.csv", 2
    while path.exists() or sidecar_of(path).exists() or path in taken:
        path, number = root / f"{stem}-{number}.csv", number + 1
    return path


def _state(path: Path, file: ArtifactRow | None) -> FileState:
    if file is None:
        return "none"
    try:
        size = path.stat().st_size
    except OSError:
        return "gone" if file.host == socket.gethostname() else "elsewhere"
    return "there" if file.bytes in (None, size) else "changed"
