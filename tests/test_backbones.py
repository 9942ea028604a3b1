"""Our own backbones: as large as their references, loading their weights by name, each with its contract."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kryptui.config import ModelSettings, PreprocessingSettings
from kryptui.errors import InputError
from kryptui.models import backbones
from kryptui.models.embedder import build, build_bare, build_shapes
from kryptui.preprocess import Preprocessing

SHARED = Path(__file__).resolve().parents[2] / "shared/weights"
OWN = ["facenet", "iresnet18", "iresnet18.arcface", "iresnet18.adaface", "mobilefacenet"]
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}

Shapes = dict[str, tuple[int, ...]]


def refusal(settings: ModelSettings, size: int | None = None) -> str:
    with pytest.raises(InputError) as caught:
        build(settings, size, True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def drawn(shapes: Shapes) -> dict[str, Tensor]:
    """Tensors of these shapes at random, such as keep numbers in bounds."""
    generator = torch.Generator().manual_seed(0)
    return {name: draw(name, shape, generator) for name, shape in shapes.items()}


def draw(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(7)
    if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
        return 0.5 + torch.rand(shape, generator=generator)
    spread = 0.1 if len(shape) < 2 else (2 / torch.Size(shape[1:]).numel()) ** 0.5
    return spread * torch.randn(shape, generator=generator)


def saved(path: Path, content: object) -> str:
    torch.save(content, path)
    return str(path)


def normalisation(name: str, channels: int, affine: bool = True) -> Shapes:
    parts = ["weight", "bias"] if affine else []
    named = {f"{name}.{part}": (channels,) for part in [*parts, "running_mean", "running_var"]}
    return {**named, f"{name}.num_batches_tracked": ()}


# Sizes


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("facenet", 23_482_624),  # facenet-pytorch's InceptionResnetV1 without its classifier
        ("iresnet18.arcface", 24_025_600),  # insightface's definitions
        ("iresnet34.arcface", 34_139_328),
        ("iresnet50.arcface", 43_590_848),
        ("iresnet100.arcface", 65_156_160),
        ("iresnet18.adaface", 24_020_352),  # AdaFace's
        ("mobilefacenet", 999_552),  # the traced network of the shared weights
    ],
)
def test_a_backbone_has_as_many_parameters_as_its_reference(name, count):
    network, _ = build_shapes(ModelSettings(backbone=name), None, True)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("size", [None, 7])
def test_the_embedding_has_the_published_size_or_the_one_that_is_asked_for(name, size):
    network, contract = build_shapes(ModelSettings(backbone=name), size, True)
    own = 128 if name == "mobilefacenet" else 512
    assert network.embedding_size == (size or own)
    with torch.no_grad():
        found = network.eval()(torch.empty(2, 3, *contract.size, device="meta"))
    assert found.shape == (2, size or own)


# MobileFaceNet


@pytest.mark.skipif(not SHARED.exists(), reason="the shared weights are not here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mobilefacenet_gives_the_outputs_of_the_traced_network():
    settings = ModelSettings(backbone="mobilefacenet", weights=str(SHARED / "mobilefacenet_casia.ckpt"))
    built = build(settings, None, False)
    traced = torch.jit.load(SHARED / "mobilefacenet_casia_112x96.torchscript.pt").eval()
    faces = 2 * torch.rand(4, 3, 112, 96, generator=torch.Generator().manual_seed(0)) - 1
    with torch.no_grad():
        torch.testing.assert_close(built.embedder.eval()(faces), traced(faces), rtol=0, atol=1e-4)
    assert (built.notices, built.layer_is_new) == ([], False)


def test_a_bottleneck_of_mobilefacenet_adds_its_input_where_the_shapes_agree():
    network = build_bare(ModelSettings(backbone="mobilefacenet"), None, False).backbone
    images = torch.ones(1, 64, 8, 8)
    added = []
    with torch.no_grad():
        for block in network.eval().blocks:
            for tensor in (*block.parameters(), *block.buffers()):
                tensor.zero_()  # a block gives nothing but what is added
            images = torch.ones(1, block.conv[0].in_channels, 8, 8)
            added.append(bool(block(images).any()))
    assert [number for number, adds in enumerate(added) if not adds] == [0, 5, 12]


# FaceNet


def facenet_shapes() -> Shapes:
    """The names and shapes in facenet-pytorch's files, by its layers' channels."""
    units: dict[str, tuple[int, int, tuple[int, int]]] = {}

    def chain(name: str, *channels: int, kernels: list[tuple[int, int]]) -> None:
        for place, kernel in enumerate(kernels):
            units[f"{name}.{place}" if len(kernels) > 1 else name] = channels[place], channels[place + 1], kernel

    one, three = (1, 1), (3, 3)
    for name, before, after, kernel in [
        ("1a", 3, 32, three),
        ("2a", 32, 32, three),
        ("2b", 32, 64, three),
        ("3b", 64, 80, one),
        ("4a", 80, 192, three),
        ("4b", 192, 256, three),
    ]:
        chain(f"conv2d_{name}", before, after, kernels=[kernel])
    mixers: Shapes = {}
    for block in range(5):
        name = f"repeat_1.{block}"
        chain(f"{name}.branch0", 256, 32, kernels=[one])
        chain(f"{name}.branch1", 256, 32, 32, kernels=[one, three])
        chain(f"{name}.branch2", 256, 32, 32, 32, kernels=[one, three, three])
        mixers[name] = (256, 96)
    for block in range(10):
        name = f"repeat_2.{block}"
        chain(f"{name}.branch0", 896, 128, kernels=[one])
        chain(f"{name}.branch1", 896, 128, 128, 128, kernels=[one, (1, 7), (7, 1)])
        mixers[name] = (896, 256)
    for name in [*(f"repeat_3.{block}" for block in range(5)), "block8"]:
        chain(f"{name}.branch0", 1792, 192, kernels=[one])
        chain(f"{name}.branch1", 1792, 192, 192, 192, kernels=[one, (1, 3), (3, 1)])
        mixers[name] = (1792, 384)
    chain("mixed_6a.branch0", 256, 384, kernels=[three])
    chain("mixed_6a.branch1", 256, 192, 192, 256, kernels=[one, three, three])
    chain("mixed_7a.branch0", 896, 256, 384, kernels=[one, three])
    chain("mixed_7a.branch1", 896, 256, 256, kernels=[one, three])
    chain("mixed_7a.branch2", 896, 256, 256, 256, kernels=[one, three, three])
    shapes: Shapes = {}
    for name, (before, after, kernel) in units.items():
        shapes |= {f"{name}.conv.weight": (after, before, *kernel), **normalisation(f"{name}.bn", after)}
    for name, (after, before) in mixers.items():
        shapes |= {f"{name}.conv2d.weight": (after, before, 1, 1), f"{name}.conv2d.bias": (after,)}
    return {**shapes, "last_linear.weight": (512, 1792), **normalisation("last_bn", 512)}


def facenet_by_hand(weights: dict[str, Tensor], images: Tensor) -> Tensor:
    """FaceNet's embeddings from named tensors and plain functions."""

    def unit(x: Tensor, name: str, stride: int = 1, padding: int | tuple[int, int] = 0) -> Tensor:
        return F.relu(
            norm(F.conv2d(x, weights[f"{name}.conv.weight"], None, stride, padding), weights, f"{name}.bn")
        )

    def norm(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
        return batch_norm(x, weights, name, 1e-3)

    def same(x: Tensor, name: str, count: int) -> Tensor:
        for place in range(count):
            at = f"{name}.{place}" if count > 1 else name
            height, width = weights[f"{at}.conv.weight"].shape[2:]
            x = unit(x, at, padding=(height // 2, width // 2))
        return x

    def residual(x: Tensor, name: str, share: float, *counts: int) -> Tensor:
        stacked = torch.cat([same(x, f"{name}.branch{n}", count) for n, count in enumerate(counts)], 1)
        return x + share * F.conv2d(stacked, weights[f"{name}.conv2d.weight"], weights[f"{name}.conv2d.bias"])

    x = unit(unit(unit(images, "conv2d_1a", 2), "conv2d_2a"), "conv2d_2b", padding=1)
    x = unit(unit(unit(F.max_pool2d(x, 3, 2), "conv2d_3b"), "conv2d_4a"), "conv2d_4b", 2)
    for block in range(5):
        x = F.relu(residual(x, f"repeat_1.{block}", 0.17, 1, 2, 3))
    six = unit(unit(unit(x, "mixed_6a.branch1.0"), "mixed_6a.branch1.1", padding=1), "mixed_6a.branch1.2", 2)
    x = torch.cat([unit(x, "mixed_6a.branch0", 2), six, F.max_pool2d(x, 3, 2)], 1)
    for block in range(10):
        x = F.relu(residual(x, f"repeat_2.{block}", 0.1, 1, 3))
    seven = unit(unit(unit(x, "mixed_7a.branch2.0"), "mixed_7a.branch2.1", padding=1), "mixed_7a.branch2.2", 2)
    pairs = [unit(unit(x, f"mixed_7a.branch{n}.0"), f"mixed_7a.branch{n}.1", 2) for n in (0, 1)]
    x = torch.cat([*pairs, seven, F.max_pool2d(x, 3, 2)], 1)
    for block in range(5):
        x = F.relu(residual(x, f"repeat_3.{block}", 0.2, 1, 3))
    x = residual(x, "block8", 1.0, 1, 3).mean((2, 3))
    return batch_norm(F.linear(x, weights["last_linear.weight"]), weights, "last_bn", 1e-3)


def batch_norm(x: Tensor, weights: dict[str, Tensor], name: str, eps: float = 1e-5) -> Tensor:
    mean, variance = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
    return F.batch_norm(x, mean, variance, weights.get(f"{name}.weight"), weights.get(f"{name}.bias"), eps=eps)


def test_facenet_loads_facenet_pytorchs_files_by_name_and_computes_as_its_layers_say(tmp_path):
    weights = drawn(facenet_shapes())
    classifier = {"logits.weight": torch.zeros(9, 512), "logits.bias": torch.zeros(9)}
    path = saved(tmp_path / "vggface2.pt", weights | classifier)
    built = build(ModelSettings(backbone="facenet", weights=path), None, True)
    assert (built.notices, built.layer_is_new) == ([], False)
    faces = torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = F.normalize(facenet_by_hand(weights, faces), dim=1)
        torch.testing.assert_close(built.embedder.eval()(faces), wanted, rtol=0, atol=1e-5)


def test_old_files_may_lack_the_counters_of_normalisations(tmp_path):
    weights = {name: t for name, t in drawn(facenet_shapes()).items() if not name.endswith("num_batches_tracked")}
    built = build(ModelSettings(backbone="facenet", weights=saved(tmp_path / "w.pt", weights)), None, True)
    assert (built.notices, built.layer_is_new) == ([], False)


def test_facenet_takes_other_sizes_but_no_tiny_ones():
    _, contract = build_shapes(ModelSettings(backbone="facenet", image_size=128), None, True)
    assert contract.size == (128, 128)
    assert "model.image_size: facenet cannot take 64" in refusal(ModelSettings(backbone="facenet", image_size=64))


# Residual networks


def arcface_shapes(depth: int) -> Shapes:
    """The names and shapes in insightface's files."""
    shapes: Shapes = {"conv1.weight": (64, 3, 3, 3), **normalisation("bn1", 64), "prelu.weight": (64,)}
    before = 64
    for layer, (blocks, after) in enumerate(zip(DEPTHS[depth], (64, 128, 256, 512), strict=True), 1):
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            shapes |= {
                **normalisation(f"{name}.bn1", before),
                f"{name}.conv1.weight": (after, before, 3, 3),
                **normalisation(f"{name}.bn2", after),
                f"{name}.prelu.weight": (after,),
                f"{name}.conv2.weight": (after, after, 3, 3),
                **normalisation(f"{name}.bn3", after),
            }
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (after, before, 1, 1)
                shapes |= normalisation(f"{name}.downsample.1", after)
            before = after
    last = {"fc.weight": (512, 512 * 49), "fc.bias": (512,), **normalisation("features", 512)}
    return {**shapes, **normalisation("bn2", 512), **last}


def arcface_by_hand(weights: dict[str, Tensor], depth: int, images: Tensor) -> Tensor:
    """ArcFace's embeddings from named tensors and plain functions."""
    x = batch_norm(F.conv2d(images, weights["conv1.weight"], padding=1), weights, "bn1")
    x = F.prelu(x, weights["prelu.weight"])
    for layer, blocks in enumerate(DEPTHS[depth], 1):
        for name in (f"layer{layer}.{block}" for block in range(blocks)):
            stride = 2 if name.endswith(".0") else 1
            y = F.conv2d(batch_norm(x, weights, f"{name}.bn1"), weights[f"{name}.conv1.weight"], padding=1)
            y = F.prelu(batch_norm(y, weights, f"{name}.bn2"), weights[f"{name}.prelu.weight"])
            y = F.conv2d(y, weights[f"{name}.conv2.weight"], None, stride, 1)
            y = batch_norm(y, weights, f"{name}.bn3")
            if stride == 2:
                x = F.conv2d(x, weights[f"{name}.downsample.0.weight"], None, 2)
                x = batch_norm(x, weights, f"{name}.downsample.1")
            x = x + y
    x = batch_norm(x, weights, "bn2").flatten(1)
    return batch_norm(F.linear(x, weights["fc.weight"], weights["fc.bias"]), weights, "features")


class AdaFaceBlock(nn.Module):
    """A block by AdaFace's names: where the channels stay, the shortcut only takes every `stride`-th pixel."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer = (
            nn.MaxPool2d(1, stride)
            if before == after
            else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.PReLU(after),
            nn.Conv2d(after, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


def adaface(depth: int) -> nn.Sequential:
    """A whole network by AdaFace's names."""
    blocks, before = [], 64
    for count, after in zip(DEPTHS[depth], (64, 128, 256, 512), strict=True):
        for block in range(count):
            blocks.append(AdaFaceBlock(before, after, 1 if block else 2))
            before = after
    network = nn.Sequential()
    start = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
    network.add_module("input_layer", start)
    network.add_module("body", nn.Sequential(*blocks))
    end = [nn.BatchNorm2d(512), nn.Dropout(0.4), nn.Flatten(), nn.Linear(512 * 49, 512)]
    network.add_module("output_layer", nn.Sequential(*end, nn.BatchNorm1d(512, affine=False)))
    return network


@pytest.fixture
def faces() -> Tensor:
    return torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(1))


def test_an_iresnet_loads_insightfaces_files_by_name_and_computes_as_its_layers_say(tmp_path, faces):
    weights = drawn(arcface_shapes(18))
    built = build(ModelSettings(backbone="iresnet18", weights=saved(tmp_path / "r18.pth", weights)), None, True)
    assert (built.notices, built.layer_is_new) == ([], False)
    with torch.no_grad():
        wanted = F.normalize(arcface_by_hand(weights, 18, faces), dim=1)
        torch.testing.assert_close(built.embedder.eval()(faces), wanted, rtol=0, atol=1e-5)


def test_an_iresnet_loads_adafaces_files_by_name_and_computes_as_its_network(tmp_path, faces):
    network = adaface(18).eval()
    network.load_state_dict(drawn({name: tuple(t.shape) for name, t in network.state_dict().items()}))
    named = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    head = {"head.kernel": torch.zeros(512, 9), "head.t": torch.zeros(1)}
    path = saved(tmp_path / "adaface.ckpt", {"state_dict": named | head, "epoch": 3})
    built = build(ModelSettings(backbone="iresnet18.adaface", weights=path), None, True)
    assert (built.notices, built.layer_is_new) == ([], False)
    with torch.no_grad():
        wanted = F.normalize(network(faces), dim=1)
        torch.testing.assert_close(built.embedder.eval()(faces), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("depth", [34, 50, 100])
def test_the_deeper_ones_have_the_names_and_shapes_of_insightfaces_and_adafaces_files(depth):
    with torch.device("meta"):
        theirs = adaface(depth).state_dict()
    arcface = build_shapes(ModelSettings(backbone=f"iresnet{depth}.arcface"), None, True)[0].backbone
    assert {name: tuple(t.shape) for name, t in arcface.state_dict().items()} == arcface_shapes(depth)
    assert backbones.fitting(arcface.state_dict()) == f"iresnet{depth}"
    assert backbones.fitting(theirs) == f"iresnet{depth}.adaface"


def test_weights_under_the_wrong_contract_are_refused_with_the_right_one(tmp_path):
    with torch.device("meta"):
        names = {name: tuple(t.shape) for name, t in adaface(18).state_dict().items()}
    ada = saved(tmp_path / "adaface.ckpt", {name: torch.zeros(shape) for name, shape in names.items()})
    arc = saved(tmp_path / "r18.pth", {name: torch.zeros(shape) for name, shape in arcface_shapes(18).items()})
    for backbone, path, right in [
        ("iresnet18", ada, "iresnet18.adaface"),
        ("iresnet18.arcface", ada, "iresnet18.adaface"),
        ("iresnet18.adaface", arc, "iresnet18"),
        ("resnet18", arc, "iresnet18"),
    ]:
        said = refusal(ModelSettings(backbone=backbone, weights=path), 512)
        assert said.startswith(f"{path}: are not weights of the model.backbone {backbone}: ")
        assert said.endswith(f"; they are those of {right}: set model.backbone to it")


# What a configuration may ask of them


@pytest.mark.parametrize(
    ("name", "size", "std", "colour", "template"),
    [
        ("facenet", (160, 160), 128, "rgb", None),
        ("iresnet50", (112, 112), 127.5, "rgb", "arcface"),
        ("iresnet50.arcface", (112, 112), 127.5, "rgb", "arcface"),
        ("iresnet50.adaface", (112, 112), 127.5, "bgr", "arcface"),
        ("mobilefacenet", (112, 96), 128, "rgb", "arcface"),
    ],
)
def test_each_brings_its_contract(name, size, std, colour, template):
    _, contract = build_shapes(ModelSettings(backbone=name), None, True)
    assert (contract.size, contract.colour, contract.template, contract.crop) == (size, colour, template, 1)
    black, white = [(level / 255 - contract.mean[0]) / contract.std[0] for level in (0, 255)]
    assert (black, white) == pytest.approx((-127.5 / std, 127.5 / std))
    assert len({*contract.mean}) == len({*contract.std}) == 1


def test_a_contract_is_replaced_field_by_field():
    asked = PreprocessingSettings(colour="rgb", template="none")
    _, found = build_shapes(ModelSettings(backbone="iresnet18.adaface", preprocessing=asked), None, True)
    assert (found.colour, found.template, found.size) == ("rgb", None, (112, 112))
    asked = PreprocessingSettings(template="arcface")
    _, found = build_shapes(ModelSettings(backbone="test_resnet", preprocessing=asked), None, True)
    assert found == Preprocessing(
        found.size, found.mean, found.std, found.crop, found.interpolation, "rgb", "arcface"
    )


@pytest.mark.parametrize(
    ("name", "side", "takes"),
    [("mobilefacenet", 112, "112 high and 96 wide"), ("iresnet18", 224, "112 high and 112 wide")],
)
def test_an_image_size_is_refused_where_the_last_layer_covers_the_map(name, side, takes):
    said = refusal(ModelSettings(backbone=name, image_size=side))
    assert said == f"model.image_size: {name} takes pictures {takes}, no others; leave it null"


def test_the_one_size_that_there_is_may_be_given():
    assert build_shapes(ModelSettings(backbone="iresnet18", image_size=112), None, True)[1].size == (112, 112)


@pytest.mark.parametrize("name", ["facenet", "mobilefacenet"])
@pytest.mark.parametrize("made", [build, build_shapes])
def test_weights_that_timm_does_not_have_are_to_be_given_as_a_file(name, made):
    with pytest.raises(InputError, match=f"timm has no weights of {name}; give model.weights a local file"):
        made(ModelSettings(backbone=name, pretrained=True), None, True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mobilefacenett", "is no timm architecture and none of kryptui's own; did you mean 'mobilefacenet'"),
        ("iresnet50.ada", "has no variant 'ada' (variants: iresnet50.arcface, iresnet50.adaface)"),
        ("facenet.vggface2", "has no variant 'vggface2' (variants: none)"),
        ("mobilefacenet.", "has no variant ''"),
    ],
)
def test_a_wrong_name_is_refused_with_the_right_ones(name, said):
    with pytest.raises(InputError, match=re.escape(said)):
        backbones.check_backbone(name)


def test_all_that_are_offered_are_known():
    offered = [name for name in backbones.names() if name.startswith(("facenet", "iresnet", "mobileface"))]
    assert len(offered) == 2 + 4 * 3
    for name in offered:
        backbones.check_backbone(name)


# Embeddings of another size


def test_an_embedding_layer_of_another_size_is_new_and_that_is_said(tmp_path):
    source = build(ModelSettings(backbone="mobilefacenet"), None, True).embedder.backbone
    path = saved(tmp_path / "w.pt", {"net_state_dict": source.state_dict()})
    built = build(ModelSettings(backbone="mobilefacenet", weights=path), 32, True)
    assert built.layer_is_new
    assert built.notices == [f"{path}: has no embedding layer of this size; it starts from scratch"]
    found, wanted = built.embedder.backbone.state_dict(), source.state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted if not name.startswith("linear1."))


def test_a_size_that_a_file_does_not_have_is_never_taken_silently(tmp_path):
    source = build(ModelSettings(backbone="mobilefacenet"), 32, True).embedder.backbone
    path = saved(tmp_path / "w.pt", source.state_dict())
    said = refusal(ModelSettings(backbone="mobilefacenet", weights=path))
    assert f"{path}: has no embedding layer of 128, the size of mobilefacenet; give the size" in said
    built = build(ModelSettings(backbone="mobilefacenet", weights=path), 32, True)
    assert (built.notices, built.layer_is_new) == ([], False)
