"""What a check comes to: one line of fact, and what to do unless all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from kryptui.errors import KryptuiError

State = Literal["ok", "note", "problem"]
"""A note is worth knowing and stops nothing; a problem stops something."""


@dataclass(frozen=True)
class Finding:
    """What one check found of its subject, in one line; `remedy` says what to do unless the state is ok."""

    subject: str
    state: State
    fact: str
    remedy: str | None = None


@dataclass(frozen=True)
class Section:
    """The findings of one area."""

    name: str
    findings: tuple[Finding, ...]


Check = Callable[[], Finding | Iterable[Finding]]


def ok(subject: str, fact: str) -> Finding:
    """All is well."""
    return Finding(subject, "ok", fact)


def note(subject: str, fact: str, remedy: str) -> Finding:
    """Worth knowing."""
    return Finding(subject, "note", fact, remedy)


def problem(subject: str, fact: str, remedy: str) -> Finding:
    """Something cannot work."""
    return Finding(subject, "problem", fact, remedy)


def guarded(subject: str, check: Check) -> list[Finding]:
    """What a check finds; if the check itself fails, what it found before and a problem."""
    found: list[Finding] = []
    try:
        answer = check()
        for finding in [answer] if isinstance(answer, Finding) else answer:
            found.append(finding)
    except KryptuiError as error:
        fact, _, remedy = str(error).partition("; ")
        found.append(problem(subject, fact, remedy or "mend that, then run this again"))
    except Exception as error:
        fact = f"this check failed itself ({type(error).__name__}: {one_line(error)})"
        found.append(problem(subject, fact, "run it again; if it stays so, report this line"))
    return found


def one_line(error: object, most: int = 200) -> str:
    """The text of an error on one line, cut where it is very long."""
    text = " ".join(str(error).split())
    return text if len(text) <= most else f"{text[:most]}…"
