"""The Submit page: what is chosen, what the checks say, what is asked of the launcher, and what came of it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from records import HOSTILE
from screens import SIZES, check_screen, make_app, still, text_of, toasts, until, until_shown  # noqa: F401
from submissions import Tickets, answered, save_checkpoint, submitted, trained
from trees import write_image

from kryptui.engine import folders
from kryptui.jobs.events import Answered, AnswerProgress
from kryptui.runs import keeping
from kryptui.runs.store import Store
from kryptui.tui.dialogs import Confirm
from kryptui.tui.pages import Goal
from kryptui.tui.submit.submissions import Score

Disk = namedtuple("Disk", "total used free")


class Scene:
    """The page over a record, driven by keys."""

    def __init__(self, root: Path, app: Any, pilot: Any, launcher: Tickets) -> None:
        self.root, self.app, self.pilot, self.launcher = root, app, pilot, launcher

    @property
    def page(self) -> Any:
        return self.app.page

    @property
    def text(self) -> str:
        return text_of(self.app)

    async def shown(self, *words: str) -> None:
        await until_shown(self.pilot, *words)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def ready(self) -> None:
        """All checks have been looked at, and nothing is in the way."""
        await until(self.pilot, lambda: self.page._is_ready)

    async def put(self, field: str, text: str) -> None:
        """Puts a text into a field, as if it were typed, and waits until it was looked at."""
        self.page.query_one(f"#{field}").value = text
        await self.pilot.pause()
        await until(self.pilot, lambda: self.page._timer is None)

    def tell(self, event: Any) -> None:
        self.app.hear(event)


def play(
    root: Path, act: Callable[[Scene], Awaitable[None]], size: tuple[int, int] = (160, 45), page: str = "submit"
) -> None:
    async def go() -> None:
        launcher = Tickets()
        app = make_app(root, Goal(page), launcher)
        async with app.run_test(size=size) as pilot:
            await act(Scene(root, app, pilot, launcher))

    asyncio.run(go())


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a test set of two pairs, on a disk with room, of a machine without a GPU."""
    monkeypatch.setattr("shutil.disk_usage", lambda path: Disk(100e9, 20e9, 80e9))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for number, pair in enumerate(("00000001", "00000002")):
        write_image(tmp_path / "faces" / pair / "0.jpg", 2 * number)
        write_image(tmp_path / "faces" / pair / "1.jpg", 2 * number + 1)
    return tmp_path


@pytest.fixture
def record(root: Path) -> Any:
    """The workspace's record, with two runs that can answer, the better one made first."""
    with Store.open(root / "runs.db") as store:
        trained(store, root, "good", {20: 0.09, 28: 0.05, 32: 0.07}, [20, 28, 32], best=28)
        trained(store, root, "worse", {10: 0.2}, [10])
        yield store


def run_of(store: Store, name: str) -> str:
    return store.resolve_run(name)


# What is chosen


def test_the_best_run_and_its_best_checkpoint_are_chosen_first(root, record):
    async def act(scene):
        await scene.shown("✓ good  eer 0.0500", "best  step 28  eer 0.0500", "‹ 1/5 ›")

    play(root, act)


def test_another_run_that_becomes_better_does_not_take_its_place(root, record):
    async def act(scene):
        await scene.shown("✓ good")
        trained(record, root, "best", {5: 0.01}, [5])
        scene.page.look()
        before = scene.page._form.model
        await until(scene.pilot, lambda: scene.page._form.model is not before)
        assert scene.page._form.model.name == "good"

    play(root, act)


def test_the_run_that_another_page_wants_is_chosen(root, record):
    async def act(scene):
        scene.app.submit_run = run_of(record, "worse")
        scene.app.action_go("submit")
        await scene.shown("✓ worse  eer 0.2000")
        assert scene.app.submit_run is None

    play(root, act, page="live")


def test_runs_are_narrowed_by_the_language_of_filters(root, record):
    async def act(scene):
        await scene.shown("✓ good")
        await scene.press("slash")
        await scene.shown("Which run answers?", "✓ worse")
        await scene.press(*"eer>0.1", "enter")
        await scene.shown("✓ worse  eer 0.2000")

    play(root, act)


def test_a_filter_that_means_nothing_says_so(root, record):
    async def act(scene):
        await scene.press("slash", *"status:x")
        await scene.shown("no such status")
        await scene.press("escape")
        await scene.shown("✓ good")

    play(root, act)


