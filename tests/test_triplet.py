from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from kryptui.errors import InputError
from kryptui.losses import triplet
from kryptui.losses.triplet import AVERAGE, MINING, TripletLoss

MARGINS = [0.1, 1.0, None]
BATCHES = {
    "8 x 2": [i // 2 for i in range(16)],
    "3 x 5": [i // 5 for i in range(15)],
    "uneven, singletons": [0, 0, 0, 1, 2, 2, 3, 3, 3, 3, 4],
    "shuffled": [3, 1, 2, 1, 3, 2, 1, 1, 2],
    "unlabelled among them": [0, 0, -1, 1, 1, -1, 0, 1, -1],
    "one class and unlabelled": [0, 0, 0, -1, -1],
}
EMPTY = {"nothing": [], "one image": [0], "one class": [0, 0, 0], "singletons": [0, 1, 2], "unlabelled": [-1, -1]}


def embed(labels: Sequence[int], seed: int = 0, size: int = 6) -> Tensor:
    """Unit vectors, those of a class somewhat nearer to each other."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(10, size, generator=generator, dtype=torch.float64)
    noise = torch.randn(len(labels), size, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(centres[torch.tensor(labels, dtype=torch.int64)] + noise, dim=1)


def targets_of(labels: Sequence[int]) -> dict[str, Tensor]:
    label = torch.tensor(labels, dtype=torch.int64)
    return {"label": label, "identity": label.abs(), "is_fake": label < 0}


def mined_by_loop(distances: Tensor, labels: Sequence[int], mining: str) -> list[tuple[int, int, int]]:
    items = range(len(labels))
    triplets = []
    for a in items:
        positives = [p for p in items if p != a and labels[p] == labels[a] >= 0]
        negatives = [n for n in items if labels[n] != labels[a] and labels[a] >= 0]
        if not positives or not negatives:
            continue
        if mining == "all":
            triplets += [(a, p, n) for p in positives for n in negatives]
        elif mining == "hard":
            farthest = max(positives, key=lambda p: float(distances[a, p]))
            triplets.append((a, farthest, min(negatives, key=lambda n: float(distances[a, n]))))
        else:
            for p in positives:
                beyond = [n for n in negatives if distances[a, n] > distances[a, p]]
                if beyond:
                    triplets.append((a, p, min(beyond, key=lambda n: float(distances[a, n]))))
    return triplets


def loss_by_loop(
    embeddings: Tensor, labels: Sequence[int], margin: float | None, mining: str, average: str
) -> Tensor:
    distances = torch.cdist(embeddings, embeddings, compute_mode="donot_use_mm_for_euclid_dist")
    losses = []
    for a, p, n in mined_by_loop(distances.detach(), labels, mining):
        difference = distances[a, p] - distances[a, n]
        losses.append(torch.log1p(difference.exp()) if margin is None else (margin + difference).clamp(min=0))
    if average == "active":
        losses = [loss for loss in losses if loss > 0]
    return torch.stack(losses).mean() if losses else embeddings.sum() * 0


def value_and_gradient(loss: TripletLoss, embeddings: Tensor, labels: Sequence[int]) -> tuple[Tensor, Tensor]:
    leaf = embeddings.clone().requires_grad_()
    value = loss(leaf, targets_of(labels))["loss"]
    value.backward()
    assert leaf.grad is not None
    return value.detach(), leaf.grad


@pytest.mark.parametrize("labels", BATCHES.values(), ids=BATCHES.keys())
@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("mining", MINING)
@pytest.mark.parametrize("average", AVERAGE)
def test_value_and_gradient_are_those_of_a_loop_over_triplets(
    labels: list[int], margin: float | None, mining: str, average: str
) -> None:
    embeddings = embed(labels)
    value, gradient = value_and_gradient(TripletLoss(margin, mining, average), embeddings, labels)
    leaf = embeddings.clone().requires_grad_()
    expected = loss_by_loop(leaf, labels, margin, mining, average)
    expected.backward()
    assert torch.allclose(value, expected, rtol=0, atol=1e-12)
    assert torch.allclose(gradient, leaf.grad, rtol=0, atol=1e-12)


def test_a_triplet_just_at_the_margin_is_not_active() -> None:
    points = torch.tensor([[0.0], [1.0], [-1.5], [0.5]])  # 0 and 1 are a class; from 0 to -1.5 is 1 + margin
    report = TripletLoss(margin=0.5)(points, targets_of([0, 0, 1, 2]))
    assert (float(report["loss"]), float(report["active"])) == (0.5, 0.5)


@pytest.mark.parametrize("mining", ["all", "hard"])
def test_the_hardest_negative_is_never_the_anchor_itself(mining: str) -> None:
    apart = torch.tensor([[0.0], [1.0], [3.0], [3.5]])  # no triplet is active, unless the anchor is in it twice
    report = TripletLoss(margin=0.5, mining=mining)(apart, targets_of([0, 0, 1, 1]))
    assert (float(report["loss"]), float(report["active"])) == (0.0, 0.0)


def test_an_image_without_a_label_is_only_ever_a_negative() -> None:
    positive, negative = triplet.anchor_masks(torch.tensor([0, 0, -1, -1]))
    assert positive.int().tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert negative.int().tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(-1, 3), min_size=1, max_size=9),
    margin=st.sampled_from(MARGINS),
    mining=st.sampled_from(MINING),
    average=st.sampled_from(AVERAGE),
    seed=st.integers(0, 1000),
)
def test_any_batch_gives_the_loss_of_the_loop(
    labels: list[int], margin: float | None, mining: str, average: str, seed: int
) -> None:
    embeddings = embed(labels, seed)
    value = TripletLoss(margin, mining, average)(embeddings, targets_of(labels))["loss"]
    assert torch.allclose(value, loss_by_loop(embeddings, labels, margin, mining, average), rtol=0, atol=1e-12)


@pytest.mark.parametrize("margin", [0.3, None])
@pytest.mark.parametrize("mining", MINING)
def test_the_gradient_is_that_of_finite_differences(margin: float | None, mining: str) -> None:
    labels = BATCHES["uneven, singletons"]
    loss, targets = TripletLoss(margin, mining), targets_of(labels)
    assert torch.autograd.gradcheck(lambda x: loss(x, targets)["loss"], (embed(labels).requires_grad_(),))


@pytest.mark.parametrize("labels", EMPTY.values(), ids=EMPTY.keys())
@pytest.mark.parametrize("margin", [0.1, None])
@pytest.mark.parametrize("mining", MINING)
@pytest.mark.parametrize("average", AVERAGE)
def test_a_batch_without_a_triplet_gives_zero_with_zero_gradients(
    labels: list[int], margin: float | None, mining: str, average: str
) -> None:
    embeddings = embed(labels)
    value, gradient = value_and_gradient(TripletLoss(margin, mining, average), embeddings, labels)
    assert value == 0
    assert torch.equal(gradient, torch.zeros_like(embeddings))


def test_the_active_share_of_no_triplets_is_nan() -> None:
    assert math.isnan(float(TripletLoss()(embed([0, 1]), targets_of([0, 1]))["active"]))


@pytest.mark.parametrize("mining", MINING)
def test_the_active_share_counts_mined_triplets_with_a_positive_loss(mining: str) -> None:
    labels = BATCHES["8 x 2"]
    embeddings = embed(labels)
    distances = torch.cdist(embeddings, embeddings)
    mined = mined_by_loop(distances, labels, mining)
    active = sum(bool(0.05 + distances[a, p] - distances[a, n] > 0) for a, p, n in mined)
    share = TripletLoss(0.05, mining)(embeddings, targets_of(labels))["active"]
    assert 0 < active < len(mined)
    assert float(share) == pytest.approx(active / len(mined), abs=1e-7)


@pytest.mark.parametrize("margin", [0.1, None])
@pytest.mark.parametrize("mining", MINING)
def test_duplicates_give_a_finite_loss_and_gradient(margin: float | None, mining: str) -> None:
    embeddings = torch.ones(6, 4) / 2
    value, gradient = value_and_gradient(TripletLoss(margin, mining), embeddings, [0, 0, 1, 1, 2, 2])
    # a negative at the positive's own distance is not farther: semi-hard mining finds none
    expected = 0 if mining == "semi-hard" else math.log(2) if margin is None else margin
    assert float(value) == pytest.approx(expected)
    assert torch.equal(gradient, torch.zeros_like(embeddings))


@pytest.mark.parametrize("margin", [0.1, None])
@pytest.mark.parametrize("mining", MINING)
def test_a_nan_embedding_shows_in_the_loss(margin: float | None, mining: str) -> None:
    labels = BATCHES["3 x 5"]
    embeddings = embed(labels)
    embeddings[4] = math.nan
    value = TripletLoss(margin, mining)(embeddings, targets_of(labels))["loss"]
    assert value.isnan()


@pytest.mark.parametrize("mining", MINING)
def test_bfloat16_embeddings_give_the_float32_loss_of_their_values(mining: str) -> None:
    labels = BATCHES["3 x 5"]
    embeddings = embed(labels).to(torch.bfloat16)
    value, gradient = value_and_gradient(TripletLoss(0.1, mining), embeddings, labels)
    expected, _ = value_and_gradient(TripletLoss(0.1, mining), embeddings.float(), labels)
    assert (value.dtype, gradient.dtype) == (torch.float32, torch.bfloat16)
    assert torch.equal(value, expected)


def test_autocast_changes_nothing() -> None:
    labels = BATCHES["3 x 5"]
    embeddings = embed(labels).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = TripletLoss(None)(embeddings, targets_of(labels))["loss"]
    assert torch.equal(inside, TripletLoss(None)(embeddings, targets_of(labels))["loss"])


def test_the_soft_margin_in_many_chunks_is_that_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = BATCHES["uneven, singletons"]
    whole = value_and_gradient(TripletLoss(None), embed(labels), labels)
    monkeypatch.setattr(triplet, "_CHUNK", 100)
    chunked = value_and_gradient(TripletLoss(None), embed(labels), labels)
    for one, other in zip(whole, chunked, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-14)


@pytest.mark.parametrize("margin", [0.1, None])
@pytest.mark.parametrize("mining", MINING)
def test_no_value_is_read_back_from_a_gpu(margin: float | None, mining: str) -> None:
    loss = TripletLoss(margin, mining, "active")
    with FakeTensorMode(allow_non_fake_inputs=True):  # raises where a shape or a branch depends on data
        label = torch.empty(8, dtype=torch.int64, device="cuda")
        report = loss(torch.empty(8, 4, device="cuda"), {"label": label, "identity": label, "is_fake": label < 0})
    assert {value.device.type for value in report.values()} == {"cuda"}


def test_statistics_are_detached_scalars_beside_the_loss() -> None:
    labels = BATCHES["3 x 5"]
    report = TripletLoss()(embed(labels).requires_grad_(), targets_of(labels))
    assert set(report) == {"loss", "active", "distance_ap", "distance_an", "distance_af"}
    assert all(value.shape == () for value in report.values())
    assert [key for key, value in report.items() if value.requires_grad] == ["loss"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("margin", [0.1, 0.5])
def test_hard_mining_is_that_of_pytorch_metric_learning(seed: int, margin: float) -> None:
    distances = pytest.importorskip("pytorch_metric_learning.distances")
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    miners = pytest.importorskip("pytorch_metric_learning.miners")
    reducers = pytest.importorskip("pytorch_metric_learning.reducers")
    metric = distances.LpDistance(normalize_embeddings=False)
    criterion = losses.TripletMarginLoss(margin, distance=metric, reducer=reducers.MeanReducer())
    labels = [i // 4 for i in range(32)]
    embeddings = embed(labels, seed, size=32)
    leaf = embeddings.clone().requires_grad_()
    expected = criterion(
        leaf, torch.tensor(labels), miners.BatchHardMiner(distance=metric)(leaf, torch.tensor(labels))
    )
    expected.backward()
    value, gradient = value_and_gradient(TripletLoss(margin, "hard"), embeddings, labels)
    # float64 on both sides, but that package takes its distances from dot products
    assert torch.allclose(value, expected, rtol=0, atol=1e-7)
    assert torch.allclose(gradient, leaf.grad, rtol=0, atol=1e-6)


@pytest.mark.parametrize("margin", [0, -0.1, "0.1", True, math.nan, math.inf])
def test_a_margin_that_is_no_number_above_zero_is_refused(margin: object) -> None:
    with pytest.raises(InputError, match="margin is"):
        TripletLoss(margin)  # type: ignore[arg-type]


def test_a_misspelt_mining_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"choose one of all, hard, semi-hard; did you mean 'semi-hard'"):
        TripletLoss(mining="semihard")


def test_an_unknown_average_is_refused() -> None:
    with pytest.raises(InputError, match=r"average is None; choose one of all, active"):
        TripletLoss(average=None)  # type: ignore[arg-type]
