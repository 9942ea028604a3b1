"""Aligning a whole dataset: each face onto a template, in a copy with the same names and the same labels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

import kryptui
from kryptui.data.manifest import LANDMARK_COLUMNS, write_atomic, write_together
from kryptui.errors import InputError, RunError
from kryptui.faces.align_plan import AlignPlan, refuse_place
from kryptui.faces.copying import label_texts
from kryptui.faces.face import Face
from kryptui.faces.finding import Finder
from kryptui.faces.found import Found
from kryptui.faces.journal import in_order, open_journal, refuse_other
from kryptui.faces.landmarks import Tally, fingerprint
from kryptui.faces.pictures import Pictures, read_pictures
from kryptui.faces.points import COLUMNS, csv_text, row_of
from kryptui.faces.sheets import write_sheets

ALIGN_FILE: Final = "align.json"
LANDMARKS_FILE: Final = "landmarks.csv"
FAILED_FILE: Final = "failed.csv"

_JOURNAL = ".align.journal"
_ORIGINAL = ("original", *(f"original_{name}" for name in LANDMARK_COLUMNS))

Progress = Callable[[int, int], None]


def align_dataset(
    source: Path,
    target: Path,
    finder: Finder,
    plan: AlignPlan,
    *,
    top: int | None = None,
    debug: Path | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Tally:
    """Writes an aligned copy of `source` to `target`: pictures of the same names, labels and splits of those kept.

    Beside them lie landmarks.csv (points in the aligned picture and in the original), failed.csv (what failed and
    why) and, last, align.json (plan, detector, counts), which tells that a folder is aligned. `top` keeps the
    identities with the most pictures; `debug` is a folder for sheets of points drawn on the originals. Started
    again after a kill it goes on where it stopped, to the same files; once finished it only tells what was done.
    Raises InputError as `read_pictures` does, and where `target` holds something else, lies in the source, or was
    begun with another plan, detector or source; RunError where no face was found at all.
    """
    pictures = read_pictures(source)
    refuse_place(pictures.folders(), target)
    if plan.missing is None:
        plan = replace(plan, missing="as-is" if pictures.layout == "test tree" else "leave-out")
    settings = _settings(source, pictures, finder, plan, top)
    if top is not None:
        pictures = pictures.top(top)
    tally, results = _finished(target, settings), None
    if tally is None:
        tally, results = _align(pictures, target, finder, plan, settings, threads, progress)
    if debug is not None:
        if results is None:
            results = [found for _, found in in_order(finder.look_in, pictures.paths, threads)]
        write_sheets(pictures.names, pictures.paths, results, debug, threads)
    if not tally.faces:
        reasons = ", ".join(f"{count} {reason}" for reason, count in tally.problems.items())
        raise RunError(f"nothing in {source} could be aligned ({reasons}); {target / FAILED_FILE} says more")
    return tally


def _align(
    pictures: Pictures,
    target: Path,
    finder: Finder,
    plan: AlignPlan,
    settings: dict[str, Any],
    threads: int,
    progress: Progress | None,
) -> tuple[Tally, list[Found]]:
    with open_journal(target / _JOURNAL, settings, str(target)) as journal:
        found = {name: Found.from_json(entry) for name, entry in journal.known.items()}
        todo = [row for row, name in enumerate(pictures.names) if name not in found]

        def work(row: int) -> Found:
            return plan.make(pictures.paths[row], finder, target / pictures.names[row])

        for row, one in in_order(work, todo, threads):
            found[pictures.names[row]] = one
            journal.write(pictures.names[row], one.to_json())
            if progress is not None:
                progress(len(found), len(pictures))
        results = [found[name] for name in pictures.names]
        tally = _write_tables(pictures, results, target, plan)
        write_atomic(target / ALIGN_FILE, json.dumps({**settings, "counts": asdict(tally)}, indent=2) + "\n")
        (target / _JOURNAL).unlink()
    return tally, results


def _write_tables(pictures: Pictures, results: list[Found], target: Path, plan: AlignPlan) -> Tally:
    """Writes everything but the pictures and align.json."""
    kept = [row for row, one in enumerate(results) if _is_kept(one, plan)]
    names = pictures.names
    moved = [_in_aligned(one, plan) for one in results]
    rows = [_row(names[row], results[row], moved[row]) for row in kept]
    failed = [
        (name, one.problem, one.detail) for name, one in zip(names, results, strict=True) if one.face is None
    ]
    failed += [(item.path, item.reason, item.detail) for item in pictures.left_out]
    write_together(
        {
            target / LANDMARKS_FILE: csv_text((*COLUMNS, *_ORIGINAL), rows),
            target / FAILED_FILE: csv_text(("path", "reason", "detail"), sorted(failed)),
            **label_texts(pictures.take(kept), [moved[row].face for row in kept], target),
        }
    )
    return Tally.of(pictures.layout, results, pictures.left_out)


def _row(name: str, found: Found, moved: Found) -> list[str | float | None]:
    """A line of landmarks.csv: the face in the aligned picture, how far it was turned, and its points before."""
    row, original = row_of(name, moved), row_of(name, found)
    row[COLUMNS.index("turned")] = original[COLUMNS.index("turned")]
    return [*row, name, *original[1 : 1 + len(LANDMARK_COLUMNS)]]


def _is_kept(found: Found, plan: AlignPlan) -> bool:
    """Whether a picture was written: the face's, or the whole one where it decoded."""
    return found.face is not None or (plan.missing == "as-is" and found.decoded)


def _in_aligned(found: Found, plan: AlignPlan) -> Found:
    """The face where it lies in the aligned picture; its box keeps its proportions, and it is not turned there."""
    face = found.face
    if face is None:
        return found
    matrix = plan.matrix(face.points)
    points = face.points @ matrix[:, :2].T + matrix[:, 2]
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    width, height = face.box[2] * scale, face.box[3] * scale
    x, y = matrix @ [*face.centre, 1]
    return Found.one(Face((x - width / 2, y - height / 2, width, height), points, face.score), found.faces)


def _settings(
    source: Path, pictures: Pictures, finder: Finder, plan: AlignPlan, top: int | None
) -> dict[str, Any]:
    """All that the aligned files depend on."""
    return {
        "template": plan.template,
        "size": list(plan.size),
        "margin": plan.margin,
        "missing": plan.missing,
        "which": finder.which,
        "least": finder.least,
        "detector": finder.name,
        "top_n": top,
        "source": os.path.realpath(source),
        "pictures": fingerprint(pictures),
        "version": kryptui.__version__,
    }


def _finished(target: Path, settings: dict[str, Any]) -> Tally | None:
    """What a finished alignment found; None where there is none yet, or a part of one.

    Raises InputError where the folder holds something else, or an alignment with other settings.
    """
    record = target / ALIGN_FILE
    if record.is_file():
        try:
            known = json.loads(record.read_text(encoding="utf-8"))
            tally = Tally(**known["counts"])
        except (OSError, ValueError, TypeError, KeyError):
            raise InputError(f"{record} is damaged; give another folder, or remove {target} first") from None
        refuse_other(known, settings, str(target))
        (target / _JOURNAL).unlink(missing_ok=True)
        return tally
    if target.is_dir() and not (target / _JOURNAL).is_file():
        others = sorted(entry.name for entry in target.iterdir())
        if others:
            raise InputError(f"{target} holds other files ({others[0]}); give a new or empty folder")
    return None
