"""Backbones by name, the contract they bring, and the weights they start from."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
from timm.data import resolve_model_data_config
from torch import nn

from kryptui.config import ModelSettings, PreprocessingSettings
from kryptui.errors import InputError
from kryptui.models.embedder import (
    build,
    build_bare,
    check_backbone,
    count_parameters,
    load_exactly,
    oml_vit_settings,
)
from kryptui.models.weights import read_weights

EDGEFACE = Path(__file__).resolve().parents[2] / "shared/weights/edgeface_xs.pt"
SMALL = "test_resnet"


def refusal(settings: ModelSettings, size: int | None = None) -> str:
    with pytest.raises(InputError) as caught:
        build(settings, size, True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def save(model: nn.Module, path: Path) -> Path:
    torch.save(model.state_dict(), path)
    return path


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


# Backbones


def test_a_misspelt_backbone_is_refused_with_the_nearest_names():
    said = refusal(ModelSettings(backbone="resnet81"))
    assert "'resnet81' is no timm architecture and none of kryptui's own; did you mean" in said
    assert "'resnet18'" in said


def test_an_unknown_variant_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"no variant 'dinoo' .*vit_small_patch16_224\.dino"):
        check_backbone("vit_small_patch16_224.dinoo")


@pytest.mark.parametrize("name", ["resnet18", "vit_small_patch16_224.dino", "edgenext_x_small"])
def test_known_backbones_pass(name):
    check_backbone(name)


@pytest.mark.parametrize("name", ["", ".", "hf-hub:someone/something", "resnet18 "])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(InputError, match="is no timm architecture"):
        check_backbone(name)


@pytest.mark.parametrize(
    "name", [SMALL, "test_convnext", "mobilenetv3_small_050", "edgenext_xx_small", "test_mambaout"]
)
@pytest.mark.parametrize("size", [None, 7])
def test_the_embedding_has_the_size_that_the_model_says(images, name, size):
    model = build(ModelSettings(backbone=name), size, True).embedder.eval()
    assert model(images).shape == (2, model.embedding_size)
    assert size in (None, model.embedding_size)


def test_embeddings_have_length_one_if_so_asked(images):
    model = build(ModelSettings(backbone=SMALL), 7, True).embedder.eval()
    assert torch.allclose(model(images).norm(dim=1), torch.ones(2))
    model.normalize = False
    assert not torch.allclose(model(images).norm(dim=1), torch.ones(2))


def test_embeddings_are_float32_where_the_backbone_computes_in_bf16(images):
    model = build(ModelSettings(backbone=SMALL), 7, True).embedder.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(images).dtype == torch.float32


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_the_image_size_can_be_chosen_for_fixed_and_free_backbones(images, name):
    built = build(ModelSettings(backbone=name, image_size=64), 7, True)
    assert built.preprocessing.size == (64, 64)
    assert built.embedder(images).shape == (2, 7)


@pytest.mark.parametrize(("name", "side"), [("test_maxvit", 50), ("coat_tiny", 17), ("crossvit_9_240", 112)])
def test_an_image_size_that_a_backbone_cannot_take_is_refused(name, side):
    assert f"model.image_size: {name} cannot take {side}" in refusal(ModelSettings(backbone=name, image_size=side))


def test_the_size_in_memory_is_counted():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    model[0].bias.requires_grad = False
    assert count_parameters(model) == 6 + 4


# The preprocessing contract


@pytest.mark.parametrize("name", [SMALL, "edgenext_x_small", "vit_small_patch16_224.dino", "test_vit"])
def test_the_contract_is_the_backbones_own(name):
    own = resolve_model_data_config(timm.create_model(name))
    contract = build(ModelSettings(backbone=name), None, True).preprocessing
    assert contract.size == tuple(own["input_size"][1:])
    assert (contract.mean, contract.std) == (own["mean"], own["std"])
    assert (contract.crop, contract.interpolation) == (own["crop_pct"], own["interpolation"])
    assert contract.colour == "rgb"


def test_the_contract_is_replaced_field_by_field():
    own = build(ModelSettings(backbone=SMALL), None, True).preprocessing
    asked = PreprocessingSettings(mean=[0.5, 0.4, 0.3], colour="bgr")
    found = build(ModelSettings(backbone=SMALL, preprocessing=asked), None, True).preprocessing
    assert (found.mean, found.colour) == ((0.5, 0.4, 0.3), "bgr")
    assert (found.std, found.crop, found.interpolation, found.size) == (
        own.std,
        own.crop,
        own.interpolation,
        own.size,
    )


# Start weights


def start(path: Path, size: int | None, backbone: str = SMALL):
    return build(ModelSettings(backbone=backbone, weights=str(path)), size, True)


def test_weights_that_fit_are_taken_without_a_word(tmp_path, images):
    source = timm.create_model(SMALL, num_classes=0).eval()
    built = start(save(source, tmp_path / "w.pth"), None)
    assert built.notices == []
    assert torch.allclose(built.embedder.eval()(images), nn.functional.normalize(source(images), dim=1))


def test_a_classifier_of_the_right_size_becomes_the_embedding_layer(tmp_path, images):
    source = timm.create_model(SMALL, num_classes=12).eval()
    built = start(save(source, tmp_path / "w.pth"), 12)
    assert built.notices == []
    assert torch.allclose(built.embedder.eval()(images), nn.functional.normalize(source(images), dim=1))


def test_a_classifier_that_is_not_wanted_is_left_out_and_said(tmp_path):
    built = start(save(timm.create_model(SMALL, num_classes=12), tmp_path / "w.pth"), None)
    assert len(built.notices) == 1
    assert "its classifier of 12 outputs is left out; task.embedding.size=12 would use it" in built.notices[0]


@pytest.mark.parametrize("classes", [0, 12])
def test_an_embedding_layer_without_weights_starts_from_scratch_and_that_is_said(tmp_path, classes):
    source = timm.create_model(SMALL, num_classes=classes)
    built = start(save(source, tmp_path / "w.pth"), 5)
    assert len(built.notices) == 1
    assert "it starts from scratch" in built.notices[0]
    assert torch.equal(built.embedder.backbone.conv1[0].weight, source.conv1[0].weight)


@pytest.mark.parametrize("other", ["test_vit", "test_resnet.r160_in1k", "resnet10t"])
def test_weights_of_another_architecture_are_refused(tmp_path, other):
    path = save(timm.create_model(other, num_classes=0), tmp_path / "w.pth")
    backbone = "test_efficientnet" if other.startswith(SMALL) else SMALL
    said = refusal(ModelSettings(backbone=backbone, weights=str(path)))
    assert f"{path}: are not weights of the model.backbone {backbone}" in said
    assert "tensors missing (first: " in said


def test_a_tensor_of_another_shape_is_refused_and_named(tmp_path):
    weights = timm.create_model(SMALL, num_classes=0).state_dict()
    weights["conv1.0.weight"] = torch.zeros(1)
    torch.save(weights, tmp_path / "w.pth")
    assert "1 tensors of another shape (first: conv1.0.weight)" in refusal(
        ModelSettings(backbone=SMALL, weights=str(tmp_path / "w.pth"))
    )


def test_two_kinds_of_start_weights_are_refused():
    assert "both pretrained and weights" in refusal(
        ModelSettings(backbone=SMALL, pretrained=True, weights="w.pth")
    )


def test_weights_of_a_model_of_ones_own_start_another(tmp_path, images):
    source = build(ModelSettings(backbone=SMALL), 7, True).embedder.eval()
    built = start(save(source, tmp_path / "w.pth"), 7)
    assert torch.equal(built.embedder.eval()(images), source(images))


def test_a_hub_that_cannot_be_reached_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    said = refusal(ModelSettings(backbone="test_resnet.r160_in1k", pretrained=True))
    assert "model.pretrained: the weights of test_resnet.r160_in1k could not be fetched" in said
    assert "give model.weights a local file" in said


def test_exact_loading_refuses_what_does_not_fit():
    model = build_bare(ModelSettings(backbone=SMALL), 7, True)
    other = build_bare(ModelSettings(backbone=SMALL), 9, True)
    with pytest.raises(
        InputError, match=r"here: does not fit .* 2 tensors of another shape \(first: backbone\.fc"
    ):
        load_exactly(model, other.state_dict(), "here")


@pytest.mark.skipif(not EDGEFACE.exists(), reason="the shared weights are not here")
def test_face_weights_give_their_classifier_as_the_embedding(images):
    built = start(EDGEFACE, 512, "edgenext_x_small")
    assert built.notices == []
    source = timm.create_model("edgenext_x_small", num_classes=512)
    source.load_state_dict(read_weights(EDGEFACE))
    with torch.inference_mode():
        found = built.embedder.eval()(images)
        assert found.shape == (2, 512)
        assert torch.equal(found, nn.functional.normalize(source.eval()(images), dim=1))


# Seed 0's extractors


@pytest.mark.parametrize("wrapper", [lambda weights: weights, lambda weights: {"state_dict": weights}])
def test_an_oml_extractor_gives_the_same_embeddings_in_timm(tmp_path, wrapper):
    from oml.models import ViTExtractor

    torch.manual_seed(0)
    source = ViTExtractor(None, "vits16", False).eval()
    torch.save(wrapper(source.state_dict()), tmp_path / "seed0.pth")
    settings = oml_vit_settings(read_weights(tmp_path / "seed0.pth"))
    assert settings is not None
    assert settings.backbone == "vit_small_patch16_224.dino"
    built = start(tmp_path / "seed0.pth", None, settings.backbone)
    images = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        wanted = nn.functional.normalize(source(images), dim=1)
        assert torch.allclose(built.embedder.eval()(images), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("weights", "backbone"),
    [
        ({"cls_token": (1, 1, 768), "patch_embed.proj.weight": (768, 3, 16, 16)}, "vit_base_patch16_224.dino"),
        ({"cls_token": (1, 1, 384), "patch_embed.proj.weight": (384, 3, 8, 8)}, None),
        ({"cls_token": (1, 1, 192), "patch_embed.proj.weight": (192, 3, 16, 16)}, None),
        ({"fc.weight": (3, 4)}, None),
    ],
)
def test_an_oml_extractor_is_recognised_by_its_shapes(weights, backbone):
    found = oml_vit_settings({name: torch.zeros(shape) for name, shape in weights.items()})
    assert (found and found.backbone) == backbone
