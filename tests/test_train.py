"""The training loop on the toy task: what is logged, saved, and gone on with."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from toys import MemoryRecorder, make_trainer, toy_config

from kryptui.engine import checkpoint, folders
from kryptui.engine.control import Control
from kryptui.errors import InputError, RunError

TWO_STAGES = [
    {"name": "one", "epochs": 2, "lr": 0.01, "schedule": {"kind": "cosine", "warmup": 3}},
    {"name": "two", "epochs": 2, "lr": 0.001, "set": {"task.dropout": 0.0}},
]


class StopAfter(Control):
    """Wishes to stop once the loop has asked so many times whether a checkpoint is wished for."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def take_checkpoint(self) -> bool:
        self.left -= 1
        if self.left == 0:
            self.stop()
        return super().take_checkpoint()


def up_to(points: list[tuple[int, float, str, float]], step: int) -> list[tuple[int, float, str, float]]:
    return [point for point in points if point[0] <= step]


def forget_after(folder: Path, step: int) -> None:
    """Removes later checkpoints, as a job does before it resumes."""
    for later in folders.steps(folder):
        if later > step:
            folders.remove(folder, later)


def test_a_run_learns(tmp_path: Path) -> None:
    trainer, recorder = make_trainer(toy_config("stages.0.epochs=20"), tmp_path)
    result = trainer.run()
    errors = [value for _, _, name, value in recorder.points if name == "rmse"]
    assert result.outcome == "finished"
    assert result.best_value == min(errors) < 0.8 * errors[0]


def test_points_come_every_so_many_steps_and_at_the_end(tmp_path: Path) -> None:
    trainer, recorder = make_trainer(toy_config(), tmp_path)
    trainer.run()
    assert [step for step, _, name, _ in recorder.points if name == "loss"] == [5, 10, 15, 18]


def test_evaluations_come_at_the_start_and_every_epoch(tmp_path: Path) -> None:
    trainer, recorder = make_trainer(toy_config(), tmp_path)
    trainer.run()
    assert recorder.evaluations == [0, 6, 12, 18]


class StopTooLate(StopAfter):
    """Wishes to stop just after the loop has asked for that wish in a step."""

    @property
    def paused(self) -> bool:
        self.left -= 1
        if self.left == 0:
            self.stop()
        return super().paused

    def take_checkpoint(self) -> bool:
        return Control.take_checkpoint(self)


def test_a_wish_to_stop_that_comes_between_two_steps_is_granted_with_a_checkpoint(tmp_path: Path) -> None:
    trainer, recorder = make_trainer(toy_config(), tmp_path, control=StopTooLate(6))
    result = trainer.run()
    assert result.outcome == "stopped"
    assert folders.steps(tmp_path)[-1] == result.step
    assert f"info: stopped at step {result.step}" in recorder.lines


@pytest.mark.parametrize("stop_at", [1, 4, 7, 12, 13, 17, 23])
def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, stop_at: int) -> None:
    config = toy_config(stages=TWO_STAGES)
    whole, expected = make_trainer(config, tmp_path / "whole")
    whole.run()

    first, before = make_trainer(config, tmp_path / "parts", control=StopAfter(stop_at))
    assert first.run().outcome == "stopped"
    second, after = make_trainer(config, tmp_path / "parts")
    result = second.run(tmp_path / "parts" / "last")

    assert result.outcome == "finished"
    assert before.points + after.points == expected.points
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name


def test_a_resume_from_an_older_checkpoint_repeats_the_same_numbers(tmp_path: Path) -> None:
    config = toy_config("checkpoint.keep=20")
    _, expected = _run(config, tmp_path / "run")
    for step in reversed(folders.steps(tmp_path / "run")):
        forget_after(tmp_path / "run", step)
        trainer, recorder = make_trainer(config, tmp_path / "run")
        trainer.run(folders.step_folder(tmp_path / "run", step))
        assert up_to(expected.points, step) + recorder.points == expected.points


def test_accumulated_batches_resume_too(tmp_path: Path) -> None:
    config = toy_config("optimizer.accumulate=4", "checkpoint.every=1 steps", "checkpoint.keep=20")
    _, expected = _run(config, tmp_path / "run")
    assert [step for step, _, name, _ in expected.points if name == "rmse"] == [0, 2, 4, 6]
    forget_after(tmp_path / "run", 3)
    trainer, recorder = make_trainer(config, tmp_path / "run")
    trainer.run(folders.step_folder(tmp_path / "run", 3))
    assert up_to(expected.points, 3) + recorder.points == expected.points