def test_the_folder_of_a_checkpoint_may_be_given_instead_of_a_run(root, record):
    run_id = run_of(record, "good")

    async def act(scene):
        await scene.shown("✓ good")
        await scene.press("slash", *f"checkpoints/{run_id}/step-00000020")
        await scene.shown("a checkpoint")
        await scene.press("enter")
        await until(scene.pilot, lambda: scene.page._form.model.run is None)
        await scene.put("source", "faces")
        await scene.ready()
        await scene.press("enter")
        assert scene.launcher.submitted[0][0] == str(root / f"checkpoints/{run_id}/step-00000020")

    play(root, act)


def test_arrows_turn_the_checkpoint_and_its_name_is_asked_for(root, record):
    async def act(scene):
        await scene.put("source", "faces")
        await scene.shown("‹ 1/5 ›")
        await scene.press("down", "right", "right")
        await scene.shown("step 32  eer 0.0700", "‹ 3/5 ›")
        await scene.ready()
        await scene.press("enter")
        assert scene.launcher.submitted[0][1] == "step-32"

    play(root, act)


def test_all_checkpoints_are_listed_with_step_and_value(root, record):
    async def act(scene):
        await scene.shown("‹ 1/5 ›")
        await scene.press("down", "space")
        await scene.shown("Which checkpoint?", "best  step 28  eer 0.0500", "step 20  eer 0.0900")

    play(root, act)


def test_the_data_that_were_answered_last_are_offered(root, record):
    submitted(record, root, run_of(record, "good"), [0.5, 0.7])

    async def act(scene):
        await until(scene.pilot, lambda: scene.page._form.source == root / "faces")

    play(root, act)


def test_a_file_that_is_there_is_not_offered(root, record):
    (root / "submission-good.csv").write_text("mine")

    async def act(scene):
        await until(scene.pilot, lambda: scene.page._form.output == root / "submission-good-2.csv")

    play(root, act)


def test_what_was_typed_is_never_replaced_by_an_offer(root, record):
    async def act(scene):
        await scene.shown("submission-good.csv")
        await scene.put("output", "mine.csv")
        scene.page._form.want_run(run_of(record, "worse"))
        await scene.shown("✓ worse")
        assert scene.page._form.output == root / "mine.csv"

    play(root, act)


def test_a_path_is_completed_as_it_is_typed(root, record):
    async def act(scene):
        await scene.shown("✓ good")
        await scene.press("t", *"fa")
        await until(scene.pilot, lambda: scene.page.query_one("#source")._suggestion == "faces/")
        await scene.press("right")
        assert scene.page.query_one("#source").value == "faces/"

    play(root, act)


def test_folders_can_be_chosen_from_a_list(root, record):
    async def act(scene):
        await scene.shown("✓ good")
        await scene.press("t", "ctrl+o")
        await scene.shown("Which one?", "faces/")
        await scene.press(*"fac", "enter")
        await until(scene.pilot, lambda: scene.page._form.source == root / "faces")

    play(root, act)


# Checks


def test_enter_starts_what_is_chosen_once_all_checks_pass(root, record):
    async def act(scene):
        await scene.put("source", "faces")
        await scene.ready()
        await scene.shown("step 28, weights whole", "112x112 rgb", "2 pairs, 4 images", "enter starts")
        await scene.press("enter")
        output = root / "submission-good.csv"
        assert scene.launcher.submitted == [(run_of(record, "good"), "best", root / "faces", output, {}, None)]

    play(root, act)


def test_enter_after_typing_looks_and_does_not_start(root, record):
    async def act(scene):
        await scene.shown("✓ good")
        await scene.press("t", *"faces", "enter")
        await scene.ready()
        assert scene.launcher.submitted == []
        await scene.press("enter")
        assert len(scene.launcher.submitted) == 1

    play(root, act)


def test_a_problem_stops_the_start_and_takes_the_focus(root, record):
    (root / "faces/00000002/1.jpg").unlink()

    async def act(scene):
        await scene.put("source", "faces")
        await scene.shown("✗ test data", "00000002: no image 1; mend it, or fill such pairs")
        await scene.press("enter")
        assert scene.launcher.submitted == []
        assert scene.app.focused.id == "source"
        assert "no image 1" in toasts(scene.app)

    play(root, act)


