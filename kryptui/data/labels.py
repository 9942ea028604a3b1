"""From people to training classes: what `fakes`, `min_real` and `min_class` make of a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from kryptui.data.manifest import identity_order
from kryptui.errors import InputError, nearest

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

Fakes = Literal["own-class", "negatives", "unique", "drop"]
FAKES: Final = get_args(Fakes)

NEGATIVE: Final = -1
"""The label of a fake that belongs to no class and serves as a negative only."""


@dataclass(frozen=True)
class Remains:
    """What a choice of `fakes`, `min_real` and `min_class` leaves of a table, and how many fakes it loses."""

    fakes: str
    min_real: int
    min_class: int
    images: int
    identities: int
    reals: int
    fake_images: int
    classes: int
    lost_reals: int
    lost_fakes: int


@dataclass(frozen=True)
class Labelled:
    """A manifest's table with an int64 column `label` (0 to num_classes - 1, or NEGATIVE) for training."""

    table: pd.DataFrame
    num_classes: int
    counts: Remains


def assign_labels(table: pd.DataFrame, fakes: str, min_real: int, min_class: int) -> Labelled:
    """Prunes people by their real photos, labels the rest, prunes small classes, and numbers densely.

    1. People with fewer than `min_real` real photos go, with their fakes.
    2. A person's reals are one class. Their fakes are one further class (`own-class`), belong to no class
       (`negatives`), are a class each (`unique`) or go (`drop`).
    3. Classes with fewer than `min_class` images go; negatives belong to no class and stay.

    Labels follow the order of identities, not of rows; the rows keep their order. An image whose is_fake is
    unknown counts as real. Raises InputError for an unknown choice, and where no two classes are left.
    """
    if fakes not in FAKES:
        raise InputError(f"fakes is {fakes!r}; it must be one of {', '.join(FAKES)}{nearest(fakes, FAKES)}")
    rows = _rows(table)
    labels, kept = _label(rows, fakes, min_real, min_class)
    counts = _count(rows, labels, kept, fakes, min_real, min_class)
    if counts.classes < 2 and not (counts.classes and (labels[kept] == NEGATIVE).any()):
        raise InputError(_nothing_left(rows, fakes, min_real, min_class, counts.classes))
    labelled = table[kept].assign(label=labels[kept]).reset_index(drop=True)
    return Labelled(labelled, counts.classes, counts)


class Pruning:
    """A table kept as numbers, so that one choice after the other is tried at once."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._rows = _rows(table)

    def leaves(self, fakes: str, min_real: int, min_class: int) -> Remains:
        """What a choice would leave; a choice that would leave nothing is one too."""
        labels, kept = _label(self._rows, fakes, min_real, min_class)
        return _count(self._rows, labels, kept, fakes, min_real, min_class)


def what_remains(
    table: pd.DataFrame, min_reals: Sequence[int] = (0, 1, 2, 3), min_classes: Sequence[int] = (1, 2)
) -> list[Remains]:
    """What every choice of `fakes`, `min_real` and `min_class` would leave, one row a choice."""
    pruning = Pruning(table)
    return [
        pruning.leaves(fakes, min_real, min_class)
        for fakes in FAKES
        for min_real in min_reals
        for min_class in min_classes
    ]


def real_counts(table: pd.DataFrame) -> pd.Series:
    """How many real images each identity has, 0 included; an unknown is_fake counts as real."""
    return (~known_fake(table)).groupby(table["identity"].to_numpy()).sum()


def known_fake(table: pd.DataFrame) -> pd.Series:
    """is_fake as plain bool, false where it is unknown."""
    return table["is_fake"].fillna(False).astype(bool)


@dataclass(frozen=True)
class _Rows:
    """A table as numbers, for N rows and P people.

    `people` (N,) ranks the identities from 0, `reals` (P,) counts their reals, `paths` (N,) ranks the paths.
    """

    is_fake: Mask
    people: Ints
    reals: Ints
    paths: Ints


def _rows(table: pd.DataFrame) -> _Rows:
    is_fake = known_fake(table).to_numpy()
    names = sorted(table["identity"].unique(), key=identity_order)
    people = pd.Index(names).get_indexer(table["identity"]).astype(np.int64)
    reals = np.bincount(people[~is_fake], minlength=len(names))
    paths = np.empty(len(table), dtype=np.int64)
    paths[np.argsort(table["path"].to_numpy(dtype=object), kind="stable")] = np.arange(len(table))
    return _Rows(is_fake, people, reals, paths)


def _label(rows: _Rows, fakes: str, min_real: int, min_class: int) -> tuple[Ints, Mask]:
    # Returns the labels (N,), meaningless where a row goes, and which rows stay (N,).
    is_fake, people = rows.is_fake, rows.people
    kept = rows.reals[people] >= min_real
    if fakes == "drop":
        kept &= ~is_fake
    if fakes == "own-class":
        classes = 2 * people + is_fake
    elif fakes == "unique":
        # After all people: one number a fake, by path, so that the order of the rows does not matter.
        classes = np.where(is_fake, len(rows.reals) + rows.paths, people)
    else:
        classes = np.where(is_fake, NEGATIVE, people)
    found, inverse, sizes = np.unique(classes[kept], return_inverse=True, return_counts=True)
    big = (sizes >= min_class) | (found == NEGATIVE)
    kept[kept] = big[inverse]
    labels = np.full(len(people), NEGATIVE, dtype=np.int64)
    positive = kept & (classes != NEGATIVE)
    labels[positive] = np.unique(classes[positive], return_inverse=True)[1]
    return labels, kept


def _count(rows: _Rows, labels: Ints, kept: Mask, fakes: str, min_real: int, min_class: int) -> Remains:
    is_fake = rows.is_fake
    return Remains(
        fakes=fakes,
        min_real=min_real,
        min_class=min_class,
        images=int(kept.sum()),
        identities=len(np.unique(rows.people[kept])),
        reals=int((kept & ~is_fake).sum()),
        fake_images=int((kept & is_fake).sum()),
        classes=int(labels[kept].max(initial=NEGATIVE)) + 1,
        lost_reals=int((~kept & ~is_fake).sum()),
        lost_fakes=int((~kept & is_fake).sum()),
    )


def _nothing_left(rows: _Rows, fakes: str, min_real: int, min_class: int, classes: int) -> str:
    people = len(rows.reals)
    few = int((rows.reals < min_real).sum())
    before = _count(rows, *_label(rows, fakes, min_real, 0), fakes, min_real, 0).classes
    left = "only one class is left" if classes else "nothing is left"
    return (
        f"{left} to train on: min_real {min_real} removed {few} of {people} people, "
        f"min_class {min_class} removed {before - classes} of {before} classes (fakes: {fakes}); "
        "lower task.min_real or task.min_class, or give more images"
    )
