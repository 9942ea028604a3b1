"""Weight files that are known by name: where they come from, what they must be, and where they lie here."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from kryptui.data.download import fetch
from kryptui.data.new_folder import write_error
from kryptui.errors import InputError, nearest

FOLDER_VARIABLE = "KRYPTUI_WEIGHTS"


@dataclass(frozen=True)
class WeightFile:
    """One version of a file of weights, pinned by its checksum; the address holds exactly this version."""

    what: str
    file: str
    url: str
    sha256: str
    bytes: int
    licence: str


_ZOO = "https://media.githubusercontent.com/media/opencv/opencv_zoo/26cc381e4d2594bb9f47a26eb8fd96c94a13660d"

KNOWN: Mapping[str, WeightFile] = {
    "yunet": WeightFile(
        what="YuNet, the face detector (OpenCV zoo, version of May 2026)",
        file="face_detection_yunet_2026may.onnx",
        url=f"{_ZOO}/models/face_detection_yunet/face_detection_yunet_2026may.onnx",
        sha256="ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
        bytes=229_738,
        licence="MIT",
    ),
}


def weights_folder() -> Path:
    """Where fetched weights lie: the environment's KRYPTUI_WEIGHTS, else the user's cache folder."""
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given) if given else platformdirs.user_cache_path("kryptui", appauthor=False) / "weights"


def weights_place(name: str) -> Path:
    """Where the file of that name lies, or would lie; raises InputError for an unknown name."""
    return weights_folder() / _known(name).file


def find_weights(name: str, given: Path | None = None) -> Path:
    """The file to load: the one `given`, else the fetched one, whose checksum must be right.

    Raises InputError that says how to get it.
    """
    if given is not None:
        if not given.is_file():
            raise InputError(f"{given}: there is no such file of weights for {name}; check the path")
        return given
    place = weights_place(name)
    if not place.is_file():
        raise InputError(f"{place} is not there; run `kryptui weights get {name}`, or give the path of a file")
    if _sha256(place) != KNOWN[name].sha256:
        raise InputError(f"{place} is damaged or of another version; run `kryptui weights get {name}`")
    return place


def get_weights(
    name: str, source: Path | None = None, progress: Callable[[int, int | None], None] | None = None
) -> Path:
    """Puts a file of weights in its place and returns that: fetched, or copied from `source`, once it is checked.

    What is there already and right is kept. Raises as `fetch` does, and InputError where `source` is another file.
    """
    known, place = _known(name), weights_place(name)
    if place.is_file() and _sha256(place) == known.sha256:
        return place
    if source is None:
        return fetch(known.url, place, sha256=known.sha256, progress=progress)
    try:
        content = source.read_bytes()
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror or error}") from None
    found = hashlib.sha256(content).hexdigest()
    if found != known.sha256:
        raise InputError(f"{source} has sha256 {found}; {known.file} has {known.sha256}; give that version")
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(place)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise write_error(error, place) from error
    return place


def is_here(name: str) -> bool:
    """Whether the fetched file is there and right."""
    place = weights_place(name)
    return place.is_file() and _sha256(place) == KNOWN[name].sha256


def _known(name: str) -> WeightFile:
    if name not in KNOWN:
        raise InputError(
            f"no weights are known by the name {name!r}{nearest(name, KNOWN)} (known: {', '.join(KNOWN)})"
        )
    return KNOWN[name]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
