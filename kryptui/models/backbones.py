"""Backbones by name, timm's and our own: how each is built, what pictures it takes, whose weights it loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import timm
import torch
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn

from kryptui.config import ModelSettings
from kryptui.errors import InputError, nearest
from kryptui.models import facenet, iresnet, mobilefacenet
from kryptui.models.drawing import NoDrawing
from kryptui.preprocess import Preprocessing

Weights = dict[str, Tensor]
"""Tensors by name."""

COUNTER = "num_batches_tracked"
"""Ends the names of tensors that old files lack, and that only averages without a momentum use."""


@dataclass(frozen=True)
class Backbone:
    """A network: pictures (B, 3, H, W) that went through its `contract` -> features (B, `size`).

    `head` begins the names of the parts that make the features' size, which a file of weights may hold in another.
    `translate` gives a file's tensors the network's names, and leaves out what published files hold beside them.
    """

    name: str
    network: nn.Module
    size: int
    contract: Preprocessing
    head: tuple[str, ...]
    translate: Callable[[Weights], Weights]


@dataclass(frozen=True)
class _Own:
    """A backbone that timm does not have; `size` is of the published weights' embeddings."""

    build: Callable[[int], nn.Module]
    size: int
    contract: Preprocessing
    head: tuple[str, ...]
    translate: Callable[[Weights], Weights]
    any_size: bool = False

    def made(self, name: str, size: int | None) -> Backbone:
        """With an embedding of `size`, or of its own."""
        size = size or self.size
        return Backbone(name, self.build(size), size, self.contract, self.head, self.translate)


def check_backbone(name: str) -> None:
    """Raises InputError with the nearest names unless timm or kryptui has the architecture and its variant."""
    architecture, _, tag = name.partition(".")
    if name in _OWN:
        return
    variants = [own for own in _OWN if own.startswith(f"{architecture}.")]
    if architecture not in _OWN:
        if not timm.is_model(architecture):
            hint = nearest(architecture, [*_OWN, *timm.list_models()])
            raise InputError(f"model.backbone: {name!r} is no timm architecture and none of kryptui's own{hint}")
        variants = timm.list_pretrained(f"{architecture}.*")
    if name not in (architecture, *variants):
        offered = ", ".join(variants) or "none"
        raise InputError(f"model.backbone: {architecture} has no variant {tag!r} (variants: {offered})")


def names() -> list[str]:
    """All that can be asked for: timm's architectures, without their variants, and our own with theirs."""
    return [*timm.list_models(), *_OWN]


def create(settings: ModelSettings, embedding_size: int | None, pretrained: bool) -> Backbone:
    """The backbone that the settings name, `contract` and all.

    `embedding_size` is that of a layer after the pooled features, which None leaves out; our own backbones end in
    such a layer always, of the published size for None. Raises InputError for an unknown backbone, weights that
    cannot be fetched, or an image size that it does not take.
    """
    check_backbone(settings.backbone)
    own = _OWN.get(settings.backbone)
    if own is None:
        backbone = _create_timm(settings, embedding_size, pretrained)
    elif settings.pretrained:
        raise InputError(
            f"model.pretrained: timm has no weights of {settings.backbone}; give model.weights a local file"
        )
    else:
        backbone = own.made(settings.backbone, embedding_size)
    return replace(backbone, contract=_contract(backbone, settings, own is None or own.any_size))


def fitting(weights: Weights) -> str | None:
    """The first of our own backbones that these are weights of, whatever their embedding's size."""
    return next((name for name, own in _OWN.items() if _fits(own, weights)), None)


def _fits(own: _Own, weights: Weights) -> bool:
    with torch.device("meta"), NoDrawing():  # type: ignore[no-untyped-call]
        wanted = own.build(own.size).state_dict()
    given = own.translate(weights)
    needed = {name: tensor.shape for name, tensor in wanted.items() if not name.endswith(COUNTER)}
    return needed.keys() <= given.keys() <= wanted.keys() and all(
        given[name].shape == shape for name, shape in needed.items() if not name.startswith(own.head)
    )


