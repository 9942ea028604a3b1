"""Helpers for tests of submissions: trained runs with whole checkpoints, submissions on record with files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from screens import IdleLauncher
from sqlalchemy import update

from kryptui.engine import checkpoint, folders
from kryptui.engine.predict import Written
from kryptui.jobs.events import Answered
from kryptui.preprocess import Preprocessing
from kryptui.runs import batch, schema
from kryptui.runs.store import Store
from kryptui.tasks.protocol import Prediction

CONTRACT = Preprocessing((112, 112), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)).to_json()

BEGAN = 1_700_000_000.0
"""When the runs of these tests were made, an hour before the clock that stands still."""


class Tickets(IdleLauncher):
    """Gives each submission a ticket of its own, and does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.submitted: list[tuple[Any, ...]] = []
        self.cancelled: list[int | None] = []

    def submit(self, *asked: Any, device: str | None = None) -> int:
        self.submitted.append((*asked, device))
        return len(self.submitted)

    def cancel(self, ticket: int | None = None) -> None:
        self.cancelled.append(ticket)


def config_of(name: str, task: str = "verification") -> dict[str, Any]:
    return {
        "name": name,
        "device": "cpu",
        "threads": 1,
        "model": {"backbone": "resnet18"},
        "task": {"kind": task, "losses": [{"kind": "triplet"}]},
    }


def save_checkpoint(folder: Path, step: int, config: Mapping[str, Any], rebuild: Mapping[str, Any]) -> Path:
    meta = {
        "config": dict(config),
        "rebuild": dict(rebuild),
        "data_hash": "h",
        "precision": "fp32",
        "threads": 1,
    }
    path = checkpoint.save(folder, step, {"weight": torch.zeros(256)}, {}, meta).path
    (path / checkpoint.STATE_FILE).write_bytes(b"\0" * 1500)  # as long with any version of torch
    return path


def trained(
    store: Store,
    root: Path,
    name: str,
    eers: Mapping[int, float],
    saved: Sequence[int],
    best: int | None = None,
    **settings: Any,
) -> str:
    """A finished training run with its headline by step, and checkpoints of some steps on disk and on record."""
    config = config_of(name) | settings
    run_id = store.create_run("train", name, "verification", config, "h", "d", {}, str(root))
    attempt = store.start_attempt(run_id)
    folder = root / "checkpoints" / run_id
    items: list[batch.Item] = [batch.Points(BEGAN + s, s, 0.0, {"eer": value}) for s, value in eers.items()]
    for step in saved:
        path = save_checkpoint(folder, step, config, {"preprocessing": CONTRACT})
        items.append(batch.Artifact(BEGAN + step, "checkpoint", str(path), "gpu-07", None, 4000, step))
    store.append(run_id, attempt, items, {"epoch": 5, "epochs": 5}, {}, {"eer": "lower"})
    store.finish(run_id, "finished")
    if saved:
        folders.point(folder, "best", saved[-1] if best is None else best)
        folders.point(folder, "last", saved[-1])
    _set_times(store, run_id, BEGAN, 600)
    return run_id


def submitted(
    store: Store, root: Path, parent: str, values: Sequence[float], output: str = "old.csv", **facts: Any
) -> str:
    """A submission that a run made an hour ago, with its file and sidecar."""
    run = store.get_run(parent)
    path = root / output
    rows = [[f"{place:08}", value] for place, value in enumerate(values)]
    text = "pair_id,similarity\n" + "".join(f"{pair},{value}\n" for pair, value in rows)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    notes = {"pairs": len(rows), "images": 2 * len(rows), "filled": [], "problems": [], "notices": []}
    sidecar = {
        "run": parent,
        "name": run.name,
        "checkpoint": str(root / "checkpoints" / parent / "step-00000028"),
        "weights_sha256": "ab" * 32,
        "step": 28,
        "source": str(root / "faces"),
        "options": {},
        "sha256": sha256,
        "rows": len(rows),
        "notes": {**notes, **facts},
        "seconds": 2.0,
        "device": "cpu, 1 thread, fp32",
        "versions": {"kryptui": "0.1.0", "torch": "2.8.0", "python": "3.11.7"},
    }
    path.write_text(text)
    path.with_name(f"{path.name}.json").write_text(json.dumps(sidecar))
    env = {name: sidecar[name] for name in ("checkpoint", "source")} | {"output": str(path)}
    run_id = store.create_run("submit", run.name, run.task, run.config, "h", None, env, str(root), parent=parent)
    attempt = store.start_attempt(run_id)
    item = batch.Artifact(BEGAN, "submission", str(path), "gpu-07", sha256, len(text), None)
    store.append(run_id, attempt, [item], {}, {}, {})
    store.finish(run_id, "finished")
    _set_times(store, run_id, BEGAN + 1800, 12)
    return run_id


def answered(ticket: int, run_id: str, path: Path) -> Answered:
    """What the launcher tells at the end of a submission that is on record."""
    prediction = Prediction(["pair_id", "similarity"], [["a", 0.5]] * 40)
    return Answered(ticket, (run_id, Written(path, path, "0" * 64, 1, 1.0, prediction)), None)


def _set_times(store: Store, run_id: str, began: float, took: float) -> None:
    times = {"created": began, "started": began, "ended": began + took, "heartbeat": began + took}
    with store.writing() as connection:
        connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(times))
