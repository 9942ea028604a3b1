"""A dataset's labels examined beside the screen, and the commands that do the same in a shell."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from kryptui.tui.paths import short
from kryptui.tui.verify import asked as asking
from kryptui.tui.verify import bench
from kryptui.tui.verify.asked import Asked
from kryptui.tui.work import Work

if TYPE_CHECKING:
    from kryptui.jobs.workspace import Workspace
    from kryptui.tui.feed import Record
    from kryptui.tui.review.desk import Desk

PREPARED = "data/prepared"


def examine(asked: Asked, workspace: Workspace, record: Record, work: Work) -> Desk | None:
    """Opens the model and the dataset and finds suspects; None once `work` was asked to stop.

    Called in a thread; imports torch. Raises InputError and RunError.
    """
    from kryptui.data.layouts import read_dataset
    from kryptui.jobs.label_doctor import examine_labels
    from kryptui.tui.review.desk import Desk

    def embedded(done: int, total: int) -> None:
        work.count("embedding" if done < total else "comparing", done, total)
        if work.is_stopped:
            raise KeyboardInterrupt

    manifest = read_dataset(asked.pictures[0])
    store = None if record.is_missing else record.store()
    recogniser, _ = bench.open_model(asked.model, workspace, store)
    try:
        report = examine_labels(manifest, recogniser, threshold=asked.threshold, progress=embedded)
    except KeyboardInterrupt:
        return None
    return None if work.is_stopped else Desk(report, manifest)


def doctor_command(asked: Asked, root: Path, database: str, overlay: str) -> str:
    """The command that examines alike and writes what is sure; to be typed in the workspace."""
    words = shlex.split(asking.command(asked, root, database))  # kryptui matrix, with the same options
    return shlex.join(["kryptui", "data", "doctor", *words[2:], "-o", overlay])


def prepare_command(dataset: Path, root: Path, overlay: str) -> str:
    """The command that carries an overlay out."""
    source = short(dataset, root)
    return shlex.join(["kryptui", "data", "prepare", source, "--overlay", overlay, "-o", PREPARED])
