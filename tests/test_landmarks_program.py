"""The landmarks task through the real command line and on every screen: no part of the house knows it."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from landmark_faces import landmark_config, write_faces
from screens import make_app, play, until, until_shown
from textual.pilot import Pilot
from toys import environment, kryptui, toy_config
from trees import SHARED

from kryptui.config import to_yaml
from kryptui.errors import InputError
from kryptui.figures import Curve, ImageSheet, Table
from kryptui.jobs.landmarker import open_landmarker
from kryptui.runs.store import Store
from kryptui.tui.app import KryptuiApp
from kryptui.tui.pages import Goal
from kryptui.tui.widgets.drawn_view import DrawnView

SIZE = (160, 45)
YUNET = SHARED.parent / "weights/yunet_2026may.onnx"
SPLITS = {"ann": "train", "bob": "train", "cat": "train", "eve": "val", "joe": "test"}


def prepare(root: Path, *overrides: str) -> None:
    source = write_faces(root / "data/landmarks", dict.fromkeys(SPLITS, 8), SPLITS)
    config = landmark_config(source, f"task.samples.folder={root / 'samples'}", *overrides)
    (root / "cfg.yaml").write_text(to_yaml(config))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a finished run, long enough to learn the spots, and a short one to compare it with."""
    root = tmp_path_factory.mktemp("landmarks")
    prepare(
        root,
        "stages.0.epochs=40",
        "stages.0.lr=0.02",
        "evaluate.every=10 epochs",
        "task.augment={flip: 0.0, rotate: 0.0, scale: 0.0, grey: 0.0, saturation: 0.0}",
    )
    done = kryptui("run", "--headless", "cfg.yaml", cwd=root)
    assert done.returncode == 0, done.stderr
    again = kryptui("run", "--headless", "cfg.yaml", "-o", "name=short", "-o", "stages.0.epochs=5", cwd=root)
    assert again.returncode == 0, again.stderr
    return root


def test_it_learns_and_the_record_tells_it(workspace: Path) -> None:
    run = json.loads(kryptui("runs", "show", "points", "--json", cwd=workspace).stdout)
    assert (run["task"], run["status"]) == ("landmarks", "finished")
    shown = kryptui("runs", "show", "points", cwd=workspace)
    assert shown.returncode == 0, shown.stderr
    for word in ("nme", "failure_rate", "nme_left_eye", "cumulative error", "errors by point"):
        assert word in shown.stdout
    with Store.open(workspace / "runs.db", create=False) as store:
        errors = [point.value for point in store.metrics(run["id"], ["nme"])]
        last = store.evaluations(run["id"])[-1]
    assert errors[-1] < 0.1 < errors[0]
    assert [type(figure) for figure in last.figures] == [Curve, Table, ImageSheet, ImageSheet]
    sheet = last.figures[2]
    assert isinstance(sheet, ImageSheet)
    assert all(Path(path).is_file() for path in sheet.paths)


def test_it_evaluates_the_split_test(workspace: Path) -> None:
    done = kryptui("eval", "points", "--data", "data/landmarks/landmarks.csv", "--json", cwd=workspace)
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)["metrics"]
    assert metrics["faces"] == 8
    assert metrics["nme"] < 0.1


def test_it_answers_a_csv_with_boxes_and_a_folder(workspace: Path) -> None:
    with (workspace / "data/landmarks/landmarks.csv").open(newline="") as file:
        known = [row for row in csv.DictReader(file) if row["split"] == "test"]
    wanted = workspace / "data/landmarks/wanted.csv"
    columns = [name for name in known[0] if name not in ("identity", "split")]
    with wanted.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(known)
    done = kryptui("submit", "points", "--test", wanted, "-o", "answers.csv", cwd=workspace)
    assert done.returncode == 0, done.stderr
    with (workspace / "answers.csv").open(newline="") as file:
        answers = list(csv.DictReader(file))
    assert [row["path"] for row in answers] == [row["path"] for row in known]
    off = [
        abs(float(a[name]) - float(b[name])) for a, b in zip(answers, known, strict=True) for name in columns[1:]
    ]
    assert sum(off) / len(off) < 1.5
    assert json.loads((workspace / "answers.csv.json").read_text())["rows"] == 8
    folder = kryptui("submit", "points", "--test", "data/landmarks", "-o", "all.csv", cwd=workspace)
    assert folder.returncode == 0, folder.stderr
    assert "each face is taken to fill its picture" in folder.stderr
    assert len((workspace / "all.csv").read_text().splitlines()) == 41


