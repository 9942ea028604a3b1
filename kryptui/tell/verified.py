"""Compared faces as people and programs read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kryptui.draw.crops import Captioned
from kryptui.draw.numerals import number
from kryptui.faces.choice import turned
from kryptui.faces.comparing import Compared, Verified
from kryptui.faces.found import Found
from kryptui.faces.recognised import Problem
from kryptui.figures import Table
from kryptui.tell.run import finite

NO_THRESHOLD = "no verdict: the model brings no threshold; give --threshold, or a checkpoint that was evaluated"
NO_PROBABILITY = "no probability: no evaluation of this model with its pairs' scores is on record"

TURNED = 45.0
"""Degrees from which on a face is said to be turned."""


def verdict(match: bool | None) -> str:
    """A verdict in words."""
    return "n/a" if match is None else "match" if match else "no match"


def chance(probability: float | None) -> str:
    """A probability in words; none is certain."""
    if probability is None:
        return "n/a"
    percent = f"{100 * probability:.1f} %"
    return {"0.0 %": "< 0.1 %", "100.0 %": "> 99.9 %"}.get(percent, percent)


def verified_table(found: Verified) -> Table:
    """A row for each two faces."""
    rows: list[list[str | float | int | None]] = [
        [
            found.names[pair.first],
            found.names[pair.second],
            round(pair.similarity, 4),
            chance(pair.probability),
            verdict(pair.match),
        ]
        for pair in found.pairs
    ]
    return Table("comparisons", ["first", "second", "similarity", "probability", "verdict"], rows)


def verified_lines(found: Verified) -> Iterator[str]:
    """What the verdicts rest on, or why there are none; with two faces, the verdict itself first."""
    if len(found.pairs) == 1:
        yield _sentence(found.pairs[0])
    judge = found.judge
    if judge.threshold is None:
        yield NO_THRESHOLD
    else:
        yield f"threshold {number(judge.threshold)} ({judge.source})"
    if judge.calibration is None:
        yield NO_PROBABILITY


def problem_line(problem: Problem) -> str:
    """A picture that gave nothing, and why."""
    return f"{problem.path}: {problem.why}"


def crop_lines(found: Verified) -> Iterator[str]:
    """What is unusual about the faces, one by one: more of them in a picture, or one that is turned."""
    for name, crop in zip(found.names, found.crops, strict=True):
        if crop.others:
            yield f"{name}: {crop.others} more {'face' if crop.others == 1 else 'faces'} in it; --which chooses"
        angle = 0.0 if crop.face is None else turned(crop.face.points)
        if abs(angle) > TURNED:
            yield f"{name}: the face is turned by {angle:.0f} degrees"


def found_lines(found: Sequence[Found | None]) -> Iterator[str]:
    """What is unusual about the faces of many pictures."""
    faces = [one for one in found if one is not None and one.face is not None]
    if several := sum(one.faces > 1 for one in faces):
        yield f"several: {several} of {len(faces)} pictures show more faces than the one that counts"
    if rolled := sum(abs(one.turned or 0.0) > TURNED for one in faces):
        yield f"turned: {rolled} of {len(faces)} faces by more than {TURNED:g} degrees"


def captioned(found: Verified) -> list[Captioned]:
    """The faces as the model sees them, to be drawn."""
    return [Captioned(crop.pixels, Path(name).name) for name, crop in zip(found.names, found.crops, strict=True)]


def verified_json(found: Verified, model: str) -> dict[str, Any]:
    """Plain JSON types; see `kryptui verify`."""
    faces = []
    for name, crop in zip(found.names, found.crops, strict=True):
        face = crop.face
        faces.append(
            {
                "name": name,
                "path": str(crop.path),
                "box": None if face is None else [round(value, 3) for value in face.box],
                "points": None if face is None else face.points.round(3).tolist(),
                "score": None if face is None else round(face.score, 4),
            }
        )
    return {
        "model": model,
        "threshold": finite(found.judge.threshold),
        "threshold_from": found.judge.source or None,
        "faces": faces,
        "pairs": [pair._asdict() for pair in found.pairs],
        "problems": [{"path": str(problem.path), "why": problem.why} for problem in found.problems],
    }


def _sentence(pair: Compared) -> str:
    words = [verdict(pair.match)] if pair.match is not None else []
    words.append(f"similarity {number(pair.similarity)}")
    if pair.probability is not None:
        words.append(f"probability {chance(pair.probability)}")
    return ", ".join(words)
