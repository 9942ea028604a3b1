"""YuNet (Wu, Peng and Yu 2023) through OpenCV: faces and their five points, of any size and turned either way."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kryptui.data.align import Points
from kryptui.errors import InputError, RunError
from kryptui.faces.choice import overlap, widened
from kryptui.faces.face import Face, Pixels

_LEAST_SCORE = 0.6
_OVERLAP = 0.3

_SURE = 0.92
"""A best score from here on needs no look at the turned picture. A face on its head is found as well, at up to
0.913 and with mouth for eyes, but with a lower score than the same face upright (584 of 584 faces)."""

_TURN_GAIN = 0.01
"""A turn counts where its surest face beats that of the picture as it stands by so much: most are upright."""

_SMALL, _USUAL, _FINE = 160, 640, 1920
"""The longer side of a look in pixels: tiny pictures come up to the first, others down to the second, and where
that finds nothing, or nothing but tiny faces, large ones down to the third."""

_COARSE = 320
"""The longer side of a look for faces that fill the picture: YuNet was trained on faces of 10 to 300 pixels."""

_TINY = 24.0
"""A face smaller than this in a look is worth a finer one, in pixels."""

_CLOSE = 100.0
"""A face smaller than this in a look at a picture scaled down is looked at again by itself, for better points."""

_CLOSE_ROOM = 0.6
"""What is looked at then on each side of the face, as a share of its box."""

_ONE_PLACE = 0.01
"""In pixels; points nearer together than this are one, and say nothing of how a face lies."""

_LEAST_SIDE = 64
"""In pixels; of a picture with a side of 32 or less OpenCV 4.11 reads faces out of nothing."""


class YuNet:
    """The `Detector` over an onnx file of the OpenCV zoo. One thread at a time: give each thread its own.

    Raises InputError where the file is missing or no such model.
    """

    def __init__(self, weights: Path) -> None:
        try:
            content = weights.read_bytes()
        except OSError as error:
            raise InputError(f"{weights} cannot be read: {error.strerror or error}") from None
        try:
            self._net = cv2.FaceDetectorYN.create(
                "onnx",
                np.frombuffer(content, np.uint8),
                np.empty(0, np.uint8),
                (_COARSE, _COARSE),
                _LEAST_SCORE,
                _OVERLAP,
            )
            self._net.detect(np.zeros((_COARSE, _COARSE, 3), np.uint8))
        except cv2.error:
            raise InputError(
                f"{weights} is no YuNet model in onnx; run `kryptui weights get yunet`, or give another file"
            ) from None
        self.name = f"yunet {hashlib.sha256(content).hexdigest()[:12]}"

    def find(self, pixels: Pixels) -> list[Face]:
        """All faces in a picture (H, W, 3) in RGB, the surest first; points and boxes in its own pixels."""
        longer = max(pixels.shape[:2])
        usual = min(max(longer, _SMALL), _USUAL)
        found, scale = self._look(pixels, usual)
        if not found and usual > _COARSE:
            found, scale = self._look(pixels, _COARSE)
        finer = min(longer, _FINE)
        if finer > usual and all(max(face.box[2:]) * scale < _TINY for face in found):
            again, its_scale = self._look(pixels, finer)
            found, scale = (again, its_scale) if again else (found, scale)
        closer = [
            self._closer(pixels, face) if scale < 1 and max(face.box[2:]) * scale < _CLOSE else face
            for face in found
        ]
        return sorted(closer, key=_score, reverse=True)

    def _closer(self, pixels: Pixels, face: Face) -> Face:
        """The face as a look at it alone finds it, or as it was."""
        left, top, width, height = widened(face.box, _CLOSE_ROOM)
        x, y = max(0, int(left)), max(0, int(top))
        part = pixels[y : max(y, int(top + height)), x : max(x, int(left + width))]
        if not part.size:
            return face
        found, _ = self._look(part, min(max(*part.shape[:2], _SMALL), _COARSE))
        shift = np.array([x, y])
        moved = [
            Face((one.box[0] + x, one.box[1] + y, *one.box[2:]), one.points + shift, one.score) for one in found
        ]
        return max((one for one in moved if overlap(one.box, face.box) > 0.3), key=_score, default=face)

    def _look(self, pixels: Pixels, longer: int) -> tuple[list[Face], float]:
        """The faces in a picture scaled so that its longer side is `longer`, in its own pixels, and the scale."""
        height, width = pixels.shape[:2]
        scale = longer / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        seen = np.ascontiguousarray(pixels)
        if size != (width, height):
            seen = _bytes(cv2.resize(seen, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))
        bgr = _bytes(cv2.cvtColor(seen, cv2.COLOR_RGB2BGR))
        factor = np.array([size[0] / width, size[1] / height])
        return [_scaled(face, factor) for face in self._any_turn(bgr)], scale

    def _any_turn(self, bgr: Pixels) -> list[Face]:
        """The faces in the picture as it stands or in the quarter turn with the surest face, as it stands."""
        best = self._upright(bgr)
        if best and best[0].score >= _SURE:
            return best
        least = best[0].score + _TURN_GAIN if best else 0.0
        for quarters in (1, 2, 3):
            faces = self._upright(np.ascontiguousarray(np.rot90(bgr, quarters)))
            if faces and faces[0].score > least:
                best = [_turned_back(face, quarters, bgr.shape[:2]) for face in faces]
                least = faces[0].score
        return best

    def _upright(self, bgr: Pixels) -> list[Face]:
        height, width = bgr.shape[:2]
        lower, right = max(0, _LEAST_SIDE - height), max(0, _LEAST_SIDE - width)
        if lower or right:
            bgr = _bytes(cv2.copyMakeBorder(bgr, 0, lower, 0, right, cv2.BORDER_CONSTANT))
        try:
            self._net.setInputSize((bgr.shape[1], bgr.shape[0]))
            rows = self._net.detect(bgr)[1]
        except cv2.error as error:
            raise RunError(f"OpenCV could not look for faces: {error.err or error}") from None
        if rows is None:
            return []
        rows = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
        # YuNet calls the left eye right, as the person would: its order is that of the picture from left to right.
        faces = [
            Face((row[0], row[1], row[2], row[3]), row[4:14].reshape(5, 2), float(row[14]))
            for row in rows[np.lexsort((*rows[:, :4].T, -rows[:, 14]))]
        ]
        return [face for face in faces if min(face.box[2:]) > 0 and np.ptp(face.points, axis=0).max() > _ONE_PLACE]


def _score(face: Face) -> float:
    return face.score


def _bytes(pixels: NDArray[Any]) -> Pixels:
    """OpenCV gives back the type that it was given, but does not say so."""
    return pixels


def _turned_back(face: Face, quarters: int, size: tuple[int, ...]) -> Face:
    """A face found in a picture turned anticlockwise by `quarters`, in the picture of `size` before the turn."""
    x, y, width, height = face.box
    centre = _turn_back(np.array([[x + width / 2, y + height / 2]]), quarters, size)[0]
    if quarters % 2:
        width, height = height, width
    box = (float(centre[0] - width / 2), float(centre[1] - height / 2), width, height)
    return Face(box, _turn_back(face.points, quarters, size), face.score)


def _turn_back(places: NDArray[np.float64], quarters: int, size: tuple[int, ...]) -> Points:
    height, width = size[:2]
    x, y = places[:, 0], places[:, 1]
    if quarters == 1:
        return np.stack([width - 1 - y, x], axis=1)
    if quarters == 2:
        return np.stack([width - 1 - x, height - 1 - y], axis=1)
    return np.stack([y, height - 1 - x], axis=1)


def _scaled(face: Face, factor: NDArray[np.float64]) -> Face:
    """A face found in a picture scaled by `factor` (x, y), in the pixels of the picture itself."""
    x, y, width, height = np.array(face.box) / [*factor, *factor]
    # Places count from amid the first pixel: its corner stays where it is.
    points = (face.points + 0.5) / factor - 0.5
    return Face((float(x), float(y), float(width), float(height)), points, face.score)
