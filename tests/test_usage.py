"""What a run uses is told beside its progress, from fakes and from this machine."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from toys import toy_config

from kryptui.engine.control import Control
from kryptui.jobs import training, usage
from kryptui.jobs.training import Onlooker
from kryptui.jobs.usage import Gpu, Moment
from kryptui.jobs.workspace import Workspace

H100 = Gpu("NVIDIA H100", 71, 9_100, 80_000)


class FakeError(Exception):
    """What the driver raises for what it does not know."""


class FakeDriver:
    """A driver with two GPUs and a part of one, whose utilisation it does not know."""

    NVMLError = FakeError

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        return f"GPU-{index}"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid not in ("GPU-0", "GPU-1", "MIG-2"):
            raise FakeError
        return uuid

    def nvmlDeviceGetName(self, handle: str) -> str:  # noqa: N802
        return H100.name

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:  # noqa: N802
        if handle == "MIG-2":
            raise FakeError
        return SimpleNamespace(gpu=71)

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:  # noqa: N802
        if handle == "GPU-1":
            raise FakeError
        return SimpleNamespace(used=9_100, total=80_000)


def test_the_share_of_the_processor_is_that_between_two_moments() -> None:
    before, now = Moment(100.0, 7.0, 1_000), Moment(102.0, 10.0, 2_000)
    used = usage.read(before, now, 8, 64_000, [H100])
    assert used.to_plain() == {
        "processor": 150.0,
        "cores": 8,
        "memory": 2_000,
        "memory_total": 64_000,
        "gpus": [{"name": "NVIDIA H100", "utilisation": 71, "used": 9_100, "total": 80_000}],
    }


def test_a_leased_gpu_is_found_by_its_name() -> None:
    assert usage.gpu_of(FakeDriver(), "gpu:0") == (H100,)
    assert usage.gpu_of(FakeDriver(), "gpu:GPU-0") == (H100,)


def test_what_the_driver_does_not_know_of_a_gpu_is_left_open() -> None:
    assert usage.gpu_of(FakeDriver(), "gpu:1") == (Gpu("NVIDIA H100", 71, None, None),)
    assert usage.gpu_of(FakeDriver(), "gpu:2") == (Gpu("NVIDIA H100", None, 9_100, 80_000),)


@pytest.mark.parametrize(("driver", "resource"), [(None, "gpu:0"), (FakeDriver(), None), (FakeDriver(), "gpu:9")])
def test_without_a_driver_or_a_gpu_there_is_none(driver: Any, resource: str | None) -> None:
    assert usage.gpu_of(driver, resource) == ()


def test_the_machine_has_the_gpus_that_the_driver_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "driver", FakeDriver)
    assert usage.machine().gpus == (H100, Gpu("NVIDIA H100", 71, None, None))


def test_a_machine_without_a_driver_has_cores_and_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "driver", lambda: None)
    found = usage.machine()
    assert found.gpus == ()
    assert found.cores >= 1
    assert found.load is None or found.load >= 0


def test_this_process_uses_time_and_memory_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "EVERY_SECONDS", 0.01)
    told: list[dict[str, Any]] = []
    enough = threading.Event()

    def tell(**fields: Any) -> None:
        told.append(fields["usage"])
        enough.set()

    with usage.told(tell, None):
        sum(range(3_000_000))
        assert enough.wait(10)
    count = len(told)
    assert any(used["processor"] > 0 for used in told)
    assert 1_000_000 < told[0]["memory"] < told[0]["memory_total"]
    assert len(told) == count  # nothing is told afterwards


def test_a_run_says_what_it_uses_beside_its_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "EVERY_SECONDS", 0.01)
    onlooker = Onlooker(lambda run_id: None, lambda text: None, lambda run_id, recorder: recorder)
    workspace = Workspace(tmp_path, "runs.db")
    done = training.train(toy_config("task.delay=0.01"), workspace, Control(), onlooker)
    with workspace.open() as store:
        progress = store.get_run(done.run_id).progress
    assert progress["step"] == 18
    assert progress["usage"].keys() == {"processor", "cores", "memory", "memory_total", "gpus"}
