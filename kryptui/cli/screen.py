"""`kryptui` alone, and `kryptui run` on a terminal: opens the app in this workspace."""

from __future__ import annotations

import os
import sys
import threading
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

    code = start(workspace(database), Goal(page, run=resume, config=config, resumes=resume is not None))
    _leave_if_loading(code)
    return typer.Exit(code)


def _leave_if_loading(code: int) -> None:
    """Ends the process here while torch is still being loaded: the interpreter's end would tear its thread apart.

    Everything else has ended by now. Python ends daemon threads by unwinding their stacks, which aborts in C++.
    """
    from kryptui.tui.app import TORCH_THREAD

    if any(thread.name == TORCH_THREAD for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
