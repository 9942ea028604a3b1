"""Embedding the images of pairs, and what their scores say."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score, roc_curve
from trees import write_image

from kryptui.data.pairs import COLUMNS, PairList
from kryptui.preprocess import Preprocessing
from kryptui.tasks.verification import embed as embedding
from kryptui.tasks.verification.embed import embed_images, number_paths, similarities
from kryptui.tasks.verification.evaluation import evaluate_scores

CPU = torch.device("cpu")
CONTRACT = Preprocessing((32, 32), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))


def mean_colours(inputs: torch.Tensor) -> torch.Tensor:
    """Stands for a model."""
    return inputs.mean(dim=(2, 3))


# Embeddings


def test_embeddings_are_those_of_each_image_alone(tmp_path):
    paths = [write_image(tmp_path / f"{number}.jpg", number) for number in range(7)]

    def embed(some, batch):
        return embed_images(mean_colours, CPU, some, CONTRACT, batch=batch, threads=2, max_pixels=10**6)[0]

    together = embed(paths, 3)
    assert np.allclose(np.linalg.norm(together, axis=1), 1)
    assert np.allclose(together, np.concatenate([embed([path], 1) for path in paths]), atol=1e-6)


def test_broken_images_have_no_embedding_and_are_named_in_order(tmp_path):
    good = write_image(tmp_path / "good.jpg", 1)
    bad = [tmp_path / f"{number}.jpg" for number in range(3)]
    for path in bad:
        path.write_bytes(b"")
    done = []
    found, broken = embed_images(
        mean_colours,
        CPU,
        [bad[0], good, bad[1], bad[2]],
        CONTRACT,
        batch=2,
        threads=2,
        max_pixels=10**6,
        progress=lambda at, of: done.append((at, of)),
    )
    assert np.isnan(found).any(axis=1).tolist() == [True, False, True, True]
    assert [problem.path for problem in broken] == bad
    assert done == [(2, 4), (4, 4)]


@pytest.mark.parametrize("paths", [0, 2])
def test_nothing_to_embed_gives_no_numbers(tmp_path, paths):
    absent = [tmp_path / f"{number}.jpg" for number in range(paths)]
    found, broken = embed_images(mean_colours, CPU, absent, CONTRACT, batch=2, threads=1, max_pixels=10**6)
    assert len(found) == len(broken) == paths
    assert np.isnan(found).all()


def test_similarities_are_the_same_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20, 5)).astype(np.float32)
    first, second = rng.integers(0, 20, (2, 33))
    monkeypatch.setattr(embedding, "_PAIRS_AT_ONCE", 8)
    wanted = (rows[first].astype(np.float64) * rows[second]).sum(axis=1)
    assert np.allclose(similarities(rows, first, second), wanted, atol=1e-5)


def test_each_path_of_the_pairs_is_numbered_once():
    a, b, c = Path("a"), Path("b"), Path("c")
    paths, first, second = number_paths([(a, b), (c, a), (b, c)])
    assert paths == [a, b, c]
    assert (first.tolist(), second.tolist()) == ([0, 2, 1], [1, 0, 2])


# What scores say


def pair_list(kinds: list[str]) -> PairList:
    rows = [(f"{number}a.jpg", f"{number}b.jpg", kind, "", "", "") for number, kind in enumerate(kinds)]
    return PairList(pd.DataFrame(rows, columns=list(COLUMNS), dtype=str), Path("/data"))


def random_scores(kinds: list[str], seed: int = 0) -> np.ndarray:
    shift = {"genuine": 0.4, "impostor": 0.0, "fake": 0.2, "other": 0.1}
    noise = np.random.default_rng(seed).normal(0, 0.2, len(kinds))
    return (noise + [shift[kind] for kind in kinds]).astype(np.float32)


ALL = ["genuine", "impostor", "fake"] * 400


def oracle_eer(kinds: list[str], scores: np.ndarray, against: set[str]) -> float:
    """Where the whole ROC curve of scikit-learn crosses FPR = 1 - TPR, on straight lines between its points."""
    chosen = [kind == "genuine" or kind in against for kind in kinds]
    labels = (np.array(kinds) == "genuine")[chosen]
    fpr, tpr, _ = roc_curve(labels, scores[chosen], drop_intermediate=False)
    gap = fpr - (1 - tpr)
    at = int(np.argmax(gap >= 0))
    share = -gap[at - 1] / (gap[at] - gap[at - 1])
    return float(fpr[at - 1] + share * (fpr[at] - fpr[at - 1]))


@pytest.mark.parametrize("seed", range(3))
def test_the_scalars_are_those_of_scikit_learn(seed):
    scores = random_scores(ALL, seed)
    found = evaluate_scores(pair_list(ALL), scores).scalars
    labels = np.array(ALL) == "genuine"
    fpr, tpr, _ = roc_curve(labels, scores)
    assert found["eer"] == pytest.approx(oracle_eer(ALL, scores, {"impostor", "fake"}), abs=1e-12)
    assert found["eer_real"] == pytest.approx(oracle_eer(ALL, scores, {"impostor"}), abs=1e-12)
    assert found["eer_fake"] == pytest.approx(oracle_eer(ALL, scores, {"fake"}), abs=1e-12)
    nearest = np.argmin(np.abs(1 - tpr - fpr))
    assert found["eer_contest"] == pytest.approx((fpr[nearest] + 1 - tpr[nearest]) / 2, abs=1e-12)
    assert found["auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    for name, rate in (("tpr_at_fpr_1e-1", 1e-1), ("tpr_at_fpr_1e-2", 1e-2)):
        assert found[name] == pytest.approx(tpr[fpr <= rate].max(), abs=1e-12)
    assert np.isnan(found["tpr_at_fpr_1e-3"]) == (800 < 1000)
    assert [found[f"pairs_{kind}"] for kind in ("genuine", "impostor", "fake")] == [400, 400, 400]
    rejected, accepted = (
        (scores[labels] < found["threshold"]).mean(),
        (scores[~labels] >= found["threshold"]).mean(),
    )
    assert rejected <= found["eer"] <= accepted
    assert accepted - rejected < 0.01


@pytest.mark.parametrize(
    ("kinds", "absent"),
    [
        (["genuine", "impostor"], {"eer_fake", "pairs_fake"}),
        (["genuine", "fake"], {"eer_real", "pairs_impostor"}),
        (["genuine", "other"], {"eer_real", "eer_fake", "pairs_impostor", "pairs_fake"}),
    ],
)
def test_what_has_no_pairs_is_not_in_the_result(kinds, absent):
    kinds = kinds * 30
    found = evaluate_scores(pair_list(kinds), random_scores(kinds))
    assert not absent & found.scalars.keys()
    assert found.scalars["eer"] == pytest.approx(oracle_eer(kinds, random_scores(kinds), {kinds[1]}))
    assert {figure.kind for figure in found.figures} == {"histogram", "curve", "table", "images"}


def test_pairs_without_a_score_are_left_out():
    scores = random_scores(ALL)
    holes = scores.copy()
    holes[::7] = np.nan
    kept = [index for index in range(len(ALL)) if index % 7]
    some = [ALL[index] for index in kept]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate_scores(pair_list(ALL), holes)
    assert dict(found.scalars) == pytest.approx(
        dict(evaluate_scores(pair_list(some), scores[kept]).scalars), nan_ok=True
    )
    shown = [float(row[1]) for figure in found.figures if figure.kind == "table" for row in figure.rows]
    assert np.isfinite(shown).all()


@pytest.mark.parametrize("gone", ["genuine", "others", "all"])
def test_too_few_scores_give_a_headline_that_is_no_number(gone):
    scores = random_scores(ALL)
    genuine = np.array(ALL) == "genuine"
    scores[{"genuine": genuine, "others": ~genuine, "all": genuine | ~genuine}[gone]] = np.nan
    found = evaluate_scores(pair_list(ALL), scores)
    assert np.isnan(found.scalars["eer"])
    assert found.figures == []


def test_scores_are_kept_with_their_kinds():
    scores = random_scores(ALL)
    kept = evaluate_scores(pair_list(ALL), scores).scores
    assert np.array_equal(kept["score"], scores)
    assert kept["kind"].tolist() == [0, 1, 2] * 400


def test_the_hardest_pairs_are_the_lowest_genuine_and_the_highest_others():
    scores = random_scores(ALL)
    found = evaluate_scores(pair_list(ALL), scores)
    table = next(figure for figure in found.figures if figure.kind == "table")
    for kind in ("genuine", "impostor", "fake"):
        shown = [row for row in table.rows if row[0] == kind]
        of_kind = np.flatnonzero(np.array(ALL) == kind)
        order = of_kind[np.argsort(scores[of_kind] * (1 if kind == "genuine" else -1))]
        assert [row[3] for row in shown] == [f"{index}a.jpg" for index in order[:8]]
        for row in shown:
            accepted = float(row[1]) >= found.scalars["threshold"]
            assert row[2] == ("right" if accepted == (kind == "genuine") else "wrong")


def test_a_sheet_of_each_kind_shows_the_same_pairs_as_the_table():
    found = evaluate_scores(pair_list(ALL), random_scores(ALL))
    table = next(figure for figure in found.figures if figure.kind == "table")
    sheets = [figure for figure in found.figures if figure.kind == "images"]
    for kind, sheet in zip(("genuine", "impostor", "fake"), sheets, strict=True):
        assert sheet.title == f"hardest {kind} pairs"
        assert sheet.paths == [f"/data/{row[column]}" for row in table.rows if row[0] == kind for column in (3, 4)]
        assert len(sheet.captions) == len(sheet.paths)


def test_the_trade_off_of_the_headline_stands_before_those_of_its_parts():
    found = evaluate_scores(pair_list(ALL), random_scores(ALL))
    (curve,) = (figure for figure in found.figures if figure.kind == "curve")
    assert [series.name for series in curve.series] == [
        "genuine against all",
        "genuine against impostor",
        "genuine against fake",
    ]
    assert (curve.log_x, curve.log_y) == (True, True)


def test_separable_scores_have_no_errors_and_no_curve():
    kinds = ["genuine", "impostor"] * 20
    scores = np.array([1.0, 0.0] * 20, dtype=np.float32)
    found = evaluate_scores(pair_list(kinds), scores)
    assert found.scalars["eer"] == 0.0
    assert "curve" not in {figure.kind for figure in found.figures}
