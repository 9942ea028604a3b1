"""What all pages share: header, footer, help, palette, dialogs, doing things beside, and how the app is left."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from records import add_run
from screens import IdleLauncher, Test, make_app, play, text_of, toasts, until, until_shown
from textual.pilot import Pilot
from toys import toy_config

from kryptui.errors import InputError
from kryptui.jobs.launcher import Leave
from kryptui.runs.store import Store
from kryptui.tui.app import KryptuiApp
from kryptui.tui.dialogs import Ask, Choice, Choose, Confirm
from kryptui.tui.pages import PAGES, Goal


def show(root: Path, test: Test, size: tuple[int, int] = (100, 28), launcher: Any = None) -> KryptuiApp:
    """Runs the app, and a test in it."""
    app = make_app(root, launcher=launcher)
    return play(app, test, size)


def head(app: KryptuiApp) -> str:
    return text_of(app).splitlines()[0]


def foot(app: KryptuiApp) -> str:
    return text_of(app).splitlines()[-1]


def test_number_keys_open_every_page(tmp_path: Path) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        for number, spec in enumerate(PAGES, 1):
            await pilot.press(str(number))
            await until(pilot, lambda spec=spec: app.page is not None and spec.name == app.page.PAGE)  # type: ignore[misc]
            assert spec.title in head(app)

    show(tmp_path, test)


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_the_header_is_one_line_that_is_never_cut(tmp_path: Path, store: Store, width: int) -> None:
    run_id = add_run(store, "run")
    store.start_attempt(run_id)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.overview.going == 1)
        await pilot.pause()
        assert len(head(app)) <= width
        assert "1 Runs" in head(app)
        assert "1 running" in head(app)

    show(tmp_path, test, (width, 24))


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_footer_names_whole_keys_and_always_the_help(tmp_path: Path, store: Store, width: int) -> None:
    add_run(store, "run")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "1 run")
        assert foot(app).endswith("? help  ^p palette")
        assert len(foot(app)) <= width
        assert ("Export" in foot(app)) == (width == 160)
        assert "Open" in foot(app)

    show(tmp_path, test, (width, 24))


def test_help_says_what_the_page_is_for_and_every_key(tmp_path: Path) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await pilot.press("question_mark")
        await until_shown(pilot, "All runs on record", "Filter: filter the runs", "Delete:", "esc closes")
        await pilot.press("4")  # no page opens behind it
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.page)
        assert app.page is not None
        assert app.page.PAGE == "runs"

    show(tmp_path, test, (120, 50))


def test_the_palette_has_the_actions_of_the_page_and_of_the_app(tmp_path: Path) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await pilot.press("ctrl+p")
        for typed, found in (
            ("export", "Export: write"),
            ("demo", "Draw demo faces"),
            ("go to live", "Go to Live"),
        ):
            await pilot.press(*["space" if letter == " " else letter for letter in typed])
            await until_shown(pilot, found)
            await pilot.press(*["backspace"] * len(typed))

    show(tmp_path, test)


def test_a_command_of_the_palette_is_done(tmp_path: Path) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await pilot.press("ctrl+p", *"messages")
        await until_shown(pilot, "what libraries and the queue said")
        await pilot.press("enter")
        await until_shown(pilot, "nothing was said")

    show(tmp_path, test)


@pytest.mark.parametrize("theme", ["kryptui-light", "kryptui-dark", "textual-light", "nord", "ansi-dark"])
def test_every_theme_can_be_chosen(tmp_path: Path, store: Store, theme: str) -> None:
    add_run(store, "run", {"eer": [0.3, 0.2]})

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        if theme not in app.available_themes:
            pytest.skip(f"this Textual has no theme {theme}")
        app.theme = theme
        await until_shown(pilot, "1 run")
        assert app.export_screenshot()

    show(tmp_path, test)


# Doing things beside


def test_what_is_done_beside_does_not_hold_up_the_screen(tmp_path: Path) -> None:
    gate, done = threading.Event(), list[int]()

    def slow() -> int:
        assert gate.wait(20)
        return 7

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        app.act(slow, done.append)
        await pilot.press("4")
        await until(pilot, lambda: app.page is not None and app.page.PAGE == "live")
        assert done == []
        gate.set()
        await until(pilot, lambda: done == [7])

    show(tmp_path, test)


class HeldLauncher(IdleLauncher):
    """Begins what it is asked for when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()

    def launch(self, config: Any) -> str:
        self.let.wait(20)
        return "newrunid"


