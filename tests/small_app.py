"""A program with a small app, started as the real one is: `small_app.py STEP_SECONDS EPOCHS...`.

It launches a run for each EPOCHS. Keys: q leaves, h goes on headless, s stops the run and leaves, x crashes.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

# As in the program itself: threads that wait do not spin.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

from textual.app import App, ComposeResult
from textual.widgets import Label
from toys import toy_config

from kryptui.jobs.launcher import Began, Event, Launcher, Leave
from kryptui.jobs.workspace import Workspace
from kryptui.tui.pages import Goal
from kryptui.tui.start import start

SECONDS, EPOCHS = sys.argv[1], sys.argv[2:]


class SmallApp(App[Leave]):
    BINDINGS: ClassVar[list[Any]] = [
        ("q", "leave('NOTHING')"),
        ("h", "leave('HEADLESS')"),
        ("s", "leave('STOP')"),
        ("x", "crash"),
    ]

    def __init__(self, workspace: Workspace, launcher: Launcher, goal: Goal) -> None:
        super().__init__()
        self.launcher = launcher

    def compose(self) -> ComposeResult:
        yield Label("no run yet")

    def on_mount(self) -> None:
        threading.Thread(target=self._launch, daemon=True).start()
        self.set_interval(0.1, self._show)

    def hear(self, event: Event) -> None:
        if isinstance(event, Began):
            Path("thread").write_text(str(threading.get_native_id()))
            os.write(2, b"printed by a library\n")

    def action_leave(self, way: str) -> None:
        self.exit(Leave[way])

    def action_crash(self) -> None:
        raise RuntimeError("an app that is broken")

    def _launch(self) -> None:
        for number, epochs in enumerate(EPOCHS):
            overrides = (f"stages.0.epochs={epochs}", f"task.delay={SECONDS}", "evaluate.every=10 epochs")
            self.launcher.launch(toy_config(*overrides, "checkpoint.every=10 min", name=f"run{number}"))

    def _show(self) -> None:
        self.query_one(Label).update(f"training {self.launcher.training}")


if __name__ == "__main__":
    app: Any = SmallApp
    sys.exit(start(Workspace(Path.cwd(), "runs.db"), Goal(), app))
