"""What a run would take is what it then takes; to tell it draws, allocates and fetches nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from records import add_run
from torch import Tensor, nn
from toys import make_trainer, toy_config
from trees import write_contest_tree

from kryptui import config as configuration
from kryptui.config import AnyConfig, ModelSettings, OptimizerSettings, at_stage, to_plain
from kryptui.engine import checkpoint
from kryptui.engine.device import Device
from kryptui.engine.footprint import activations_of, footprint
from kryptui.engine.optim import make_optimizer, numbers_kept
from kryptui.errors import InputError
from kryptui.jobs import estimate
from kryptui.jobs.estimate import Estimator, speed_of
from kryptui.models import embedder
from kryptui.runs.rows import RunRow
from kryptui.runs.store import Store
from kryptui.tasks import registry

CPU = Device(torch.device("cpu"), "fp32", 2)


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small unsplit contest tree in the working directory."""
    people = {f"{number:06}": "rrrf"[: 2 + number % 3] + "f" for number in range(1, 15)}
    write_contest_tree(tmp_path / "faces", people)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "faces"


def faces_config(*overrides: str) -> AnyConfig:
    own = ("task.train=faces", "device=cpu", "precision=fp32", "model.image_size=32", "task.min_real=1")
    preset = configuration.preset_path("quickstart")
    return configuration.load(preset, registry.settings_of, (*own, *overrides))


def test_the_toy_task_takes_the_steps_that_were_told(tmp_path: Path) -> None:
    stages = [{"name": "one", "epochs": 2, "lr": 0.01}, {"name": "two", "epochs": 1, "lr": 0.001}]
    config = toy_config("optimizer.accumulate=4", "task.rows=100", stages=stages)
    told = Estimator().estimate(config)
    trainer, _ = make_trainer(config, tmp_path)
    result = trainer.run()
    assert told.steps == result.step
    assert [(stage.batches, stage.steps, stage.images) for stage in told.stages] == [(7, 4, 200), (7, 2, 100)]
    assert told.largest_batch == 16
    trained = [*trainer.model.parameters(), *trainer.criterion.parameters()]
    assert told.memory.gradients == sum(parameter.numel() * 4 for parameter in trained)
    assert told.parameters == sum(parameter.numel() for parameter in trainer.model.parameters())


@pytest.mark.parametrize("batch", ["{identities: 4, real: 2, fake: 1}", "{classes: 5, images: 3}"])
def test_verification_gives_the_batches_and_images_that_were_told(faces: Path, batch: str) -> None:
    config = faces_config(f"task.batch={batch}", "stages.0.epochs=1")
    told = Estimator().estimate(config)
    task = registry.builder(config).for_training(config)
    work = task.stage(at_stage(config, 0), 0, torch.device("cpu"))
    sizes = [len(batch.images) for batch in work.batches(0, 0)]
    assert told.stages[0].batches == work.steps_per_epoch == len(sizes)
    assert told.images == sum(sizes)
    assert max(sizes) <= told.largest_batch
    assert told.parameters == embedder.count_parameters(task.model())
    assert any("training on" in notice for notice in told.notices)


def test_it_draws_nothing_and_fetches_no_weights(faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timm.models._builder.load_pretrained", pytest.fail)
    before = torch.get_rng_state()
    Estimator().estimate(faces_config("model.pretrained=true"))
    assert torch.equal(torch.get_rng_state(), before)


def test_data_are_read_once_for_all_that_does_not_change_them(
    faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    builder = registry.builder(faces_config())
    outline = type(builder).outline
    monkeypatch.setattr(type(builder), "outline", lambda self, config: read.append("") or outline(self, config))
    estimator = Estimator()
    first = estimator.estimate(faces_config())
    again = estimator.estimate(faces_config("stages.0.lr=1", "task.augment.flip=0", "name=x"))
    assert again.images == first.images
    assert len(read) == 1
    estimator.estimate(faces_config("task.fakes=drop", "task.batch={classes: 4, images: 2}"))
    assert len(read) == 2
    os.utime(faces, ns=(1, 1))
    estimator.estimate(faces_config("task.fakes=drop", "task.batch={classes: 4, images: 2}"))
    assert len(read) == 3


def test_where_the_run_could_not_begin_it_says_why(faces: Path) -> None:
    for overrides, words in [
        (["task.train=nowhere"], "nowhere"),
        (["model.backbone=resnet1"], "model.backbone: 'resnet1' is no timm architecture and none of"),
        (["task.losses=[{kind: 'oml:Nothing'}]"], "task.losses.0: "),
        (["model.backbone=crossvit_9_240", "model.image_size=112"], "model.image_size: "),
    ]:
        with pytest.raises(InputError, match=words.replace(".", r"\.")):
            Estimator().estimate(faces_config(*overrides))


def test_a_task_that_tells_nothing_beforehand_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "builder", lambda config: SimpleNamespace())
    with pytest.raises(InputError, match="the task 'toy' tells nothing of a run before it begins"):
        Estimator().estimate(toy_config())


# Memory


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_optimizer_keeps_as_many_numbers_as_told(kind: Any, momentum: float) -> None:
    settings = OptimizerSettings(kind=kind, momentum=momentum)
    layer = nn.Linear(30, 40)
    optimizer = make_optimizer(settings, layer.parameters())
    layer(torch.ones(1, 30)).sum().backward()
    optimizer.step()
    numbers = [
        value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)
    ]
    kept = sum(value.numel() for value in numbers if value.numel() > 1)
    assert kept == numbers_kept(settings) * sum(parameter.numel() for parameter in layer.parameters())