def test_pairs_that_lack_an_image_may_be_filled(root, record):
    (root / "faces/00000002/1.jpg").write_bytes(b"")

    async def act(scene):
        await scene.put("source", "faces")
        await scene.shown("zero bytes")
        await scene.put("option-fill_missing", "-1")
        await scene.shown("such pairs get -1")
        await scene.ready()
        await scene.press("enter")
        assert scene.launcher.submitted[0][4] == {"fill_missing": -1.0}

    play(root, act)


def test_an_option_of_the_wrong_kind_is_a_problem_of_its_own(root, record):
    async def act(scene):
        await scene.put("source", "faces")
        await scene.ready()
        await scene.put("option-fill_missing", "much")
        await scene.shown("✗ fill missing", "should be a valid number")
        assert not scene.page._is_ready

    play(root, act)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: (path / "weights.safetensors").write_bytes(b"\0" * 20), "is not whole"),
        (lambda path: (path / "weights.safetensors").unlink(), "is missing"),
        (lambda path: (path / "checkpoint.json").write_text("{"), "is damaged"),
    ],
)
def test_a_damaged_checkpoint_is_a_problem(root, record, damage, words):
    folder = root / "checkpoints" / run_of(record, "good")
    damage(folders.step_folder(folder, 28))

    async def act(scene):
        await until(scene.pilot, lambda: scene.page._desk.problem is not None)
        await until(scene.pilot, lambda: words in str(scene.page._desk.lines))

    play(root, act)


def test_a_checkpoint_without_a_contract_of_preprocessing_is_a_problem(root, record):
    folder = root / "checkpoints" / run_of(record, "good")
    shutil.rmtree(folders.step_folder(folder, 28))
    save_checkpoint(folder, 28, {"task": {"kind": "verification"}}, {})

    async def act(scene):
        await scene.shown("✗ contract", "states no preprocessing")

    play(root, act)


def test_a_device_that_is_not_there_is_a_problem(root, record):
    trained(record, root, "elsewhere", {1: 0.001}, [1], device="cuda:7")

    async def act(scene):
        await scene.shown("✗ device", "torch sees no GPU")
        scene.page._form.go_to("device")
        await scene.press("right")
        await scene.shown("✓ device")

    play(root, act)


def test_a_run_that_trains_beside_it_is_told_and_stops_nothing(root, record):
    async def act(scene):
        scene.launcher.training = "r0000000"
        await scene.put("source", "faces")
        await scene.press("r")
        await scene.shown("! device", "a run trains here beside it")
        await scene.ready()

    play(root, act)


def test_a_full_disk_is_a_problem(root, record, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: Disk(100e9, 100e9, 1e6))

    async def act(scene):
        await scene.shown("✗ room", "1.0 MB free")

    play(root, act)


@pytest.mark.parametrize(("answer", "started"), [("n", 0), ("y", 1)])
def test_a_file_is_replaced_only_after_asking(root, record, answer, started):
    (root / "mine.csv").write_text("old")

    async def act(scene):
        await scene.put("source", "faces")
        await scene.put("output", "mine.csv")
        await scene.shown("! output", "is there already")
        await scene.ready()
        await scene.press("enter")
        await until(scene.pilot, lambda: isinstance(scene.app.screen, Confirm))
        await scene.press(answer)
        await until(scene.pilot, lambda: scene.app.screen is scene.page)
        assert len(scene.launcher.submitted) == started

    play(root, act)


def test_a_file_that_is_being_written_is_replaced_only_after_asking(root, record):
    async def act(scene):
        await scene.put("source", "faces")
        await scene.put("output", "mine.csv")
        await scene.ready()
        await scene.press("enter", "enter")
        await until(scene.pilot, lambda: isinstance(scene.app.screen, Confirm))

    play(root, act)


# Progress


async def started(scene: Scene, times: int = 1) -> None:
    await scene.put("source", "faces")
    for _ in range(times):
        offered = scene.page._form.output
        await scene.ready()
        await scene.press("enter")
        await until(scene.pilot, lambda before=offered: scene.page._form.output != before)


def test_progress_tells_speed_and_time_left(root, record):
    async def act(scene):
        now = iter([100.0, 110.0])
        scene.app.submissions._clock = lambda: next(now)
        await started(scene)
        scene.tell(AnswerProgress(1, 100, 1000))
        scene.tell(AnswerProgress(1, 600, 1000))
        await scene.shown(" 60 %  600/1,000 images  50 img/s  left 8s")

    play(root, act)


