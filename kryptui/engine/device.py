"""Where the work runs and in which precision."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from kryptui.errors import InputError, RunError
from kryptui.machine import cores
from kryptui.tasks.protocol import Infer

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Device:
    """A torch device, and how models compute there: precision, processor threads, order of the channels."""

    device: torch.device
    precision: Precision
    threads: int
    channels_last: bool = True

    @property
    def label(self) -> str:
        """As people call it: `cuda:0 NVIDIA H200, bf16` or `cpu, 2 threads, fp32`."""
        if self.device.type == "cuda":
            return f"{self.device} {torch.cuda.get_device_name(self.device)}, {self.precision}"
        return f"cpu, {self.threads} {'thread' if self.threads == 1 else 'threads'}, {self.precision}"

    def autocast(self) -> AbstractContextManager[object]:
        """Runs what is inside in bf16 where that is the precision; parameters stay in float32."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    def place(self, model: nn.Module) -> nn.Module:
        """Moves a model there, its channels in order."""
        return model.to(self.device, memory_format=self._format)  # type: ignore[call-overload,no-any-return]

    def arrange(self, inputs: Tensor) -> Tensor:
        """Puts the channels of images (B, C, H, W) in order; other tensors stay as they are."""
        return inputs.contiguous(memory_format=self._format) if inputs.dim() == 4 else inputs

    def infer_with(self, model: nn.Module) -> Infer:
        """A function from inputs to the model's outputs in float32, without gradients.

        It raises RunError where there is no memory for so many inputs.
        """

        def infer(inputs: Tensor) -> Tensor:
            try:
                with torch.inference_mode(), self.autocast():
                    outputs: Tensor = model(self.arrange(inputs))
                return outputs.float()
            except torch.OutOfMemoryError:
                raise RunError(
                    f"{self.device}: no memory to answer {len(inputs)} inputs at once; lower task.evaluate_batch"
                ) from None

        return infer

    @property
    def _format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


def resolve(device: str, precision: str, threads: int | None, channels_last: bool = True) -> Device:
    """The device that the words of a configuration mean here; raises InputError for one that is not there."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise InputError(f"device: {device}: torch sees no GPU on this machine; use device: cpu or auto")
        number = int(device.partition(":")[2] or 0)
        if number >= count:
            raise InputError(f"device: {device}: this machine has {count} GPUs, cuda:0 to cuda:{count - 1}")
        found = torch.device("cuda", number)
    else:
        found = torch.device("cpu")
    chosen: Precision = "bf16" if precision == "bf16" or (precision == "auto" and _has_bf16(found)) else "fp32"
    return Device(found, chosen, threads or cores(), channels_last)


def use(device: Device) -> None:
    """Sets torch up for it and this thread; the number of threads decides the last bits of sums on the CPU."""
    # A thread that has not asked before takes, at its first parallel work, the number that any thread set last.
    torch.get_num_threads()
    torch.set_num_threads(device.threads)
    if device.device.type == "cuda":
        torch.cuda.set_device(device.device)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Puts a model into evaluation mode and back into the mode that it was in."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def seed_of(*parts: object) -> int:
    """A seed for torch that belongs to these parts alone, such as a run's seed and a step."""
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
