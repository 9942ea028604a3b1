"""The label doctor: a dataset's wrong labels as a model sees them, and what is decided about them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kryptui.data.labels import known_fake
from kryptui.data.manifest import Manifest
from kryptui.data.overlay import Action, Decision, Overlay, write_overlay
from kryptui.errors import InputError
from kryptui.figures import Figure, ImageSheet, Report, Table
from kryptui.metrics.contrast import NoContrast
from kryptui.metrics.suspects import Kind, Suspect, Suspects, find_suspects

if TYPE_CHECKING:
    from kryptui.faces.recognised import Embedded
    from kryptui.tasks.protocol import Progress


class Embeds(Protocol):
    """Makes embeddings of pictures; a Recogniser does."""

    def embed(
        self, paths: Sequence[Path], progress: Progress | None = None, stop: threading.Event | None = None
    ) -> Embedded:
        """One row a picture, NaN where there is none."""


@dataclass(frozen=True)
class Finding:
    """A suspect by name: photos by their path in the manifest.

    `medoid` stands for `identity`, and `other` is the identity that the photo fits instead, with its medoid.
    `certainty` is from 0 to 1; `own` and `near` are the cosines to the two identities. `suggestion` is what would
    mend it, to be followed unseen only where `is_sure`.
    """

    kind: Kind
    photo: str
    identity: str
    medoid: str
    other: str | None
    other_medoid: str | None
    certainty: float
    own: float | None
    near: float | None
    is_sure: bool
    suggestion: Decision

    @property
    def subject(self) -> tuple[str, ...]:
        """What it is about: a photo, or two identities."""
        return (self.identity, self.other or "") if self.kind == "split" else (self.photo,)

    def decision(self, action: Action, into: str | None = None) -> Decision:
        """The decision for an action; `into`, for move and merge, is the other identity unless said otherwise.

        Raises InputError where it takes an identity and there is none, or the finding is not of that sort.
        """
        is_split = self.kind == "split"
        if action != "keep" and (action == "merge") != is_split:
            fitting = "merge or keep" if is_split else "drop, move or keep"
            raise InputError(f"{' and '.join(self.subject)}: {action} does not fit here; say {fitting}")
        target = "" if action == "drop" else into or self.other or ""
        if action in ("move", "merge") and not target:
            raise InputError(f"{self.photo}: {action} needs an identity")
        path = "" if is_split else self.photo
        return Decision(action, path, self.identity, target, self.suggestion.reason)


@dataclass(frozen=True)
class LabelReport:
    """What the doctor found in a dataset, the surest first, and by what.

    `photo_threshold` is the cosine at which two photos are as likely of one person as of two, `template_threshold`
    that of a photo and the rest of its identity; `wrong_share` the estimated share of photos under a wrong label.
    """

    source: str
    root: Path
    photos: int
    identities: int
    photo_threshold: float
    template_threshold: float
    wrong_share: float
    findings: list[Finding]
    problems: list[tuple[str, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON types."""
        facts = {name: value for name, value in vars(self).items() if name not in ("root", "findings", "problems")}
        findings = [{**asdict(finding), "certainty": round(finding.certainty, 6)} for finding in self.findings]
        return {**facts, "findings": findings, "problems": [{"path": p, "why": why} for p, why in self.problems]}

    def scalars(self) -> dict[str, float | int | str | None]:
        """The counts and thresholds."""
        kinds = [finding.kind for finding in self.findings]
        return {
            "photos compared": self.photos,
            "identities": self.identities,
            "strangers": kinds.count("stranger"),
            "identities split in two": kinds.count("split"),
            "unsure photos": kinds.count("unsure"),
            "sure of": sum(finding.is_sure for finding in self.findings),
            "share of wrong labels, about": round(self.wrong_share, 3),
            "without an embedding": len(self.problems),
            "threshold of two photos": round(self.photo_threshold, 3),
            "threshold of photo and person": round(self.template_threshold, 3),
        }

    def to_report(self, rows: int = 50) -> Report:
        """Scalars, a table of suspects and sheets of them beside their medoids; `rows` of each at most."""
        shown = self.findings[:rows]
        cells: list[list[str | float | int | None]] = [
            [
                round(finding.certainty, 3),
                finding.photo if finding.kind != "split" else "all",
                finding.identity,
                _advice(finding),
                finding.suggestion.reason,
            ]
            for finding in shown
        ]
        columns = ["certainty", "photo", "identity", "suggestion", "reason"]
        title = "suspects" if len(shown) == len(self.findings) else f"suspects ({rows} of {len(self.findings)})"
        figures: list[Figure] = [Table(title, columns, cells), self.sheet(shown)] if shown else []
        return Report(f"labels of {self.source}", self.scalars(), figures)

    def sheet(self, findings: Sequence[Finding] | None = None) -> ImageSheet:
        """Each suspect beside its identity's medoid, and once more beside the medoid that it fits instead."""
        rows = []
        for finding in self.findings if findings is None else findings:
            head = f"{finding.certainty:.3f} {_advice(finding)}"
            if finding.kind != "split":
                rows.append((finding.photo, finding.medoid, head, _like(finding.identity, finding.own)))
            if finding.other_medoid is not None:
                like = _like(finding.other or "", finding.near)
                rows.append((finding.photo, finding.other_medoid, head, like))
        return ImageSheet(
            "each suspect beside the medoid of its identity",
            [str(self.root / path) for row in rows for path in row[:2]],
            [
                f"{path}\n{caption}"
                for row in rows
                for path, caption in zip(map(_short, row[:2]), row[2:], strict=True)
            ],
            columns=2,
        )