def test_several_are_asked_for_one_after_the_other(root, record):
    async def act(scene):
        await started(scene, times=2)
        await scene.shown("▶ submission-good.csv", "then submission-good-2.csv")
        assert [asked[3].name for asked in scene.launcher.submitted] == [
            "submission-good.csv",
            "submission-good-2.csv",
        ]

    play(root, act)


def test_what_happens_while_another_page_is_shown_is_there_on_coming_back(root, record):
    run_id = submitted(record, root, run_of(record, "good"), [0.5, 0.7], "new.csv")

    async def act(scene):
        await started(scene)
        scene.app.action_go("live")
        await until(scene.pilot, lambda: scene.page.PAGE == "live")
        scene.tell(AnswerProgress(1, 1, 4))
        scene.tell(answered(1, run_id, root / "new.csv"))
        await until(scene.pilot, lambda: "40 rows" in toasts(scene.app))
        scene.app.action_go("submit")
        await scene.shown("✓ submission-good.csv  written", "new.csv  2 rows")
        assert scene.page._form.source == root / "faces"

    play(root, act)


def test_the_one_in_progress_is_cancelled(root, record):
    async def act(scene):
        await started(scene, times=2)
        await scene.press("c")
        assert scene.launcher.cancelled == [1]
        scene.tell(Answered(1, None, "stopped"))
        await scene.shown("▶ submission-good-2.csv")
        await scene.press("c")
        scene.tell(Answered(2, None, "stopped"))
        await scene.shown("■ submission-good-2.csv: cancelled; nothing was written")

    play(root, act)


def test_a_failed_one_shows_its_error_and_the_next_can_start(root, record):
    async def act(scene):
        await started(scene)
        scene.tell(Answered(1, None, f"out of memory {HOSTILE}"))
        await scene.shown("✗ out of memory")
        assert "\x1b" not in scene.text
        await started(scene)
        assert len(scene.launcher.submitted) == 2

    play(root, act)


# Result


def test_what_came_of_it_is_shown(root, record):
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    run_id = submitted(record, root, run_of(record, "good"), values, "new.csv", filled=["00000003"])

    async def act(scene):
        await started(scene)
        scene.tell(answered(1, run_id, root / "new.csv"))
        await scene.shown("new.csv  9 rows", "as on record", "9 pairs, 18 images in 2s (9 img/s)", "1: 00000003")
        assert "00000000" in scene.text
        assert "2 more" in scene.text
        assert "00000008" in scene.text
        assert "─ similarity ─" in scene.text

    play(root, act)


def test_a_file_that_was_changed_since_is_said_to_be(root, record):
    submitted(record, root, run_of(record, "good"), [0.5, 0.7])
    text = (root / "old.csv").read_text()
    (root / "old.csv").write_text(text.replace("0.5", "0.6"))

    async def act(scene):
        await scene.shown("old.csv")
        await scene.press("h", "enter")
        await scene.shown("CHANGED since it was written")

    play(root, act)


@pytest.mark.usefixtures("still")
def test_a_file_that_is_gone_is_said_to_be(root, record):
    submitted(record, root, run_of(record, "good"), [0.5, 0.7])
    (root / "old.csv").unlink()

    async def act(scene):
        await scene.shown(" gone")
        await scene.press("h", "enter")
        await scene.shown("is not there any more")

    play(root, act)


@pytest.mark.usefixtures("still")
def test_a_file_that_a_later_one_replaced_is_said_to_be(root, record):
    for _ in range(2):
        submitted(record, root, run_of(record, "good"), [0.5, 0.7])

    async def act(scene):
        await scene.shown(" there", " replaced")

    play(root, act)


def test_labels_give_a_score_that_stays_in_the_history(root, record):
    run_id = submitted(record, root, run_of(record, "good"), [0.1, 0.9])
    (root / "labels.csv").write_text("pair_id,label\n00000000,0\n00000001,1\n")

    async def act(scene):
        await scene.shown("old.csv")
        await scene.press("h", "enter")
        await scene.shown("as on record")
        await scene.put("labels", "labels.csv")
        await scene.shown("eer_contest 0  eer 0  pairs 2  against labels.csv")
        assert scene.app.submissions.scores[run_id].values["eer"] == 0
        await until(scene.pilot, lambda: scene.text.count("eer_contest 0") == 2)

    play(root, act)