def _create_timm(settings: ModelSettings, embedding_size: int | None, pretrained: bool) -> Backbone:
    options: dict[str, Any] = {"num_classes": embedding_size or 0, "pretrained": pretrained}
    declared = timm.get_pretrained_cfg(settings.backbone, allow_unregistered=True)
    if settings.image_size and declared is not None and declared.fixed_input_size:
        options["img_size"] = settings.image_size
    try:
        network: Any = timm.create_model(settings.backbone, **options)
    except Exception as error:  # timm and the hub's client raise many kinds here
        if not pretrained:
            raise InputError(f"model: timm cannot build {settings.backbone}: {one_line(error)}") from error
        raise InputError(
            f"model.pretrained: the weights of {settings.backbone} could not be fetched ({one_line(error)}); "
            "give model.weights a local file"
        ) from error
    size = network.num_classes or getattr(network, "head_hidden_size", None) or network.num_features
    own = resolve_model_data_config(network)  # type: ignore[no-untyped-call]
    contract = Preprocessing(
        size=(int(own["input_size"][1]), int(own["input_size"][2])),
        mean=tuple(own["mean"]),
        std=tuple(own["std"]),
        crop=float(own["crop_pct"]),
        interpolation=own["interpolation"] if own["interpolation"] != "random" else "bilinear",
    )
    classifier = network.pretrained_cfg.get("classifier") or ()
    head = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    name = str(network.pretrained_cfg.get("architecture", type(network).__name__))
    return Backbone(name, network, int(size), contract, tuple(f"{part}." for part in head), dict)


def _contract(backbone: Backbone, settings: ModelSettings, any_size: bool) -> Preprocessing:
    """The backbone's own, with what the settings replace."""
    asked = {} if settings.preprocessing == "auto" else settings.preprocessing.model_dump(exclude_none=True)
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()
    }
    if values.get("template") == "none":
        values["template"] = None
    if settings.image_size:
        values["size"] = (settings.image_size, settings.image_size)
        if not any_size and values["size"] != backbone.contract.size:
            height, width = backbone.contract.size
            raise InputError(
                f"model.image_size: {settings.backbone} takes pictures {height} high and {width} wide, no others; "
                "leave it null"
            )
    return replace(backbone.contract, **values)


def one_line(error: BaseException) -> str:
    """What an error of any library says, cut to a line."""
    return " ".join(str(error).split())[:160] or type(error).__name__


_HALF = (0.5, 0.5, 0.5)
_BY_128 = (128 / 255, 128 / 255, 128 / 255)
_ARCFACE = Preprocessing((112, 112), _HALF, _HALF, interpolation="bilinear", template="arcface")


def _without_logits(weights: Weights) -> Weights:
    return {name: tensor for name, tensor in weights.items() if not name.startswith("logits.")}


def _iresnet(depth: int, adaface: bool) -> _Own:
    depths = iresnet.DEPTHS[depth]
    return _Own(
        lambda size: iresnet.IResNet(depths, size, adaface),
        iresnet.SIZE,
        replace(_ARCFACE, colour="bgr") if adaface else _ARCFACE,
        ("fc.", "features."),
        partial(iresnet.from_adaface, depths=depths) if adaface else dict,
    )


_OWN: Mapping[str, _Own] = {
    "facenet": _Own(
        facenet.InceptionResnetV1,
        facenet.SIZE,
        Preprocessing((160, 160), _HALF, _BY_128, interpolation="bilinear"),
        ("last_linear.", "last_bn."),
        _without_logits,
        any_size=True,
    ),
    **{
        f"iresnet{depth}{tag}": _iresnet(depth, tag == ".adaface")
        for depth in iresnet.DEPTHS
        for tag in ("", ".arcface", ".adaface")
    },
    "mobilefacenet": _Own(
        mobilefacenet.MobileFaceNet,
        mobilefacenet.SIZE,
        replace(_ARCFACE, size=(112, 96), std=_BY_128),
        ("linear1.",),
        dict,
    ),
}
"""Insightface's variants of an iresnet, which the name alone means too, take RGB, AdaFace's BGR."""
