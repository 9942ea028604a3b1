"""What a terminal shows that has no room for a page."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

LEAST = (60, 16)
"""The columns and lines that every page can live with."""


class TooSmall(Widget):
    """Says how large the terminal is and how large it must be; shown by the stylesheet where it is too small."""

    def render(self) -> Text:
        """Two lines that fit anywhere."""
        width, height = self.app.size
        return Text(
            f"{width}x{height} is too small:\nkryptui needs {LEAST[0]}x{LEAST[1]}\n(q leaves)", justify="center"
        )
