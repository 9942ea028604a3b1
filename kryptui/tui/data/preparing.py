"""What is asked about a preparation: where to and how, whether another may go, and what is to be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kryptui.draw.words import clip_left
from kryptui.tui import paths
from kryptui.tui.dialogs import Choice, Choose, Confirm

if TYPE_CHECKING:
    from kryptui.tasks.datasets import Prepared
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.data.opened import Opened
    from kryptui.tui.data.prepare_dialog import Preparation

PREPARED = "data/prepared"
"""Where a preparation goes unless it is told otherwise."""

_NAME = 40


def ask(app: KryptuiApp, opened: Opened, answered: Callable[[Preparation], object]) -> None:
    """Asks where to and how; nothing is answered where it is cancelled."""
    from kryptui.tui.data.prepare_dialog import PrepareDialog

    if opened.preparation is None:
        return
    root = app.workspace.root
    # The source is never written to.
    out = "prepared" if opened.path in (root / PREPARED).parents else PREPARED

    def note(out: str) -> str:
        holds = (paths.absolute(out, root) / "prepare.json").exists()
        return "holds a preparation; you are asked before another replaces it" if holds else ""

    title = f"Prepare {clip_left(opened.name, _NAME)}"

    def closed(preparation: Preparation | None) -> None:
        if preparation is not None:
            answered(preparation)

    app.push_screen(PrepareDialog(title, out, opened.preparation, opened.dataset.command, note), closed)


def ask_to_replace(app: KryptuiApp, out: str, agreed: Callable[[], object]) -> None:
    """Asks whether another preparation may be lost."""
    question = f"{clip_left(out, _NAME)} holds another preparation"
    details = "runs may rest on it: they can no longer be compared with those that train on a new one"

    def closed(yes: bool | None) -> None:
        if yes:
            agreed()

    app.push_screen(Confirm(question, details, "Replace it", "Leave it"), closed)


def offer(app: KryptuiApp, out: str, prepared: Prepared, answered: Callable[[str], object]) -> None:
    """Says what was written, and asks what is to be done with it: `configure`, `open` or `stay`."""
    width = max(map(len, prepared.lines), default=0)
    details = "\n".join(f"{name:<{width}}  {text}" for name, text in prepared.lines.items())
    choices = [
        Choice("configure", "configure a run on it", "with the settings chosen here"),
        Choice("open", "look at what was prepared"),
        Choice("stay", "stay here"),
    ]

    def closed(answer: str | None) -> None:
        answered(answer or "stay")

    app.push_screen(Choose(f"{clip_left(out, _NAME)} is written", choices, details), closed)