class Review:
    """What is decided about the findings of a report, and the overlay that says so.

    It begins with the suggestions that are sure; all others are kept as they are, to be looked at.
    """

    def __init__(self, report: LabelReport) -> None:
        self.report = report
        self._decisions = {
            finding.subject: finding.suggestion if finding.is_sure else finding.decision("keep")
            for finding in report.findings
        }

    def decision(self, finding: Finding) -> Decision:
        """What is decided about a finding at the moment."""
        return self._decisions[finding.subject]

    def decide(self, finding: Finding, action: Action, into: str | None = None) -> None:
        """Decides about a finding; raises InputError as `Finding.decision` does."""
        self._decisions[finding.subject] = finding.decision(action, into)

    def take_up(self, overlay: Overlay) -> int:
        """Takes over what an overlay decided about these findings: how many; all else in it is left out."""
        taken = 0
        for decision in overlay.decisions:
            subject = (decision.path,) if decision.path else (decision.identity, decision.into)
            if subject in self._decisions:
                self._decisions[subject] = decision
                taken += 1
        return taken

    def decisions(self) -> list[Decision]:
        """The rows of the overlay, the surest first; merges of three and more lead to one identity."""
        return list(_one_way(self._decisions[finding.subject] for finding in self.report.findings))

    def save(self, path: Path) -> None:
        """Writes the overlay, whole or not at all. Raises RunError where it cannot be written."""
        write_overlay(path, self.decisions())


def examine_labels(
    manifest: Manifest,
    recogniser: Embeds,
    *,
    include_fakes: bool = False,
    threshold: float | None = None,
    certainty: float = 0.5,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> LabelReport:
    """Embeds the real photos of a dataset and finds those under a wrong label; changes nothing.

    Fakes show another face than the person they are filed under; they count only with `include_fakes`. Raises
    InputError where the photos are too few to learn from or the model does not tell people apart, and
    KeyboardInterrupt once `stop` is set.
    """
    chosen = manifest if include_fakes else manifest.subset(~known_fake(manifest.table))
    embedded = recogniser.embed(chosen.absolute_paths(), progress, stop)
    table = chosen.table
    try:
        suspects = find_suspects(
            embedded.embeddings,
            table["identity"].to_numpy(),
            known_fake(table).to_numpy(),
            include_fakes=include_fakes,
            threshold=threshold,
            certainty=certainty,
        )
    except NoContrast as error:
        raise InputError(f"{manifest.source}: {error}; give another model or a threshold") from None
    names = dict(zip(embedded.paths, table["path"], strict=True))
    problems = [(names[problem.path], problem.why) for problem in embedded.problems]
    return _report(chosen, suspects, problems)


def _report(manifest: Manifest, suspects: Suspects, problems: list[tuple[str, str]]) -> LabelReport:
    paths = manifest.table["path"].tolist()
    return LabelReport(
        source=str(manifest.source),
        root=manifest.root,
        photos=suspects.photos,
        identities=int(manifest.table["identity"].nunique()),
        photo_threshold=suspects.pairs.threshold,
        template_threshold=suspects.templates.threshold,
        wrong_share=suspects.templates.wrong,
        findings=[_finding(suspect, paths) for suspect in suspects.found],
        problems=problems,
    )


def _finding(suspect: Suspect, paths: Sequence[str]) -> Finding:
    path = "" if suspect.kind == "split" else paths[suspect.row]
    into = "" if suspect.suggestion == "drop" else suspect.other or ""
    return Finding(
        kind=suspect.kind,
        photo=paths[suspect.row],
        identity=suspect.identity,
        medoid=paths[suspect.medoid],
        other=suspect.other,
        other_medoid=None if suspect.other_medoid is None else paths[suspect.other_medoid],
        certainty=suspect.certainty,
        own=suspect.own,
        near=suspect.near,
        is_sure=suspect.sure,
        suggestion=Decision(suspect.suggestion, path, suspect.identity, into, suspect.reason),
    )


def _one_way(decisions: Iterable[Decision]) -> Iterable[Decision]:
    """The same, where merges that would lead one identity two ways or round in a circle lead on instead."""
    goes: dict[str, str] = {}

    def end(name: str) -> str:
        while name in goes:
            name = goes[name]
        return name

    for decision in decisions:
        if decision.action == "merge":
            source, target = end(decision.identity), end(decision.into)
            if source == target:
                yield Decision("keep", "", decision.identity, decision.into, f"merged already; {decision.reason}")
                continue
            goes[source] = target
            decision = Decision("merge", "", source, target, decision.reason)
        yield decision


def _advice(finding: Finding) -> str:
    decision = finding.suggestion
    words = {"drop": "drop", "move": f"move to {decision.into}", "merge": f"merge into {decision.into}"}
    if decision.action not in words:
        return "look at it"
    return words[decision.action] + ("" if finding.is_sure else "?")


def _like(identity: str, cosine: float | None) -> str:
    return f"of {identity}" if cosine is None else f"of {identity}: {cosine:.2f} alike"


def _short(path: str) -> str:
    return "/".join(Path(path).parts[-2:])
