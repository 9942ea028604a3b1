"""What may take the process with it is tried here, in a process of its own: torch, its devices, other packages.

As a program (`python -m kryptui.jobs.doctor.probe STEP ...`) it writes a line of JSON to stdout as each step ends:
{"step": name, "facts": {...}} or {"step": name, "failure": "..."}.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_SIDE = 64  # of the matrices that are multiplied


@dataclass(frozen=True)
class Torch:
    """The build of torch; `cuda` and `hip` say for what, `reason` why it sees no GPU although built for one."""

    version: str
    cuda: str | None
    hip: str | None
    gpus: int
    reason: str | None


@dataclass(frozen=True)
class Cpu:
    """The processor as kryptui uses it; `error` is a matrix product's, relative to its largest value."""

    label: str
    precision: str
    instructions: str
    error: float


@dataclass(frozen=True)
class Gpu:
    """One GPU as kryptui uses it, memory in bytes; `failure` says why it computed nothing."""

    index: int
    name: str
    uuid: str
    capability: str
    total: int
    free: int = 0
    precision: str = "fp32"
    error: float = math.nan
    failure: str | None = None


def look_at_torch() -> dict[str, Any]:
    """The version of torch, and whether it sees a GPU."""
    import torch

    reason = None
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if torch.version.cuda and not gpus:
        try:
            torch.cuda.init()  # type: ignore[no-untyped-call]
        except Exception as error:
            reason = str(error).partition(". ")[0]
    return asdict(Torch(torch.__version__, torch.version.cuda, getattr(torch.version, "hip", None), gpus, reason))


def look_at_cpu() -> dict[str, Any]:
    """The processor, and whether it multiplies rightly."""
    import torch

    from kryptui.engine.device import resolve

    device = resolve("cpu", "auto", None)
    instructions = torch.backends.cpu.get_cpu_capability()
    if torch.cpu._is_amx_tile_supported():
        instructions += " with AMX"
    return asdict(Cpu(device.label, device.precision, instructions, _error(device.device, device.precision)))


def look_at_gpus() -> list[dict[str, Any]]:
    """Every GPU that torch sees, each tried by itself."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [asdict(_look_at_gpu(index)) for index in range(count)]


def _look_at_gpu(index: int) -> Gpu:
    import torch

    from kryptui.engine.device import resolve

    known = torch.cuda.get_device_properties(index)
    facts: dict[str, Any] = {
        "index": index,
        "name": known.name,
        "uuid": str(getattr(known, "uuid", "")),
        "capability": f"{known.major}.{known.minor}",
        "total": known.total_memory,
    }
    try:
        facts["free"], facts["total"] = torch.cuda.mem_get_info(index)
        device = resolve(f"cuda:{index}", "auto", None)
        facts["precision"] = device.precision
        facts["error"] = _error(device.device, device.precision)
    except Exception as error:
        facts["failure"] = " ".join(str(error).split())[:200]
    return Gpu(**facts)


def look_at_pictures() -> dict[str, Any]:
    """How far two decoders of one JPEG are apart, in levels of 255: Pillow as kryptui uses it, and torchvision."""
    import numpy as np
    import torch
    import torchvision.io
    from PIL import Image

    from kryptui.data.decode import decode_bytes

    across = np.linspace(0, 255, 48)
    picture = np.stack(np.broadcast_arrays(across[None], across[:, None], 128.0), axis=-1).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95)
    ours = np.asarray(decode_bytes(file.getvalue(), "a small JPEG")[0]).astype(int)
    data = torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)
    theirs = torchvision.io.decode_jpeg(data).permute(1, 2, 0).numpy().astype(int)
    return {"difference": int(abs(ours - theirs).max()), "versions": _versions("pillow", "torchvision")}


def look_at_timm() -> dict[str, Any]:
    """How many backbones timm knows."""
    import timm

    return {"models": len(timm.list_models()), "versions": _versions("timm")}


def look_at_oml() -> dict[str, Any]:
    """Whether a miner of open-metric-learning can be built."""
    from kryptui.losses.oml import build_miner

    build_miner("oml:AllTripletsMiner")
    return {"versions": _versions("open-metric-learning")}


def look_at_tasks() -> dict[str, Any]:
    """Every task that is announced, and why those cannot be loaded that cannot."""
    from kryptui.errors import KryptuiError
    from kryptui.tasks import registry

    failures: dict[str, str | None] = {}
    for kind in registry.kinds():
        try:
            registry.get(kind)
            failures[kind] = None
        except KryptuiError as error:
            failures[kind] = str(error).removeprefix("task.kind: ")
    return failures


STEPS: Mapping[str, Callable[[], Any]] = {
    "tasks": look_at_tasks,
    "torch": look_at_torch,
    "cpu": look_at_cpu,
    "gpus": look_at_gpus,
    "pictures": look_at_pictures,
    "timm": look_at_timm,
    "oml": look_at_oml,
}


def main(names: Sequence[str]) -> None:
    """Takes the steps one after the other; ends the process at once, as libraries may fail to clean up."""
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what packages print is no answer
    for name in names:
        try:
            answer = {"step": name, "facts": STEPS[name]()}
        except Exception as error:
            answer = {"step": name, "failure": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=lines, flush=True)
    os._exit(0)


def _error(device: torch.device, precision: str) -> float:
    """How far a product of matrices on a device is from numpy's in float64, relative to its largest value."""
    import numpy as np
    import torch

    left, right = np.random.default_rng(0).standard_normal((2, _SIDE, _SIDE))
    exact = left @ right
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    product = torch.tensor(left).to(device, kind) @ torch.tensor(right).to(device, kind)
    return float(np.abs(product.double().cpu().numpy() - exact).max() / np.abs(exact).max())


def _versions(*packages: str) -> str:
    return ", ".join(f"{package} {version(package)}" for package in packages)


if __name__ == "__main__":
    main(sys.argv[1:])
