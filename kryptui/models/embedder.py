"""From a picture to an embedding: a timm backbone, its classifier as the embedding layer, normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
import torch.nn.functional as F
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn

from kryptui.config import ModelSettings
from kryptui.errors import InputError, nearest
from kryptui.models.drawing import NoDrawing
from kryptui.models.weights import read_weights
from kryptui.preprocess import Preprocessing


class Embedder(nn.Module):
    """Pictures (B, 3, H, W), normalised as its contract says -> embeddings (B, D), of length one if so asked."""

    def __init__(self, backbone: nn.Module, embedding_size: int, normalize: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.embedding_size = embedding_size
        self.normalize = normalize

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings in float32, whatever precision the backbone computes in."""
        features = self.backbone(images).float()
        return F.normalize(features, dim=1) if self.normalize else features


@dataclass(frozen=True)
class BuiltModel:
    """A model, what its pictures must go through, and what a person should know of its start weights.

    `layer_is_new` tells that the weights in a file did not cover the embedding layer, so that it must be trained.
    """

    embedder: Embedder
    preprocessing: Preprocessing
    notices: list[str]
    layer_is_new: bool


def check_backbone(name: str) -> None:
    """Raises InputError with the nearest names unless timm knows the architecture and its variant."""
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise InputError(
            f"model.backbone: {name!r} is no timm architecture{nearest(architecture, timm.list_models())}"
        )
    tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        offered = ", ".join(f"{architecture}.{known}" for known in tags) or "none"
        raise InputError(f"model.backbone: {architecture} has no variant {tag!r} (variants: {offered})")


def build(settings: ModelSettings, embedding_size: int | None, normalize: bool) -> BuiltModel:
    """A model for training with the start weights that the settings ask for.

    `embedding_size` replaces the backbone's classifier by an embedding layer of that size; None takes the pooled
    features. Raises InputError for an unknown backbone, an image size that it cannot take, weights that do not
    fit, or a hub that cannot be reached.
    """
    if settings.pretrained and settings.weights:
        raise InputError("model: both pretrained and weights are given; keep the one to start from")
    backbone = _create(settings, embedding_size, pretrained=settings.pretrained)
    contract = _contract(backbone, settings)
    if settings.image_size:
        _check_size(backbone, contract, settings)
    notices, is_new = _load_start_weights(backbone, Path(settings.weights)) if settings.weights else ([], False)
    return BuiltModel(_embedder(backbone, normalize), contract, notices, is_new)


def build_bare(settings: ModelSettings, embedding_size: int | None, normalize: bool) -> Embedder:
    """The same network for weights that are loaded next: draws no random number and fetches nothing."""
    with NoDrawing():  # type: ignore[no-untyped-call]
        return _embedder(_create(settings, embedding_size, pretrained=False), normalize)


def build_shapes(
    settings: ModelSettings, embedding_size: int | None, normalize: bool
) -> tuple[Embedder, Preprocessing]:
    """The same network on the meta device, and its contract: draws, fetches and allocates nothing.

    Raises InputError as `build` does, but for weights, which it does not look at.
    """
    with torch.device("meta"), NoDrawing():  # type: ignore[no-untyped-call]
        backbone = _create(settings, embedding_size, pretrained=False)
        contract = _contract(backbone, settings)
        if settings.image_size:
            _check_size(backbone, contract, settings)
        return _embedder(backbone, normalize), contract


def load_exactly(model: nn.Module, weights: dict[str, Tensor], where: str) -> None:
    """Puts weights into a model; raises InputError unless names and shapes are just its own."""
    misfit = _misfit(model.state_dict(), weights)
    if misfit:
        raise InputError(f"{where}: does not fit the model of its configuration: {misfit}")
    model.load_state_dict(weights)


def _create(settings: ModelSettings, embedding_size: int | None, pretrained: bool) -> nn.Module:
    check_backbone(settings.backbone)
    options: dict[str, Any] = {"num_classes": embedding_size or 0, "pretrained": pretrained}
    declared = timm.get_pretrained_cfg(settings.backbone, allow_unregistered=True)
    if settings.image_size and declared is not None and declared.fixed_input_size:
        options["img_size"] = settings.image_size
    try:
        backbone: nn.Module = timm.create_model(settings.backbone, **options)
    except Exception as error:  # timm and the hub's client raise many kinds here
        if not pretrained:
            raise InputError(f"model: timm cannot build {settings.backbone}: {_one_line(error)}") from error
        raise InputError(
            f"model.pretrained: the weights of {settings.backbone} could not be fetched ({_one_line(error)}); "
            "give model.weights a local file"
        ) from error
    return backbone


