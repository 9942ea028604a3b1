"""What is decided about suspects: by the doctor, by hand or by an overlay; what is undecided and unsaved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from kryptui.errors import InputError

if TYPE_CHECKING:
    from kryptui.data.manifest import Manifest
    from kryptui.data.overlay import Action, Decision
    from kryptui.jobs.label_doctor import Finding, LabelReport

LOOKED: Final = "looked at; "
"""Begins the reason of what was kept by hand, so that it is no longer undecided when it is taken up again."""

State = Literal["decided", "sure", "undecided"]
"""By hand or by an overlay; by the doctor, who is sure; not yet."""


class Desk:
    """A review of one dataset's report; reading and saving overlays may be called in threads."""

    def __init__(self, report: LabelReport, manifest: Manifest) -> None:
        from kryptui.jobs.label_doctor import Review

        self.report, self.manifest = report, manifest
        self.identities = sorted(set(manifest.table["identity"]))
        self.taken: set[Path] = set()
        """Overlays whose decisions are all here: saving over them loses nothing."""
        self._changes = self._saved_changes = 0
        self._review = Review(report)
        self._decided: set[tuple[str, ...]] = set()
        self._others: list[Decision] = []

    @property
    def findings(self) -> list[Finding]:
        """The surest first."""
        return self.report.findings

    @property
    def unsaved(self) -> bool:
        """Whether something was decided by hand since the overlay was saved."""
        return self._changes != self._saved_changes

    def decision(self, finding: Finding) -> Decision:
        """What is decided about a finding at the moment; keep, where it is undecided."""
        return self._review.decision(finding)

    def state(self, finding: Finding) -> State:
        """Who decided about a finding, if anybody did."""
        if finding.subject in self._decided:
            return "decided"
        return "sure" if finding.is_sure else "undecided"

    def counts(self) -> dict[str, int]:
        """How many suspects each action is decided for, and how many are undecided."""
        found: Counter[str] = Counter()
        for finding in self.findings:
            state = self.state(finding)
            found["undecided" if state == "undecided" else self.decision(finding).action] += 1
        return {name: found[name] for name in ("drop", "move", "merge", "keep", "undecided")}

    def decide(self, place: int, action: Action, into: str | None = None) -> None:
        """Decides about the finding at a place; raises InputError where the action does not fit it."""
        finding = self.findings[place]
        if action == "move":
            target = into or finding.other or ""
            if target not in self.identities:
                raise InputError(f"there is no identity {target!r} in the dataset")
            if target == finding.identity:
                raise InputError(f"{finding.photo} is filed under {target} already; keep leaves it there")
        self._review.decide(finding, action, into)
        self._decided.add(finding.subject)
        self._changes += 1

    def follow(self, place: int) -> None:
        """Decides as the doctor suggests."""
        suggestion = self.findings[place].suggestion
        self.decide(place, suggestion.action, suggestion.into or None)

    def next_undecided(self, place: int) -> int | None:
        """The place of the next finding that is undecided, from the first again after the last."""
        count = len(self.findings)
        after = (at % count for at in range(place + 1, place + 1 + count))
        return next((at for at in after if self.state(self.findings[at]) == "undecided"), None)

    def take_up(self, path: Path) -> int:
        """Takes over what an overlay of this dataset decided: how many; its other rows are saved along.

        Raises InputError that names the line where it is no overlay, or one of another dataset.
        """
        from kryptui.data.overlay import read_overlay

        overlay = read_overlay(path)
        overlay.apply(self.manifest)  # raises where it does not fit
        taken = self._review.take_up(overlay)
        subjects = {finding.subject: finding for finding in self.findings}
        self._others = [row for row in overlay.decisions if _subject(row) not in subjects]
        for row in overlay.decisions:
            finding = subjects.get(_subject(row))
            # The doctor writes keep for what nobody has looked at.
            if finding is not None and (row.action != "keep" or finding.is_sure or row.reason.startswith(LOOKED)):
                self._decided.add(finding.subject)
        self.taken = {path}
        return taken

    def save(self, path: Path) -> int:
        """Writes the overlay, whole or not at all; how many rows it has.

        Raises InputError where the decisions contradict each other, or the file would lie in the source, and
        RunError where it cannot be written.
        """
        from kryptui.data.overlay import Overlay, write_overlay

        refuse_source(path, self.manifest.source)
        changes = self._changes
        rows = list(self._rows())
        Overlay(tuple(rows), tuple(range(2, len(rows) + 2)), path).apply(self.manifest)
        write_overlay(path, rows)
        self.taken.add(path)
        self._saved_changes = changes
        return len(rows)

    def _rows(self) -> Iterator[Decision]:
        written = set()
        for finding, row in zip(self.findings, self._review.decisions(), strict=True):
            looked = row.action == "keep" and self.state(finding) == "decided"
            if looked and not row.reason.startswith(LOOKED):
                row = replace(row, reason=f"{LOOKED}{row.reason}")
            written.add(_key(row))
            yield row
        yield from (row for row in self._others if _key(row) not in written)


def refuse_source(path: Path, source: Path) -> None:
    """Raises InputError for a file that would lie in the source."""
    if source.resolve() in path.resolve().parents:
        raise InputError(f"{path} lies in the source, which is never changed; give a place outside {source}")


def _subject(row: Decision) -> tuple[str, ...]:
    return (row.path,) if row.path else (row.identity, row.into)


def _key(row: Decision) -> tuple[str, str]:
    """What an overlay may decide but once."""
    return (row.path, "") if row.path else (row.identity, row.into if row.action == "keep" else "merge")
