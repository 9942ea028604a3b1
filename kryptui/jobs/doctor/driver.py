"""Why torch sees no GPU: what NVIDIA's tool, the kernel and the bus say of the hardware."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kryptui.jobs.doctor.finding import Finding, note, ok, one_line, problem
from kryptui.jobs.doctor.limits import read
from kryptui.jobs.doctor.probe import Torch

_SMI_SECONDS = 10.0
_DRIVER = Path("/proc/driver/nvidia/version")
_PCI = Path("/sys/bus/pci/devices")
_NVIDIA, _DISPLAY = "0x10de", "0x03"


@dataclass(frozen=True)
class Driver:
    """What the machine itself says of NVIDIA's hardware: `gpus` as nvidia-smi lists them, or its `failure`."""

    gpus: tuple[str, ...] = ()
    version: str = ""
    cuda: str = ""
    failure: str | None = None
    loaded: bool = False
    on_bus: bool = False


def why_none(build: Torch, driver: Driver, visible: str | None) -> Finding:
    """Why torch sees no GPU."""
    if not (driver.gpus or driver.failure or driver.loaded or driver.on_bus):
        return ok("gpu", "none on this machine: training runs on the CPU")
    if driver.failure is not None:
        if "mismatch" in driver.failure.lower():
            remedy = "the driver was upgraded while in use: reboot"
        else:
            remedy = "reinstall or load the NVIDIA driver (sudo modprobe nvidia), then reboot"
        return problem("gpu", f"nvidia-smi fails: {driver.failure}", remedy)
    if not driver.gpus:
        if driver.loaded:
            fact = "a driver is loaded, but this container was given no GPU"
            return note("gpu", fact, "start it with --gpus all (docker) or --nv (apptainer)")
        return problem(
            "gpu", "an NVIDIA GPU is built in, but has no driver", "install the NVIDIA driver, then reboot"
        )
    names = ", ".join(driver.gpus)
    if build.cuda is None:
        target = f"ROCm {build.hip}" if build.hip else "the CPU alone"
        remedy = "install torch for CUDA: the command for it is at pytorch.org/get-started"
        return problem("gpu", f"{names}, but torch {build.version} was built for {target}", remedy)
    if visible is not None:
        fact = f"{names}, hidden by CUDA_VISIBLE_DEVICES={visible!r}"
        return note("gpu", fact, "unset CUDA_VISIBLE_DEVICES, or name a GPU that is there")
    if _major(driver.cuda) < _major(build.cuda) or "too old" in (build.reason or ""):
        fact = f"{names}; driver {driver.version} knows CUDA {driver.cuda}, torch was built for {build.cuda}"
        return problem("gpu", fact, f"upgrade the driver, or install torch for CUDA {driver.cuda} or older")
    fact = f"{names}, but torch cannot use it: {one_line(build.reason or 'no reason given')}"
    return problem("gpu", fact, "restart the container or the machine; then see nvidia-smi and the system's log")


def ask_driver() -> Driver:
    """Asks nvidia-smi, the kernel and the PCI bus."""
    loaded, on_bus = _DRIVER.exists(), any(map(_is_nvidia, _PCI.glob("*")))
    try:
        listed, told = (
            subprocess.run(command, capture_output=True, text=True, timeout=_SMI_SECONDS, check=False)
            for command in (["nvidia-smi", "--list-gpus"], ["nvidia-smi"])
        )
    except OSError:
        return Driver(loaded=loaded, on_bus=on_bus)
    except subprocess.TimeoutExpired:
        return Driver(failure=f"no answer within {_SMI_SECONDS:.0f} s", loaded=loaded, on_bus=on_bus)
    if listed.returncode != 0 and (loaded or on_bus):
        return Driver(failure=one_line(listed.stdout or listed.stderr), loaded=loaded, on_bus=on_bus)
    found = parse_smi(listed.stdout, told.stdout)
    return Driver(*found, loaded=loaded, on_bus=on_bus)


def parse_smi(listed: str, told: str) -> tuple[tuple[str, ...], str, str]:
    """GPUs by name, the driver's version and its CUDA's: from `nvidia-smi --list-gpus` and `nvidia-smi`."""
    names = re.findall(r"^GPU \d+: (.*?)(?: \(UUID: .*)?$", listed, flags=re.MULTILINE)
    version = re.search(r"Driver Version:\s*([\d.]+)", told)
    cuda = re.search(r"CUDA Version:\s*([\d.]+)", told)
    return tuple(names), version[1] if version else "?", cuda[1] if cuda else "?"


def _is_nvidia(device: Path) -> bool:
    return read(device / "vendor") == _NVIDIA and read(device / "class").startswith(_DISPLAY)


def _major(version: str) -> int:
    first = version.partition(".")[0]
    return int(first) if first.isdecimal() else 10**6