def test_activations_are_what_autograd_saves() -> None:
    model = ModelSettings(backbone="resnet10t", image_size=32)
    network, contract = embedder.build_shapes(model, 16, True)
    assert all(tensor.is_meta for tensor in (*network.parameters(), *network.buffers()))
    told = activations_of(network, (3, *contract.size), 4, "fp32")

    real = embedder.build(model, 16, True).embedder.train()
    own = {tensor.untyped_storage().data_ptr() for tensor in (*real.parameters(), *real.buffers())}
    saved: dict[int, Any] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = real(torch.zeros(4, 3, 32, 32))
    assert told == sum(storage.nbytes() for storage in saved.values())
    assert outputs.requires_grad


def test_half_precision_keeps_less_and_a_larger_batch_more() -> None:
    network, _ = embedder.build_shapes(ModelSettings(backbone="resnet10t", image_size=64), None, True)
    sizes = [activations_of(network, (3, 64, 64), *how) for how in [(64, "fp32"), (64, "bf16"), (128, "fp32")]]
    full, half, double = (size or 0 for size in sizes)
    assert 0 < half < full
    assert abs(double / full - 2) < 0.05


def test_a_network_that_looks_at_values_has_unknown_activations() -> None:
    class Looks(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs if inputs.sum().item() > 0 else -inputs

    found = activations_of(Looks(), (3,), 2, "fp32")
    assert found is None
    assert footprint(Looks(), nn.Identity(), OptimizerSettings(), found).total == 0


def test_a_checkpoint_is_as_large_as_told(faces: Path, tmp_path: Path) -> None:
    config = faces_config("stages.0.epochs=1")
    told = Estimator().estimate(config)
    model = registry.builder(config).for_training(config).model()
    optimizer = make_optimizer(config.optimizer, model.parameters())
    model(torch.zeros(2, 3, 32, 32)).sum().backward()
    optimizer.step()
    saved = checkpoint.save(tmp_path / "run", 1, model.state_dict(), {"optimizer": optimizer.state_dict()}, {})
    assert abs(saved.size / told.checkpoint - 1) < 0.01


def test_it_says_where_the_memory_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "capacity", lambda device: 1000)
    assert not Estimator().estimate(toy_config()).fits
    monkeypatch.setattr(estimate, "capacity", lambda device: None)
    assert Estimator().estimate(toy_config()).fits


# Time


def past_run(store: Store, **facts: Any) -> RunRow:
    """A run with a speed, as it left it on record."""
    run_id = add_run(store, "before", {"loss": [1.0]}, **facts)
    row = store.get_run(run_id)
    return replace(row, progress_json='{"images_per_second": 50.0}')


def test_time_is_by_the_newest_run_of_the_same_network_and_device(tmp_path: Path) -> None:
    plain = to_plain(faces_config())
    same = {"config": plain, "env": {"device": "cpu, 7 threads, fp32"}}
    other_model = {**plain, "model": {**plain["model"], "backbone": "resnet18"}}
    with Store.open(tmp_path / "runs.db") as store:
        fitting = past_run(store, **same)
        others = [
            past_run(store, **{**same, "config": other_model}),
            past_run(store, **{**same, "env": {"device": "cpu, 2 threads, bf16"}}),
            replace(past_run(store, **same), host="elsewhere"),
            replace(past_run(store, **same), progress_json="{}"),
            replace(past_run(store, **same), kind="submit"),
        ]
    found = speed_of(plain, CPU, [*others, fitting])
    assert found is not None
    assert (found.run_id, found.images_per_second) == (fitting.id, 50.0)
    assert speed_of(plain, CPU, others) is None


def test_start_weights_make_no_difference_to_the_time(tmp_path: Path) -> None:
    plain = to_plain(faces_config())
    with Store.open(tmp_path / "runs.db") as store:
        run = past_run(store, config=plain, env={"device": "cpu, 2 threads, fp32"})
    other = {**plain, "model": {**plain["model"], "pretrained": True}}
    assert speed_of(other, CPU, [run]) is not None
    told = Estimator(lambda: [run])
    assert told._past() == [run]


def test_seconds_are_images_by_speed(tmp_path: Path) -> None:
    config = toy_config()
    with Store.open(tmp_path / "runs.db") as store:
        run = past_run(store, task="toy", config=to_plain(config), env={"device": "cpu, 1 thread, fp32"})
    told = Estimator(lambda: [run]).estimate(config)
    assert told.images == 288
    assert told.seconds == pytest.approx(288 / 50)
    assert Estimator().estimate(config).seconds is None


def test_a_backward_pass_in_another_thread_survives_an_estimate() -> None:
    code = (
        "import threading, torch\n"
        "from torch import nn\n"
        "from kryptui.jobs import estimate\n"
        "net = lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(7200, 2))\n"
        "def measure():\n"
        "    with torch.device('meta'):\n"
        "        network = net()\n"
        "    print(estimate._activations(network, (3, 32, 32), 4, 'fp32'))\n"
        "def train():\n"
        "    net()(torch.rand(4, 3, 32, 32)).mean().backward()\n"
        "    print('trained')\n"
        "for work in (measure, train):\n"
        "    thread = threading.Thread(target=work)\n"
        "    thread.start()\n"
        "    thread.join()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    activations, trained = done.stdout.split()
    assert int(activations) > 0
    assert trained == "trained"
