"""What was found in one picture: the face that counts, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from kryptui.faces.choice import turned
from kryptui.faces.face import Face

NO_FACE: Final = "no face"
TOO_SMALL: Final = "face too small"


@dataclass(frozen=True, eq=False)
class Found:
    """The face that counts among the `faces` found; where there is none, `problem` and `detail` say why.

    Numbers are rounded as they are stored (places to 0.001 pixel, the score to 0.0001), so that what is read back
    is what was found.
    """

    face: Face | None
    faces: int = 0
    problem: str = ""
    detail: str = ""

    @classmethod
    def one(cls, face: Face, faces: int) -> Found:
        """A face, among so many."""
        x, y, width, height = (_places(value, 3) for value in face.box)
        # Adding zero makes 0.0 of -0.0.
        points = face.points.round(3) + 0.0
        return cls(Face((x, y, width, height), points, _places(face.score, 4)), faces)

    @property
    def decoded(self) -> bool:
        """Whether there was a picture to look at."""
        return self.face is not None or self.problem in (NO_FACE, TOO_SMALL)

    @property
    def turned(self) -> float | None:
        """How far the face is rolled clockwise, in degrees with one decimal."""
        return None if self.face is None else _places(turned(self.face.points), 1)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        face = self.face
        return {
            "box": None if face is None else list(face.box),
            "points": None if face is None else face.points.ravel().tolist(),
            "score": None if face is None else face.score,
            "faces": self.faces,
            "problem": self.problem,
            "detail": self.detail,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Found:
        """What `to_json` wrote."""
        face = None
        if data["points"] is not None:
            face = Face(tuple(data["box"]), np.array(data["points"], dtype=float).reshape(5, 2), data["score"])
        return cls(face, data["faces"], data["problem"], data["detail"])


def _places(value: float, digits: int) -> float:
    return round(float(value), digits) + 0.0