def test_an_accumulated_step_equals_one_on_the_whole_batch(tmp_path: Path) -> None:
    # The last batch of an epoch is as large as the others, so that means of means are the mean.
    settings = ("task.dropout=0", "optimizer.kind=sgd", "evaluate.at_start=false")
    small, _ = make_trainer(toy_config(*settings, "task.batch=8", "optimizer.accumulate=2"), tmp_path / "a")
    large, _ = make_trainer(toy_config(*settings, "task.batch=16"), tmp_path / "b")
    for trainer in (small, large):
        stage = trainer.task.stage
        trainer.task.stage = lambda *arguments, stage=stage: _without_noise(stage(*arguments))
        trainer.run()
    for name, tensor in small.model.state_dict().items():
        assert torch.allclose(tensor, large.model.state_dict()[name], atol=1e-6), name


def test_evaluating_now_changes_nothing_that_follows(tmp_path: Path) -> None:
    config = toy_config("evaluate.patience=3")
    _, expected = _run(config, tmp_path / "quiet")

    class Asking(Control):
        def take_evaluate(self) -> bool:
            return True

    trainer, recorder = make_trainer(config, tmp_path / "asked", control=Asking())
    result = trainer.run()
    regular = {(step, name) for step, _, name, _ in expected.points}
    assert recorder.evaluations == list(range(19))
    kept = list(dict.fromkeys(point for point in recorder.points if (point[0], point[2]) in regular))
    assert sorted(kept) == sorted(expected.points)
    assert result.best_step == min((v, s) for s, _, n, v in expected.points if n == "rmse")[1]


def test_the_second_stage_starts_from_the_best_of_the_first(tmp_path: Path) -> None:
    # A rate so high that the first stage ends worse than it was at its best.
    stages = [{"name": "one", "epochs": 4, "lr": 0.9}, {"name": "two", "epochs": 1, "lr": 1e-12}]
    trainer, recorder = make_trainer(toy_config(stages=stages), tmp_path)
    trainer.run()
    errors = {step: value for step, _, name, value in recorder.points if name == "rmse"}
    best = min(value for step, value in errors.items() if step <= 24)
    assert errors[24] > best
    assert errors[30] == pytest.approx(best, abs=1e-5)


def test_a_stage_may_start_from_the_last_instead(tmp_path: Path) -> None:
    stages = [
        {"name": "one", "epochs": 4, "lr": 0.9},
        {"name": "two", "epochs": 1, "lr": 1e-12, "start": "last"},
    ]
    trainer, recorder = make_trainer(toy_config(stages=stages), tmp_path)
    trainer.run()
    errors = {step: value for step, _, name, value in recorder.points if name == "rmse"}
    assert errors[30] == pytest.approx(errors[24], abs=1e-5)


def test_patience_ends_a_stage_and_starts_anew_in_the_next(tmp_path: Path) -> None:
    stages = [{"name": "one", "epochs": 50, "lr": 1e-12}, {"name": "two", "epochs": 50, "lr": 1e-12}]
    config = toy_config("evaluate.patience=3", stages=stages)
    trainer, recorder = make_trainer(config, tmp_path)
    result = trainer.run()
    # Without learning the first evaluation of a stage stays its best but for rounding.
    assert result.outcome == "finished"
    assert len(recorder.evaluations) < 20
    assert sum("the stage ends" in line for line in recorder.lines) == 2


def test_best_and_last_point_at_checkpoints_that_are_kept(tmp_path: Path) -> None:
    trainer, recorder = make_trainer(toy_config("stages.0.epochs=10", "checkpoint.every=2 steps"), tmp_path)
    result = trainer.run()
    steps = folders.steps(tmp_path)
    assert (tmp_path / "last").resolve() == folders.step_folder(tmp_path, 60)
    assert (tmp_path / "best").resolve() == folders.step_folder(tmp_path, result.best_step)
    assert set(steps) == {58, 60, result.best_step}
    assert sorted(recorder.artifacts.values()) == steps