@pytest.mark.parametrize(("key", "page"), [(None, "live"), ("1", "runs")])
def test_the_run_that_the_app_is_opened_for_is_shown_to_who_waits_for_it(
    tmp_path: Path, key: str | None, page: str
) -> None:
    launcher = HeldLauncher()
    app = make_app(tmp_path, Goal("live", config=toy_config()), launcher)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "checking" in app.activity)
        if key is not None:
            await pilot.press(key)
            await until(pilot, lambda: app.current_mode == page)
        launcher.let.set()
        await until(pilot, lambda: app.run_id == "newrunid")
        assert app.current_mode == page

    play(app, test, (100, 28))


def test_an_expected_error_is_a_toast(tmp_path: Path) -> None:
    def fail() -> None:
        raise InputError("data/train: no such folder [red]")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        app.act(fail)
        await until(pilot, lambda: "data/train: no such folder [red]" in toasts(app))

    show(tmp_path, test)


def test_an_error_of_the_program_is_a_toast_and_its_traceback_a_message(tmp_path: Path) -> None:
    launcher = IdleLauncher()

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        app.act(lambda: 1 / 0)
        await until(pilot, lambda: "ZeroDivisionError" in toasts(app))
        assert any("Traceback" in text for text in launcher.messages)

    show(tmp_path, test, launcher=launcher)


# Dialogs


@pytest.mark.parametrize(
    ("keys", "answer"),
    [(["y"], True), (["n"], False), (["escape"], False), (["enter"], False), (["right", "enter"], True)],
)
def test_a_confirmation_is_harmless_by_default(tmp_path: Path, keys: list[str], answer: bool) -> None:
    answers: list[Any] = []

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        app.push_screen(Confirm("Sure?", "for good"), answers.append)
        await until_shown(pilot, "Sure?")
        await pilot.press(*keys)
        await until(pilot, lambda: answers == [answer])

    show(tmp_path, test)


def test_a_line_that_cannot_be_is_not_taken(tmp_path: Path) -> None:
    answers: list[Any] = []

    def check(text: str) -> None:
        if text != "good":
            raise InputError(f"{text}: must be good")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        app.push_screen(Ask("What?", check=check), answers.append)
        await pilot.press(*"bad", "enter")
        await until_shown(pilot, "bad: must be good")
        await pilot.press(*["backspace"] * 3, *"good", "enter")
        await until(pilot, lambda: answers == ["good"])

    show(tmp_path, test)


@pytest.mark.parametrize(("keys", "answer"), [(["2"], "b"), (["down", "enter"], "b"), (["escape"], None)])
def test_one_of_several_is_chosen(tmp_path: Path, keys: list[str], answer: str | None) -> None:
    answers: list[Any] = []

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        choices = [Choice("a", "[red]first"), Choice("b", "second", "about it")]
        app.push_screen(Choose("Which?", choices), answers.append)
        await until_shown(pilot, "[red]first", "about it")
        await pilot.press(*keys)
        await until(pilot, lambda: answers == [answer])

    show(tmp_path, test)


# Leaving


def test_the_app_is_left_at_once_where_nothing_runs_here(tmp_path: Path) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await pilot.press("q")

    assert show(tmp_path, test).return_value is Leave.NOTHING


@pytest.mark.parametrize(("keys", "left"), [(["2"], Leave.HEADLESS), (["3"], Leave.STOP)])
def test_with_a_run_in_progress_here_leaving_asks(tmp_path: Path, keys: list[str], left: Leave) -> None:
    launcher = IdleLauncher()
    launcher.training = "abcdefgh"

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await pilot.press("q")
        await until_shown(pilot, "abcdefgh is training here", "leave the screen", "stop it")
        await pilot.press(*keys)

    assert show(tmp_path, test, launcher=launcher).return_value is left


def test_one_may_stay_after_all(tmp_path: Path) -> None:
    launcher = IdleLauncher()
    launcher.training = "abcdefgh"

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        for keys in (["q", "1"], ["q", "escape"], ["ctrl+c", "enter"]):
            await pilot.press(keys[0])
            await until_shown(pilot, "is training here")
            await pilot.press(keys[1])
            await until(pilot, lambda: app.screen is app.page)
        launcher.training = None

    show(tmp_path, test, launcher=launcher)
