"""What a configuration can begin with: a preset, a file, or a run on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kryptui import config as configuration
from kryptui.errors import InputError
from kryptui.tasks import registry
from kryptui.tui import paths
from kryptui.tui.configure.draft import MOST_CHARACTERS
from kryptui.tui.configure.layout import lay_out, text_of
from kryptui.yaml_text import read_text

if TYPE_CHECKING:
    from kryptui.runs.rows import RunRow
    from kryptui.runs.store import Store

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Start:
    """Where a draft began. `source` is what `kryptui run` takes for it, None for a run."""

    kind: Literal["preset", "file", "run"]
    name: str
    text: str
    source: str | None


def preset(name: str) -> Start:
    """A preset; raises InputError with the nearest names for an unknown one."""
    return Start("preset", name, read_text(configuration.preset_path(name)), name)


def file(words: str, root: Path) -> Start:
    """A YAML file of the workspace or elsewhere; raises InputError where it cannot be read."""
    path = paths.absolute(words, root)
    try:
        size = path.stat().st_size
    except OSError:
        size = 0  # the reading says why
    if size > 4 * MOST_CHARACTERS:
        raise InputError(f"{words}: is too long for a configuration ({size:,} bytes)")
    name = paths.short(path, root)
    return Start("file", name, read_text(path), name)


def run(store: Store, run_id: str) -> Start:
    """The configuration of a run on record, what its defaults say left out."""
    row = store.get_run(store.resolve_run(run_id))
    if row.kind == "import" or "task" not in row.config:
        raise InputError(f"run {row.id}: has no configuration of kryptui's to begin with ({row.kind})")
    try:
        text = text_of(configuration.check(row.config, f"run {row.id}", registry.settings_of))
    except InputError:
        text = lay_out(row.config)  # of another version: what is wrong with it is shown
    return Start("run", f"{row.name} ({row.id})", text, None)


def is_file(words: str, root: Path) -> bool:
    """Whether words mean a file: by their end, or as one is there."""
    return words.lower().endswith(SUFFIXES) or "/" in words or paths.absolute(words, root).is_file()


def presets() -> Sequence[tuple[str, str]]:
    """Each preset with its first line, which says what it is for."""
    found = []
    for name in configuration.preset_names():
        first = configuration.preset_path(name).read_text(encoding="utf-8").partition("\n")[0]
        found.append((name, first.removeprefix("# ")))
    return found


def files(root: Path) -> list[str]:
    """The YAML files in the workspace itself."""
    return [name for name in paths.completions("", root, SUFFIXES) if not name.endswith("/")]


def recent_runs(store: Store, most: int = 50) -> list[RunRow]:
    """The newest runs whose configuration is kryptui's."""
    return [run for run in store.list_runs("", limit=most) if run.kind == "train"]
