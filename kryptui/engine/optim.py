"""The optimizer of a configuration, in torch's fused form."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from kryptui.config import OptimizerSettings


def make_optimizer(settings: OptimizerSettings, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer over the parameters that are trained; its rate is set before every step."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    decay = settings.weight_decay
    if settings.kind == "adamw":
        return torch.optim.AdamW(trained, lr=0.0, weight_decay=decay, fused=True)
    if settings.kind == "adam":
        return torch.optim.Adam(trained, lr=0.0, weight_decay=decay, fused=True)
    return torch.optim.SGD(trained, lr=0.0, momentum=settings.momentum, weight_decay=decay, fused=True)


def numbers_kept(settings: OptimizerSettings) -> int:
    """How many numbers the optimizer keeps for each that is trained."""
    return int(settings.momentum > 0) if settings.kind == "sgd" else 2


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate
