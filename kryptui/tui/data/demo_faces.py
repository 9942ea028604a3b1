"""Drawing a face set from within the app, so that a first run needs no download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp

FACES = Path("data/faces")


def draw(app: KryptuiApp) -> None:
    """Draws into data/faces in a thread; tells how far it is, then opens it on the Data page."""
    folder = app.workspace.root / FACES
    if folder.exists():
        app.say(f"{FACES} is there already")
        open_data(app)
        return

    def progress(done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            app.call_soon(setattr, app, "activity", f"drawing faces {done}/{total}")

    def work() -> str:
        from kryptui.data.demo import write_demo

        drawn = write_demo(folder, progress=progress)
        return f"{drawn.real} real and {drawn.fakes} fake images of {drawn.people} people in {FACES}"

    def drawn(text: str) -> None:
        app.activity = ""
        app.say(text, "demo faces")
        open_data(app)

    def failed(text: str) -> None:
        app.activity = ""
        app.fail(text)

    app.activity = "drawing faces"
    app.act(work, drawn, failed)


def open_data(app: KryptuiApp) -> None:
    """The Data page with the drawn faces chosen."""
    app.data_source = FACES / "train"
    app.action_go("data")
