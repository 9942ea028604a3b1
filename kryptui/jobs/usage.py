"""What a run uses of its machine: processor time, memory, and the GPU that it trains on."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from kryptui.jobs.doctor.limits import allowed_memory
from kryptui.machine import cores

EVERY_SECONDS = 2.0
"""How often a run says what it uses."""


@dataclass(frozen=True)
class Gpu:
    """A GPU and what all its users do with it: percent and bytes, None where its driver does not tell."""

    name: str
    utilisation: int | None
    used: int | None
    total: int | None


@dataclass(frozen=True)
class Usage:
    """What a process uses. `processor` is in percent of one core, over all its threads; memory is in bytes."""

    processor: float
    cores: int
    memory: int
    memory_total: int
    gpus: tuple[Gpu, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """As a run's progress holds it."""
        return {**asdict(self), "gpus": [asdict(gpu) for gpu in self.gpus]}


@dataclass(frozen=True)
class Machine:
    """What this machine has to train on. `load` is how many threads want a core, over the last minute."""

    gpus: tuple[Gpu, ...]
    cores: int
    load: float | None


@dataclass(frozen=True)
class Moment:
    """A process at one moment: the time, the processor time of all its threads, and its memory."""

    wall: float
    processor: float
    memory: int

    @classmethod
    def now(cls) -> Moment:
        """Now, of this process."""
        import psutil  # type: ignore[import-untyped]

        return cls(time.monotonic(), time.process_time(), int(psutil.Process().memory_info().rss))


def read(before: Moment, now: Moment, cores: int, memory_total: int, gpus: Sequence[Gpu]) -> Usage:
    """What was used between two moments."""
    seconds = max(now.wall - before.wall, 1e-9)
    share = 100 * (now.processor - before.processor) / seconds
    return Usage(round(share, 1), cores, now.memory, memory_total, tuple(gpus))


def machine() -> Machine:
    """What there is, and how busy; where there are GPUs, the first call loads their driver's library."""
    nvml = driver()
    try:
        load = os.getloadavg()[0]
    except OSError:
        load = None
    return Machine(all_gpus(nvml), cores(), load)


@cache
def driver() -> Any:
    """NVIDIA's library by its binding, ready to be asked; None where there is no GPU or no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def all_gpus(nvml: Any) -> tuple[Gpu, ...]:
    """The GPUs of this machine in the driver's order; none without a driver."""
    count = 0 if nvml is None else _ask(nvml, nvml.nvmlDeviceGetCount) or 0
    handles = (_ask(nvml, nvml.nvmlDeviceGetHandleByIndex, index) for index in range(count))
    return tuple(_gpu(nvml, handle) for handle in handles if handle is not None)


def gpu_of(nvml: Any, resource: str | None) -> tuple[Gpu, ...]:
    """The GPU that is leased under this name, whole or a part of one; none for the CPU or without a driver."""
    if nvml is None or resource is None:
        return ()
    uuid = resource.removeprefix("gpu:")
    names = [uuid] if uuid.startswith(("GPU-", "MIG-")) else [f"GPU-{uuid}", f"MIG-{uuid}"]
    handles = (_ask(nvml, nvml.nvmlDeviceGetHandleByUUID, name) for name in names)
    return tuple(_gpu(nvml, handle) for handle in handles if handle is not None)[:1]


@contextmanager
def told(tell: Callable[..., None], resource: str | None) -> Iterator[None]:
    """While inside, calls `tell(usage=...)` every few seconds from a thread, about this process and its GPU."""
    done = threading.Event()

    def say() -> None:
        import psutil

        try:
            nvml = None if resource is None else driver()
            total = min(int(psutil.virtual_memory().total), allowed_memory() or 2**63)
            before = Moment.now()
            while not done.wait(EVERY_SECONDS):
                now = Moment.now()
                tell(usage=read(before, now, cores(), total, gpu_of(nvml, resource)).to_plain())
                before = now
        except (OSError, psutil.Error):
            return  # a system that does not tell; the run goes on without

    thread = threading.Thread(target=say, name="usage", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _gpu(nvml: Any, handle: Any) -> Gpu:
    share = _ask(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
    memory = _ask(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    return Gpu(
        _ask(nvml, nvml.nvmlDeviceGetName, handle) or "GPU",
        None if share is None else int(share.gpu),
        None if memory is None else int(memory.used),
        None if memory is None else int(memory.total),
    )


def _ask(nvml: Any, question: Callable[..., Any], *about: Any) -> Any:
    """What the driver answers; None where it does not know: a part of a GPU has no utilisation, say."""
    try:
        return question(*about)
    except nvml.NVMLError:
        return None
