"""All checks, in the order in which they are quick."""

from __future__ import annotations

from collections.abc import Iterator

from kryptui.jobs.doctor import devices, disk, features, interpreter, packages, record, terminal
from kryptui.jobs.doctor.asking import Probe
from kryptui.jobs.doctor.finding import Section
from kryptui.jobs.doctor.probe import STEPS
from kryptui.jobs.workspace import Workspace


def examine(workspace: Workspace) -> Iterator[Section]:
    """Looks at this machine and at a workspace, section by section as each is known; changes nothing.

    No check raises: one that fails is a problem of its section.
    """
    with Probe(list(STEPS)) as probe:  # imports torch while the others are looked at
        yield Section("Python", tuple(interpreter.examine()))
        yield Section("terminal", tuple(terminal.examine()))
        found = record.examine(workspace)
        yield Section("record", tuple(found.findings))
        yield Section("disk", tuple(disk.examine(workspace.root, record.folder(workspace))))
        yield Section("features", tuple(features.examine()))
        answers = probe.answers()
        yield Section("devices", tuple(devices.examine(answers, found.holders)))
        yield Section("packages", tuple(packages.examine(answers)))
