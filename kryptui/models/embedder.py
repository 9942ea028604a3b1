"""From a picture to an embedding: a backbone, the embedding layer that it ends in, normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kryptui.config import ModelSettings
from kryptui.errors import InputError
from kryptui.models.backbones import Backbone, create, one_line
from kryptui.models.backbones import check_backbone as check_backbone
from kryptui.models.drawing import NoDrawing
from kryptui.models.start_weights import load_start_weights, misfit
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


def build(settings: ModelSettings, embedding_size: int | None, normalize: bool) -> BuiltModel:
    """A model for training with the start weights that the settings ask for.

    `embedding_size` makes a timm backbone's classifier an embedding layer of that size, and None takes the pooled
    features; our own backbones end in an embedding layer always, of the published size for None. Raises InputError
    for an unknown backbone, an image size that it cannot take, weights that do not fit, or a hub that cannot be
    reached.
    """
    backbone = _create(settings, embedding_size, pretrained=settings.pretrained)
    notices: list[str] = []
    is_new = False
    if settings.weights:
        notices, is_new = load_start_weights(backbone, Path(settings.weights))
        if is_new and embedding_size is None:
            raise InputError(
                f"{settings.weights}: has no embedding layer of {backbone.size}, the size of {backbone.name}; "
                "give the size that it has, or that a new one shall have, by task.embedding.size"
            )
    return BuiltModel(_embedder(backbone, normalize), backbone.contract, notices, is_new)


def build_bare(settings: ModelSettings, embedding_size: int | None, normalize: bool) -> Embedder:
    """The same network for weights that are loaded next: draws no random number and fetches nothing."""
    with NoDrawing():  # type: ignore[no-untyped-call]
        return _embedder(create(settings, embedding_size, pretrained=False), normalize)


def build_shapes(
    settings: ModelSettings, embedding_size: int | None, normalize: bool
) -> tuple[Embedder, Preprocessing]:
    """The same network on the meta device, and its contract: draws, fetches and allocates nothing.

    Raises InputError as `build` does, but for weights, which it does not look at.
    """
    with torch.device("meta"), NoDrawing():  # type: ignore[no-untyped-call]
        backbone = _create(settings, embedding_size, pretrained=False)
        return _embedder(backbone, normalize), backbone.contract


def load_exactly(model: nn.Module, weights: dict[str, Tensor], where: str) -> None:
    """Puts weights into a model; raises InputError unless names and shapes are just its own."""
    problem = misfit(model.state_dict(), weights)
    if problem:
        raise InputError(f"{where}: does not fit the model of its configuration: {problem}")
    model.load_state_dict(weights)


def _create(settings: ModelSettings, embedding_size: int | None, pretrained: bool) -> Backbone:
    """The backbone, once it is known that its settings go together."""
    if settings.pretrained and settings.weights:
        raise InputError("model: both pretrained and weights are given; keep the one to start from")
    backbone = create(settings, embedding_size, pretrained)
    if settings.image_size:
        _check_size(backbone, settings)
    return backbone


def _check_size(backbone: Backbone, settings: ModelSettings) -> None:
    """Tries one empty picture: backbones with windows or fixed places say only then what they cannot take."""
    try:
        with torch.no_grad():
            backbone.network.eval()(torch.zeros(1, 3, *backbone.contract.size))
    except Exception as error:  # assertions, shapes that do not match, whatever the backbone raises
        raise InputError(
            f"model.image_size: {settings.backbone} cannot take {settings.image_size} ({one_line(error)}); "
            "take its own (null), or another multiple of 32"
        ) from error
    finally:
        backbone.network.train()


def _embedder(backbone: Backbone, normalize: bool) -> Embedder:
    return Embedder(backbone.network, backbone.size, normalize)


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
