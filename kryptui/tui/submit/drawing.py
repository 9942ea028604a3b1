"""How the Submit page writes what it knows: choices, checks, progress, a file of answers, past submissions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kryptui.draw.numerals import number, size
from kryptui.draw.words import clean, clip, line
from kryptui.spans import duration
from kryptui.tell.run import STATUS_MARKS, STATUS_STYLES, loss, model
from kryptui.tui.paths import short, shorten

if TYPE_CHECKING:
    from kryptui.jobs.doctor.finding import Finding
    from kryptui.runs.rows import RunRow
    from kryptui.tui.submit.answer_file import AnswerFile
    from kryptui.tui.submit.model import Checkpoint, Model
    from kryptui.tui.submit.submissions import Job, Score

MARKS = {"ok": ("✓", "green"), "note": ("!", "yellow"), "problem": ("✗", "red")}
"""How the state of a check is written, and its colour."""

_NAME = 13
_MOST_NAMED = 3


def run_words(run: RunRow, headline: str) -> Text:
    """A run in a line: its status, name and best, then what it is."""
    text = line().append(f"{STATUS_MARKS[run.status]} ", STATUS_STYLES.get(run.status, ""))
    text.append(clean(run.name), "bold")
    found = run.summaries.get(headline)
    if found is not None and found.headline is not None:
        text.append(f"  {headline} ", "dim").append(number(found.headline))
    about = " · ".join(clean(word) for word in (model(run), loss(run)) if word)
    return text.append(f"  {about}", "dim") if about else text


def model_words(found: Model) -> Text:
    """What is to answer: a run, or a folder that was given by hand."""
    if found.run is not None:
        return run_words(found.run, found.headline)
    return line().append(clean(found.name), "bold").append(f"  {clean(str(found.folder))}", "dim")


def checkpoint_words(checkpoint: Checkpoint, headline: str) -> Text:
    """A checkpoint: its name, step, value and size."""
    text = line()
    if checkpoint.name and not checkpoint.name.startswith("step-"):
        text.append(checkpoint.name, "bold").append("  ")
    text.append(f"step {checkpoint.step:,}", "bold" if not text else "")
    if checkpoint.value is not None and headline:
        text.append(f"  {headline} ", "dim").append(number(checkpoint.value))
    return text.append(f"  {size(checkpoint.bytes)}", "dim")


def model_facts(found: Model, chosen: Checkpoint | None, meta: Mapping[str, Any], root: Path) -> RenderableType:
    """What is known of the model that answers, and of its checkpoints."""
    rows: list[tuple[str, str]] = []
    if found.run is not None:
        rows.append(("run", f"{found.run.id}, {found.run.status}"))
        best = {name: row.best for name, row in found.run.summaries.items() if row.best is not None}
        wanted = [found.headline, *(found.spec.columns if found.spec is not None else ())]
        words = "  ".join(f"{name} {number(best[name])}" for name in wanted if name in best)
        rows.append(("best", words))
        rows.append(("model", " · ".join(word for word in (model(found.run), loss(found.run)) if word)))
    rows.append(("folder", short(found.folder, root)))
    if meta:
        threads = meta.get("threads")
        rows.append(("precision", f"{meta.get('precision')}, {threads} thread{'' if threads == 1 else 's'}"))
        rows.append(("weights", f"sha256 {str(meta.get('weights_sha256'))[:16]}…"))
    facts = grid((name, words, "") for name, words in rows if words)
    return Group(facts, Text(""), *_steps(found, chosen))


def _steps(found: Model, chosen: Checkpoint | None) -> Iterator[Text]:
    """A line for each checkpoint, the newest first; the one that is to answer is marked."""
    named: dict[int, list[str]] = {}
    for one in found.checkpoints:
        if one.name and not one.name.startswith("step-"):
            named.setdefault(one.step, []).append(one.name)
    values = {
        one.step: f"{found.headline} {number(one.value)}" for one in found.checkpoints if one.value is not None
    }
    for one in {one.step: one for one in sorted(found.checkpoints, key=lambda one: -one.step)}.values():
        is_chosen = chosen is not None and one.step == chosen.step
        text = line("▸ " if is_chosen else "  ", "bold" if is_chosen else "")
        text.append(f"step {one.step:,}".ljust(_NAME + 2))
        if values:
            text.append(values.get(one.step, "").ljust(max(map(len, values.values())) + 2))
        text.append(size(one.bytes).ljust(10), "dim").append(" ".join(named.get(one.step, [])), "green")
        yield text


def grid(rows: Iterator[tuple[str, str, str]]) -> Table:
    """Names and values below each other; long values fold."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim", width=_NAME - 2)
    table.add_column(overflow="fold")
    for name, words, style in rows:
        table.add_row(Text(clean(name)), Text(clean(words), style))
    return table


