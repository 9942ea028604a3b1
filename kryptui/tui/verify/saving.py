"""A matrix as a file: a csv of similarities, or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kryptui.errors import InputError
from kryptui.tui.dialogs import Ask, Confirm
from kryptui.tui.paths import absolute, short

if TYPE_CHECKING:
    from collections.abc import Callable

    from kryptui.faces.similarities import SimilarityMatrix
    from kryptui.tui.app import KryptuiApp

Form = Literal["csv", "png"]


def ask_and_save(
    app: KryptuiApp, matrix: SimilarityMatrix, folder: Path, form: Form, then: Callable[[Form, Path], object]
) -> None:
    """Asks where to, asks again before a file is replaced, writes in a thread, and says so."""
    root = app.workspace.root

    def place(text: str) -> Path:
        from kryptui.data.whole_file import check_place

        path = absolute(text if text.lower().endswith(f".{form}") else f"{text}.{form}", root)
        check_place(path)
        return path

    def write(path: Path) -> None:
        app.act(lambda: save(matrix, path, form), lambda _: done(path))

    def done(path: Path) -> None:
        app.say(short(path, root), "written")
        then(form, path)

    def named(text: str | None) -> None:
        if not text or not text.strip():
            return
        try:
            path = place(text)
        except InputError as error:  # the folder has gone since
            app.fail(str(error))
            return
        if path.exists():
            question = Confirm("Replace the file?", f"{path}\nstays until the new one is whole", "Replace")
            app.push_screen(question, lambda yes: write(path) if yes else None)
        else:
            write(path)

    title = "Write the similarities to which file?" if form == "csv" else "Draw the matrix into which file?"
    offered = short(_free(root, f"matrix-{folder.stem or 'faces'}", form), root)
    app.push_screen(Ask(title, offered, f"such as matrix.{form}", place), named)


def save(matrix: SimilarityMatrix, path: Path, form: Form) -> None:
    """Writes a matrix whole or not at all; raises RunError with the system's reason."""
    if form == "csv":
        from kryptui.data.manifest import write_atomic
        from kryptui.tell.similarities import matrix_csv

        write_atomic(path, matrix_csv(matrix))
        return
    from kryptui.data.whole_file import whole_file
    from kryptui.draw.matrix_picture import matrix_png

    drawn = matrix_png(matrix.figure(f"similarity of {len(matrix.names)} faces"))
    with whole_file(path) as file:
        file.write(drawn)


def _free(root: Path, stem: str, form: Form) -> Path:
    path, number = root / f"{stem}.{form}", 2
    while path.exists():
        path, number = root / f"{stem}-{number}.{form}", number + 1
    return path
