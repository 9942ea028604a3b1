"""What the shell offers for a word that is not finished: runs, filters, metrics, tags, configurations.

A suggestion is a help and nothing more: whatever goes wrong, there are none, and nothing is said. Only plain words
are offered: a shell would expand others, and zsh even run what stands in them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any

import typer

LIMIT = 50
COLUMNS = ("created", "started", "ended", "took", "name", "kind", "status")
KINDS = ("train", "evaluate", "submit", "import")

Suggestions = list[tuple[str, str]]
"""Words to offer, each with a line of help, which some shells show."""

Complete = Callable[[typer.Context, str], Suggestions]

_PLAIN = re.compile(r"[\w.+@,/:=-]+")
_NOT_PLAIN = re.compile(r"[^\w.+@,/ -]")
_LONGEST_HELP = 60
_ENTRIES_OF_A_FOLDER = 2000
_PRESETS = Path(__file__).parents[1] / "presets"  # kryptui.config, which knows it too, loads pydantic

_RUNS = """
SELECT id, name, status, process, heartbeat, last_step_at, started FROM runs
WHERE substr(id, 1, :length) = :start OR substr(name, 1, :length) = :start
ORDER BY CASE kind WHEN 'train' THEN 0 ELSE 1 END, created DESC
"""
_METRICS = "SELECT DISTINCT name FROM summaries ORDER BY name"
_TAGS = "SELECT DISTINCT tag FROM tags ORDER BY tag"


class _Rest(str):
    """The rest of a word that bash ends at its colon; Typer would drop it for not beginning with that colon."""

    __slots__ = ()

    def startswith(self, *_: object) -> bool:
        return True


def _quietly(complete: Complete) -> Complete:
    @wraps(complete)
    def suggest(ctx: typer.Context, incomplete: str) -> Suggestions:
        try:
            return complete(ctx, incomplete)
        except Exception:  # no database, no server, a broken file: a shell waits for words, not for errors
            return []

    return suggest


@_quietly
def complete_run(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Names and ids of runs: those of training runs first, then the latest first, as a name means them."""
    from kryptui.runs.status import honest_status

    now = time.time()  # this machine's clock
    found: dict[str, str] = {}
    for row in _rows(ctx, _RUNS, start=incomplete, length=len(incomplete)):
        run_id, name, stored, process, heartbeat, last_step_at, started = row
        status = honest_status(
            stored, process, now=now, heartbeat=heartbeat, last_step_at=last_step_at, started=started
        )
        for word, told in _fitting([(name, f"{run_id}, {status}"), (run_id, f"{name}, {status}")], incomplete):
            found.setdefault(word, told)
        if len(found) >= LIMIT:
            break
    return [*found.items()][:LIMIT]


@_quietly
def complete_filter(ctx: typer.Context, incomplete: str) -> Suggestions:
    """The last term of a filter: `status:`, `tag:` and `kind:` with their values, and metrics."""
    if _cut_off_by_bash():
        head = _cut_off_by_bash()
        typed = head + incomplete.removeprefix(":")
        return [(_Rest(term[len(head) :]), told) for term, told in _terms(ctx, typed)]
    before, space, typed = incomplete.rpartition(" ")
    if before and not all(map(_PLAIN.fullmatch, before.split())):
        return []
    return [(before + space + term, told) for term, told in _terms(ctx, typed)]


@_quietly
def complete_metric(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Metrics that some run has recorded."""
    return _first(((name, "metric") for (name,) in _rows(ctx, _METRICS)), incomplete)


@_quietly
def complete_sort(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Columns and metrics, and each of them the other way round."""
    words = [*COLUMNS, *(name for (name,) in _rows(ctx, _METRICS))]
    return _first(
        [*((word, "") for word in words), *((f"-{word}", "the other way round") for word in words)], incomplete
    )


@_quietly
def complete_tag(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Tags that some run has."""
    return _first(((tag, "") for (tag,) in _rows(ctx, _TAGS)), incomplete)


@_quietly
def complete_configuration(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Presets, and YAML files where the word points to or one folder below."""
    start = incomplete.rpartition("/")[0]
    typed = f"{start}/" if "/" in incomplete else ""
    folder = Path(typed or ".")
    below = [entry for entry in _entries(folder) if entry.is_dir() and not entry.name.startswith(".")]
    files = [f"{typed}{file.name}" for file in _yaml(folder)]
    files += [f"{typed}{place.name}/{file.name}" for place in below for file in _yaml(place)]
    return _first([*_preset_offers(), *((file, "") for file in files)], incomplete)


@_quietly
def complete_preset(ctx: typer.Context, incomplete: str) -> Suggestions:
    """Presets, with what each is for."""
    return _first(_preset_offers(), incomplete)


def choices(*words: str) -> Complete:
    """Offers some fixed words."""

    def complete(ctx: typer.Context, incomplete: str) -> Suggestions:
        return _first(((word, "") for word in words), incomplete)

    return complete


def _terms(ctx: typer.Context, typed: str) -> Suggestions:
    from kryptui.runs.status import STATUSES

    terms = [(f"status:{status}", "") for status in STATUSES]
    terms += [(f"tag:{tag}", "") for (tag,) in _rows(ctx, _TAGS)]
    terms += [(f"kind:{kind}", "") for kind in KINDS]
    terms += [(name, "metric") for (name,) in _rows(ctx, _METRICS)]
    return _first(terms, typed)


def _rows(ctx: typer.Context, statement: str, **values: Any) -> Iterator[tuple[Any, ...]]:
    from kryptui.cli.options import DATABASE
    from kryptui.runs.glance import rows

    database = ctx.params.get("database") or os.environ.get("KRYPTUI_DB") or DATABASE
    return rows(database, statement, values)


def _first(offers: Iterable[tuple[str, str]], incomplete: str) -> Suggestions:
    return list(islice(_fitting(offers, incomplete), LIMIT))


def _fitting(offers: Iterable[tuple[str, str]], incomplete: str) -> Iterator[tuple[str, str]]:
    """Those offers that begin with what was typed and are plain, their help made plain."""
    for word, told in offers:
        if word.startswith(incomplete) and _PLAIN.fullmatch(word):
            yield word, _NOT_PLAIN.sub(" ", told)[:_LONGEST_HELP]


def _cut_off_by_bash() -> str:
    """The `status:` of a word `status:run`: bash ends a word at a colon, and wants the rest alone."""
    words = os.environ.get("COMP_WORDS", "").split("\n")
    words = words[: int(os.environ.get("COMP_CWORD", "0")) + 1]
    at_colon = words if words[-1] == ":" else words[:-1]
    return "".join(at_colon[-2:]) if at_colon[-1:] == [":"] else ""


def _preset_offers() -> Suggestions:
    offers = []
    for path in sorted(_PRESETS.glob("*.yaml")):
        with path.open(encoding="utf-8") as file:
            offers.append((path.stem, file.readline().removeprefix("# ").strip()))
    return offers


def _yaml(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.suffix in (".yaml", ".yml")]


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted; a huge one is not read to its end."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in islice(entries, _ENTRIES_OF_A_FOLDER))
    except OSError:
        return []
