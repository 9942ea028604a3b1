"""The command palette: every action of the page at hand and of the app, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from kryptui.tui.pages import PAGES

if TYPE_CHECKING:
    from kryptui.tui.app import KryptuiApp


class Commands(Provider):
    """Pages, what the bindings of the page at hand do, what the page offers beside, and what the app can."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for name, about, act in self._all():
            yield DiscoveryHit(name, act, help=about)

    async def search(self, query: str) -> Hits:
        """Those that match what is typed, the best first."""
        matcher = self.matcher(query)
        for name, about, act in self._all():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), act, help=about)

    def _all(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        app = cast("KryptuiApp", self.app)
        seen = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if active.enabled and binding.description and binding.action not in seen and binding.tooltip:
                seen.add(binding.action)
                act = partial(app.run_action, binding.action, active.node)
                yield f"{binding.description}: {binding.tooltip}", f"key {app.get_key_display(binding)}", act
        yield from getattr(self.screen, "page_commands", tuple)()
        for number, spec in enumerate(PAGES, 1):
            yield f"Go to {spec.title}", f"key {number}", partial(app.action_go, spec.name)
        yield from app.commands()
