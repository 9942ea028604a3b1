"""The training loop: one that can be read in a sitting."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kryptui import __version__
from kryptui.config import AnyConfig, at_stage, split_interval, to_plain
from kryptui.engine import checkpoint, folders
from kryptui.engine.control import Control
from kryptui.engine.device import Device, evaluating, seed_of, use
from kryptui.engine.memory import largest_that_fits
from kryptui.engine.meter import Meter
from kryptui.engine.optim import make_optimizer, set_rate
from kryptui.engine.progress import Position, Window
from kryptui.engine.protocols import Recorder
from kryptui.engine.schedule import factor
from kryptui.errors import RunError
from kryptui.tasks.protocol import Batch, Stage, TrainingTask


@dataclass(frozen=True)
class Goal:
    """The metric that decides which checkpoint is best."""

    metric: str
    lower_is_better: bool


@dataclass(frozen=True)
class Result:
    """How a training run ended, and its best evaluation (step -1 if there was none)."""

    outcome: Literal["finished", "stopped"]
    step: int
    best_step: int
    best_value: float


class Trainer:
    """One training run, from its start or from a checkpoint on.

    All randomness of step n comes from the run's seed and n, so that a resumed run draws what an uninterrupted
    one would have drawn, and an evaluation in between changes nothing.
    """

    def __init__(
        self,
        config: AnyConfig,
        task: TrainingTask,
        goal: Goal,
        device: Device,
        folder: Path,
        recorder: Recorder,
        control: Control,
    ) -> None:
        self.config, self.task, self.goal, self.device = config, task, goal, device
        self.folder, self.recorder, self.control = folder, recorder, control
        self.at = Position()
        self.window = Window(device.device)
        self.meter = Meter()
        self.saved_step = self.measured_step = -1
        self.measured: Mapping[str, float] = {}
        self.saved_at = time.monotonic()
        use(device)
        torch.manual_seed(seed_of(config.seed, "model"))
        self.model = device.place(task.model())
        self.forward: Callable[..., Any] = torch.compile(self.model) if config.compile else self.model
        self.criterion: nn.Module = nn.Identity()
        self.optimizer: torch.optim.Optimizer | None = None

    def run(self, resume: Path | None = None) -> Result:
        """Trains to the end, or to the next batch boundary after a wish to stop.

        Raises RunError for what ends a run early: a loss that is not a number, no memory, a full disk.
        """
        held = self._restore(resume) if resume is not None else None
        if self.control.stopping:
            return Result("stopped", self.at.step, self.at.best.step, self.at.best.value)
        if resume is None and self.config.evaluate.at_start:
            self._evaluate(epoch=0.0)
            self._save()
        complete = True
        while self.at.stage < len(self.config.stages):
            complete = self._run_stage(held)
            held = None
            if not complete:
                break
            self._enter_next_stage()
        self._tell_notices()
        self.recorder.flush()
        best = self.at.best
        return Result("finished" if complete else "stopped", self.at.step, best.step, best.value)

    def _run_stage(self, held: dict[str, Any] | None) -> bool:
        """Trains a stage, going on from what a checkpoint held of it; whether it came to its end."""
        at, stage = self.at, self.config.stages[self.at.stage]
        settings = at_stage(self.config, at.stage)
        torch.manual_seed(seed_of(self.config.seed, "stage", at.stage))
        work = self.task.stage(settings, at.stage, self.device.device)
        self._prepare_stage(work, settings, held)
        accumulate, clip = settings.optimizer.accumulate, settings.optimizer.clip
        steps = math.ceil(work.steps_per_epoch / accumulate)
        self.recorder.log("info", f"stage {stage.name}: {stage.epochs} epochs of {steps} steps, lr {stage.lr:g}")
        self.meter = Meter()
        self.model.train()
        while at.epoch < stage.epochs and not at.stage_over:
            for batches in _in_groups(work.batches(at.epoch, at.batch), accumulate):
                rate = stage.lr * factor(stage.schedule, at.stage_step, steps * stage.epochs)
                torch.manual_seed(seed_of(self.config.seed, at.step))
                self._step(work, batches, rate, clip)
                at.stage_step += 1
                at.step += 1
                at.batch += len(batches)
                if at.batch >= work.steps_per_epoch:
                    at.epoch, at.batch = at.epoch + 1, 0
                stopped = self._after_step(work.steps_per_epoch, steps, stage.epochs)
                if stopped or at.stage_over:
                    return at.epoch >= stage.epochs or at.stage_over
            if at.batch:
                raise RunError(f"the task gave {at.batch} of {work.steps_per_epoch} batches of epoch {at.epoch}")
        return True

    def _prepare_stage(self, work: Stage, settings: AnyConfig, held: dict[str, Any] | None) -> None:
        before = self.criterion.state_dict()
        self.criterion = work.criterion.to(self.device.device)
        trained = [*self.model.parameters(), *self.criterion.parameters()]
        self.optimizer = make_optimizer(settings.optimizer, trained)
        if held is not None and held["optimizer"] is not None:
            self.criterion.load_state_dict(held["criterion"])
            self.optimizer.load_state_dict(held["optimizer"])
        elif _same_shapes(before, self.criterion.state_dict()):
            self.criterion.load_state_dict(before)

    def _step(self, work: Stage, batches: list[Batch], rate: float, clip: float | None) -> None:
        """One optimizer step on one batch, or on several whose gradients add up."""
        assert self.optimizer is not None
        images = 0
        for batch in batches:
            if len(batch.images):
                try:
                    self.window.add(self._backward(work, batch, len(batches)))
                    self.recorder.stepped()
                    fits = True
                except torch.OutOfMemoryError:
                    fits = False  # what did not fit is held until this handler is left
                if not fits:
                    raise self._out_of_memory(work, batch)
                images += len(batch.images)
        set_rate(self.optimizer, rate)
        if clip is not None:
            parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, clip)
        try:
            self.optimizer.step()
        except torch.OutOfMemoryError:
            raise RunError(
                f"{self.device.device}: no memory for the optimizer's state; take a smaller model or batch"
            ) from None
        self.optimizer.zero_grad(set_to_none=True)
        self.meter.add(images)

    def _backward(self, work: Stage, batch: Batch, share: int) -> dict[str, Tensor]:
        batch = batch.to(self.device.device)
        inputs = self.device.arrange(work.inputs(batch))
        with self.device.autocast():
            outputs = self.forward(inputs)
        statistics: dict[str, Tensor] = self.criterion(outputs, batch.targets)
        (statistics["loss"] / share).backward()  # type: ignore[no-untyped-call]
        return statistics

    def _after_step(self, batches_per_epoch: int, steps_per_epoch: int, epochs: int) -> bool:
        """What is due after a step: a point of the curves, an evaluation, a checkpoint, a pause.

        Whether the run stops here, saved; a wish that comes too late for that is granted after the next step.
        """
        at, every = self.at, self.config
        epoch = at.epochs_before + at.epoch + at.batch / batches_per_epoch
        ends = at.epoch >= epochs
        if at.step % every.log.every == 0 or ends:
            self._log_point(epoch, steps_per_epoch)
        with self.meter.paused():
            is_best = (ends or self._due(every.evaluate.every)) and self._evaluate(epoch)
            if self.control.take_evaluate():
                self._measure_once(epoch)
            wished, stopping = self.control.take_checkpoint(), self.control.stopping
            if at.stage_over:
                self._log_point(epoch, steps_per_epoch)
            if is_best or ends or at.stage_over or wished or stopping or self._due(every.checkpoint.every):
                self._save()
            if stopping or self.control.paused:
                self._tell_progress(steps_per_epoch)
            if wished or stopping:
                self.recorder.log("info", f"{'stopped at' if stopping else 'saved'} step {at.step}")
            if self.control.paused:
                stopping = self._pause(epoch)
        return stopping

    def _log_point(self, epoch: float, steps_per_epoch: int) -> None:
        at = self.at
        means = self.window.take()
        if means and self.optimizer is not None:
            self.recorder.metric(at.step, epoch, {**means, "lr": self.optimizer.param_groups[0]["lr"]})
        self._tell_progress(steps_per_epoch)
        self._tell_notices()

    def _tell_progress(self, steps_per_epoch: int) -> None:
        at, stages = self.at, self.config.stages
        epochs_left = sum(stage.epochs for stage in stages[at.stage :])
        left = max(0, epochs_left * steps_per_epoch - at.stage_step)
        self.recorder.progress(
            stage=stages[at.stage].name,
            stages=len(stages),
            epoch=at.epoch,
            epochs=stages[at.stage].epochs,
            step=at.step,
            total=at.step + left,
            **self.meter.speed(left),
        )

    def _evaluate(self, epoch: float) -> bool:
        """An evaluation that counts, for the best and for patience; whether it is the best of run or stage."""
        value = self._measure(epoch)
        at, lower = self.at, self.goal.lower_is_better
        if math.isnan(value):
            self.recorder.log("warning", f"{self.goal.metric} is not a number: too few pairs could be scored")
        of_run = at.best.offer(at.step, value, lower)
        of_stage = at.stage_best.offer(at.step, value, lower)
        at.since_best = 0 if of_stage else at.since_best + 1
        patience = self.config.evaluate.patience
        if patience is not None and at.since_best >= patience:
            at.stage_over = True
            self.recorder.log("info", f"no better {self.goal.metric} in {patience} evaluations: the stage ends")
        return of_run or of_stage

    def _measure_once(self, epoch: float) -> None:
        """An evaluation that somebody wishes for: each step has one evaluation on record."""
        if self.measured_step == self.at.step:
            self.recorder.log("info", f"step {self.at.step} has been evaluated")
        else:
            self._measure(epoch, wished=True)

    def _measure(self, epoch: float, wished: bool = False) -> float:
        with evaluating(self.model):
            infer = self.device.infer_with(self.model)
            found = self.task.evaluate(infer, self.device.device, self._tell_evaluating)
        step = self.measured_step = self.at.step
        self.measured = found.scalars
        value = float(found.scalars.get(self.goal.metric, math.nan))
        self.recorder.metric(step, epoch, found.scalars, wished)
        self.recorder.evaluation(step, found.scalars, found.figures, found.scores, wished)
        shown = "  ".join(f"{name} {number:.4f}" for name, number in list(found.scalars.items())[:4])
        self.recorder.log("info", f"step {step:>6}  {shown}")
        self._tell_notices()
        return value

    def _save(self) -> None:
        """A checkpoint of this step, once; the record is made durable first, so that both tell one story."""
        at, folder = self.at, self.folder
        if self.saved_step == at.step:
            return
        self.window.check()
        self.recorder.flush()
        saved = checkpoint.save(folder, at.step, self.model.state_dict(), self._state(), self._meta())
        self.saved_step, self.saved_at = at.step, time.monotonic()
        self.recorder.artifact("checkpoint", str(saved.path), saved.sha256, saved.size, at.step)
        self._point()
        there = folders.steps(folder)
        kept = {*there[-self.config.checkpoint.keep :], at.best.step, at.stage_best.step}
        for step in (step for step in there if step not in kept):
            folders.remove(folder, step)
            self.recorder.artifact_removed(str(folders.step_folder(folder, step)))

    def _point(self) -> None:
        best = self.at.best.step if self.at.best.step >= 0 else self.at.step
        folders.point(self.folder, "last", self.at.step)
        folders.point(self.folder, "best", best)

    def _state(self) -> dict[str, Any]:
        return {
            "position": self.at.to_plain(),
            "window": self.window.to_plain(),
            "criterion": self.criterion.state_dict(),
            "optimizer": self.optimizer.state_dict() if self.optimizer is not None else None,
        }

    def _meta(self) -> dict[str, Any]:
        best = self.at.best
        value = None if math.isnan(best.value) else best.value
        measured = self.measured if self.measured_step == self.at.step else {}
        return {
            "config": to_plain(self.config),
            "rebuild": dict(self.task.rebuild),
            "data_hash": self.task.data_hash,
            "precision": self.device.precision,
            "threads": self.device.threads,
            "device": self.device.label,
            "best": {"metric": self.goal.metric, "step": best.step, "value": value},
            "metrics": {name: number for name, number in measured.items() if math.isfinite(number)},
            "versions": {"kryptui": __version__, "torch": torch.__version__},
        }

    def _restore(self, path: Path) -> dict[str, Any]:
        """Goes back to a checkpoint; returns its state, with what it held of the running stage."""
        meta = checkpoint.read_meta(path)
        checkpoint.check_data(path, meta, self.task.data_hash)
        state = checkpoint.read_state(path)
        self.model.load_state_dict(checkpoint.read_own_weights(path, meta))
        self.at = Position.from_plain(state["position"])
        self.window.restore(state["window"])
        self.saved_step = self.at.step
        self._point()
        # A process that is killed right after a checkpoint leaves it off the record.
        size = sum(file.stat().st_size for file in path.iterdir())
        self.recorder.artifact("checkpoint", str(path), meta["weights_sha256"], size, self.at.step)
        return state

    def _enter_next_stage(self) -> None:
        at, stages = self.at, self.config.stages
        if at.stage + 1 < len(stages) and stages[at.stage + 1].start == "best" and at.stage_best.step >= 0:
            path = folders.step_folder(self.folder, at.stage_best.step)
            self.model.load_state_dict(checkpoint.read_own_weights(path, checkpoint.read_meta(path)))
            held = checkpoint.read_state(path)["criterion"]
            if _same_shapes(held, self.criterion.state_dict()):
                self.criterion.load_state_dict(held)
            else:
                self.criterion = nn.Identity()  # the best is the untrained model: no criterion yet
        done = at.epochs_before + at.epoch + (1 if at.batch else 0)
        self.at = Position(stage=at.stage + 1, step=at.step, epochs_before=done, best=at.best)
        self.window = Window(self.device.device)

    def _due(self, interval: str) -> bool:
        count, unit = split_interval(interval)
        if unit == "s":
            return time.monotonic() - self.saved_at >= count
        if unit == "step":
            return self.at.step % count == 0
        return self.at.batch == 0 and self.at.epoch % count == 0

    def _pause(self, epoch: float) -> bool:
        """Waits for the end of a pause, and grants other wishes meanwhile; whether a wish to stop has ended it."""
        self._save()
        self.recorder.log("info", f"paused at step {self.at.step}")
        self.recorder.progress(paused=True)
        while not self.control.wait_while_paused(0.1):
            if self.control.take_evaluate():
                self._measure_once(epoch)
            if self.control.take_checkpoint():
                self.recorder.log("info", f"saved step {self.at.step}")
        self.recorder.progress(paused=False)
        stopping = self.control.stopping
        self.recorder.log("info", f"stopped at step {self.at.step}" if stopping else "resumed")
        return stopping

    def _tell_evaluating(self, done: int, total: int) -> None:
        """A sign of life: an evaluation may take longer than a loop may stand still."""
        self.recorder.progress(evaluated=done, to_evaluate=total)

    def _tell_notices(self) -> None:
        for notice in self.task.take_notices():
            self.recorder.log(notice.level, notice.text)

    def _out_of_memory(self, work: Stage, batch: Batch) -> RunError:
        """Says what would have fitted, by trying."""

        def attempt(size: int) -> None:
            part = {name: value[:size] for name, value in batch.targets.items()}
            try:
                self._backward(work, Batch(batch.images[:size], part), 1)
            finally:
                self.model.zero_grad(set_to_none=True)

        self.model.zero_grad(set_to_none=True)
        size = largest_that_fits(attempt, len(batch.images))
        remedy = f"{size} would fit: make task.batch smaller" if size else "not one fits: take a smaller model"
        return RunError(f"{self.device.device}: no memory for a batch of {len(batch.images)} images; {remedy}")


def _in_groups(batches: Iterator[Batch], size: int) -> Iterator[list[Batch]]:
    """Batches in lists of `size`, the last one perhaps shorter."""
    group: list[Batch] = []
    for batch in batches:
        group.append(batch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _same_shapes(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(first[name].shape == second[name].shape for name in first)
