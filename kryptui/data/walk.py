"""The walk over a tree of `<folder>/<image>`: what is an image, and what is left out and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from kryptui.data.image_names import is_image_name
from kryptui.data.manifest import LeftOut

OUTSIDE: Final = "symlink out of the tree"
NO_FOLDER: Final = "image beside the folders"
TOO_DEEP: Final = "folder inside a folder of images"
LOCKED: Final = "cannot be opened"


class TreeWalk:
    """One walk over the folders of a tree; gathers in `left_out` and `notices` what it passes over.

    Names in `left_out` are posix and relative to `root`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left_out: list[LeftOut] = []
        self._ignored: Counter[str] = Counter()
        # A folder `images` that is itself a symlink to another disk is a choice, not an escape.
        self._inside = tuple(os.path.realpath(place) + os.sep for place in (root, root / "images"))

    def folders(self, place: Path) -> Iterator[Path]:
        """The folders in a folder, by name; images that lie beside them are left out."""
        for entry in self._entries(place):
            if entry.is_dir():
                yield place / entry.name
            elif is_image_name(entry.name):
                self.leave_out(place / entry.name, NO_FOLDER)
            elif entry.name != "meta.json":
                self._ignore(entry.name)

    def images(self, folder: Path, known: Callable[[str], bool] | None = None) -> Iterator[str]:
        """The names of the images in a folder: those with an image's ending, and those that are `known`."""
        for entry in self._entries(folder):
            if entry.is_dir():
                self.leave_out(folder / entry.name, TOO_DEEP)
            elif is_image_name(entry.name) or (known is not None and known(entry.name)):
                yield entry.name
            else:
                self._ignore(entry.name)

    def leave_out(self, place: Path, reason: str, detail: str = "") -> None:
        """Notes that a file or folder is left out, and why."""
        self.left_out.append(LeftOut(self.name(place), reason, detail))

    def name(self, place: Path) -> str:
        """A path as it stands in a manifest: posix, relative to the root."""
        return place.relative_to(self.root).as_posix()

    def notices(self) -> tuple[str, ...]:
        """One line with the number of files that are no images, if there are any."""
        if not self._ignored:
            return ()
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self._ignored.items()))
        return (f"files that are no images were ignored ({kinds})",)

    def _ignore(self, name: str) -> None:
        self._ignored[Path(name).suffix or name] += 1

    def _entries(self, place: Path) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(place) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self.leave_out(place, LOCKED, error.strerror or "")
            return
        for entry in entries:
            target = os.path.realpath(entry.path) if entry.is_symlink() else ""
            if target and not target.startswith(self._inside):
                self.leave_out(place / entry.name, OUTSIDE, target)
            elif entry.name.startswith("."):
                self._ignore(entry.name)
            else:
                yield entry
