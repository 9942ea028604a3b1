"""What a training step holds in memory, told from shapes: nothing is allocated, computed or drawn."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from kryptui.config import OptimizerSettings
from kryptui.engine.device import Precision
from kryptui.engine.optim import numbers_kept


@dataclass(frozen=True)
class Footprint:
    """Bytes by what they are for; `activations` is what a batch leaves for the way back, None if unknown.

    Not in it: workspaces of the libraries, and what the memory of a device loses by being cut to pieces.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int | None

    @property
    def total(self) -> int:
        """All that is known."""
        return self.weights + self.gradients + self.optimizer + (self.activations or 0)


def footprint(
    network: nn.Module, criterion: nn.Module, settings: OptimizerSettings, activations: int | None
) -> Footprint:
    """The footprint of a network and its loss, both on the meta device."""
    tensors = [*network.parameters(), *network.buffers(), *criterion.parameters(), *criterion.buffers()]
    gradients = _bytes(tensor for tensor in tensors if tensor.requires_grad)
    return Footprint(_bytes(tensors), gradients, gradients * numbers_kept(settings), activations)


def activations_of(
    network: nn.Module, input_shape: tuple[int, ...], batch: int, precision: Precision
) -> int | None:
    """Bytes that a forward pass of a batch keeps for the way back; None for a network that needs real values.

    `network` is on the meta device. Counts each tensor that autograd saves once, but for weights, in the precision
    that autocast computes in.
    """
    network = copy.deepcopy(network)
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage  # held, so that no later one is taken for it
        return tensor

    try:
        with (
            FakeTensorMode(allow_non_fake_inputs=True),
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"),
        ):
            network.to_empty(device="cpu").train()
            own = {tensor.untyped_storage()._cdata for tensor in (*network.parameters(), *network.buffers())}
            network(torch.empty(batch, *input_shape))
            return sum(storage.nbytes() for storage in kept.values())
    except Exception:  # whatever a network raises that looks at values
        return None


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