def test_labels_that_do_not_fit_are_told_in_a_line(root, record):
    run_id = submitted(record, root, run_of(record, "good"), [0.1, 0.9])
    (root / "labels.csv").write_text("pair_id,label\n00000000,0\n00000007,1\n")

    async def act(scene):
        await scene.shown("old.csv")
        await scene.press("h", "enter")
        await scene.put("labels", "labels.csv")
        await until(scene.pilot, lambda: run_id in scene.app.submissions.scores)
        await scene.shown("score", "it must be one of the", "not scored")

    play(root, act)


def test_a_past_submission_leads_to_its_run_and_can_be_used_again(root, record):
    submitted(record, root, run_of(record, "worse"), [0.5, 0.7])

    async def act(scene):
        await scene.shown("old.csv", "✓ good")
        await scene.put("source", "elsewhere")
        await scene.press("u")
        await scene.shown("✓ worse  eer 0.2000")
        assert scene.page._form.source == root / "faces"
        await scene.press("g")
        await until(scene.pilot, lambda: scene.page.PAGE == "live")
        assert scene.app.run_id == run_of(record, "worse")

    play(root, act)


def test_the_command_for_a_shell_is_one_that_the_program_takes(root, record):
    async def act(scene):
        await scene.put("source", "faces")
        await scene.put("option-fill_missing", "-1")
        await scene.press("down", "right")
        await scene.shown("last  step 32")
        await scene.press("y")
        command = scene.app.clipboard
        run_id = run_of(record, "good")
        assert command == (
            f"kryptui submit {run_id} --checkpoint last --test faces -o submission-good.csv --fill-missing -1"
        )

    play(root, act)
    from typer.main import get_command

    from kryptui.cli.main import app

    words = ["x", "--checkpoint", "last", "--test", "faces", "-o", "out.csv", "--fill-missing", "-1"]
    found = get_command(app).commands["submit"].make_context("submit", words)
    assert (found.params["checkpoint"], found.params["fill_missing"]) == ("last", -1.0)


# Where something lacks


def test_without_a_record_it_is_said_what_to_do(tmp_path):
    async def act(scene):
        await scene.shown("✗ model", "no run can answer yet", "3 configures it", "✗ test data", "none chosen")

    play(tmp_path, act)


def test_a_run_without_a_checkpoint_is_a_problem(root, record):
    async def act(scene):
        await scene.shown("✓ good")
        scene.page._form.want_run(trained(record, root, "bare", {1: 0.3}, []))
        await scene.shown("✗ model", "bare has saved none; it is finished")

    play(root, act)


@pytest.mark.usefixtures("still")
def test_checkpoints_that_lie_elsewhere_are_named(root, record):
    run_id = run_of(record, "good")
    shutil.rmtree(root / "checkpoints" / run_id)

    async def act(scene):
        await scene.shown("✗ model", "good saved its last on gpu-07")

    play(root, act)


def test_a_run_that_is_deleted_meanwhile_does_no_harm(root, record):
    async def act(scene):
        await scene.shown("✓ good")
        keeping.delete_run(record, run_of(record, "good"))
        await scene.shown("there is no such run")

    play(root, act)


def test_names_cannot_drive_the_terminal(root, record):
    run_id = trained(record, root, HOSTILE, {1: 0.01}, [1])
    submitted(record, root, run_id, [0.5])

    async def act(scene):
        await scene.shown("evil", "old.csv")
        assert "\x1b" not in scene.text
        await scene.press("h", "enter")
        await scene.shown("as on record")
        assert "\x1b" not in scene.text

    play(root, act)


# Another task


def test_a_task_from_outside_says_what_it_has_not(root):
    from toys import toy_config

    from kryptui import config as configuration

    (root / "rows.csv").write_text("x0\n1\n")
    config = configuration.to_plain(toy_config())
    with Store.open(root / "runs.db") as store:
        run_id = store.create_run("train", "toy", "toy", config, "h", "d", {}, str(root))
        store.start_attempt(run_id)
        store.finish(run_id, "finished")
        folder = root / "checkpoints" / run_id
        save_checkpoint(folder, 4, config, {})
        folders.point(folder, "best", 4)

    async def act(scene):
        await scene.put("source", "rows.csv")
        await scene.shown("the task toy does not look at them beforehand", "no pictures to prepare")
        await scene.shown("the task toy has no score")
        assert not scene.page.query("#option-fill_missing")
        await scene.ready()

    play(root, act)


