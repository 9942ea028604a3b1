"""What scored pairs say of a model: error rates, curves, histograms and the pairs it finds hardest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kryptui.data.pairs import FAKE, GENUINE, IMPOSTOR, KINDS, PairList
from kryptui.figures import Curve, Figure, Histogram, ImageSheet, Series, Table
from kryptui.metrics import verification as metrics
from kryptui.tasks.protocol import Evaluation

TPR_AT = {"tpr_at_fpr_1e-1": 1e-1, "tpr_at_fpr_1e-2": 1e-2, "tpr_at_fpr_1e-3": 1e-3}
_HARDEST = 8


def evaluate_scores(pairs: PairList, scores: NDArray[Any]) -> Evaluation:
    """The evaluation of pairs by their similarities (N,); pairs scored NaN (a broken image) are left out.

    `eer` sets genuine against all other pairs, `eer_real` against impostors, `eer_fake` against fakes; what has
    no pairs is not in the result.
    """
    kinds = pairs.table["kind"].to_numpy(dtype=str)
    scored = np.isfinite(scores)
    genuine = scores[scored & (kinds == GENUINE)]
    others = scores[scored & (kinds != GENUINE)]
    scalars: dict[str, float] = {
        f"pairs_{kind}": int((scored & (kinds == kind)).sum()) for kind in KINDS if (kinds == kind).any()
    }
    if not len(genuine) or not len(others):
        return Evaluation({"eer": math.nan, **scalars})
    whole = metrics.eer(genuine, others)
    rates = {"eer": whole.rate}
    for name, kind in (("eer_real", IMPOSTOR), ("eer_fake", FAKE)):
        group = scores[scored & (kinds == kind)]
        if len(group):
            rates[name] = metrics.eer(genuine, group).rate
    rates["eer_contest"] = metrics.eer_contest(kinds[scored] == GENUINE, scores[scored])
    rates["auc"] = metrics.auc(genuine, others)
    rates |= dict(zip(TPR_AT, metrics.tpr_at_fpr(genuine, others, list(TPR_AT.values())).tolist(), strict=True))
    rates["threshold"] = whole.threshold
    return Evaluation(
        {**rates, **scalars},
        [
            _histogram(kinds, scores, scored),
            *_det(kinds, scores, scored),
            *_hardest(pairs, kinds, scores, whole.threshold),
        ],
        {"score": scores.astype(np.float32), "kind": np.array([KINDS.index(k) for k in kinds], dtype=np.uint8)},
    )


def _groups(kinds: NDArray[Any], scores: NDArray[Any], scored: NDArray[Any]) -> dict[str, NDArray[Any]]:
    groups = {kind: scores[scored & (kinds == kind)] for kind in KINDS}
    return {kind: group for kind, group in groups.items() if len(group)}


def _histogram(kinds: NDArray[Any], scores: NDArray[Any], scored: NDArray[Any]) -> Histogram:
    edges, counts = metrics.histogram(_groups(kinds, scores, scored))
    return Histogram("similarity of pairs", "cosine similarity", edges, counts)


def _det(kinds: NDArray[Any], scores: NDArray[Any], scored: NDArray[Any]) -> list[Figure]:
    groups = _groups(kinds, scores, scored)
    genuine = groups.pop(GENUINE)
    lines = {"all": np.concatenate(list(groups.values()))}
    lines |= {kind: group for kind, group in groups.items() if len(groups) > 1}
    series = []
    for name, group in lines.items():
        curve = metrics.det(genuine, group)
        if len(curve.far):
            series.append(
                Series(f"genuine against {name}", list(map(float, curve.far)), list(map(float, curve.frr)))
            )
    if not series:
        return []
    return [Curve("detection error trade-off", "false accept rate", "false reject rate", series, True, True)]


def _hardest(pairs: PairList, kinds: NDArray[Any], scores: NDArray[Any], threshold: float) -> list[Figure]:
    """The pairs farthest on the wrong side of the threshold, some of each kind: a table, and a sheet a kind."""
    rows: list[list[str | float | int | None]] = []
    sheets: list[Figure] = []
    both = pairs.absolute_paths()
    for kind in (kind for kind in KINDS if (kinds == kind).any()):
        pictures: list[str] = []
        captions: list[str] = []
        wrong = (threshold - scores) if kind == GENUINE else (scores - threshold)
        ranked = np.argsort(-np.where(np.isfinite(scores) & (kinds == kind), wrong, -np.inf), kind="stable")
        for index in ranked[: min(_HARDEST, int((np.isfinite(scores) & (kinds == kind)).sum()))]:
            row = pairs.table.iloc[int(index)]
            score = round(float(scores[index]), 4)
            verdict = "wrong" if wrong[index] > 0 else "right"
            rows.append([kind, score, verdict, str(row["path1"]), str(row["path2"])])
            pictures.extend(str(path) for path in both[int(index)])
            captions.extend([f"{kind} {score:.3f}", verdict])
        sheets.append(ImageSheet(f"hardest {kind} pairs", pictures, captions))
    return [Table("hardest pairs", ["kind", "similarity", "verdict", "first", "second"], rows), *sheets]
