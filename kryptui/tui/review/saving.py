"""Which overlay decisions are saved to, and which is taken up: asked, checked, and done in a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kryptui.errors import InputError
from kryptui.tui.dialogs import Ask, Confirm
from kryptui.tui.paths import absolute, short, shorten

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.review.desk import Desk


def ask_and_save(app: KryptuiApp, desk: Desk, offered: Path, then: Callable[[Path], object]) -> None:
    """Asks where to, asks again before a file is replaced that was not taken up, writes, and says so."""
    root = app.workspace.root

    def place(text: str) -> Path:
        from kryptui.data.whole_file import check_place
        from kryptui.tui.review.desk import refuse_source

        path = _csv(text, root)
        check_place(path)
        refuse_source(path, desk.manifest.source)
        return path

    def write(path: Path) -> None:
        def done(rows: int) -> None:
            app.say(f"{short(path, root)}: {rows:,} decisions", "written")
            then(path)

        app.act(lambda: desk.save(path), done, lambda error: app.fail(shorten(error, root)))

    def named(text: str | None) -> None:
        if not text or not text.strip():
            return
        try:
            path = place(text)
        except InputError as error:  # the folder has gone since
            app.fail(str(error))
            return
        if path.exists() and path not in desk.taken:
            details = f"{path}\nholds decisions, perhaps; t takes them up instead"
            question = Confirm("Replace the file?", details, "Replace")
            app.push_screen(question, lambda yes: write(path) if yes else None)
        else:
            write(path)

    title = "Write the decisions to which overlay?"
    app.push_screen(Ask(title, short(offered, root), "such as labels.csv", place), named)


def ask_and_take_up(app: KryptuiApp, desk: Desk, offered: Path, then: Callable[[Path, int], object]) -> None:
    """Asks which overlay, takes over what it decided in a thread, and says how much of it was about suspects."""
    root = app.workspace.root

    def check(text: str) -> None:
        if not absolute(text, root).is_file():
            raise InputError(f"{text}: there is no such file")

    def named(text: str | None) -> None:
        if not text or not text.strip():
            return
        path = absolute(text, root)
        app.act(lambda: desk.take_up(path), lambda taken: then(path, taken), failed)

    def failed(error: str) -> None:
        app.fail(shorten(error, root))

    app.push_screen(Ask("Take up which overlay?", short(offered, root), "such as labels.csv", check), named)


def free_place(root: Path, dataset: Path) -> Path:
    """A name for an overlay of a dataset that no file has."""
    stem = f"labels-{dataset.stem or 'faces'}"
    path, number = root / f"{stem}.csv", 2
    while path.exists():
        path, number = root / f"{stem}-{number}.csv", number + 1
    return path


def _csv(text: str, root: Path) -> Path:
    text = text.strip()
    return absolute(text if text.lower().endswith(".csv") else f"{text}.csv", root)
