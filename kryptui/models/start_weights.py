"""The weights that a training starts from: a file's, for what they cover of a backbone."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from kryptui.errors import InputError
from kryptui.models.backbones import COUNTER, Backbone, Weights, fitting
from kryptui.models.weights import read_weights


def load_start_weights(backbone: Backbone, path: Path) -> tuple[list[str], bool]:
    """Loads all but a head that is absent or of another size.

    Says what was left, and whether the embedding layer is none of the file's. Raises InputError where anything
    else is absent, unknown or of another shape; it names the one of our own backbones that the file is of.
    """
    given = read_weights(path)
    weights = backbone.translate(given)
    own = backbone.network.state_dict()
    notices, is_new = [], False
    for name in [name for name in weights if name.startswith(backbone.head)]:
        if name not in own:
            shape = tuple(weights.pop(name).shape)
            if name.endswith("weight"):
                notices.append(
                    f"{path}: its classifier of {shape[0]} outputs is left out; "
                    f"task.embedding.size={shape[0]} would use it as the embedding layer"
                )
        elif weights[name].shape != own[name].shape:
            del weights[name]
    for name in own:
        if name in weights:
            continue
        if name.endswith(COUNTER):
            weights[name] = own[name]
        elif name.startswith(backbone.head):
            weights[name] = own[name]
            is_new = True
    if is_new:
        notices.append(f"{path}: has no embedding layer of this size; it starts from scratch")
    problem = misfit(own, weights)
    if problem:
        fits = fitting(given)
        hint = f"; they are those of {fits}: set model.backbone to it" if fits else ""
        raise InputError(f"{path}: are not weights of the model.backbone {backbone.name}: {problem}{hint}")
    backbone.network.load_state_dict(weights)
    return notices, is_new


def misfit(own: dict[str, Tensor], given: Weights) -> str:
    """How many of the given tensors are not the model's own, and which comes first; nothing where all fit."""
    problems = []
    for what, names in (
        ("missing", [name for name in own if name not in given]),
        ("unknown", [name for name in given if name not in own]),
        ("of another shape", [n for n in own if n in given and own[n].shape != given[n].shape]),
    ):
        if names:
            problems.append(f"{len(names)} tensors {what} (first: {names[0]})")
    return ", ".join(problems)