def test_a_submission_of_a_task_from_outside_from_start_to_end(root):
    from toys import toy_config

    from kryptui.engine.control import Control
    from kryptui.jobs import training
    from kryptui.jobs.launcher import Launcher
    from kryptui.jobs.workspace import Workspace

    workspace = Workspace(root, "runs.db")
    (root / "rows.csv").write_text(
        "\n".join([",".join(f"x{n}" for n in range(8)), *[",".join("12345678")] * 30]) + "\n"
    )
    onlooker = training.Onlooker(str, str, lambda _, recorder: recorder)
    training.train(toy_config(), workspace, Control(), onlooker)

    async def go() -> None:
        with Launcher(workspace) as launcher:
            app = make_app(root, Goal("submit"), launcher)
            launcher.listen(app.hear)
            async with app.run_test(size=(160, 45)) as pilot:
                scene = Scene(root, app, pilot, launcher)
                await scene.put("source", "rows.csv")
                await scene.ready()
                await scene.press("enter")
                await scene.shown("submission-toy.csv  30 rows", "as on record", "─ y ─")

    asyncio.run(go())


def test_the_page_can_be_the_first_frame():
    code = (
        "import sys, kryptui.tui.submit.page\n"
        "print([name for name in ('torch', 'pandas', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Kept screens


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_without_a_record(root, size):
    async def act(scene):
        await scene.shown("✗ model", "✗ test data", "✗ output")
        check_screen(scene.app, "submit-empty")

    play(root, act, size)


async def _prepared(scene: Scene, record: Store, root: Path) -> None:
    await until(scene.pilot, lambda: scene.page._form.source == root / "faces")
    await scene.ready()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_with_all_checks_passed(root, record, size):
    submitted(record, root, run_of(record, "good"), [0.1, 0.9])

    async def act(scene):
        await _prepared(scene, record, root)
        await scene.shown("enter starts")
        check_screen(scene.app, "submit-ready")

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_with_one_in_progress(root, record, size):
    submitted(record, root, run_of(record, "good"), [0.1, 0.9])

    async def act(scene):
        now = iter([100.0, 110.0])
        scene.app.submissions._clock = lambda: next(now)
        await _prepared(scene, record, root)
        await started(scene, times=2)
        scene.tell(AnswerProgress(1, 0, 40_000))
        scene.tell(AnswerProgress(1, 24_000, 40_000))
        await scene.shown("left 7s")
        await scene.ready()
        check_screen(scene.app, "submit-busy")

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_after_a_failure(root, record, size):
    (root / "faces/00000002/1.jpg").unlink()
    submitted(record, root, run_of(record, "good"), [0.1, 0.9])

    async def act(scene):
        await scene.shown("no image 1")
        job = scene.app.submissions.begin(1, "good, step 28", root / "submission-good.csv")
        error = "cuda:0: no memory to answer 64 inputs at once; lower task.evaluate_batch"
        scene.tell(Answered(job.ticket, None, error))
        await scene.shown("✗ cuda:0: no memory")
        await until(scene.pilot, lambda: "looking" not in scene.text)
        check_screen(scene.app, "submit-failed")

    play(root, act, size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("still")
def test_the_screen_with_a_result(root, record, size):
    values = [((place * 37) % 100) / 100 for place in range(40)]
    run_id = submitted(record, root, run_of(record, "good"), values, filled=["00000003", "00000031"])
    submitted(record, root, run_of(record, "worse"), [0.4], "worse.csv")

    async def act(scene):
        await _prepared(scene, record, root)
        score = Score(root / "labels.csv", {"eer_contest": 0.0412, "eer": 0.0409, "pairs": 40})
        scene.app.submissions.scores[run_id] = score
        scene.page._result.open(run_id)
        scene.page._see("result")
        scene.page.look()
        await scene.shown("as on record", "eer_contest 0.0412")
        await until(scene.pilot, lambda: size[0] < 120 or scene.text.count("eer_contest 0.0412") == 2)
        check_screen(scene.app, "submit-result")

    play(root, act, size)
