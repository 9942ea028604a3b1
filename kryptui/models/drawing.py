"""Building a network without touching torch's own generators.

On the CPU all threads draw from one generator: what is built beside a training run, for inference or for the
next run, must not draw from it, or the run could not be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class NoDrawing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside it, nothing draws from torch's own generators; holds for this thread.

    For networks whose weights are loaded next: what would fill a tensor at random leaves it as it is; what would
    make a random tensor takes its numbers from a generator of its own. Stands below all of torch's functions, so
    none of them is forgotten.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Replaces the operators that draw."""
        kwargs = dict(kwargs or {})
        if not _draws(func, kwargs):
            return func(*args, **kwargs)
        if func._schema.is_mutable:
            return args[0]
        return func.overloadpacket(*args, **{**kwargs, "generator": torch.Generator()})


class DrawingApart(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside it, what draws on the CPU does so from a generator of its own; holds for this thread.

    The numbers are those that torch's own generator gives after `torch.manual_seed(seed)`.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generator = torch.Generator().manual_seed(seed)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Gives the operators that draw the generator."""
        kwargs = dict(kwargs or {})
        if not _draws(func, kwargs):
            return func(*args, **kwargs)
        return func.overloadpacket(*args, **{**kwargs, "generator": self._generator})


def _draws(func: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether an operator draws from torch's own generator; torch marks those that do."""
    return torch.Tag.nondeterministic_seeded in func.tags and kwargs.get("generator") is None