def _embedder(backbone: Any, normalize: bool) -> Embedder:
    size = backbone.num_classes or getattr(backbone, "head_hidden_size", None) or backbone.num_features
    return Embedder(backbone, int(size), normalize)


def _contract(backbone: nn.Module, settings: ModelSettings) -> Preprocessing:
    own = resolve_model_data_config(backbone)  # type: ignore[no-untyped-call]
    side = settings.image_size
    size = (side, side) if side else (int(own["input_size"][1]), int(own["input_size"][2]))
    values: dict[str, Any] = {
        "mean": tuple(own["mean"]),
        "std": tuple(own["std"]),
        "crop": float(own["crop_pct"]),
        "interpolation": own["interpolation"] if own["interpolation"] != "random" else "bilinear",
    }
    if settings.preprocessing != "auto":
        asked = settings.preprocessing.model_dump(exclude_none=True)
        values |= {key: tuple(value) if isinstance(value, list) else value for key, value in asked.items()}
    return Preprocessing(size=size, **values)


def _check_size(backbone: nn.Module, contract: Preprocessing, settings: ModelSettings) -> None:
    """Tries one empty picture: backbones with windows or fixed places say only then what they cannot take."""
    try:
        with torch.no_grad():
            backbone.eval()(torch.zeros(1, 3, *contract.size))
    except Exception as error:  # assertions, shapes that do not match, whatever the backbone raises
        raise InputError(
            f"model.image_size: {settings.backbone} cannot take {settings.image_size} ({_one_line(error)}); "
            "take its own (null), or a multiple of 32"
        ) from error
    finally:
        backbone.train()


def _load_start_weights(backbone: nn.Module, path: Path) -> tuple[list[str], bool]:
    """Loads all but a classifier that is absent or of another size.

    Says what was left, and whether the embedding layer is none of the file's.
    """
    weights = read_weights(path)
    own = backbone.state_dict()
    names = backbone.pretrained_cfg.get("classifier") or ()  # type: ignore[union-attr,operator]
    heads = (names,) if isinstance(names, str) else tuple(names)
    in_head = tuple(f"{head}." for head in heads)
    notices, is_new = [], False
    for name in [name for name in weights if name.startswith(in_head)]:
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
        if name.startswith(in_head) and name not in weights:
            weights[name] = own[name]
            is_new = True
            if name.endswith("weight"):
                notices.append(f"{path}: has no embedding layer of this size; it starts from scratch")
    misfit = _misfit(own, weights)
    if misfit:
        raise InputError(f"{path}: are not weights of the model.backbone {_name(backbone)}: {misfit}")
    backbone.load_state_dict(weights)
    return notices, is_new


def _name(backbone: nn.Module) -> str:
    return str(backbone.pretrained_cfg.get("architecture", type(backbone).__name__))  # type: ignore[union-attr,operator]


def _misfit(own: dict[str, Tensor], given: dict[str, Tensor]) -> str:
    problems = []
    for what, names in (
        ("missing", [name for name in own if name not in given]),
        ("unknown", [name for name in given if name not in own]),
        ("of another shape", [n for n in own if n in given and own[n].shape != given[n].shape]),
    ):
        if names:
            problems.append(f"{len(names)} tensors {what} (first: {names[0]})")
    return ", ".join(problems)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def oml_vit_settings(weights: dict[str, Tensor]) -> ModelSettings | None:
    """The timm model of an OML `ViTExtractor` state dict (vitb16 or vits16), or None if it is none."""
    tokens = weights.get("cls_token")
    patches = weights.get("patch_embed.proj.weight")
    if tokens is None or patches is None or tuple(patches.shape[-2:]) != (16, 16):
        return None
    name = {768: "vit_base_patch16_224.dino", 384: "vit_small_patch16_224.dino"}.get(tokens.shape[-1])
    return None if name is None else ModelSettings(backbone=name)


def count_parameters(model: nn.Module) -> int:
    """How many numbers the model learns."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
