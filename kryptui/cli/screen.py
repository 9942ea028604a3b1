"""`kryptui` alone, and `kryptui run` on a terminal: opens the app in this workspace."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from kryptui.cli.options import workspace

if TYPE_CHECKING:
    from kryptui.config import AnyConfig


def is_possible() -> bool:
    """Whether there is a terminal that can show the app."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def open_app(
    database: str, page: str = "runs", config: AnyConfig | None = None, resume: str | None = None
) -> typer.Exit:
    """Opens the app on a page, perhaps with a run to launch or to resume; returns how the command ends."""
    from kryptui.tui.pages import Goal
    from kryptui.tui.start import start

    return typer.Exit(
        start(workspace(database), Goal(page, run=resume, config=config, resumes=resume is not None))
    )
