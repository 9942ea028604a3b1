"""The command that does in a shell what the page does."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kryptui.tui.paths import short

if TYPE_CHECKING:
    from kryptui.tui.submit.model import Model

_DATABASE = "runs.db"


def submit_command(
    model: Model,
    checkpoint: str,
    source: Path,
    output: Path,
    options: Mapping[str, Any],
    device: str | None,
    root: Path,
    database: str,
) -> str:
    """To be typed in the workspace; a database's address, which may hold a password, is left to KRYPTUI_DB."""
    what = model.what if model.run is not None else short(Path(model.what), root)
    words = ["kryptui", "submit", what]
    if checkpoint not in ("", "best"):
        words += ["--checkpoint", checkpoint]
    words += ["--test", short(source, root), "-o", short(output, root)]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    if device is not None:
        words += ["--device", device]
    if database != _DATABASE and "://" not in database:
        words += ["--db", database]
    return shlex.join(words)
