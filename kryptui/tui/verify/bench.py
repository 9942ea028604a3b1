"""Comparing beside the screen: the model is opened once and kept for what is asked of it next."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from kryptui.tui.verify.asked import Asked, ModelAsked
from kryptui.tui.work import Work

if TYPE_CHECKING:
    from kryptui.faces.comparing import Judge, Verified
    from kryptui.faces.similarities import SimilarityMatrix, Suspect
    from kryptui.jobs.recogniser import Recogniser
    from kryptui.jobs.workspace import Workspace
    from kryptui.runs.store import Store
    from kryptui.tui.feed import Record

SUSPECTS = 10
"""Pairs that are named of each kind."""

clock = time.monotonic


@dataclass(frozen=True, eq=False)
class Shown:
    """What came of a comparison: faces each with each, or a folder's matrix and what looks wrong in it."""

    asked: Asked
    recogniser: Recogniser
    judge: Judge
    verified: Verified | None
    matrix: SimilarityMatrix | None
    least_alike: list[Suspect]
    """Of one person."""
    most_alike: list[Suspect]
    """Of two people."""
    columns: list[str]
    """What stands above a matrix: names without what all have in common."""
    seconds: float

    @property
    def suspects(self) -> list[Suspect]:
        """Both kinds, the worst of each first."""
        return self.least_alike + self.most_alike


def open_model(
    asked: ModelAsked, workspace: Workspace, store: Store | None
) -> tuple[Recogniser, Mapping[str, Any]]:
    """The recogniser that is asked for, and where its model came from; imports torch. Raises InputError."""
    from kryptui.config import find
    from kryptui.jobs import sources
    from kryptui.jobs.recogniser import open_recogniser

    config = None if asked.config is None else find(asked.config)
    model, origin = sources.open_model(asked.what, workspace, store, config, asked.device, asked.checkpoint)
    is_aligned = asked.faces == "aligned"
    which = "central" if asked.faces == "aligned" else asked.faces
    recogniser = open_recogniser(model, detector=asked.detector, which=which, is_aligned=is_aligned)
    return recogniser, origin


class Bench:
    """The model that was opened last; its methods are called in threads, one comparison at a time."""

    def __init__(self, workspace: Workspace, record: Record) -> None:
        self._workspace, self._record = workspace, record
        self._asked: ModelAsked | None = None
        self._opened: tuple[Recogniser, Mapping[str, Any]] | None = None
        self._turn = Lock()

    def compare(self, asked: Asked, work: Work) -> Shown | None:
        """Does what is asked for; None once `work` was asked to stop. Raises InputError and RunError."""
        began = clock()
        with self._turn:
            try:
                return self._compare(asked, work, began)
            except KeyboardInterrupt:
                return None

    def _compare(self, asked: Asked, work: Work, began: float) -> Shown:
        from kryptui.jobs import verifying

        store = None if self._record.is_missing else self._record.store()
        recogniser, origin = self._open(asked.model, store)
        judge = verifying.judge_of(recogniser.model, origin, store, asked.threshold)
        _heed(work)
        if not asked.is_folder:

            def found_one(done: int, total: int) -> None:
                work.count("finding faces", done, total)
                _heed(work)

            verified = verifying.verify(recogniser, asked.pictures, judge, found_one)
            return Shown(asked, recogniser, judge, verified, None, [], [], [], clock() - began)

        def embedded(done: int, total: int) -> None:
            work.count("embedding", done, total)
            _heed(work)

        matrix = verifying.similarity_matrix(recogniser, asked.pictures[0], embedded)
        least, most = matrix.least_alike(SUSPECTS), matrix.most_alike(SUSPECTS)
        columns = matrix.figure("").columns
        return Shown(asked, recogniser, judge, None, matrix, least, most, columns, clock() - began)

    def _open(self, asked: ModelAsked, store: Store | None) -> tuple[Recogniser, Mapping[str, Any]]:
        if self._opened is None or self._asked != asked:
            self._opened = self._asked = None
            self._opened = open_model(asked, self._workspace, store)
            self._asked = asked
        return self._opened


def _heed(work: Work) -> None:
    if work.is_stopped:
        raise KeyboardInterrupt
