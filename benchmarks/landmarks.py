"""Points of faces by a trained hourglass, against YuNet's own and against the mean face: NME and failure rate.

    python -m benchmarks.landmarks --data DIR --yunet ONNX [--checkpoint DIR] [-o key=value]

`--data` is a source of faces with points (a folder, a csv) whose split test is measured; `--checkpoint` a trained
landmarks model, without which the preset dls-align is trained on the split train first, on one thread. The
hourglass and the mean face see the same squares, which lie around each face as a detector's box would, off by the
configuration's jitter. YuNet sees whole pictures; of several faces the one nearest to the middle counts. It is
measured where it finds one. The last line is both in a row: the hourglass in the boxes that YuNet found.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kryptui.data.crops import boxes_around, crop_matrix, move_back, move_points
from kryptui.data.decode import decode
from kryptui.data.landmark_data import TRAIN, points_of, read_landmarks
from kryptui.data.manifest import Manifest
from kryptui.engine.restore import Restored, from_checkpoint
from kryptui.faces.face import Face
from kryptui.faces.yunet import YuNet
from kryptui.metrics import landmarks as metrics
from kryptui.tasks.landmarks.dataset import for_evaluation
from kryptui.tasks.landmarks.faces import measuring_shake
from kryptui.tasks.landmarks.settings import LandmarkSettings

Points = NDArray[np.float64]


def train(data: Path, folder: Path, overrides: Sequence[str]) -> Path:
    """The best checkpoint of the preset, trained through the command line."""
    words = [f"task.train={data.absolute()}", "threads=1", *overrides]
    options = [part for word in words for part in ("-o", word)]
    command = [sys.executable, "-m", "kryptui", "run", "--headless", "dls-align", *options]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (run,) = (folder / "checkpoints").iterdir()
    return run / "best"


def squares(faces: Manifest, settings: LandmarkSettings) -> NDArray[np.float64]:
    """The matrices (N, 2, 3) to the squares in which an evaluation sees these faces."""
    boxes, shake = boxes_around(points_of(faces)), measuring_shake(settings, len(faces))
    side, margin = settings.image_size, settings.crop.margin
    return np.array([crop_matrix(box, (0, 0), side, margin, shake, row) for row, box in enumerate(boxes)])


def mean_face(trained: Manifest, tested: Manifest, settings: LandmarkSettings) -> Points:
    """The mean of the training faces' points in their squares, put into the squares of the others."""
    mean = move_points(points_of(trained), squares(trained, settings)).mean(axis=0)
    return move_back(np.repeat(mean[None], len(tested), axis=0), squares(tested, settings))


def central(faces: list[Face], width: int, height: int) -> Face | None:
    """The face nearest to the middle of its picture."""
    middle = np.array([width, height]) / 2
    return min(faces, key=lambda face: float(np.linalg.norm(face.centre - middle)), default=None)


def detected(tested: Manifest, yunet: YuNet, restored: Restored) -> tuple[Points, Points]:
    """Points (N, 5, 2) by YuNet, and by the hourglass in its boxes; no numbers where it finds no face."""
    task: Any = restored.task
    landmarker = task.landmarker(restored.infer, restored.device.device, "hourglass")
    own = np.full((len(tested), 5, 2), np.nan)
    placed = own.copy()
    for row, path in enumerate(tested.absolute_paths()):
        pixels = np.asarray(decode(path))
        face = central(yunet.find(pixels), pixels.shape[1], pixels.shape[0])
        if face is not None:
            own[row], placed[row] = face.points, landmarker.place(pixels, face.box)
    return own, placed


def line(name: str, found: Points, true: Points) -> str:
    there = np.isfinite(found).all(axis=(1, 2))
    errors = metrics.face_errors(found[there], true[there])
    return (
        f"{name:30}{metrics.nme(errors):8.4f}{np.median(errors):8.4f}{metrics.failure_rate(errors):9.4f}"
        f"{metrics.curve_area(errors):8.4f}{len(errors):8}{int((~there).sum()):8}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each way of finding points; 1 where the hourglass is not the best, 0 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--yunet", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("-o", dest="overrides", action="append", default=[])
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = options.checkpoint or train(options.data, Path(folder), options.overrides)
        restored = from_checkpoint(checkpoint.resolve(), "cpu")
        task: Any = restored.task
        settings: LandmarkSettings = restored.config.task
        if settings.crop.around != "face":
            parser.error("the mean face needs a model that sees the squares around faces")
        tested = for_evaluation(options.data)
        true = points_of(tested)
        measured = task.evaluate(restored.infer, restored.device.device, options.data)
        trained = read_landmarks(options.data).split(TRAIN)
        by_yunet, in_boxes = detected(tested, YuNet(options.yunet), restored)
        mean = mean_face(trained, tested, settings)
    ours = measured.scalars["nme"]
    found = measured.scores["found"].astype(np.float64)
    print(f"{'':30}{'nme':>8}{'median':>8}{'failures':>9}{'auc':>8}{'faces':>8}{'missed':>8}")
    for name, points in {
        "hourglass": found,
        "YuNet": by_yunet,
        "mean face": mean,
        "hourglass in YuNet's boxes": in_boxes,
    }.items():
        print(line(name, points, true))
    there = np.isfinite(by_yunet).all(axis=(1, 2))
    others = [metrics.nme(metrics.face_errors(points[there], true[there])) for points in (by_yunet, mean)]
    return int(ours >= min(others))


if __name__ == "__main__":
    sys.exit(main())
