"""`kryptui doctor` on processors, memory and GPUs that are well and on others."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from machines import CPU, GPU, TORCH, state_and_words

from kryptui.jobs.doctor import devices, driver, probe
from kryptui.jobs.doctor.asking import Answer
from kryptui.jobs.doctor.driver import Driver, parse_smi, why_none
from kryptui.jobs.doctor.limits import allowed_cores, allowed_memory
from kryptui.jobs.doctor.probe import Gpu, Torch


@pytest.mark.parametrize(
    ("check", "state", "said"),
    [
        (partial(devices.check_torch, Answer(asdict(TORCH))), "ok", "CUDA 13.0"),
        (partial(devices.check_torch, Answer(asdict(replace(TORCH, cuda=None)))), "ok", "the CPU alone"),
        (partial(devices.check_torch, Answer(failure="a signal")), "problem", "pip install"),
        (partial(devices.check_cpu, Answer(asdict(CPU))), "ok", "2 threads, bf16"),
        (partial(devices.check_cpu, Answer(asdict(replace(CPU, error=0.5)))), "problem", "wrong by 0.5"),
        (partial(devices.check_cpu, Answer(asdict(replace(CPU, error=float("nan"))))), "problem", "wrong by nan"),
        (partial(devices.check_cpu, Answer(failure="a signal")), "problem", "a signal"),
        (partial(devices.check_cores, 8, 8, None), "ok", "8; as many"),
        (partial(devices.check_cores, 4, 8, 6.0), "ok", "4 of 8"),
        (partial(devices.check_cores, 8, 8, 1.5), "note", "-o threads=1 for training"),
        (partial(devices.check_gpu, GPU, {}), "ok", "nobody has leased it"),
        (partial(devices.check_gpu, GPU, {"gpu:abc-1": "kp3f7a2b (resnet)"}), "ok", "leased by kp3f7a2b (resnet)"),
        (partial(devices.check_gpu, replace(GPU, free=1), {}), "note", "nvidia-smi"),
        (partial(devices.check_gpu, replace(GPU, free=1), {"gpu:abc-1": "kp3f"}), "ok", "leased by kp3f"),
        (partial(devices.check_gpu, replace(GPU, error=float("nan")), {}), "problem", "do not train on it"),
        (partial(devices.check_gpu, replace(GPU, failure="CUDA out of memory"), {}), "problem", "another program"),
        (partial(devices.check_gpu, replace(GPU, failure="no kernel image is"), {}), "problem", "capability 9.0"),
        (partial(devices.check_gpu, replace(GPU, failure="unknown error"), {}), "problem", "reboot"),
    ],
)
def test_a_device_is_judged_by_what_it_computes(check: Any, state: str, said: str) -> None:
    found, words = state_and_words(check())
    assert found == state
    assert said in words


TWO = Driver(("NVIDIA H200", "NVIDIA H200"), "580.82", "13.0", loaded=True, on_bus=True)


@pytest.mark.parametrize(
    ("build", "seen", "visible", "state", "said"),
    [
        (TORCH, Driver(), None, "ok", "none on this machine"),
        (TORCH, Driver(on_bus=True), None, "problem", "install the NVIDIA driver"),
        (TORCH, Driver(loaded=True), None, "note", "--gpus all"),
        (TORCH, Driver(failure="Driver/library version mismatch"), None, "problem", "reboot"),
        (TORCH, Driver(failure="couldn't communicate"), None, "problem", "modprobe"),
        (replace(TORCH, cuda=None), TWO, None, "problem", "the CPU alone"),
        (replace(TORCH, cuda=None, hip="6.2"), TWO, None, "problem", "ROCm 6.2"),
        (TORCH, TWO, "", "note", "unset CUDA_VISIBLE_DEVICES"),
        (TORCH, replace(TWO, cuda="12.4", version="550"), None, "problem", "driver 550 knows CUDA 12.4"),
        (
            replace(TORCH, reason="driver is too old"),
            replace(TWO, cuda="?"),
            None,
            "problem",
            "upgrade the driver",
        ),
        (replace(TORCH, reason="CUDA unknown error"), TWO, None, "problem", "CUDA unknown error"),
    ],
)
def test_a_gpu_that_torch_does_not_see_is_explained(
    build: Torch, seen: Driver, visible: str | None, state: str, said: str
) -> None:
    found, words = state_and_words(why_none(build, seen, visible))
    assert found == state
    assert said in words


def test_what_nvidia_smi_prints_is_understood() -> None:
    listed = (
        "GPU 0: NVIDIA H200 (UUID: GPU-12)\n  MIG 1g.18gb  Device  0: (UUID: MIG-3)\nGPU 1: Tesla T4 (UUID: x)\n"
    )
    told = "| NVIDIA-SMI 580.82.07     Driver Version: 580.82.07      CUDA Version: 13.0     |"
    assert parse_smi(listed, told) == (("NVIDIA H200", "Tesla T4"), "580.82.07", "13.0")


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (0, "GPU 0: NVIDIA H200 (UUID: GPU-12)", Driver(("NVIDIA H200",), "?", "?", loaded=True)),
        (
            9,
            "couldn't communicate with the driver",
            Driver(failure="couldn't communicate with the driver", loaded=True),
        ),
    ],
)
def test_nvidia_smi_is_asked(
    code: int, said: str, expected: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = subprocess.CompletedProcess([], code, stdout=said, stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: answer)
    monkeypatch.setattr(driver, "_DRIVER", tmp_path)
    monkeypatch.setattr(driver, "_PCI", tmp_path)
    assert driver.ask_driver() == expected


def test_an_nvidia_card_is_known_by_the_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0000:17:00.0").mkdir()
    (tmp_path / "0000:17:00.0" / "vendor").write_text("0x10de\n")
    (tmp_path / "0000:17:00.0" / "class").write_text("0x030200\n")
    monkeypatch.setattr(driver, "_DRIVER", tmp_path / "none")
    monkeypatch.setattr(driver, "_PCI", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert driver.ask_driver() == Driver(on_bus=True)


def test_little_memory_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "allowed_memory", lambda: None)
    for available, state in ((1e9, "note"), (9e9, "ok")):
        memory = SimpleNamespace(total=16e9, available=available)
        monkeypatch.setattr(psutil, "virtual_memory", lambda memory=memory: memory)
        assert devices.check_memory().state == state
    monkeypatch.setattr(devices, "allowed_memory", lambda: 1_000_000_000)
    assert "limited to 1.0 GB" in devices.check_memory().fact


@pytest.mark.parametrize(
    ("files", "cores", "memory"),
    [
        ({}, None, None),
        ({"cpu.max": "max 100000", "memory.max": "max"}, None, None),
        ({"cpu.max": "400000 100000", "job/cpu.max": "150000 100000", "job/memory.max": "7000"}, 1.5, 7000),
        ({"cpu.max": "50000 100000", "job/cpu.max": "max 100000", "memory.max": "9000"}, 0.5, 9000),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None, None),
        ({"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"}, 2.5, None),
        ({"memory/memory.limit_in_bytes": "5000"}, None, 5000),
    ],
)
def test_the_limits_of_control_groups_are_read(
    files: Mapping[str, str], cores: float | None, memory: int | None, tmp_path: Path
) -> None:
    for name, words in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(words + "\n")
    own = tmp_path / "own"
    own.write_text("1:name=systemd:/x\n0::/job\n")
    assert allowed_cores(tmp_path, own) == cores
    assert allowed_memory(tmp_path, own) == memory


def test_a_gpu_that_fails_is_told_of_and_the_next_one_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from kryptui.engine import device as engine_device

    known = SimpleNamespace(name="H200", uuid="abc", major=9, minor=0, total_memory=100)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: known)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (60, 100))
    monkeypatch.setattr(engine_device, "_has_bf16", lambda device: True)

    def product(device: torch.device, precision: str) -> float:
        if device.index == 0:
            raise RuntimeError("no kernel image is available")
        return 0.001

    monkeypatch.setattr(probe, "_error", product)
    first, second = (Gpu(**facts) for facts in probe.look_at_gpus())
    assert (first.failure, first.free) == ("no kernel image is available", 60)
    assert second == Gpu(1, "H200", "abc", "9.0", 100, 60, "bf16", 0.001)


def test_a_wrong_product_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    import torch

    right = probe._error(torch.device("cpu"), "fp32")
    monkeypatch.setattr(np.random, "default_rng", lambda seed: np.random.RandomState(seed))
    assert right < 1e-5
    original = torch.tensor
    monkeypatch.setattr(torch, "tensor", lambda values: original(values) + 0.5)
    assert probe._error(torch.device("cpu"), "fp32") > devices.TOLERANCE["bf16"]
