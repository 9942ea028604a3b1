"""Helpers for tests of comparisons: runs with curves, stored evaluations and pictures, at fixed times."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from records import DIRECTIONS, add_run
from sqlalchemy import update
from trees import write_image

from kryptui.figures import Curve, Figure, Histogram, ImageSheet, Series, Table
from kryptui.metrics import verification
from kryptui.runs import batch, blobs, schema
from kryptui.runs.store import Store

MOMENT = 1_700_000_000.0


def curves(best: float, points: int = 12) -> dict[str, list[float]]:
    """An error rate that falls and rises a little, its parts, and a loss."""
    eer = [best + 0.4 * math.exp(-at / 2) + (0.01 if at > 8 else 0.0) for at in range(points)]
    return {
        "eer": eer,
        "eer_real": [value * 0.7 for value in eer],
        "eer_fake": [value * 1.3 for value in eer],
        "loss": [2 * value for value in eer],
        "lr": [1e-3 * (1 - at / points) for at in range(points)],
    }


def figures(seed: int, gap: float = 0.5, pictures: Sequence[str] = ()) -> list[Figure]:
    """What an evaluation of pairs stores, on random scores whose groups lie `gap` apart."""
    draw = np.random.default_rng(seed)
    groups = {
        "genuine": draw.normal(gap, 0.2, 300),
        "impostor": draw.normal(0, 0.2, 300),
        "fake": draw.normal(gap / 2, 0.2, 300),
    }
    found: list[Figure] = []
    series = []
    for name in ("impostor", "fake"):
        points = verification.det(groups["genuine"], groups[name], 60)
        series.append(Series(f"genuine against {name}", points.far.tolist(), points.frr.tolist()))
    found.append(Curve("detection error trade-off", "false accept rate", "false reject rate", series, True, True))
    found.append(Histogram("similarity of pairs", "cosine similarity", *verification.histogram(groups, 30)))
    found.append(Table("hardest pairs", ["kind", "similarity"], [["genuine", round(gap - 0.4, 3)]]))
    for kind in ("genuine", "fake") if pictures else ():
        captions = [f"{kind} 0.{at}" for at in range(len(pictures))]
        found.append(ImageSheet(f"hardest {kind} pairs", list(pictures), captions))
    return found


def evaluate(
    store: Store,
    run_id: str,
    step: int,
    figures: Sequence[Figure],
    scalars: Mapping[str, float] | None = None,
    *,
    wished: bool = False,
) -> None:
    """An evaluation of the run's attempt."""
    item = batch.Evaluation(
        MOMENT, step, json.dumps(dict(scalars or {})), blobs.pack_figures(figures), None, wished
    )
    store.append(run_id, store.get_run(run_id).attempt, [item], {}, store.summaries(run_id), DIRECTIONS)


def record(store: Store, run_id: str, *points: tuple[int, Mapping[str, float]]) -> None:
    """More values of the run's attempt, by step, two seconds and a tenth of an epoch apart."""
    items = [batch.Points(1000.0 + 2 * step, step, step / 10, dict(values)) for step, values in points]
    store.append(run_id, store.get_run(run_id).attempt, items, {}, store.summaries(run_id), DIRECTIONS)


def put(store: Store, run_id: str, **columns: Any) -> None:
    """Sets columns of a run as they are stored."""
    with store.writing() as connection:
        connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(columns))


def fill(store: Store, root: Path) -> list[str]:
    """Three runs as a week of work leaves them, evaluated at their best step and at their last."""
    for number in range(4):
        write_image(root / f"faces/{number}.png", number)
    faces = [f"faces/{number}.png" for number in range(4)]
    ids = []
    for place, (name, best) in enumerate([("vitb16-two-stage", 0.04), ("quick-hard", 0.09), ("edgeface", 0.06)]):
        config = {
            "name": name,
            "seed": place,
            "model": {"backbone": "resnet18", "image_size": 112},
            "stages": [{"name": "train", "lr": 10.0 ** -(3 + place), "epochs": 12}],
            "task": {
                "kind": "verification",
                "losses": [{"kind": "triplet", "mining": "hard" if place else "all"}],
            },
        }
        env = {"device": "cuda:0 NVIDIA H100", "versions": {"torch": "2.6.0" if place else "2.7.0"}}
        run_id = add_run(store, name, curves(best), config=config, env=env, data_hash="faces")
        values = curves(best)["eer"]
        best_step = values.index(min(values))
        evaluate(store, run_id, best_step, figures(place, 0.6 - best, faces[: 4 - 2 * (place == 2)]))
        evaluate(store, run_id, 11, figures(place + 10, 0.55 - best, faces[:2]))
        progress = json.dumps({"stage": "train", "epoch": 12, "epochs": 12})
        times = {"created": MOMENT - 60 * place, "started": MOMENT, "ended": MOMENT + 754 + 60 * place}
        put(store, run_id, workspace=str(root), progress=progress, heartbeat=MOMENT + 754, host="gpu-07", **times)
        ids.append(run_id)
    return ids
