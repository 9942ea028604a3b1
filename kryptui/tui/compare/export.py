"""Taking a comparison out of the app: as tables, or as a picture of the screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kryptui.draw.words import clip
from kryptui.errors import InputError
from kryptui.tui.dialogs import Ask, Choice, Choose, Confirm

if TYPE_CHECKING:
    from kryptui.runs.rows import RunRow
    from kryptui.tui.app import KryptuiApp
    from kryptui.tui.compare.reading import Compared

Write = Callable[[BinaryIO, Path], str]
"""Writes a file that is open, and says what is in it."""

_ENDINGS = (".csv", ".json", ".parquet")


def export(app: KryptuiApp, compared: Compared, baseline: RunRow) -> None:
    """Asks what to write and where to; a file that is there is replaced only after asking again."""
    metric = compared.metric
    runs = f"{len(compared.runs)} runs"
    choices = [Choice("summary", "the comparison as a table", "settings that differ, metrics")]
    if metric is not None:
        choices.append(Choice("curves", f"the curves of {clip(metric.name, 24)}", "every point as recorded"))
    choices.append(Choice("picture", "the screen as a picture", "SVG"))

    def picture() -> None:
        svg = app.export_screenshot(title="kryptui compare")
        _ask(app, "Write the screen to", "comparison.svg", (".svg",), _picture(svg))

    def chosen(answer: str | None) -> None:
        if answer == "summary":
            write = _summary(compared, baseline)
            _ask(app, f"Write the comparison of {runs} to", "comparison.csv", _ENDINGS, write)
        elif answer == "curves" and metric is not None:
            name = re.sub(r"[^A-Za-z0-9_.-]+", "-", metric.name).strip(".-")[:40] or "metric"
            write = _curves(app, compared.runs, metric.name)
            _ask(app, f"Write the curves of {runs} to", f"curves-{name}.csv", _ENDINGS, write)
        elif answer == "picture":
            app.clear_notifications()
            app.call_after_refresh(picture)

    app.push_screen(Choose(f"Export {runs}", choices), chosen)


def _ask(app: KryptuiApp, title: str, default: str, endings: Sequence[str], write: Write) -> None:
    root = app.workspace.root

    def check(text: str) -> None:
        if not text.strip() or "\0" in text:
            raise InputError("name a file")
        if Path(text.strip()).suffix.lower() not in endings:
            raise InputError(f"end it in {' or '.join(endings)}")

    def named(text: str | None) -> None:
        if text is not None:
            path = root / Path(text.strip()).expanduser()
            app.act(path.is_file, lambda is_there: confirm(path) if is_there else save(path, False))

    def confirm(path: Path) -> None:
        question = Confirm(f"Replace {clip(path.name, 48)}?", "it is there already", "Replace", "Keep it")
        app.push_screen(question, lambda agreed: save(path, True) if agreed else None)

    def save(path: Path, overwrite: bool) -> None:
        def work() -> str:
            from kryptui.jobs import exporting

            with exporting.new_file(path, overwrite=overwrite) as file:
                said = write(file, path)
            return f"{path.relative_to(root) if path.is_relative_to(root) else path}: {said}"

        app.act(work, lambda said: app.say(clip(said, 200), "exported"))

    app.push_screen(Ask(f"{title} ({', '.join(endings)})", default, check=check), named)


def _summary(compared: Compared, baseline: RunRow) -> Write:
    def write(file: BinaryIO, path: Path) -> str:
        from kryptui.jobs import exporting
        from kryptui.runs import compare_tables

        table = compare_tables.summary_table(compared.runs, compared.metrics, baseline)
        written = exporting.write_table(table, exporting.choose_format(None, path), file)
        return f"{written.rows} runs{_warning(written)}"

    return write


def _curves(app: KryptuiApp, runs: Sequence[RunRow], metric: str) -> Write:
    def write(file: BinaryIO, path: Path) -> str:
        from kryptui.jobs import exporting
        from kryptui.runs import compare_tables

        table = compare_tables.curve_table(app.record.store(), runs, metric)
        written = exporting.write_table(table, exporting.choose_format(None, path), file)
        return f"{written.rows:,} points{_warning(written)}"

    return write


def _picture(svg: str) -> Write:
    def write(file: BinaryIO, path: Path) -> str:
        file.write(svg.encode(errors="backslashreplace"))
        return "open it in a browser"

    return write


def _warning(written: object) -> str:
    formula = getattr(written, "formula", None)
    return "" if formula is None else f"; a spreadsheet may compute text such as {formula[:24]!r}"
