"""Thousands of random keys over all pages: no crash, no run lost, nothing deleted that was not agreed to."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest
from screens import IdleLauncher, make_app, text_of, until
from test_tui_runs import fill
from textual import events
from textual.pilot import Pilot
from trees import write_contest_tree

from kryptui.jobs import pruning
from kryptui.runs.store import Store
from kryptui.tui.app import KryptuiApp
from kryptui.tui.dialogs import Confirm
from kryptui.tui.page import Page
from kryptui.tui.pages import PAGES

PRESSES = 5000
AT_ONCE = 10
LETTERS = "abcdefghijklmnopqrstuvwxzACGLMNSUYZ0123456789/?<>+-=[].,"
NAMED = {
    "slash": "/", "question_mark": "?", "less_than_sign": "<", "greater_than_sign": ">", "plus": "+", "minus": "-",
    "equals_sign": "=", "left_square_bracket": "[", "right_square_bracket": "]", "full_stop": ".", "comma": ",",
}  # fmt: skip
SPECIAL = (
    "up", "down", "left", "right", "enter", "escape", "tab", "shift+tab", "space", "home", "end", "pageup",
    "pagedown", "backspace", "delete", "ctrl+p", "f2",
)  # fmt: skip
SIZES = [(80, 24), (160, 45), (60, 16), (120, 34), (40, 12)]


def presses(seed: int, count: int) -> list[events.Key]:
    """Letters and other keys, as many of the one as of the other; q and y are pressed now and then."""
    dice = random.Random(seed)
    signs = {sign: name for name, sign in NAMED.items()}
    found = []
    for _ in range(count):
        if dice.random() < 0.5:
            key = dice.choice(SPECIAL)
            found.append(events.Key(key, " " if key == "space" else None))
        else:
            letter = "y" if dice.random() < 0.02 else dice.choice(LETTERS)
            found.append(events.Key(signs.get(letter, letter), letter))
    return found


async def close_dialogs(app: KryptuiApp, pilot: Pilot[Any]) -> None:
    for _ in range(20):
        if isinstance(app.screen, Page):
            return
        await pilot.press("escape")
    await until(pilot, lambda: isinstance(app.screen, Page))


@pytest.mark.parametrize("seed", range(int(os.environ.get("KRYPTUI_KEY_SEEDS", "1"))))
def test_random_keys(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    runs = {run_id for number in range(3) for run_id in fill(store, 1_700_000_000.0 + number)}
    write_contest_tree(tmp_path / "data/train", {f"{number:06}": "rrrf" for number in range(8)})
    agreed: list[str] = []
    deleted: list[str] = []
    delete, dismiss = pruning.delete, Confirm.dismiss

    def noted(store: Store, workspace: Any, run: Any, **options: Any) -> Any:
        deleted.append(run.id)
        return delete(store, workspace, run, **options)

    def answered(dialog: Confirm, yes: Any = None) -> Any:
        if yes:
            agreed.append(dialog._question)
        return dismiss(dialog, yes)

    monkeypatch.setattr(pruning, "delete", noted)
    monkeypatch.setattr(Confirm, "dismiss", answered)
    launcher = IdleLauncher()
    launcher.training = "abcdefgh"  # so that leaving asks
    app = make_app(tmp_path, launcher=launcher)
    left: list[Any] = []
    monkeypatch.setattr(app, "exit", left.append)  # who is asked and leaves is brought back, to press all keys
    visited: set[str] = set()

    async def run() -> None:
        async with app.run_test(size=SIZES[0]) as pilot:
            keys = presses(seed, PRESSES)
            for start in range(0, len(keys), AT_ONCE):
                if start % 500 == 0:
                    await pilot.resize_terminal(*SIZES[start // 500 % len(SIZES)])
                    await close_dialogs(app, pilot)
                    wanted = PAGES[start // 500 % len(PAGES)].name  # every page has its turn
                    app.action_go(wanted)
                    await until(pilot, lambda wanted=wanted: app.page and wanted == app.page.PAGE)  # type: ignore[misc]
                    visited.add(wanted)
                for key in keys[start : start + AT_ONCE]:
                    app.post_message(key)
                await pilot.pause(0.01)
                if not app.is_running:
                    return
                page = app.page
                if page is not None:
                    visited.add(page.PAGE)
            launcher.training = None
            await close_dialogs(app, pilot)
            assert text_of(app)

    try:
        asyncio.run(run())
    finally:
        print("visited", sorted(visited), "left", left, "agreed", agreed, "deleted", len(deleted))
    assert visited == {spec.name for spec in PAGES}
    assert not any("Traceback" in text for text in launcher.messages), "\n".join(launcher.messages)
    assert {run.id for run in store.list_runs()} == runs - set(deleted)
    assert not deleted or any(question.startswith("Delete") for question in agreed)
