"""How the review writes suspects and decisions, and which pictures it puts side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from kryptui.draw.words import clean, clip, clip_left, line, pad
from kryptui.figures import ImageSheet

if TYPE_CHECKING:
    from kryptui.data.overlay import Decision
    from kryptui.jobs.label_doctor import Finding, LabelReport
    from kryptui.tui.review.desk import Desk, State

MARKS: dict[State, tuple[str, str]] = {
    "decided": ("✓", "green"),
    "sure": ("=", "cyan"),
    "undecided": ("?", "yellow"),
}
"""How it is marked who decided."""

LEGEND = "= the doctor is sure · ✓ decided · ? undecided"

_FIXED = 19  # mark, certainty and kind


def words_of(decision: Decision) -> str:
    """A decision in words."""
    return {
        "drop": "drop",
        "move": f"move to {decision.into}",
        "merge": f"merge into {decision.into}",
        "keep": "keep",
    }[decision.action]


def advice(finding: Finding) -> str:
    """What the doctor suggests, with a question mark where he is not sure."""
    if finding.suggestion.action == "keep":
        return "look at it"
    return words_of(finding.suggestion) + ("" if finding.is_sure else "?")


def head_line(width: int) -> Text:
    """What stands above the list."""
    photo, identity, decision = _columns(width)
    text = line("   surety kind      ", "dim")
    names = [pad("photo", photo), pad("identity", identity), pad("decision", decision)]
    return text.append(" ".join(names), "dim")


def finding_line(desk: Desk, place: int, width: int) -> Text:
    """A suspect in a line: who decided, how certain it is, kind, photo, identity and the decision."""
    finding = desk.findings[place]
    state = desk.state(finding)
    mark, style = MARKS[state]
    photo, identity, room = _columns(width)
    text = line(f" {mark} ", style).append(f"{finding.certainty:6.3f} ").append(pad(finding.kind, 9))
    name = "all photos" if finding.kind == "split" else clip_left(finding.photo, photo)
    text.append(" ").append(pad(name, photo), "bold").append(" ").append(pad(finding.identity, identity)).append(
        " "
    )
    words = advice(finding) if state == "undecided" else words_of(desk.decision(finding))
    return text.append(clip(words, room), "dim" if state == "undecided" else "")


def detail_text(desk: Desk, place: int) -> Text:
    """The suspect under the cursor: what it is, what is suggested and decided, and why it is one."""
    finding = desk.findings[place]
    state = desk.state(finding)
    if finding.kind == "split":
        text = Text().append(f"{clean(finding.identity)} and {clean(finding.other or '')}", "bold")
    else:
        text = Text().append(clean(finding.photo), "bold").append(" is filed under ", "dim")
        text.append(clean(finding.identity), "bold")
    text.append("\nsuggested ", "dim").append(clean(advice(finding)))
    text.append(" (sure)" if finding.is_sure else " (not sure)", "dim").append("  decided ", "dim")
    mark, style = MARKS[state]
    words = "nothing yet" if state == "undecided" else words_of(desk.decision(finding))
    text.append(f"{mark} ", style).append(clean(words), "bold")
    return text.append(f"\n{clean(finding.suggestion.reason)}", "dim")


def sheets(finding: Finding, report: LabelReport) -> list[ImageSheet]:
    """The photo beside its identity's medoid, and beside that of the person whom it fits better, if any does."""
    root = report.root
    found = []
    if finding.kind != "split":
        found.append(("the photo", finding.photo, ""))
    found.append((f"of {finding.identity}", finding.medoid, _alike(finding.own)))
    if finding.other is not None and finding.other_medoid is not None:
        found.append((f"of {finding.other}", finding.other_medoid, _alike(finding.near)))
    return [
        ImageSheet(clean(title), [str(root / path)], [caption or clean(path.rpartition("/")[2])])
        for title, path, caption in found
    ]


def counts_text(desk: Desk) -> Text:
    """How many suspects there are, what is decided about them, and whether it is saved."""
    counts = desk.counts()
    undecided = counts.pop("undecided")
    total = len(desk.findings)
    text = line(f"{total:,} suspect{'' if total == 1 else 's'}", "bold").append("  ")
    text.append(", ".join(f"{name} {count:,}" for name, count in counts.items() if count) or "nothing decided")
    text.append(
        f"  ? {undecided:,} undecided" if undecided else "  ✓ none undecided", "yellow" if undecided else "green"
    )
    return text.append("  ! not saved", "yellow") if desk.unsaved else text


def nothing_text(report: LabelReport) -> Text:
    """That no label is suspect."""
    words = f"nothing is suspect: {report.photos:,} photos of {report.identities:,} identities were compared"
    return Text().append("✓ ", "green").append(words)


def _alike(cosine: float | None) -> str:
    return "" if cosine is None else f"{cosine:.2f} alike"


def _columns(width: int) -> tuple[int, int, int]:
    """Cells for photo, identity and decision."""
    room = max(24, width - _FIXED - 3)
    decision = min(30, room * 2 // 5)
    identity = max(8, min(24, (room - decision) // 3))
    return room - decision - identity, identity, decision
