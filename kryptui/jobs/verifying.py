"""Comparing faces in pictures by a model: a few, each with each, and all of a folder as a matrix."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kryptui.data.pairs import GENUINE, KINDS
from kryptui.engine.checkpoint import read_meta
from kryptui.engine.restore import Restored
from kryptui.errors import InputError
from kryptui.faces.comparing import Judge, Verified, compare
from kryptui.faces.pictures import read_pictures
from kryptui.faces.recognised import Crop, Problem
from kryptui.faces.similarities import SimilarityMatrix, arrange
from kryptui.jobs.recogniser import Recogniser
from kryptui.metrics.calibration import Calibration, calibrate
from kryptui.runs.rows import EvaluationRow
from kryptui.runs.store import Store
from kryptui.tasks.protocol import Progress

MOST = 2000
"""Pictures in a matrix: more could be neither drawn nor looked through."""


def judge_of(
    model: Restored, origin: Mapping[str, Any], store: Store | None, threshold: float | None = None
) -> Judge:
    """What a model's similarities mean: by the threshold given or its checkpoint's, and by its run's evaluation.

    Raises InputError for a threshold that is no number.
    """
    if threshold is not None and not math.isfinite(threshold):
        raise InputError(f"--threshold: {threshold} is not a finite number")
    run = None if store is None else origin.get("run") or _run_of(model, store)
    rows = [] if store is None or run is None else _evaluations(store, run, model.step)
    source = "--threshold"
    if threshold is None:
        threshold = _checkpoint_threshold(model)
        if threshold is None and rows and rows[-1].step == model.step:
            threshold = rows[-1].scalars.get("threshold")
        source = "" if threshold is None else "checkpoint"
    return Judge(threshold, source, None if store is None or run is None else _calibration(store, run, rows))


def verify(
    recogniser: Recogniser, paths: Sequence[Path], judge: Judge, progress: Progress | None = None
) -> Verified:
    """Finds the faces in pictures, and compares each two; those of one picture too.

    A picture without a face is a problem, not an error; raises InputError where fewer than two faces are left.
    """
    crops: list[Crop] = []
    names: list[str] = []
    problems: list[Problem] = []
    for done, path in enumerate(paths, start=1):
        found = recogniser.crops(path)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            crops += found
            names += (
                [f"{path} #{number}" for number in range(1, len(found) + 1)] if len(found) > 1 else [str(path)]
            )
        if progress is not None:
            progress(done, len(paths))
    if len(crops) < 2:
        told = "; ".join(f"{path}: {why}" for path, why in problems)
        missing = "no face was found" if not crops else f"only one face was found, in {crops[0].path}"
        raise InputError(f"{missing}, and two are compared" + (f" ({told})" if told else ""))
    embeddings = recogniser.embed_crops(crops)
    return Verified(names, crops, compare(embeddings, judge), problems, judge)


def similarity_matrix(
    recogniser: Recogniser, folder: Path, progress: Progress | None = None, stop: threading.Event | None = None
) -> SimilarityMatrix:
    """The matrix of a folder's pictures; those without a face are left out and named.

    Raises InputError where there are too many pictures, or fewer than two faces.
    """
    pictures = read_pictures(folder)
    if len(pictures) > MOST:
        raise InputError(
            f"{folder}: holds {len(pictures)} pictures, and a matrix takes {MOST}; use kryptui identify"
        )
    names, paths, people = arrange(pictures)
    found = recogniser.embed(paths, progress, stop)
    kept = np.flatnonzero(found.whole)
    if len(kept) < 2:
        told = "; ".join(f"{path}: {why}" for path, why in found.problems[:3])
        raise InputError(
            f"{folder}: {len(kept)} of {len(paths)} pictures shows a face, and two are needed ({told})"
        )
    vectors = found.embeddings[kept]
    return SimilarityMatrix(
        [names[row] for row in kept],
        [paths[row] for row in kept],
        [people[row] for row in kept],
        vectors @ vectors.T,
        [found.found[row] for row in kept],
        found.problems,
    )


def _checkpoint_threshold(model: Restored) -> float | None:
    """The threshold that an evaluation left in the checkpoint, if the model is one's."""
    if not model.source.is_dir():
        return None
    metrics = read_meta(model.source).get("metrics")
    found = metrics.get("threshold") if isinstance(metrics, dict) else None
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else None


def _evaluations(store: Store, run: str, step: int | None) -> list[EvaluationRow]:
    """A run's evaluations up to a step, the latest last."""
    return [row for row in store.evaluations(run) if step is None or row.step <= step]


def _calibration(store: Store, run: str, rows: Sequence[EvaluationRow]) -> Calibration | None:
    """By the scores of the last of a run's evaluations that has any."""
    for row in reversed(rows):
        scores = store.scores(run, row.seq)
        if scores is not None and {"score", "kind"} <= scores.keys():
            genuine = scores["kind"] == KINDS.index(GENUINE)
            return calibrate(scores["score"][genuine], scores["score"][~genuine])
    return None


def _run_of(model: Restored, store: Store) -> str | None:
    """The run whose folder a checkpoint lies in, if these are the weights that it has on record."""
    run = model.source.parent.name
    try:
        store.get_run(run)
    except InputError:
        return None
    known = {artifact.sha256 for artifact in store.artifacts(run)}
    return run if model.weights_sha256 is not None and model.weights_sha256 in known else None
