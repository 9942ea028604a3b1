"""Published face weights, never trained here, on the frozen validation pairs of a dataset: as cropped and aligned.

python -m benchmarks.face_weights TREE WEIGHTS
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from kryptui import config as configuration
from kryptui.data.prepare import PAIRS_FILE, prepare
from kryptui.engine.restore import from_config
from kryptui.faces.finding import Finder
from kryptui.faces.landmarks import find_landmarks
from kryptui.machine import cores
from kryptui.tasks import registry

SHOWN = ("eer", "eer_real", "eer_fake", "tpr_at_fpr_1e-2")
MODELS = {
    "edgeface_xs": ("edgeface_xs.pt", "edgenext_x_small", []),
    "edgeface_xxs": ("edgeface_xxs.pt", "edgenext_xx_small", []),
    "mobilefacenet": (
        "mobilefacenet_casia.ckpt",
        "mobilefacenet",
        ["model.image_size=null", "task.embedding.size=128"],
    ),
}


def measure(prepared: Path, landmarks: Path, weights: Path, name: str, aligns: bool) -> dict[str, float]:
    """The numbers of one model on the frozen pairs."""
    file, backbone, more = MODELS[name]
    overrides = [f"model.backbone={backbone}", f"model.weights={weights / file}", f"task.train={prepared}", *more]
    preset = "faces-aligned" if aligns else "faces-cpu"
    if aligns:
        overrides.append(f"task.align.landmarks={landmarks}")
    if backbone == "mobilefacenet":
        template = "" if aligns else "template: none"
        overrides.append(f"model.preprocessing={{{template}}}" if template else "model.preprocessing=auto")
    config = configuration.load(configuration.preset_path(preset), registry.settings_of, overrides)
    restored = from_config(config, weights / file, "cpu")
    found = restored.task.evaluate(restored.infer, restored.device.device, prepared / PAIRS_FILE)
    return {key: found.scalars[key] for key in SHOWN}


def main() -> None:
    """A table: each model as the pictures are, and aligned by YuNet's points."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path, help="a contest tree of real faces")
    parser.add_argument("weights", type=Path, help="a folder with the files of weights and yunet_2026may.onnx")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        prepared, landmarks = Path(name) / "prepared", Path(name) / "landmarks.csv"
        summary = prepare(asked.tree, prepared, pairs=2000)
        tally = find_landmarks(
            asked.tree, landmarks, Finder.of(asked.weights / "yunet_2026may.onnx", "central"), threads=cores()
        )
        print(f"{summary.pairs}; a face in {tally.faces} of {tally.images} pictures")
        print(f"{'':<24}" + "".join(f"{key:>17}" for key in SHOWN))
        for model in MODELS:
            for aligns in (False, True):
                values = measure(prepared, landmarks, asked.weights, model, aligns)
                label = f"{model}{', aligned' if aligns else ''}"
                print(f"{label:<24}" + "".join(f"{value:>17.4f}" for value in values.values()), flush=True)


if __name__ == "__main__":
    main()
