"""The pages by number key; each is imported when it is first opened."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kryptui.config import AnyConfig
    from kryptui.tui.page import Page


@dataclass(frozen=True)
class PageSpec:
    """A page: its name in the code, what it is called on screen, and the class that makes it."""

    name: str
    title: str
    path: str

    def make(self) -> Page:
        """The page itself."""
        module, _, name = self.path.partition(":")
        page: Page = getattr(importlib.import_module(module), name)()
        return page


PAGES = tuple(
    PageSpec(name, name.capitalize(), f"kryptui.tui.{name}.page:{name.capitalize()}Page")
    for name in ("runs", "data", "configure", "live", "compare", "submit", "verify")
)
"""In the order of the number keys, from 1."""


@dataclass(frozen=True)
class Goal:
    """What the app is opened for: a page, and on Live a run, or a configuration to launch."""

    page: str = "runs"
    run: str | None = None
    config: AnyConfig | None = None
    resumes: bool = False
    """Whether the run is to go on from its last checkpoint, here."""
