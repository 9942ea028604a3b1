"""How a name may go on as it is typed, where all names are known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from textual.suggester import Suggester


class Known(Suggester):
    """Offers the first of many names that begins so; they are looked up once, in a thread."""

    def __init__(self, look_up: Callable[[], Sequence[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._look_up = look_up
        self._names: Sequence[str] | None = None

    async def get_suggestion(self, value: str) -> str | None:
        """The whole name."""
        if self._names is None:
            self._names = await asyncio.to_thread(self._look_up)
        return next((name for name in self._names if value and name.startswith(value) and name != value), None)


def backbones() -> Sequence[str]:
    """Every backbone by name, the short ones first; loads torch."""
    from kryptui.models.backbones import names

    return sorted(names(), key=lambda name: (len(name), name))
