"""How a run stands, in three lines: what it is and its best, how far it is, how fast and on what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from textwrap import wrap
from typing import Any

from rich.text import Text
from textual.widget import Widget

from kryptui.draw.numerals import size
from kryptui.draw.words import STAR, clean, clip
from kryptui.runs.explain import explain
from kryptui.runs.rows import RunRow
from kryptui.spans import duration
from kryptui.tell.run import STATUS_MARKS, STATUS_STYLES, number, seconds

_BAR_FULL, _BAR_EMPTY = "━", "─"
_GAP = "  "
_GOING = ("running", "paused")


class RunHead(Widget):
    """Three lines about one run; on a narrow screen each says less."""

    COMPONENT_CLASSES = {"run-head--full", "run-head--empty"}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._run: RunRow | None = None
        self._headline = ""

    def show(self, run: RunRow | None, headline: str) -> None:
        """Shows a run as it is now."""
        self._run, self._headline = run, headline
        self.refresh()

    def render(self) -> Text:
        """The lines at the width that there is."""
        run = self._run
        if run is None:
            return Text("")
        width = self.size.width
        lines = [self._first(run, width)]
        if run.status in _GOING and {"step", "total"} <= run.progress.keys():
            lines += [self._progress(run, width), _fitting(_speed(run), width)]
        else:
            told = clean(explain(run))
            lines += [Text(part, "dim") for part in wrap(told, max(width, 10))[:2]]
            lines += [_fitting(_facts(run), width)]
        lines = lines[:3]
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return Text("\n", no_wrap=True, overflow="crop").join(lines)

    def _first(self, run: RunRow, width: int) -> Text:
        style = STATUS_STYLES.get(run.status, "")
        text = Text().append(clip(run.name, max(16, width // 3)), "bold").append(_GAP)
        text.append(f"{STATUS_MARKS[run.status]} {_status(run)}", style)
        if run.status in _GOING:
            where = f" on {run.host}" if run.host and width >= 100 else ""
            took = seconds(run)
            text.append(f"{where}{'' if took is None else f' · {duration(took)}'}", "dim")
            text.append(f" · attempt {run.attempt}" if run.attempt > 1 else "", "dim")
        best = self._best(run)
        if best.cell_len and text.cell_len + best.cell_len + 3 <= width:
            text.append(" " * (width - text.cell_len - best.cell_len)).append_text(best)
        return text

    def _best(self, run: RunRow) -> Text:
        summary = run.summaries.get(self._headline)
        if summary is None or summary.best is None:
            return Text("")
        text = Text(f"{STAR} {self._headline} ", "dim").append(number(summary.best), "bold green")
        return text.append(f" at step {summary.best_step}", "dim")

    def _progress(self, run: RunRow, width: int) -> Text:
        at = run.progress
        stages = run.config.get("stages")
        names = (
            [stage.get("name") for stage in stages if isinstance(stage, dict)] if isinstance(stages, list) else []
        )
        name = at.get("stage", "")
        of = f" {names.index(name) + 1}/{len(names)}" if name in names and len(names) > 1 else ""
        share = at["step"] / at["total"] if at["total"] else 0.0
        left = at.get("seconds_left")
        words = f"{share:.0%}"
        if left is not None and run.status == "running":
            words += f"{_GAP}left {duration(left)}"
        stage = f"{clip(str(name), 16)}{of}{_GAP}epoch {at.get('epoch', 0)}/{at.get('epochs', '?')}"
        text = Text(stage)
        if width >= 100:
            text.append(f"{_GAP}step {at['step']:,}/{at['total']:,}", "dim")
        room = width - text.cell_len - len(words) - 2 * len(_GAP)
        text.append(_GAP).append_text(self._bar(share, max(6, min(room, 60)))).append(_GAP).append(words)
        if at.get("to_evaluate", 0) > at.get("evaluated", 0):
            text.append(f"{_GAP}evaluates {at['evaluated']:,}/{at['to_evaluate']:,}", "yellow")
        return text

    def _bar(self, share: float, width: int) -> Text:
        full = round(min(max(share, 0.0), 1.0) * width)
        text = Text(_BAR_FULL * full, self.get_component_rich_style("run-head--full", partial=True))
        return text.append(
            _BAR_EMPTY * (width - full), self.get_component_rich_style("run-head--empty", partial=True)
        )


def _status(run: RunRow) -> str:
    return run.status if run.kind == "train" else f"{run.status} ({run.kind})"


def _speed(run: RunRow) -> Iterator[Text]:
    """The most telling first."""
    at = run.progress
    if at.get("images_per_second"):
        yield Text(f"{at['images_per_second']:,.0f} img/s")
    yield from _values(run, "loss")
    if isinstance(at.get("usage"), dict):
        yield from _usage(at["usage"])
    yield from _values(run, "lr")
    if run.env.get("device"):
        yield Text(clean(str(run.env["device"])), "dim")


def _values(run: RunRow, *names: str) -> Iterator[Text]:
    for name in names:
        found = run.summaries.get(name)
        if found is not None:
            yield Text().append(f"{name} ", "dim").append(number(found.last))


def _fitting(parts: Iterable[Text], width: int) -> Text:
    """As many of the parts as fit, none of them cut."""
    line = Text()
    for part in parts:
        gap = _GAP if line else ""
        if line.cell_len + len(gap) + part.cell_len <= width:
            line.append(gap).append_text(part)
    return line


def _usage(usage: Mapping[str, Any]) -> Iterator[Text]:
    """What the run's process takes of its machine, as it says itself; so it is seen from any host."""
    for gpu in usage.get("gpus", ()):
        text = Text().append("gpu ", "dim")
        if gpu.get("utilisation") is not None:
            text.append(f"{gpu['utilisation']} % ")
        if gpu.get("used") is not None and gpu.get("total"):
            text.append(f"{gpu['used'] / 1e9:.1f}/{gpu['total'] / 1e9:.0f} GB")
        yield text
    cpu = Text().append("cpu ", "dim").append(f"{usage.get('processor', 0):.0f} %")
    yield cpu.append(f" of {100 * usage.get('cores', 1)}", "dim")
    yield Text().append("mem ", "dim").append(size(usage.get("memory", 0)))


def _facts(run: RunRow) -> Iterator[Text]:
    took = seconds(run)
    if took is not None:
        yield Text().append("took ", "dim").append(duration(took))
    yield from _values(run, "loss", "lr")
    if run.env.get("device"):
        yield Text(clean(str(run.env["device"])), "dim")
    if run.tags:
        yield Text(" ".join(run.tags), "yellow")
