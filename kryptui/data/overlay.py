"""An overlay: decisions about a dataset's labels in a csv file, applied to its manifest, never to the source."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import pandas as pd

from kryptui.data.manifest import LeftOut, Manifest, write_atomic
from kryptui.data.tables import TextTable, read_table, require_columns
from kryptui.errors import InputError, nearest

Action = Literal["drop", "move", "merge", "keep"]
ACTIONS: Final = get_args(Action)
COLUMNS: Final = ("action", "path", "identity", "into", "reason")

DROPPED: Final = "dropped by the overlay"


@dataclass(frozen=True)
class Decision:
    """One row of an overlay.

    `drop` leaves the photo `path` out, `move` files it under `into`, `merge` files all of `identity` under `into`;
    `keep` changes nothing and records that it was looked at. `identity` is whom a photo is filed under: a row that
    says so no longer fits once that has changed. `path` is as the dataset's manifest names it.
    """

    action: Action
    path: str = ""
    identity: str = ""
    into: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Overlay:
    """The decisions of a csv file, each with its line; `source` is that file."""

    decisions: tuple[Decision, ...]
    lines: tuple[int, ...]
    source: Path

    def counts(self) -> dict[str, int]:
        """How many decisions there are of each action."""
        found = Counter(decision.action for decision in self.decisions)
        return {action: found[action] for action in ACTIONS}

    def digest(self) -> str:
        """The sha256 of what it decides, in hex: neither reasons nor the order of rows count."""
        rows = sorted(repr((d.action, d.path, d.identity, d.into)) for d in self.decisions if d.action != "keep")
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """What prepare.json tells: where it lies, its digest and its counts."""
        return {"path": str(self.source), "digest": self.digest(), **self.counts()}

    def apply(self, manifest: Manifest) -> Manifest:
        """The manifest with all decisions carried out: photos first, then identities; dropped photos are named.

        All photos of a merged identity, its fakes too, go along with it. Raises InputError that names the line
        where a decision is stale: the photo or identity is not there, or the photo is filed under another one.
        """
        table = manifest.table
        identity_of = dict(zip(table["path"], table["identity"], strict=True))
        known = set(identity_of.values())
        moved: dict[str, str] = {}
        merged: dict[str, str] = {}
        dropped = []
        for decision, line in zip(self.decisions, self.lines, strict=True):
            self._refuse_stale(decision, line, identity_of, known, manifest)
            if decision.action == "drop":
                dropped.append(LeftOut(decision.path, DROPPED, decision.reason))
            elif decision.action == "move":
                moved[decision.path] = decision.into
            elif decision.action == "merge":
                merged[decision.identity] = decision.into
        names = {name: self._end(name, merged) for name in known}
        identities = [names[moved.get(path, identity)] for path, identity in identity_of.items()]
        corrected = table.assign(identity=pd.Series(identities, index=table.index, dtype=str))
        return replace(manifest, table=corrected).without(dropped)

    def _refuse_stale(
        self, decision: Decision, line: int, identity_of: dict[str, str], known: set[str], manifest: Manifest
    ) -> None:
        where = f"{self.source}, line {line}"
        if decision.path and decision.path not in identity_of:
            left_out = next((item for item in manifest.left_out if item.path == decision.path), None)
            why = f" ({left_out.reason})" if left_out else nearest(decision.path, identity_of, 1)
            raise InputError(f"{where}: there is no image {decision.path!r} in {manifest.source}{why}")
        for name in (decision.identity, decision.into):
            if name and name not in known:
                raise InputError(
                    f"{where}: there is no identity {name!r} in {manifest.source}{nearest(name, known, 1)}"
                )
        if decision.path and decision.identity and identity_of[decision.path] != decision.identity:
            raise InputError(
                f"{where}: {decision.path} is filed under {identity_of[decision.path]} in {manifest.source}, not "
                f"under {decision.identity}: the overlay was made for another state of the data"
            )

    def _end(self, name: str, merged: dict[str, str]) -> str:
        passed = [name]
        while (name := merged.get(name, "")) != "":
            if name in passed:
                raise InputError(f"{self.source}: the merges of {' and '.join(passed)} go round in a circle")
            passed.append(name)
        return passed[-1]


def read_overlay(path: Path) -> Overlay:
    """Reads an overlay csv: `action,path,identity,into,reason`, the reason optional.

    Raises InputError that names line and cell: an unknown action, a row without what its action needs, two rows
    that decide one photo or identity.
    """
    table = read_table(path)
    require_columns(table, COLUMNS[:4], COLUMNS[4:])
    table.choices("action", ACTIONS)
    reasons = table.columns.get("reason", [""] * len(table.lines))
    decisions = []
    decided: dict[tuple[str, str], int] = {}
    for row, line in enumerate(table.lines):
        action, image, identity, into = (table.columns[name][row] for name in COLUMNS[:4])
        _refuse_row(table, row)
        decisions.append(Decision(cast(Action, action), image, identity, into, reasons[row]))
        subject = (image, "") if image else (identity, into if action == "keep" else "merge")
        if subject in decided:
            raise InputError(
                f"{path}, line {line}: {image or identity} is decided in line {decided[subject]} already"
            )
        decided[subject] = line
    return Overlay(tuple(decisions), tuple(table.lines), path)


def write_overlay(path: Path, decisions: Sequence[Decision]) -> None:
    """Writes an overlay csv, whole or not at all. Raises RunError where it cannot be written."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(decision) for decision in decisions)
    write_atomic(path, text.getvalue())


def _refuse_row(table: TextTable, row: int) -> None:
    action, image, identity, into = (table.columns[name][row] for name in COLUMNS[:4])
    needs = {"drop": ("path",), "move": ("path", "into"), "merge": ("identity", "into"), "keep": ()}[action]
    for name in needs:
        if not table.columns[name][row]:
            raise table.bad(row, name, f"given: {action} needs {' and '.join(needs)}")
    if action == "merge" and image:
        raise table.bad(row, "path", "empty: merge is about identities; to refile one photo say move")
    if action == "drop" and into:
        raise table.bad(row, "into", "empty: drop leaves the photo out; to refile it say move")
    if action in ("move", "merge") and identity == into:
        raise table.bad(row, "into", f"another identity than {identity!r}")
    if action == "keep" and not image and not identity:
        raise table.bad(row, "path", "given, or identity: something is kept")
