"""Finding the face that counts in a picture, from as many threads as there are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from kryptui.data.align import Points
from kryptui.data.decode import BrokenImage, decode
from kryptui.faces.choice import LEAST, Which, choose, is_tiny
from kryptui.faces.face import Detector, Face, Landmarker
from kryptui.faces.found import NO_FACE, TOO_SMALL, Found
from kryptui.faces.weights import find_weights

_ONE_PLACE = 0.01
"""In pixels; points nearer together than this are one."""


@dataclass
class Finder:
    """Finds the face that counts: `which` of those that are `least` pixels or more; safe to call from any thread.

    `detectors` makes a detector, one for each thread. Where there is a `landmarker`, the points are its own; it is
    called by one thread at a time.
    """

    detectors: Callable[[], Detector]
    which: Which = "central"
    least: float = LEAST
    landmarker: Landmarker | None = None
    _own: threading.local = field(default_factory=threading.local, repr=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(
        cls,
        detector: str | Path | None,
        which: Which = "central",
        least: float = LEAST,
        landmarker: Landmarker | None = None,
    ) -> Finder:
        """A finder by YuNet, from the file given or the one that was fetched; raises InputError without either."""
        import cv2

        from kryptui.faces.yunet import YuNet

        # Pictures go through threads of ours: more of OpenCV's own would only be in their way.
        cv2.setNumThreads(1)
        weights = find_weights("yunet", None if detector is None else Path(detector))
        finder = cls(lambda: YuNet(weights), which, least, landmarker)
        finder._detector()
        return finder

    @property
    def name(self) -> str:
        """The detector, and the landmarker where there is one."""
        detector = self._detector().name
        return detector if self.landmarker is None else f"{detector}, points by {self.landmarker.name}"

    def faces(self, picture: Image.Image) -> list[Face]:
        """The faces that count in an RGB picture, the first one first; none where there is none."""
        found = self._detector().find(np.asarray(picture))
        large = [face for face in found if not is_tiny(face, self.least)]
        return [self._placed(picture, face) for face in choose(large, (picture.height, picture.width), self.which)]

    def look(self, picture: Image.Image) -> Found:
        """The face that counts in an RGB picture, or why there is none."""
        found = self._detector().find(np.asarray(picture))
        if not found:
            return Found(None, 0, NO_FACE, f"in {picture.width} x {picture.height} pixels")
        large = [face for face in found if not is_tiny(face, self.least)]
        if not large:
            most = max(min(face.box[2:]) for face in found)
            return Found(None, len(found), TOO_SMALL, f"{most:.0f} pixels, below {self.least:g}")
        face = choose(large, (picture.height, picture.width), self.which)[0]
        return Found.one(self._placed(picture, face), len(found))

    def look_in(self, path: Path) -> Found:
        """The face that counts in an image file, or why there is none; a broken file is one reason."""
        try:
            return self.look(decode(path))
        except BrokenImage as broken:
            return Found(None, 0, broken.reason, broken.detail)

    def points(self, picture: Image.Image) -> Points | None:
        """The five points of the face that counts in an RGB picture, or None where there is none."""
        face = self.look(picture).face
        return None if face is None else face.points

    def _detector(self) -> Detector:
        if not hasattr(self._own, "detector"):
            self._own.detector = self.detectors()
        detector: Detector = self._own.detector
        return detector

    def _placed(self, picture: Image.Image, face: Face) -> Face:
        if self.landmarker is None:
            return face
        with self._turn:
            points = self.landmarker.place(np.asarray(picture), face.box)
        # Points that are one, or no numbers, say nothing of how the face lies; the detector's do.
        usable = np.isfinite(points).all() and np.ptp(points, axis=0).max() > _ONE_PLACE
        return Face(face.box, points, face.score) if usable else face
