"""Where results go: coloured on a terminal, plain and wide in a pipe."""

from __future__ import annotations

from rich.console import Console


def console() -> Console:
    """stdout: colours on a terminal, plain text in a pipe, where long lines are not cut."""
    plain = Console(highlight=False, soft_wrap=False)
    return plain if plain.is_terminal else Console(highlight=False, width=max(plain.width, 120))
