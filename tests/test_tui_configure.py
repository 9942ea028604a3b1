"""The Configure page: form and YAML follow each other, errors stand at their field, launches are checked once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from records import HOSTILE, add_run
from screens import SIZES, IdleLauncher, check_screen, make_app, still, text_of, toasts, until, until_shown
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from kryptui import config as configuration
from kryptui.config import to_plain
from kryptui.engine.footprint import Footprint
from kryptui.errors import InputError
from kryptui.jobs import estimate
from kryptui.jobs.estimate import Estimate, Speed, StageEstimate
from kryptui.runs.store import Store
from kryptui.tasks import registry
from kryptui.tui.app import KryptuiApp
from kryptui.tui.configure.config_desk import ConfigDesk
from kryptui.tui.configure.estimate_pane import EstimatePane
from kryptui.tui.configure.page import ConfigurePage
from kryptui.tui.dialogs import Ask, Choose, Confirm
from kryptui.tui.pages import Goal

__all__ = ["still"]

Test = Callable[[KryptuiApp, Pilot[Any]], Awaitable[None]]

QUICKSTART = configuration.preset_path("quickstart").read_text(encoding="utf-8")
TOY = """\
# a recipe for toys
name: toys   # what they are called
stages:
  - {name: one, epochs: 3, lr: 0.01}   # the first
task:
  kind: toy
  rows: 96
"""

TOLD = Estimate(
    (StageEstimate("train", 90, 4, 360, 21_600),),
    4_988_152, 60, "cuda:0 NVIDIA H100, bf16", "bf16", Footprint(19_976_208, 19_952_608, 39_905_216, 68_190_928),
    85_000_000_000, 59_881_424, 3, False, ("training on 480 images of 48 people (360 real, 120 fake)",),
    Speed("r0000001", "quick-hard", 1842.0),
)  # fmt: skip


class FixedEstimator:
    """Tells the same of every run."""

    def __init__(self, past: object) -> None:
        pass

    def estimate(self, config: object) -> Estimate:
        return TOLD


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimates that do not depend on data or machine."""
    monkeypatch.setattr(estimate, "Estimator", FixedEstimator)


def show(
    root: Path,
    test: Test,
    begin: str | None = "quickstart",
    size: tuple[int, int] = (160, 45),
    launcher: Any = None,
) -> KryptuiApp:
    """Runs the app on Configure, begun with something, and a test in it."""
    app = make_app(root, Goal("configure"), launcher)
    app.configure_from = begin

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            if begin is not None:
                await until(pilot, lambda: page(app)._start is not None and desk(app).query_one("#rows").has_focus)
            await test(app, pilot)

    asyncio.run(run())
    return app


def page(app: KryptuiApp) -> ConfigurePage:
    found = app.page
    assert isinstance(found, ConfigurePage)
    return found


def desk(app: KryptuiApp) -> ConfigDesk:
    return page(app).query_one(ConfigDesk)


def text(app: KryptuiApp) -> str:
    """The YAML."""
    return desk(app).editor.text


def rows(app: KryptuiApp) -> list[str]:
    """The settings that are shown."""
    return [row.name for row in desk(app).form._rows]


async def settled(pilot: Pilot[Any]) -> None:
    """What was typed has been checked, and what is told is of it."""
    app = pilot.app
    assert isinstance(app, KryptuiApp)
    pane = page(app).query_one(EstimatePane)
    await until(pilot, lambda: desk(app).draft.text == text(app) and pane.tells_of(desk(app).draft.config))


async def go_to(pilot: Pilot[Any], *place: str | int) -> None:
    desk(pilot.app).form.go_to(place)  # type: ignore[arg-type]
    await pilot.pause()


async def type_value(pilot: Pilot[Any], words: str, *place: str | int) -> None:
    """Goes to a setting, opens it and types."""
    await go_to(pilot, *place)
    await pilot.press("enter")
    await until(pilot, lambda: desk(pilot.app).form.is_typing)  # type: ignore[arg-type]
    await pilot.press(*words)
    await until(pilot, lambda: pilot.app.screen.query_one("#value", Input).value == words)


