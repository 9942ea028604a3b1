"""What one may do to runs from any page: steer, tag, note, rename, delete, export; each asks what it must know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kryptui.draw.words import clip
from kryptui.errors import InputError
from kryptui.tui.dialogs import Ask, Confirm

if TYPE_CHECKING:
    from kryptui.runs.commands import Command
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store
    from kryptui.tui.app import KryptuiApp

Changed = Callable[[], object]
"""Called in the thread that draws, once the record has been changed."""

_NAME = 40


def steer(app: KryptuiApp, run: RunRow, command: Command, changed: Changed) -> None:
    """Sends a command to a run, and says what it answers."""
    from kryptui.jobs import steering

    name = clip(run.name, _NAME)

    def done(answer: steering.Answer) -> None:
        app.say(answer.text, f"{command} {name}")
        if command == "resume" and not answer.sent and run.status != "queued":
            app.work()  # it waits in the queue now
        changed()

    app.act(
        lambda: steering.steer(app.record.store(), run.id, command),
        done,
        lambda text: app.fail(text.removeprefix(f"run {run.id}: "), f"{command} {name}"),
    )


def stop(app: KryptuiApp, run: RunRow, changed: Changed) -> None:
    """Stops a run after asking: by a slip of a key it would be a pity."""
    about = "it finishes its batch and saves; r resumes it from there"
    if run.status == "queued":
        about = "it is taken off the queue"

    def answered(agreed: bool | None) -> None:
        if agreed:
            steer(app, run, "stop", changed)

    app.push_screen(Confirm(f"Stop {clip(run.name, _NAME)}?", about, "Stop", "Leave it"), answered)


def tag(app: KryptuiApp, runs: Sequence[RunRow], known: Sequence[str], changed: Changed) -> None:
    """Adds tags; with a minus before, one is taken away."""
    from kryptui.runs import keeping

    def check(text: str) -> None:
        for word in text.split():
            keeping.check_tag(word.removeprefix("-"))

    def answered(text: str | None) -> None:
        given = (text or "").split()
        add = [word for word in given if not word.startswith("-")]
        remove = [word[1:] for word in given if word.startswith("-")]

        def change(store: Store) -> str:
            keeping.tag_runs(store, [run.id for run in runs], add, remove)
            return f"{_named(runs)}: {' '.join(given)}"

        if given:
            _change(app, change, changed)

    title = f"Tag {_named(runs)}"
    app.push_screen(Ask(title, hint="baseline -old", check=check, suggestions=known), answered)


def note(app: KryptuiApp, run: RunRow, changed: Changed) -> None:
    """Replaces the note of a run; an empty one takes it away."""
    from kryptui.runs import keeping

    before = run.note or ""

    def answered(text: str | None) -> None:
        def change(store: Store) -> str:
            keeping.set_note(store, run.id, text or None)
            return f"{clip(run.name, _NAME)}: {'noted' if text else 'note taken away'}"

        if text is not None and text != " ".join(before.split()):
            _change(app, change, changed)

    title = f"Note on {clip(run.name, _NAME)}"
    app.push_screen(Ask(title, " ".join(before.split()), "what was tried, and why"), answered)


def rename(app: KryptuiApp, run: RunRow, changed: Changed) -> None:
    """Gives a run another name."""
    from kryptui.runs import keeping

    def answered(name: str | None) -> None:
        def change(store: Store) -> str:
            keeping.rename(store, run.id, name or "")
            return f"{clip(run.name, _NAME)} is now {name}"

        if name and name != run.name:
            _change(app, change, changed)

    app.push_screen(Ask(f"Rename {clip(run.name, _NAME)}", run.name, check=keeping.check_name), answered)


def delete(app: KryptuiApp, runs: Sequence[RunRow], changed: Changed) -> None:
    """Deletes runs with their checkpoints on this machine, after saying what goes and asking."""
    from kryptui.draw.numerals import size
    from kryptui.jobs import pruning, stored
    from kryptui.runs import keeping

    def look() -> tuple[int, int]:
        for run in runs:
            keeping.refuse_busy(run)
        rows = keeping.count_rows(app.record.store(), [run.id for run in runs])
        folders = [stored.folder_of(app.workspace, run) for run in runs]
        return sum(rows.values()), sum(folder.bytes for folder in folders if folder is not None)

    def change(store: Store) -> str:
        problems: list[str] = []
        gone = 0
        for run in runs:
            try:
                problems += pruning.delete(store, app.workspace, run, keep_files=False)
                gone += 1
            except InputError as error:  # it has been resumed, or is gone, since
                problems.append(str(error))
        if problems:
            raise InputError("; ".join(problems))
        return f"deleted {gone} run{'' if gone == 1 else 's'}"

    def ask(found: tuple[int, int]) -> None:
        rows, freed = found
        names = ", ".join(clip(run.name, 24) for run in runs[:4]) + (" …" if len(runs) > 4 else "")
        details = f"{names}\n{rows:,} rows of the record and {size(freed)} of checkpoints go for good"

        def answered(agreed: bool | None) -> None:
            if agreed:
                _change(app, change, changed)

        app.push_screen(Confirm(f"Delete {_named(runs)}?", details, "Delete", "Keep"), answered)

    app.act(look, ask)


def export(app: KryptuiApp, runs: Sequence[RunRow]) -> None:
    """Writes runs to a file of csv, JSON or parquet: settings, metrics, and what else is known of them."""
    from kryptui.jobs import exporting
    from kryptui.runs import flat, listing

    root = app.workspace.root

    def check(name: str) -> None:
        exporting.choose_format(None, Path(name))
        if (root / Path(name).expanduser()).exists():
            raise InputError(f"{name}: is there already; name another")

    def write(path: Path) -> str:
        store = app.record.store()
        whole = {run.id: run for run in listing.some(store, [run.id for run in runs])}
        found = [whole[run.id] for run in runs if run.id in whole]
        with exporting.new_file(path, overwrite=False) as file:
            exporting.write_table(flat.table(store, found, "runs"), exporting.choose_format(None, path), file)
        return f"{path}: {len(found)} runs"

    def answered(name: str | None) -> None:
        if name:
            app.act(lambda: write(root / Path(name).expanduser()), app.say)

    default = f"runs-{datetime.now():%Y%m%d-%H%M%S}.csv"
    app.push_screen(Ask(f"Export {_named(runs)} to (.csv, .json, .parquet)", default, check=check), answered)


def _change(app: KryptuiApp, doing: Callable[[Store], str], changed: Changed) -> None:
    def done(text: str) -> None:
        app.say(text)
        changed()

    app.act(lambda: doing(app.record.store()), done)


def _named(runs: Sequence[RunRow]) -> str:
    return clip(runs[0].name, _NAME) if len(runs) == 1 else f"{len(runs)} runs"
