"""Faces that a run aligns: by stored points while training, found in new pictures, or aligned before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from trees import write_contest_tree

from kryptui import config as configuration
from kryptui.data.align import aligned
from kryptui.data.decode import decode, fit
from kryptui.data.layouts import read_dataset
from kryptui.data.manifest import LANDMARK_COLUMNS
from kryptui.errors import InputError
from kryptui.faces.points import COLUMNS, csv_text
from kryptui.preprocess import Preprocessing, template_points
from kryptui.tasks import registry
from kryptui.tasks.verification import aligning
from kryptui.tasks.verification.dataset import load_dataset
from kryptui.tasks.verification.task import BUILDER

CPU = torch.device("cpu")
SIZE = (32, 32)


def points_for(number: int) -> np.ndarray:
    """Points of a face in a picture of 24 x 24, another place for each number."""
    return np.array(template_points("arcface", (20, 20))) + np.array([number % 3, number % 2])


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    return write_contest_tree(root, {f"{number:04d}": "rrrf" for number in range(1, 13)})


@pytest.fixture
def manifest(tree, tmp_path) -> Path:
    """The tree as a manifest with points; the first picture has no face."""
    read = read_dataset(tree)
    points = np.stack([points_for(number) for number in range(len(read))]).reshape(len(read), 10)
    points[0] = np.nan
    table = read.table.assign(**dict(zip(LANDMARK_COLUMNS, points.T, strict=True)))
    replace(read, table=table).write_csv(tmp_path / "manifest.csv")
    return tmp_path / "manifest.csv"


def config(train: Path, align: object, **task):
    plain = {
        "name": "test",
        "threads": 1,
        "model": {"backbone": "test_resnet", "image_size": SIZE[0]},
        "stages": [{"name": "s", "epochs": 1, "lr": 1e-3}],
        "task": {
            "kind": "verification",
            "train": str(train),
            "batch": {"identities": 4, "real": 2, "fake": 1},
            "embedding": {"size": 8},
            "losses": [{"kind": "triplet"}],
            "align": align,
            **task,
        },
    }
    return configuration.check(plain, "test.yaml", registry.settings_of)


def mean_colours(inputs: torch.Tensor) -> torch.Tensor:
    """Stands for a model."""
    return inputs.mean(dim=(2, 3))


def batches_of(settings):
    task = BUILDER.for_training(settings)
    return [batch.images for batch in task.stage(settings, 0, CPU).batches(0, 0)]


def test_training_images_are_aligned_by_the_points_of_the_manifest(manifest):
    settings = config(manifest, {"template": "arcface"})
    task = BUILDER.for_training(settings)
    assert task.rebuild["preprocessing"]["template"] == "arcface"
    located = task._dataset.located
    paths = task._dataset.train.absolute_paths()
    (images, loaded), *_ = task._loader.batches([np.arange(len(paths))])
    assert len(loaded) == len(paths)
    for path, image in zip(paths, images, strict=True):
        picture, points = decode(path), located[path]
        wanted = fit(picture, SIZE, task._contract.crop, task._contract.interpolation)
        if points is not None:
            wanted = aligned(picture, points, "arcface", SIZE)
        assert np.array_equal(image.permute(1, 2, 0).numpy(), wanted)


def test_a_csv_of_landmarks_gives_the_same_batches(tree, manifest, tmp_path):
    read = read_dataset(manifest)
    rows = [
        [str(path), *("" if np.isnan(value) else value for value in values), *[""] * (len(COLUMNS) - 11)]
        for path, values in zip(
            read.absolute_paths(), read.table[list(LANDMARK_COLUMNS)].to_numpy(dtype=float), strict=True
        )
    ]
    (tmp_path / "landmarks.csv").write_text(csv_text(COLUMNS, rows))
    by_csv = batches_of(config(tree, {"landmarks": str(tmp_path / "landmarks.csv")}))
    by_manifest = batches_of(config(manifest, {"template": "arcface"}))
    for one, other in zip(by_csv, by_manifest, strict=True):
        assert torch.equal(one, other)


def test_a_picture_without_a_face_is_taken_as_it_is_or_left_out(manifest):
    kept = load_dataset(config(manifest, {"missing": "as-is"}, validation={"split_seed": 3}).task)
    left = load_dataset(config(manifest, {"missing": "leave-out"}, validation={"split_seed": 3}).task)
    lacking = [path for path, points in kept.located.items() if points is None]
    assert len(lacking) == 1
    in_training = lacking[0] in kept.train.absolute_paths()
    assert len(kept.train) - len(left.train) == in_training
    assert any("no face was found in" in notice.text for notice in left.notices)


def test_the_data_are_others_with_other_points(manifest, tmp_path):
    settings = config(manifest, {"template": "arcface"}).task
    before = load_dataset(settings).digest
    read = read_dataset(manifest)
    moved = read.table.assign(nose_x=read.table["nose_x"] + 1)
    replace(read, table=moved).write_csv(manifest)
    assert load_dataset(settings).digest != before


def test_data_without_points_are_refused(tree):
    with pytest.raises(InputError, match=r"has no columns of landmarks; find them by kryptui data landmarks"):
        load_dataset(config(tree, {"template": "arcface"}).task)


def test_an_image_that_is_not_on_record_is_named(tree, tmp_path):
    elsewhere = [str(tmp_path / "other.jpg"), *[""] * (len(COLUMNS) - 1)]
    (tmp_path / "landmarks.csv").write_text(csv_text(COLUMNS, [elsewhere]))
    with pytest.raises(InputError, match=r"has no landmarks for \d+ images \(first: .*\.jpg\)"):
        load_dataset(config(tree, {"landmarks": str(tmp_path / "landmarks.csv")}).task)


def test_what_is_said_to_be_aligned_must_be(tree):
    with pytest.raises(InputError, match=r"its faces are not aligned \(no align\.json"):
        load_dataset(config(tree, "done").task)
    (tree / "align.json").write_text(json.dumps({}))
    try:
        settings = config(tree, "done")
        task = BUILDER.for_training(settings)
    finally:
        (tree / "align.json").unlink()
    assert task.rebuild["preprocessing"]["template"] == "arcface"
    assert task._loader.locate is None


def test_a_backbone_that_takes_aligned_faces_asks_for_them(tree):
    own = Preprocessing((112, 96), (0.5,) * 3, (0.5,) * 3, template="arcface")
    with pytest.raises(InputError, match=r"task\.align: net takes faces that lie on the arcface template"):
        aligning.contract_with(own, config(tree, None).task, "net")
    assert aligning.contract_with(own, config(tree, "done").task, "net") == own


def test_the_face_is_found_in_a_new_picture_and_not_in_one_on_record(manifest, monkeypatch):
    asked = []

    class OneFinder:
        @classmethod
        def of(cls, detector, which):
            asked.append((detector, which))
            return cls()

        def points(self, picture):
            return points_for(5)

    monkeypatch.setattr(aligning, "Finder", OneFinder)
    settings = config(manifest, {"which": "largest", "detector": "yunet.onnx"})
    rebuild = BUILDER.for_training(settings).rebuild
    task = BUILDER.for_inference(settings, rebuild)
    path = read_dataset(manifest).absolute_paths()[1]
    locate = task._locate([path])
    assert np.array_equal(locate(path, decode(path)), points_for(5))
    assert asked == [("yunet.onnx", "largest")]


def test_a_run_that_does_not_align_looks_for_no_face(manifest):
    settings = config(manifest, None)
    task = BUILDER.for_training(settings)
    assert task.rebuild["preprocessing"]["template"] is None
    assert BUILDER.for_inference(settings, task.rebuild)._locate([manifest]) is None
