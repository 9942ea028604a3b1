"""The packages that kryptui is made of: their versions, and whether they really work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from kryptui.jobs.doctor.asking import Answer
from kryptui.jobs.doctor.finding import Finding, guarded, note, ok, problem

LEVELS = 8
"""Of 255, that two decoders of one JPEG may be apart."""


def examine(answers: Mapping[str, Answer]) -> list[Finding]:
    """Versions against the ranges, then what the probe tried."""
    found = guarded("versions", lambda: check_versions(requires("kryptui") or [], installed))
    if answers["torch"].failure is None:  # without torch these fail too, and that is said already
        found += guarded("pictures", partial(check_pictures, answers["pictures"]))
        found += guarded("timm", partial(check_timm, answers["timm"]))
        found += guarded("metric learning", partial(check_oml, answers["oml"]))
    return found + guarded("tasks", partial(check_tasks, answers["tasks"]))


def installed(package: str) -> str | None:
    """The version of a package that is installed; None where it is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def check_versions(requirements: Sequence[str], version_of: Callable[[str], str | None]) -> Iterator[Finding]:
    """Whether every package is there, in a version that kryptui was made for."""
    from packaging.requirements import Requirement

    needed = [Requirement(text) for text in requirements]
    needed = [entry for entry in needed if entry.marker is None or entry.marker.evaluate({"extra": ""})]
    wrong = 0
    for entry in needed:
        wanted = f"{entry.name}{entry.specifier}"
        there = version_of(entry.name)
        if there is None:
            yield problem("versions", f"{entry.name} is missing", f"pip install '{wanted}'")
        elif not entry.specifier.contains(there, prereleases=True):
            yield problem(
                "versions", f"{entry.name} {there} is none of {entry.specifier}", f"pip install '{wanted}'"
            )
        else:
            continue
        wrong += 1
    if needed and not wrong:
        yield ok("versions", f"{len(needed)} packages, all in their ranges")
    elif not needed:
        yield note("versions", "not known which are needed: kryptui is not installed", "pip install -e its folder")


def check_pictures(answer: Answer) -> Finding:
    """Whether Pillow and torchvision see the same picture."""
    if answer.failure is not None:
        remedy = (
            "install a torchvision that belongs to this torch: pip install --force-reinstall torch torchvision"
        )
        return problem("pictures", f"a small JPEG cannot be decoded: {answer.failure}", remedy)
    if answer.facts["difference"] > LEVELS:
        fact = f"{answer.facts['versions']} decode a JPEG {answer.facts['difference']} levels apart"
        return problem("pictures", fact, "pip install --force-reinstall pillow torchvision")
    return ok("pictures", f"{answer.facts['versions']} decode a JPEG alike")


def check_timm(answer: Answer) -> Finding:
    """Whether there are backbones."""
    return _imported("timm", answer, lambda facts: f"{facts['versions']}, {facts['models']} backbones", "timm")


def check_oml(answer: Answer) -> Finding:
    """Whether losses and miners named `oml:` can be used."""
    remedy = "open-metric-learning omegaconf tqdm 'numpy<2'"
    return _imported("metric learning", answer, lambda facts: f"{facts['versions']}: miners can be built", remedy)


def check_tasks(answer: Answer) -> Iterator[Finding]:
    """Whether all tasks can be loaded, those of other packages too."""
    if answer.failure is not None:
        yield problem("tasks", f"cannot be listed: {answer.failure}", "uninstall the package that announces it")
        return
    loaded = [kind for kind, failure in answer.facts.items() if failure is None]
    yield ok("tasks", ", ".join(loaded) or "none")
    for failure in filter(None, answer.facts.values()):
        yield problem("tasks", failure, "mend, upgrade or uninstall the package that announces it")


def _imported(subject: str, answer: Answer, tell: Callable[[Any], str], packages: str) -> Finding:
    if answer.failure is not None:
        return problem(subject, f"cannot be used: {answer.failure}", f"pip install --force-reinstall {packages}")
    return ok(subject, tell(answer.facts))
