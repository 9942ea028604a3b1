"""The checks of what the form says: looked at in threads, each once for what it depends on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from kryptui.jobs.doctor.finding import Finding
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.submit.checks import ModelAsked
    from kryptui.tui.submit.form import Form

A = TypeVar("A", bound=Hashable)

SUBJECTS = {"model": ("model", "contract", "device"), "source": ("test data",), "output": ("output", "room")}
"""The groups of checks, and of what each says something before it has looked."""


@dataclass
class _Group:
    asked: Hashable = None
    findings: tuple[Finding, ...] | None = None


@dataclass
class Desk:
    """Keeps what was found, and of what: an answer to what is no longer asked is dropped."""

    app: KryptuiApp
    changed: Callable[[], None]
    """Is called in the thread that draws whenever there is something new."""
    _groups: dict[str, _Group] = field(default_factory=lambda: {name: _Group() for name in SUBJECTS})
    _options: list[Finding] = field(default_factory=list)
    _metas: dict[Path, Mapping[str, Any]] = field(default_factory=dict)

    def look(self, form: Form, why_no_model: str) -> None:
        """Has all of it looked at, where that was not done yet."""
        from kryptui.jobs.doctor.finding import problem
        from kryptui.tui.submit import checks

        model, checkpoint, source, output = form.model, form.checkpoint, form.source, form.output
        options, self._options = form.options()
        if model is None:
            remedy = "train one (3 configures it), or give a checkpoint's folder (/)"
            self._say("model", problem("model", why_no_model or "no run can answer yet", remedy))
        elif checkpoint is None:
            self._say("model", problem("model", model.problem, "or choose another run (/)"))
        else:
            trains = self.app.launcher.training is not None
            self._ask(
                "model", checks.ModelAsked(model.place(checkpoint), form.device, trains), self._look_at_model
            )
        if source is None:
            self._say("source", problem("test data", "none chosen", "type its folder (t); ctrl+o lists folders"))
        else:
            check = None if model is None or model.spec is None else model.spec.check_source
            kind = "" if model is None else model.kind
            data = checks.SourceAsked(check, kind, source, tuple(options.items()))
            self._ask("source", data, checks.check_source)
        if output is None:
            self._say("output", problem("output", "none chosen", "type the name of a csv file (o)"))
        else:
            unscored = (
                model.kind if model is not None and model.spec is not None and not model.spec.score else None
            )
            self._ask("output", checks.OutputAsked(output, form.labels, unscored), checks.check_output)
        self.changed()

    def forget(self) -> None:
        """Everything is looked at again: the disk may have changed."""
        for group in self._groups.values():
            group.asked = None

    @property
    def lines(self) -> list[tuple[str, Finding | None]]:
        """Every check by subject, None where it is looked at yet."""
        lines: list[tuple[str, Finding | None]] = []
        for name, subjects in SUBJECTS.items():
            findings = self._groups[name].findings
            if findings is None:
                lines += [(subject, None) for subject in subjects]
            else:
                lines += [(finding.subject, finding) for finding in findings]
        return lines + [(finding.subject, finding) for finding in self._options]

    @property
    def problem(self) -> Finding | None:
        """The first thing that is in the way."""
        found = (finding for _, finding in self.lines if finding is not None and finding.state == "problem")
        return next(found, None)

    @property
    def is_ready(self) -> bool:
        """Whether everything was looked at, and nothing is in the way."""
        return self.problem is None and all(finding is not None for _, finding in self.lines)

    @property
    def replaces(self) -> bool:
        """Whether there is a file already where the answers go."""
        return any(
            subject == "output" and found is not None and found.state == "note" for subject, found in self.lines
        )

    def meta(self, folder: Path) -> Mapping[str, Any]:
        """What a checkpoint's file says, where it was looked at."""
        return self._metas.get(folder, {})

    def _look_at_model(self, asked: ModelAsked) -> tuple[Finding, ...]:
        from kryptui.tui.submit.checks import check_model

        found = check_model(asked)
        self._metas[asked.folder] = found.meta
        return found.findings

    def _say(self, name: str, *findings: Finding) -> None:
        """Says of a group what needs no look."""
        self._groups[name].asked, self._groups[name].findings = None, findings

    def _ask(self, name: str, asked: A, look: Callable[[A], tuple[Finding, ...]]) -> None:
        """Has `look` look at what is asked of a group, unless just that was asked before."""
        group = self._groups[name]
        if group.asked == asked:
            return
        group.asked, group.findings = asked, None

        def found(findings: tuple[Finding, ...]) -> None:
            if group.asked == asked:
                group.findings = findings
                self.changed()

        def failed(error: str) -> None:
            from kryptui.jobs.doctor.finding import problem

            found((problem(SUBJECTS[name][0], error, "see Messages in the palette"),))

        self.app.act(lambda: look(asked), found, failed)