def test_it_places_the_points_of_faces_that_the_detector_finds(workspace: Path, tmp_path: Path) -> None:
    if not YUNET.is_file():
        pytest.skip("the detector's weights are not here")
    pictures = sorted((SHARED / "faces/test_public").glob("*/0.jpg"))[:3]
    for number, path in enumerate(pictures):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / f"pictures/{number}.jpg")
    found = []
    for name, options in (("own", []), ("hourglass", ["--landmarker", "points"])):
        output = tmp_path / f"{name}.csv"
        done = kryptui(
            *("data", "landmarks", str(tmp_path / "pictures"), "-o", str(output), "--detector", str(YUNET)),
            *options,
            cwd=workspace,
        )
        assert done.returncode == 0, done.stderr
        found.append(list(csv.DictReader(output.open(newline=""))))
    assert [row["box_x"] for row in found[0]] == [row["box_x"] for row in found[1]]
    assert all(one["nose_x"] != other["nose_x"] for one, other in zip(*found, strict=True))


def test_a_run_that_places_no_points_is_no_landmarker(tmp_path: Path) -> None:
    model = SimpleNamespace(task=object(), config=toy_config(), source=tmp_path)
    with pytest.raises(InputError, match="the task toy places no points of faces; give a run of landmarks"):
        open_landmarker(model)  # type: ignore[arg-type]


def test_a_source_that_is_not_right_is_one_line(workspace: Path) -> None:
    (workspace / "bad.csv").write_text("path\nnowhere.png\n")
    done = kryptui("submit", "points", "--test", "bad.csv", "-o", "bad-answers.csv", cwd=workspace)
    assert done.returncode == 2
    assert "line 2: path is 'nowhere.png'" in done.stderr.splitlines()[-1]
    assert not (workspace / "bad-answers.csv").exists()


def weights_of(root: Path) -> bytes:
    (run,) = (root / "checkpoints").iterdir()
    return (run / "last" / "weights.safetensors").read_bytes()


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    for root in (whole, halved):
        prepare(root, "stages.0.epochs=40", "evaluate.every=10 epochs", "checkpoint.every=10 min")
    assert kryptui("run", "--headless", "cfg.yaml", cwd=whole).returncode == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "kryptui", "run", "--headless", "cfg.yaml", "--json"],
        cwd=halved,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("step", 0) >= 20:
            break
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read().splitlines()
    assert process.wait(60) == 130
    assert json.loads(rest[-1])["status"] == "stopped"
    resumed = kryptui("run", "--headless", "--resume", "points", cwd=halved)
    assert resumed.returncode == 0, resumed.stderr
    assert weights_of(halved) == weights_of(whole)
    curves = []
    for root in (whole, halved):
        with Store.open(root / "runs.db", create=False) as store:
            run = store.list_runs(sort="created")[0].id
            curves.append([(point.step, point.name, point.value) for point in store.metrics(run, ["loss", "nme"])])
    assert curves[0] == curves[1]


# Screens


def runs(root: Path) -> dict[str, str]:
    """The trained runs by name."""
    with Store.open(root / "runs.db", create=False) as store:
        return {run.name: run.id for run in store.list_runs("kind:train")}


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("runs", ("points", "nme", "failure_rate", "40/40")),
        ("live", ("points", "★ nme", "failure_rate", "left_eye")),
        ("submit", ("points",)),
    ],
)
def test_a_page_shows_the_run(workspace: Path, page: str, words: tuple[str, ...]) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, *words)

    play(make_app(workspace, Goal(page, runs(workspace)["points"])), test, SIZE)


def test_compare_shows_curve_figures_and_the_faces_drawn_on(workspace: Path) -> None:
    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        views = app.screen.query(DrawnView)
        await until_shown(pilot, "nme · lower is better", "cumulative error")
        await until(pilot, lambda: all(view.is_current for view in views if view.region.width))
        told = {name: app.screen.query_one(f"#{name}", DrawnView)._drawn for name in ("figures", "pictures")}
        text = {name: "\n".join(strip.text for strip in drawn.strips) for name, drawn in told.items() if drawn}
        assert "errors by point" in text["figures"]
        assert "no pictures" not in text["pictures"]
        assert "▀" in text["pictures"]

    app = make_app(workspace, Goal("compare"))
    for run_id in runs(workspace).values():
        app.marks.toggle(run_id)
    play(app, test, SIZE)


def test_configure_shows_the_preset_and_what_it_costs(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)

    async def test(app: KryptuiApp, pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "dls-align", "channels", "30 steps, 720 images", seconds=60)

    app = make_app(workspace, Goal("configure"))
    app.configure_from = "dls-align"
    play(app, test, SIZE)
