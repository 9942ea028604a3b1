"""The manifest: the table of images that everything else starts from."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from kryptui.errors import RunError
from kryptui.preprocess import POINTS

COLUMNS = ("path", "identity", "is_fake", "split")
LANDMARK_COLUMNS = tuple(f"{point}_{axis}" for point in POINTS for axis in ("x", "y"))


@dataclass(frozen=True)
class LeftOut:
    """A file, folder or key that is not in the table: which, why, and what more is known."""

    path: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Manifest:
    """The table of images of one dataset, and what was left out of it.

    `table` has one row an image: path (posix, relative to `root` or absolute), identity (text; digits without
    padding in a contest tree), is_fake (pandas "boolean", NA where unknown), split ("" where none), and
    optionally the ten landmark columns (float, pixels, NaN where no face was found) and `method` (how a fake was
    made).
    """

    table: pd.DataFrame
    root: Path
    source: Path
    left_out: tuple[LeftOut, ...] = ()
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    def absolute_paths(self) -> list[Path]:
        """Where each image lies, in the order of the table."""
        return [self.root / path for path in self.table["path"]]

    def split(self, name: str) -> Manifest:
        """The rows of one split."""
        return self.subset(self.table["split"] == name)

    def subset(self, keep: pd.Series) -> Manifest:
        """The rows where the boolean series `keep` is true, renumbered; notices and what was left out stay."""
        return replace(self, table=self.table[keep].reset_index(drop=True))

    def without(self, left_out: Sequence[LeftOut]) -> Manifest:
        """The manifest less the images named by `left_out`, which joins what was left out before."""
        names = {item.path for item in left_out}
        kept = self.subset(~self.table["path"].isin(names))
        return replace(kept, left_out=(*self.left_out, *left_out))

    def digest(self) -> str:
        """The sha256 of the rows (path, identity, is_fake, split), in hex.

        Paths count from the deepest folder that holds them all, so neither the order of the rows nor the place
        of the dataset, nor the place of the csv file that names it, changes the digest.
        """
        full = [os.path.normpath(self.root / path) for path in self.table["path"]]
        names = names_in_common_folder(full)
        flags = flag_words(self.table["is_fake"])
        rows = zip(names, self.table["identity"], flags, self.table["split"], strict=True)
        lines = sorted(json.dumps(row) for row in rows)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def write_csv(self, path: Path) -> None:
        """Writes the table as a manifest csv, atomically; image paths become relative to its folder.

        Raises RunError where the file cannot be written; an older file then stays as it was.
        """
        table = self.table.assign(
            path=rebase(self.table["path"], self.root, path.parent),
            is_fake=flag_words(self.table["is_fake"]),
        )
        write_atomic(path, table.to_csv(index=False, lineterminator="\n"))


def make_table(
    paths: Sequence[str],
    identities: Sequence[str],
    is_fake: Sequence[bool | None],
    splits: Sequence[str] | None = None,
) -> pd.DataFrame:
    """A manifest's table with its column types, from columns of equal length (None where is_fake is unknown)."""
    return pd.DataFrame(
        {
            "path": pd.Series(list(paths), dtype=str),
            "identity": pd.Series(list(identities), dtype=str),
            "is_fake": pd.Series(list(is_fake), dtype="boolean"),
            "split": pd.Series(list(splits) if splits is not None else [""] * len(paths), dtype=str),
        }
    )


def names_in_common_folder(paths: Sequence[str]) -> list[str]:
    """Absolute normal paths as posix paths that count from the deepest folder that holds them all."""
    folders = {path.rpartition(os.sep)[0] for path in paths}
    start = len(os.path.commonpath(folders)) if len(folders) > 1 else len("".join(folders))
    return [path[start:].lstrip(os.sep).replace(os.sep, "/") for path in paths]


def rebase(paths: Iterable[str], root: Path, folder: Path) -> list[str]:
    """Paths that count from `root`, as posix paths that count from `folder`; symlinks in both are followed."""
    start, end = Path(os.path.realpath(root)), os.path.realpath(folder)
    return [Path(os.path.relpath(start / path, end)).as_posix() for path in paths]


def flag_words(is_fake: pd.Series) -> list[str]:
    """The column is_fake as it stands in a csv file: `1`, `0`, or nothing where unknown."""
    return ["" if flag is None else str(int(flag)) for flag in is_fake.astype(object).where(is_fake.notna(), None)]


def is_number(name: str) -> bool:
    """Whether the name of a folder or identity is a plain whole number of at most 18 digits, padded or not."""
    return name.isascii() and name.isdigit() and len(name) <= 18


def identity_order(identity: str) -> tuple[int, int, str]:
    """The sorting key of identities: numbers by value, then names."""
    return (0, int(identity), identity) if is_number(identity) else (1, 0, identity)


def write_atomic(path: Path, text: str) -> None:
    """Writes a text file whole or not at all; raises RunError as `write_together` does."""
    write_together({path: text})


def write_together(texts: Mapping[Path, str]) -> None:
    """Writes text files whole or not at all: temporary files beside them, all synced, then renamed over them.

    Raises RunError with the system's reason (a full disk, no permission); older files then stay as they were.
    """
    temporary = {path: path.with_name(f".{path.name}.{secrets.token_hex(4)}") for path in texts}
    path = next(iter(texts))
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary[path].open("x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for path in texts:
            temporary[path].replace(path)
    except OSError as error:
        raise RunError(f"{path} could not be written: {error.strerror or error}") from None
    finally:
        for part in temporary.values():
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
