"""Models are built without drawing, or from a generator of their own, and are as any other."""

from __future__ import annotations

import pytest
import torch

from kryptui.config import ModelSettings
from kryptui.models.drawing import DrawingApart, NoDrawing
from kryptui.models.embedder import build, build_bare

BACKBONES = [
    "test_vit",
    "test_vit_relpos",
    "test_resnet",
    "test_efficientnet",
    "test_convnext",
    "test_maxvit",
    "test_nfnet",
    "test_mambaout",
    "resnet10t",
    "mobilenetv3_small_050",
    "edgenext_xx_small",
    "eva02_tiny_patch14_224",
    "swin_s3_tiny_224",
    "xcit_nano_12_p16_224",
    "levit_128s",
    "mobilefacenet",
    "iresnet18.adaface",
]


@pytest.mark.parametrize("name", BACKBONES)
def test_a_bare_model_draws_nothing_and_computes_as_one_built_normally(name):
    settings = ModelSettings(backbone=name)
    state = torch.get_rng_state()
    bare = build_bare(settings, 8, True).eval()
    assert torch.equal(torch.get_rng_state(), state)
    built = build(settings, 8, True)
    normal = built.embedder.eval()
    bare.load_state_dict(normal.state_dict())
    buffers = dict(normal.named_buffers())
    assert all(torch.equal(value, buffers[key]) for key, value in bare.named_buffers())
    height, width = built.preprocessing.size
    images = torch.linspace(0, 1, 3 * height * width).view(1, 3, height, width)
    with torch.inference_mode():
        assert torch.equal(bare(images), normal(images))


WAYS_TO_DRAW = [
    lambda: torch.rand(3),
    lambda: torch.randn(3),
    lambda: torch.randint(5, (3,)),
    lambda: torch.randperm(3),
    lambda: torch.rand_like(torch.ones(3)),
    lambda: torch.bernoulli(torch.full((3,), 0.5)),
    lambda: torch.multinomial(torch.ones(3), 2),
    lambda: torch.normal(0.0, 1.0, (3,)),
    lambda: torch.nn.init.trunc_normal_(torch.ones(3)),
    lambda: torch.nn.init.kaiming_uniform_(torch.ones(3, 3)),
    lambda: torch.nn.init.orthogonal_(torch.ones(3, 3)),
    lambda: torch.nn.init.sparse_(torch.ones(3, 3), 0.5),
    lambda: torch.nn.functional.dropout(torch.ones(30)),
]


@pytest.mark.parametrize("draw", WAYS_TO_DRAW)
def test_no_way_to_draw_is_forgotten(draw):
    state = torch.get_rng_state()
    with NoDrawing():
        draw()
    assert torch.equal(torch.get_rng_state(), state)


def test_a_generator_of_ones_own_may_be_drawn_from():
    with NoDrawing():
        inside = torch.rand(3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(inside, torch.rand(3, generator=torch.Generator().manual_seed(1)))


def test_outside_of_it_drawing_goes_on_as_before():
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    with NoDrawing():
        torch.rand(3)
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.parametrize("draw", WAYS_TO_DRAW)
def test_what_is_drawn_apart_is_what_the_seed_gives_and_leaves_the_shared_generator_alone(draw):
    torch.manual_seed(5)
    wanted = [draw() for _ in range(2)]
    state = torch.get_rng_state()
    with DrawingApart(5):
        found = [draw() for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("name", BACKBONES)
def test_a_model_built_apart_has_the_start_weights_of_the_seed(name):
    settings = ModelSettings(backbone=name)
    torch.manual_seed(5)
    wanted = build(settings, 8, True).embedder.state_dict()
    state = torch.get_rng_state()
    with DrawingApart(5):
        found = build(settings, 8, True).embedder.state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(found[key], value) for key, value in wanted.items())