# What it looks like


@pytest.mark.parametrize("size", SIZES)
def test_empty(tmp_path: Path, still: None, size: tuple[int, int]) -> None:
    (tmp_path / "mine.yaml").write_text(TOY)
    with Store.open(tmp_path / "runs.db") as store:
        add_run(store, "vitb16", {"eer": [0.1]}, config=to_plain(_config()))

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "vitb16", "mine.yaml", "quickstart")
        check_screen(app, "configure-empty")

    show(tmp_path, test, begin=None, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_full(tmp_path: Path, still: None, told: None, size: tuple[int, int]) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "3e-4", "stages", 0, "lr")
        await pilot.press("enter")
        await settled(pilot)
        check_screen(app, "configure-full")

    show(tmp_path, test, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_the_yaml(tmp_path: Path, still: None, told: None, size: tuple[int, int]) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await go_to(pilot, "model", "image_size")
        await pilot.press("e")
        await until(pilot, lambda: desk(app).editor.has_focus and desk(app).editor.line == 6)
        await pilot.press("end", "backspace", "backspace")
        await settled(pilot)
        check_screen(app, "configure-yaml")

    show(tmp_path, test, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_wrong(tmp_path: Path, still: None, told: None, size: tuple[int, int]) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        desk(app).editor.change(
            QUICKSTART.replace("seed: 0", "sede: 0").replace("every: 15 epochs", "every: often")
        )
        await settled(pilot)
        await pilot.press("l")
        await until(pilot, lambda: "mend this first" in toasts(app))
        app.clear_notifications()
        await pilot.pause()
        check_screen(app, "configure-wrong")

    show(tmp_path, test, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_busy(tmp_path: Path, still: None, told: None, size: tuple[int, int]) -> None:
    launcher = SlowLauncher()

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("l")
        await until_shown(pilot, "checking data and model")
        check_screen(app, "configure-busy")
        launcher.go.set()
        await until(pilot, lambda: app.current_mode == "live")

    show(tmp_path, test, size=size, launcher=launcher)


# Form and YAML


def test_a_typed_value_stands_in_the_yaml_at_once_and_comments_stay(tmp_path: Path, told: None) -> None:
    (tmp_path / "toy.yaml").write_text(TOY)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "0.5", "stages", 0, "lr")
        await until(pilot, lambda: text(app) == TOY.replace("lr: 0.01", "lr: 0.5"))
        await pilot.press("enter")
        await settled(pilot)
        assert desk(app).draft.config is not None
        await pilot.press("u")
        await until(pilot, lambda: text(app) == TOY)
        await pilot.press("U")
        await until(pilot, lambda: text(app) == TOY.replace("lr: 0.01", "lr: 0.5"))

    show(tmp_path, test, "toy.yaml")


def test_escape_takes_back_what_was_typed(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "77", "seed")
        await until(pilot, lambda: "seed: 77" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: text(app) == QUICKSTART)

    show(tmp_path, test)


def test_the_error_stands_at_the_field_and_at_the_line_while_it_is_typed(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "-1", "seed")
        await until_shown(pilot, "✗ line 3: seed: -1 must be at least 0")
        assert desk(app).editor.problems == {3: "seed: -1 must be at least 0"}
        await pilot.press("down")
        await until_shown(pilot, "✗ seed                      -1                        -1 must be at least 0")

    show(tmp_path, test)


def test_what_cannot_stand_in_the_yaml_leaves_it_as_it_was(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "[1,", "model", "preprocessing", "mean")
        await until_shown(pilot, "not valid YAML")
        assert text(app) == QUICKSTART
        await pilot.press("2", ",", "3", "]", "enter")
        await until(pilot, lambda: "mean: [1, 2, 3], crop: 1.0" in text(app))

    show(tmp_path, test)


def test_the_form_follows_the_yaml(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await go_to(pilot, "seed")
        await pilot.press("e")
        await until(pilot, lambda: desk(app).editor.has_focus and desk(app).editor.line == 3)
        await pilot.press("end", "4", "2", "enter", *"device: cpu")
        await settled(pilot)
        assert desk(app).draft.data["device"] == "cpu"
        await pilot.press("escape")
        await until(pilot, lambda: desk(app).form.row is not None and desk(app).form.row.name == "device")
        assert "* device                    cpu" in text_of(app)
        assert "* seed                      42" in text_of(app)

    show(tmp_path, test)


def test_a_new_line_of_yaml_is_indented_like_the_one_before(tmp_path: Path, told: None) -> None:
    (tmp_path / "toy.yaml").write_text(TOY)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await go_to(pilot, "task", "kind")
        await pilot.press("e")
        await until(pilot, lambda: desk(app).editor.has_focus and desk(app).editor.line == 6)
        await pilot.press("end", "enter", *"batch: 8")
        await until(pilot, lambda: "  kind: toy\n  batch: 8\n" in text(app))

    show(tmp_path, test, "toy.yaml")


def test_words_and_flags_turn(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await go_to(pilot, "precision")
        await pilot.press("right")
        await until(pilot, lambda: "precision: fp32\n" in text(app))
        await pilot.press("left", "left")
        await until(pilot, lambda: "precision: bf16\n" in text(app))
        await go_to(pilot, "compile")
        await pilot.press("enter")
        await until(pilot, lambda: "compile: true\n" in text(app))
        await pilot.press("space")
        await until(pilot, lambda: "compile: false\n" in text(app))
        await go_to(pilot, "task", "losses", 0, "mining")
        await pilot.press("right")
        await until(pilot, lambda: "mining: hard" in text(app))

    show(tmp_path, test)


def test_words_are_chosen_from_a_list(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await go_to(pilot, "optimizer", "kind")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("3")
        await until(pilot, lambda: "optimizer: {kind: sgd, " in text(app))

    show(tmp_path, test)


def test_words_become_a_block_and_a_block_words(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await go_to(pilot, "task", "validation")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("2")
        await until(pilot, lambda: "  validation: {}\n" in text(app))
        await settled(pilot)
        await go_to(pilot, "model", "preprocessing")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("1")
        await until(pilot, lambda: "  preprocessing: auto\n" in text(app))

    show(tmp_path, test)


def test_stages_and_losses_are_added_and_taken_out(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await go_to(pilot, "stages", 0, "lr")
        await pilot.press("a")
        await until(pilot, lambda: "name: train-2" in text(app))
        await until(pilot, lambda: desk(app).form.row is not None and desk(app).form.row.place == ("stages", 1))
        await pilot.press("x")
        await until(pilot, lambda: text(app) == QUICKSTART)
        await go_to(pilot, "task", "losses")
        await pilot.press("a")
        await until(pilot, lambda: len(desk(app).draft.data["task"]["losses"]) == 2)

    show(tmp_path, test)


def test_a_value_taken_out_gives_way_to_its_default(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await go_to(pilot, "seed")
        await pilot.press("x")
        await until(pilot, lambda: "seed" not in text(app))
        await pilot.press("x")
        await until(pilot, lambda: "what holds is its default" in toasts(app))
        await go_to(pilot, "name")
        await pilot.press("x")
        await until(pilot, lambda: "must be given" in toasts(app))

    show(tmp_path, test)


def test_a_setting_of_a_stage_is_added_by_name(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await go_to(pilot, "stages", 0, "set")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press(*"task.losses.0.mining", "enter")
        await until(pilot, lambda: desk(app).form.is_typing)
        await pilot.press(*"hard", "enter")
        await until(pilot, lambda: "set: {task.losses.0.mining: hard}" in text(app))
        await settled(pilot)
        assert desk(app).draft.config is not None

    show(tmp_path, test)


def test_the_task_can_be_switched(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await go_to(pilot, "task", "kind")
        await pilot.press("left")  # from the first to the last
        await until(
            pilot, lambda: desk(app).draft.config is not None and desk(app).draft.data["task"]["kind"] == "toy"
        )
        assert desk(app).draft.form.row(("task", "explode_at")) is not None
        assert "taken out: model, " in toasts(app)
        await pilot.press("u")
        await until(pilot, lambda: text(app) == QUICKSTART)

    show(tmp_path, test)


def test_settings_are_found_by_name(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await pilot.press("slash")
        await until(pilot, lambda: app.screen.query_one("#sift").has_focus)
        await pilot.press(*"stages lr")
        await until(pilot, lambda: rows(app) == ["stages", "stages.0", "stages.0.lr"])
        await pilot.press("enter", "end")
        await until(pilot, lambda: desk(app).form.row is not None and desk(app).form.row.label == "lr")
        await pilot.press("escape")
        await until(pilot, lambda: len(rows(app)) > 20)
        assert desk(app).form.row.label == "lr"

    show(tmp_path, test)


def test_only_what_differs_is_shown(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "9", "task", "min_real")
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("v", "v")
        await until(pilot, lambda: rows(app) == ["task", "task.min_real"])
        await pilot.press("v")
        await until(pilot, lambda: len(rows(app)) > 20)

    show(tmp_path, test)


@pytest.mark.parametrize(
    "wrong", ["a: [", "\ta: 1", "a: &x [*x]", "- 1", "x: !!python 1", HOSTILE, "[" * 500, "\x85: \u2028"]
)
def test_hostile_yaml_is_one_line_and_the_rest_goes_on(tmp_path: Path, told: None, wrong: str) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        desk(app).editor.change(wrong)
        await settled(pilot)
        assert desk(app).draft.config is None
        assert "✗" in text_of(app).splitlines()[1]
        await pilot.press("x", "a", "enter", "right", "n", "l")
        await pilot.pause()
        desk(app).editor.change(QUICKSTART)
        await settled(pilot)
        assert desk(app).draft.config is not None

    show(tmp_path, test)


# Beginning


def test_a_run_on_record_is_begun_with_its_configuration(tmp_path: Path, told: None) -> None:
    config = _config("seed=5", "task.train=data/mine")
    with Store.open(tmp_path / "runs.db") as store:
        run_id = add_run(store, "before", {"eer": [0.1]}, config=to_plain(config))

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await settled(pilot)
        assert desk(app).draft.config == config
        assert "momentum" not in text(app)
        assert f"run before ({run_id})" in text_of(app)
        assert "save it as YAML to have a command" in text_of(app)

    with Store.open(tmp_path / "runs.db"):
        show(tmp_path, test, run_id)


def test_a_run_of_others_gives_no_configuration(tmp_path: Path, told: None) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        run_id = add_run(store, "theirs", {"eer": [0.1]}, kind="import", config={"lr": 1})

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        app.configure_from = run_id
        page(app).on_screen_resume()
        await until(pilot, lambda: "has no configuration of kryptui's" in toasts(app))

    show(tmp_path, test, None)


@pytest.mark.parametrize("what", ["nothing.yaml", "nosuchrun"])
def test_what_is_not_there_is_said(tmp_path: Path, told: None, what: str) -> None:
    with Store.open(tmp_path / "runs.db") as store:
        add_run(store, "one", {"eer": [0.1]})

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        app.configure_from = what
        page(app).on_screen_resume()
        await until(pilot, lambda: what in toasts(app))
        assert page(app)._start is None

    show(tmp_path, test, None)


def test_a_dataset_and_settings_come_from_another_page(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        app.configure_data, app.configure_overrides = "data/prepared", ["task.min_real=3", "task.fakes=drop"]
        app.action_go("runs")
        await until(pilot, lambda: app.current_mode == "runs")
        app.action_go("configure")
        await until(pilot, lambda: "train: data/prepared" in text(app))
        assert "  fakes: drop\n  min_real: 3\n" in text(app)
        assert (app.configure_data, app.configure_overrides) == (None, [])
        await until_shown(pilot, "-o task.train=data/prepared -o task.fakes=drop -o task.min_real=3")

    show(tmp_path, test)


def test_a_dataset_waits_for_what_is_begun_with(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.screen.query_one(OptionList).option_count > 3)
        app.configure_data = "data/prepared"
        page(app).on_screen_resume()
        await pilot.press("home", "enter")
        await until(pilot, lambda: page(app)._start is not None and "train: data/prepared" in text(app))
        assert page(app)._start.name == "devail"

    show(tmp_path, test, None)


def test_what_is_typed_stays_while_one_looks_elsewhere(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "7", "seed")
        await pilot.press("enter")
        await settled(pilot)
        before = text(app)
        await pilot.press("1")
        await until(pilot, lambda: app.current_mode == "runs")
        await pilot.press("3")
        await until(pilot, lambda: app.current_mode == "configure")
        assert text(app) == before

    show(tmp_path, test)


def test_to_begin_anew_asks_where_changes_would_be_lost(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "7", "seed")
        await pilot.press("enter", "o")
        await until(pilot, lambda: "faces-cpu" in text_of(app))
        await pilot.press(*"faces-cpu", "enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, Confirm))
        assert "name: quickstart" in text(app)
        page(app)._leave_for("devail")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: "name: devail" in text(app))
        page(app)._leave_for("quickstart")
        await until(pilot, lambda: "name: quickstart" in text(app))

    show(tmp_path, test)


def test_paths_and_names_are_offered_as_they_are_typed(
    tmp_path: Path, told: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("timm.list_models", lambda: ["resnet18", "resnet101", "vit_base"])
    (tmp_path / "data/faces").mkdir(parents=True)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        for words, place, offered in [
            ("res", ("model", "backbone"), "resnet18"),
            ("mobileface", ("model", "backbone"), "mobilefacenet"),
            ("data/f", ("task", "train"), "data/faces/"),
            ("cu", ("device",), "cuda"),
        ]:
            await type_value(pilot, words, *place)
            await until(
                pilot, lambda offered=offered: app.screen.query_one("#value", Input)._suggestion == offered
            )
            await pilot.press("tab")
            await until(pilot, lambda offered=offered: offered in text(app))
            await pilot.press("enter")

    show(tmp_path, test)


# Launching, queueing, saving


class SlowLauncher(IdleLauncher):
    """Launches when it is told to, or refuses."""

    def __init__(self, refusal: str = "") -> None:
        super().__init__()
        self.go, self.refusal, self.launched = threading.Event(), refusal, []

    def launch(self, config: Any) -> str:
        self.launched.append(config)
        assert self.go.wait(20)
        if self.refusal:
            raise InputError(self.refusal)
        return "newrunid"


def test_a_launch_is_checked_once_and_opens_live(tmp_path: Path, told: None) -> None:
    launcher = SlowLauncher()

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "7", "seed")
        await pilot.press("enter", "l", "l", "L")
        await until(pilot, lambda: "it is being checked already" in toasts(app))
        launcher.go.set()
        await until(pilot, lambda: app.current_mode == "live")
        assert app.run_id == "newrunid"

    show(tmp_path, test, launcher=launcher)
    assert [config.seed for config in launcher.launched] == [7]
    assert launcher.calls == []


def test_a_launch_that_is_refused_says_why_at_the_setting(tmp_path: Path, told: None) -> None:
    launcher = SlowLauncher("model.backbone: 'resnet10t' is no timm architecture; did you mean 'x'?")
    launcher.go.set()

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("l")
        await until(pilot, lambda: "no timm architecture" in toasts(app))
        assert "✗     backbone" in text_of(app)
        await pilot.press("l")
        await until(pilot, lambda: len(launcher.launched) == 2)

    show(tmp_path, test, launcher=launcher)


def test_nothing_is_launched_while_something_is_wrong(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        desk(app).editor.change(QUICKSTART.replace("margin: 0.2", "margin: -1"))
        for key in ("l", "L", "w", "y"):
            app.clear_notifications()
            await go_to(pilot, "name")
            await pilot.press(key)
            await until(pilot, lambda: "-1 must be more than 0" in toasts(app))
            assert desk(app).form.row.name == "task.losses.0.margin"

    app = show(tmp_path, test)
    assert isinstance(app.launcher, IdleLauncher)
    assert app.launcher.calls == []


def test_a_run_waits_in_the_queue(tmp_path: Path, told: None) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("L")
        await until(pilot, lambda: "quickstart waits as newrunid" in toasts(app))
        assert app.current_mode == "configure"

    app = show(tmp_path, test)
    assert isinstance(app.launcher, IdleLauncher)
    assert [name for name, _ in app.launcher.calls] == ["enqueue"]


def test_it_is_saved_as_it_stands_and_does_not_overwrite_unasked(tmp_path: Path, told: None) -> None:
    (tmp_path / "there.yaml").write_text("old")

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "7", "seed")
        await pilot.press("enter", "w")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        field = app.screen.query_one(Input)
        field.value = "name"
        await pilot.press("enter")
        await until_shown(pilot, "must end in .yaml")
        field.value = "there.yaml"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("n")
        await until(pilot, lambda: app.screen is page(app))
        assert (tmp_path / "there.yaml").read_text() == "old"
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        app.screen.query_one(Input).value = "sub/mine.yaml"
        await pilot.press("enter")
        await until(pilot, lambda: "saved as sub/mine.yaml" in toasts(app))
        assert (tmp_path / "sub/mine.yaml").read_text() == text(app)
        await until_shown(pilot, "$ kryptui run --headless sub/mine.yaml", "file sub/mine.yaml")
        assert "not saved" not in text_of(app)

    show(tmp_path, test)


def test_the_command_is_shown_and_copied(tmp_path: Path, told: None, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(KryptuiApp, "copy_to_clipboard", lambda self, words: copied.append(words))

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await type_value(pilot, "7", "seed")
        await pilot.press("enter")
        await until_shown(pilot, "$ kryptui run --headless quickstart -o seed=7")
        await pilot.press("y")
        await until(pilot, lambda: copied == ["kryptui run --headless quickstart -o seed=7"])

    show(tmp_path, test)


# The estimate


def test_the_toy_task_is_estimated_for_real(tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text(TOY)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "18 steps, 288 images", "321", seconds=60)
        await type_value(pilot, "6", "stages", 0, "epochs")
        await pilot.press("enter")
        await until_shown(pilot, "36 steps, 576 images")

    show(tmp_path, test, "toy.yaml")


def test_without_data_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "no estimate: data/train", seconds=60)

    show(tmp_path, test)


def test_data_that_came_since_are_seen_on_the_way_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Waits(FixedEstimator):
        def estimate(self, config: object) -> Estimate:
            if not (tmp_path / "data").exists():
                raise InputError("data/train does not exist")
            return TOLD

    monkeypatch.setattr(estimate, "Estimator", Waits)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "no estimate: data/train does not exist")
        (tmp_path / "data").mkdir()
        await pilot.press("1")
        await until(pilot, lambda: app.current_mode == "runs")
        await pilot.press("3")
        await until_shown(pilot, "21,600")

    show(tmp_path, test)


def test_an_estimate_of_what_was_changed_since_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, asked = threading.Event(), []

    class Slow(FixedEstimator):
        def estimate(self, config: Any) -> Estimate:
            asked.append(config.seed)
            assert go.wait(20)
            if config.seed == 0:
                raise InputError("of what was before")
            return TOLD

    monkeypatch.setattr(estimate, "Estimator", Slow)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: asked == [0])
        await type_value(pilot, "7", "seed")
        await pilot.press("enter")
        await until(pilot, lambda: desk(app).draft.data["seed"] == 7)
        await pilot.pause(0.5)  # longer than a configuration must stand still
        go.set()
        await until_shown(pilot, "21,600")
        assert asked == [0, 7]
        assert "of what was before" not in text_of(app)

    show(tmp_path, test)


def test_the_page_opens_without_torch_pandas_and_database() -> None:
    code = (
        "import sys, kryptui.tui.configure.page\n"
        "from kryptui.tui.configure.draft import check\n"
        "from kryptui.config import preset_path\n"
        "assert check(preset_path('devail').read_text()).config\n"
        "print(sorted({'torch', 'pandas', 'sqlalchemy', 'timm'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


def _config(*overrides: str) -> Any:
    return configuration.load(configuration.preset_path("quickstart"), registry.settings_of, overrides)