def test_a_checkpoint_holds_what_was_measured_at_its_step_alone(tmp_path: Path) -> None:
    config = toy_config("checkpoint.every=1 steps", "checkpoint.keep=100", "evaluate.every=4 steps")
    trainer, recorder = make_trainer(config, tmp_path)
    trainer.run()
    for step in folders.steps(tmp_path):
        meta = checkpoint.read_meta(folders.step_folder(tmp_path, step))
        recorded = {
            name: value for at, _, name, value in recorder.points if at == step and name in meta["metrics"]
        }
        assert bool(meta["metrics"]) == (step in recorder.evaluations)
        assert meta["metrics"] == recorded


def test_the_record_is_durable_before_every_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []

    class Ordered(MemoryRecorder):
        def flush(self) -> None:
            events.append("flush")

    save = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", lambda *a: (events.append("save"), save(*a))[1])
    trainer, _ = make_trainer(toy_config(), tmp_path, Ordered())
    trainer.run()
    places = [place for place, event in enumerate(events) if event == "save"]
    assert places
    assert all(events[place - 1] == "flush" for place in places)


def test_a_loss_that_is_not_a_number_fails_and_is_not_saved(tmp_path: Path) -> None:
    trainer, _ = make_trainer(toy_config("task.explode_at=2"), tmp_path)
    with pytest.raises(RunError, match="not a number any more"):
        trainer.run()
    assert folders.steps(tmp_path) == [0]


def test_no_memory_names_the_batch_that_would_fit(tmp_path: Path) -> None:
    trainer, _ = make_trainer(toy_config(), tmp_path)

    def forward(inputs: torch.Tensor) -> torch.Tensor:
        if len(inputs) > 5:
            raise torch.OutOfMemoryError("out of memory")
        return trainer.model(inputs)

    trainer.forward = forward
    with pytest.raises(RunError, match=r"batch of 16 images; 5 would fit: make task\.batch smaller"):
        trainer.run()


def test_a_resume_on_other_data_is_refused(tmp_path: Path) -> None:
    _run(toy_config(), tmp_path)
    trainer, _ = make_trainer(toy_config("task.rows=80"), tmp_path)
    with pytest.raises(InputError, match="other data"):
        trainer.run(tmp_path / "last")


def test_a_pause_saves_and_waits_for_its_end(tmp_path: Path) -> None:
    class PausedOnce(Control):
        looks = 0

        def wait_while_paused(self, seconds: float) -> bool:
            self.looks += 1
            if self.looks == 3:
                self.resume()
            return super().wait_while_paused(0.0)

    control = PausedOnce()
    control.pause()
    trainer, recorder = make_trainer(toy_config("checkpoint.keep=20"), tmp_path, control=control)
    assert trainer.run().outcome == "finished"
    assert control.looks == 3
    assert 1 in folders.steps(tmp_path)
    said = [line for line in recorder.lines if line.startswith(("info: paused", "info: resumed"))]
    assert said == ["info: paused at step 1", "info: resumed"]


def test_the_parameters_of_the_criterion_are_trained_and_saved(tmp_path: Path) -> None:
    trainer, _ = make_trainer(toy_config(), tmp_path)
    trainer.run()
    scale = trainer.criterion.state_dict()["scale"].item()
    assert scale != 1.0
    state = checkpoint.read_state(tmp_path / "last")
    assert state["criterion"]["scale"].item() == scale


def test_clipping_bounds_the_step(tmp_path: Path) -> None:
    settings = ("optimizer.kind=sgd", "optimizer.momentum=0", "evaluate.at_start=false", "stages.0.lr=1")
    trainer, _ = make_trainer(
        toy_config(*settings, "optimizer.clip=0.001", "checkpoint.every=1 steps", "checkpoint.keep=99"), tmp_path
    )
    trainer.run()
    one, two = (
        checkpoint.read_own_weights(path, checkpoint.read_meta(path))
        for path in (folders.step_folder(tmp_path, step) for step in (1, 2))
    )
    moved = math.sqrt(sum((one[name] - two[name]).square().sum().item() for name in one))
    assert 0 < moved <= 0.00101


def _run(config: object, folder: Path) -> tuple[object, MemoryRecorder]:
    trainer, recorder = make_trainer(config, folder)  # type: ignore[arg-type]
    return trainer.run(), recorder


def _without_noise(stage: object) -> object:
    stage.inputs = lambda batch: batch.images  # type: ignore[attr-defined]
    return stage