def checks(findings: Sequence[tuple[str, Finding | None]], root: Path) -> Table:
    """Each check a line: its sign, its subject, the fact, what to do. One that is looked at yet has no finding."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=1)
    table.add_column(width=_NAME - 2, no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for subject, finding in findings:
        sign, style = MARKS[finding.state] if finding is not None else ("…", "dim")
        words = Text("looking", "dim") if finding is None else Text(shorten(clean(finding.fact), root))
        if finding is not None and finding.remedy:
            words.append(f"; {shorten(clean(finding.remedy), root)}", "" if finding.state == "problem" else "dim")
        table.add_row(Text(sign, style), Text(clean(subject), "dim"), words)
    return table


# Progress


def progress(job: Job, waiting: Sequence[Job], width: int) -> list[Text]:
    """The submission in progress: a bar with its numbers, and those that wait."""
    name = line().append("▶ ", "green").append(clip(job.output.name, max(12, width // 2)), "bold")
    name.append(f"  {clean(job.model)}", "dim")
    if waiting:
        others = ", ".join(clean(other.output.name) for other in waiting)
        name.append(f"  then {others}", "dim")
    name.truncate(width, overflow="ellipsis")
    return [bar(job, width), name]


def bar(job: Job, width: int) -> Text:
    """How far it is, how fast it goes, how long it takes yet."""
    if not job.total:
        return line("opening the model and the test data …", "dim")
    share = min(1.0, job.done / job.total)
    words = [f"{100 * share:3.0f} %", f"{job.done:,}/{job.total:,} images"]
    if job.speed is not None:
        words.append(f"{job.speed:,.0f} img/s")
    if job.seconds_left is not None and job.done < job.total:
        words.append(f"left {duration(job.seconds_left)}")
    numbers = "  ".join(words)
    room = max(8, width - len(numbers) - 2)
    filled = round(share * room)
    text = line().append("━" * filled, "green").append("╌" * (room - filled), "dim")
    return text.append(f"  {numbers}")


def ended(job: Job, width: int, root: Path) -> Text:
    """How the latest one ended; an error may take several lines."""
    if job.state == "done":
        text = line().append("✓ ", "green").append(clean(job.output.name), "bold").append("  written", "dim")
    elif job.state == "stopped":
        text = line().append("■ ", "yellow").append(f"{clean(job.output.name)}: cancelled; nothing was written")
    else:
        return Text().append("✗ ", "red").append(shorten(clean(job.error), root))
    text.truncate(width, overflow="ellipsis")
    return text


# A file of answers


def answer_facts(file: AnswerFile, score: Score | None, root: Path) -> RenderableType:
    """What one wants to know first of a file of answers."""
    return grid(_facts(file, score, root))


def _facts(file: AnswerFile, score: Score | None, root: Path) -> Iterator[tuple[str, str, str]]:
    notes = _mapping(file.sidecar.get("notes"))
    words, style = {
        "same": ("as on record", "bold"),
        "changed": ("CHANGED since it was written: its sha256 is another", "red"),
        "unknown": ("none on record to hold it against", "bold"),
    }[file.state]
    yield "file", f"{short(file.path, root)}  {file.rows:,} rows, {size(file.bytes)}, {words}", style
    yield "sha256", file.sha256, ""
    if score is not None and score.error:
        yield "score", shorten(score.error, root), "red"
    elif score is not None:
        words = "  ".join(f"{name} {number(value)}" for name, value in score.values.items())
        yield "score", f"{words}  against {score.labels.name}", "bold"
    if file.problem:
        yield "sidecar", shorten(file.problem, root), "yellow"
        return
    yield "answered", _speed(file.sidecar, notes), ""
    for name, value in notes.items():
        if isinstance(value, list) and value:
            yield str(name), _named(value), "yellow"


def answer_origin(file: AnswerFile, root: Path) -> RenderableType:
    """How a file of answers came about, as its sidecar tells."""
    facts = file.sidecar
    if file.problem:
        return Text("")
    options = ", ".join(f"{name} {value}" for name, value in _mapping(facts.get("options")).items())
    versions = ", ".join(f"{name} {version}" for name, version in _mapping(facts.get("versions")).items())
    rows = (
        ("made by", _origin(facts)),
        ("from", short(Path(str(facts.get("source"))), root)),
        ("checkpoint", short(Path(str(facts.get("checkpoint"))), root)),
        ("weights", str(facts.get("weights_sha256") or "")),
        ("options", options),
        ("versions", versions),
    )
    return grid((name, words, "") for name, words in rows if words)


def _speed(facts: Mapping[str, Any], notes: Mapping[str, Any]) -> str:
    counts = [f"{value:,} {name}" for name, value in notes.items() if isinstance(value, int)]
    seconds = facts.get("seconds")
    words = [", ".join(counts)] if counts else []
    if isinstance(seconds, (int, float)) and seconds > 0:
        words.append(f"in {duration(seconds)}" if seconds >= 1 else f"in {seconds:.2f}s")
        images = notes.get("images")
        if isinstance(images, int):
            words.append(f"({images / seconds:,.0f} img/s)")
    return " ".join([*words, f"on {facts.get('device')}"])


def _named(values: Sequence[Any]) -> str:
    words = ", ".join(str(value) for value in values[:_MOST_NAMED])
    return f"{len(values):,}: {words}" + (f" and {len(values) - _MOST_NAMED:,} more" * (len(values) > _MOST_NAMED))


def _origin(facts: Mapping[str, Any]) -> str:
    run = f"{facts['name']} ({facts['run']})" if facts.get("run") and facts.get("name") else "a checkpoint"
    step = facts.get("step")
    return f"{run}, step {step:,}" if isinstance(step, int) else run


def preview(file: AnswerFile) -> RenderableType:
    """The first and the last rows of a file of answers."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for place, name in enumerate(file.columns):
        table.add_column(Text(clip(name, 24)), justify="right" if place else "left", no_wrap=True)
    between = file.rows - len(file.head) - len(file.tail)
    rows = [*file.head, *([["…", f"{between:,} more"]] if between > 0 else []), *file.tail]
    for row in rows:
        table.add_row(
            *(Text(clip(cell, 24), "dim" if row[:1] == ["…"] else "") for cell in row[: len(file.columns)])
        )
    return table


class Spread:
    """How the numbers of a file of answers spread, drawn as wide as there is room."""

    def __init__(self, file: AnswerFile | None) -> None:
        self.file = file

    def __rich_console__(self, console: Any, options: Any) -> Iterator[RenderableType]:
        if self.file is None or self.file.histogram is None:
            yield Text("")
            return
        from kryptui.draw.console import render

        yield Group(render(self.file.histogram, options.max_width))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
