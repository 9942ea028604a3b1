"""Helpers for tests of the app: one over a record on disk, what it shows as text, and screens kept in files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from kryptui.jobs.workspace import Workspace
from kryptui.tui.app import KryptuiApp
from kryptui.tui.pages import Goal

SIZES = [(80, 24), (160, 45)]
"""Every page is kept at both."""

NOW = 1_700_003_600.0
"""What the database's clock says in a test whose clock stands still."""

_KEPT = Path(__file__).parent / "screens"


class IdleLauncher:
    """Stands for the background threads of an app: starts nothing, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.training: str | None = None
        self.busy = False
        self.working = False
        self.messages: list[str] = []
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def keep(self, text: str) -> None:
        self.messages.append(text)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append((name, (*arguments, *options.values())))
            return 1 if name in ("submit", "evaluate") else "newrunid"

        return call


def make_app(root: Path, goal: Goal | None = None, launcher: Any = None) -> KryptuiApp:
    """The app in a workspace, its threads idle unless a launcher is given."""
    return KryptuiApp(Workspace(root, "runs.db"), launcher or IdleLauncher(), goal)


Test = Callable[[KryptuiApp, Pilot[Any]], Awaitable[None]]


def play(app: KryptuiApp, test: Test, size: tuple[int, int]) -> KryptuiApp:
    """Runs the app in a terminal of that size, and a test in it."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await test(app, pilot)

    asyncio.run(run())
    return app


def text_of(app: App[Any]) -> str:
    """What the terminal shows, line by line, without trailing blanks."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines) + "\n"


async def until(pilot: Pilot[Any], condition: Callable[[], object], seconds: float = 20) -> None:
    """Waits until something holds; fails with what the screen shows if it never does."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            await pilot.pause()
            return
        await pilot.pause(0.02)
    pytest.fail(f"did not come to hold within {seconds} s; the screen shows:\n{text_of(pilot.app)}")


async def until_shown(pilot: Pilot[Any], *words: str, seconds: float = 20) -> None:
    """Waits until all of these words are on the screen."""
    await until(pilot, lambda: all(word in text_of(pilot.app) for word in words), seconds)


def toasts(app: App[Any]) -> str:
    """All toasts that can be seen, a line each."""
    return "\n".join(f"{toast.title} {toast.message}" for toast in app._notifications)


def check_screen(app: App[Any], name: str) -> None:
    """Holds the screen against the one that is kept; KRYPTUI_KEEP_SCREENS=1 keeps this one instead."""
    shown = text_of(app)
    kept = _KEPT / f"{name}-{app.size.width}x{app.size.height}.txt"
    if os.environ.get("KRYPTUI_KEEP_SCREENS"):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(shown, encoding="utf-8")
    expected = kept.read_text(encoding="utf-8") if kept.is_file() else ""
    assert shown == expected, f"{kept.name} is not what is shown; KRYPTUI_KEEP_SCREENS=1 keeps this:\n{shown}"


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still, hosts and ids have fixed names, moments are told in UTC, and no GPU is named."""
    import time

    from kryptui.runs import reading, store
    from kryptui.tui import feed

    numbers = iter(range(1000))
    monkeypatch.setattr(reading, "now", lambda connection: NOW)
    monkeypatch.setattr(store, "new_id", lambda: f"r{next(numbers):07}")
    monkeypatch.setattr("socket.gethostname", lambda: "gpu-07")
    monkeypatch.setattr(feed, "_device_line", lambda: "")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
