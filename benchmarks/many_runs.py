"""A record of many runs, as a team fills one in a year: presets with other seeds and rates, of every status."""

from __future__ import annotations

import copy
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from kryptui import config as configuration
from kryptui.jobs import environment
from kryptui.runs import schema
from kryptui.runs.identity import Process
from kryptui.runs.store import Store
from kryptui.tasks import registry

LIVE = 30
"""Runs that this process is said to run: their status is looked up in the system at every reading."""

METRICS: dict[str, tuple[float, float, str | None]] = {
    "eer": (0.02, 0.4, "lower"),
    "eer_real": (0.02, 0.3, "lower"),
    "eer_fake": (0.02, 0.5, "lower"),
    "eer_contest": (0.02, 0.4, "lower"),
    "loss": (0.01, 0.3, "lower"),
    "auc": (0.6, 0.99, "higher"),
    "tpr_at_fpr_1e-1": (0.6, 0.99, "higher"),
    "tpr_at_fpr_1e-2": (0.3, 0.8, "higher"),
    "tpr_at_fpr_1e-3": (0.1, 0.5, "higher"),
    "threshold": (0.2, 0.7, None),
    "pairs_genuine": (1000, 9000, None),
    "pairs_impostor": (1000, 9000, None),
    "pairs_fake": (1000, 9000, None),
    "active": (0.0, 1.0, None),
    "lr": (1e-6, 1e-2, None),
}
"""What a training run of the task summarises: lowest and highest value, and which way is better."""

_PRESETS = ("devail", "faces-cpu", "quickstart")
_SHARES = {"finished": 70, "stopped": 12, "failed": 12, "queued": 3, "crashed": 3}
_TAGS = ("baseline", "contest", "ablation", "x")
_BEGAN = 1_750_000_000.0


def write(path: Path, count: int, seed: int = 0) -> None:
    """Makes a new record at `path`; LIVE of its runs are running for as long as this process is."""
    values = random.Random(seed)
    runs, tags, summaries = [], [], []
    for row, of_tags, of_metrics in _runs(values, count, path.parent):
        runs.append(row)
        tags += of_tags
        summaries += of_metrics
    with Store.open(path) as store, store.writing() as connection:
        connection.execute(insert(schema.runs), runs)
        connection.execute(insert(schema.tags), tags)
        connection.execute(insert(schema.summaries), summaries)


def _runs(
    values: random.Random, count: int, workspace: Path
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]]:
    """Rows of runs, each with those of its tags and its summaries."""
    presets = [
        configuration.to_plain(configuration.load(configuration.preset_path(name), registry.settings_of))
        for name in _PRESETS
    ]
    env = json.dumps(environment.describe(workspace, "cuda:0"))
    here = Process.current()
    gone = str(Process(here.host, here.boot_id, here.pid_namespace, here.pid, "0"))
    live = set(values.sample(range(count), min(LIVE, count)))
    for index in range(count):
        run_id = f"r{index:07}"
        config = copy.deepcopy(values.choice(presets))
        config["seed"] = values.randrange(10)
        config["name"] = f"{config['name']}-{index}"
        config["stages"][0]["lr"] = values.choice([1e-5, 3e-5, 1e-4, 3e-4, 1e-3])
        if values.random() < 0.3:
            config["task"]["losses"] = [
                {"kind": "quadruplet", "weight": 1.0, "margin": 0.1, "second_margin": 0.05}
            ]
        status = "running" if index in live else values.choices(list(_SHARES), list(_SHARES.values()))[0]
        started = None if status == "queued" else _BEGAN + 60.0 * index
        ended = started + values.uniform(60, 36_000) if started and status not in ("running", "crashed") else None
        now = None if status == "queued" else 4e9 if index in live else (ended or started)
        progress = {
            "stage": config["stages"][0]["name"],
            "stages": len(config["stages"]),
            "epoch": values.randrange(25),
            "epochs": config["stages"][0]["epochs"],
            "step": values.randrange(10_000),
            "total": 10_000,
            "images_per_second": values.uniform(100, 5000),
            "seconds_left": values.uniform(0, 10_000),
        }
        row = {
            "id": run_id,
            "name": config["name"],
            "kind": "train",
            "task": "verification",
            "status": "running" if status == "crashed" else status,
            "attempt": int(status != "queued"),
            "config": json.dumps(config),
            "config_hash": f"{values.getrandbits(64):016x}",
            "data_hash": f"{values.getrandbits(64):016x}",
            "env": env,
            "workspace": str(workspace),
            "host": None if status == "queued" else socket.gethostname(),
            "process": None if status == "queued" else str(here) if index in live else gone,
            "progress": "{}" if status == "queued" else json.dumps(progress),
            "last_seq": 0,
            "last_step_at": now,
            "heartbeat": now,
            "created": _BEGAN + 60.0 * index,
            "queued": _BEGAN + 60.0 * index if status == "queued" else None,
            "started": started,
            "ended": ended,
            "error": "the loss is not a number at step 120; lower the learning rate"
            if status == "failed"
            else None,
            "parent": None,
            "note": "lower margin, other seed" if values.random() < 0.2 else None,
        }
        tags = [{"run_id": run_id, "tag": tag} for tag in values.sample(_TAGS, values.randrange(3))]
        yield row, tags, [] if status == "queued" else list(_summaries(run_id, values))


def _summaries(run_id: str, values: random.Random) -> Iterator[dict[str, Any]]:
    for name, (least, most, direction) in METRICS.items():
        value = values.uniform(least, most)
        yield {
            "run_id": run_id,
            "name": name,
            "direction": direction,
            "last": value * (0.9 if direction == "higher" else 1.1),
            "last_step": 10_000,
            "best": None if direction is None else value,
            "best_step": None if direction is None else values.randrange(10_000),
        }
