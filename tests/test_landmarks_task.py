"""The landmarks task in its parts: settings, data, batches, loss, evaluation, answers."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from landmark_faces import SIZE, landmark_config, write_faces
from PIL import Image

from kryptui import config as configuration
from kryptui.config import at_stage
from kryptui.data.crops import move_points
from kryptui.data.landmark_data import points_of
from kryptui.errors import InputError, RunError
from kryptui.figures import Curve, ImageSheet, Table
from kryptui.models.heatmaps import draw
from kryptui.tasks import registry
from kryptui.tasks.landmarks.criterion import HeatmapLoss
from kryptui.tasks.landmarks.dataset import for_evaluation, load_dataset
from kryptui.tasks.landmarks.evaluation import evaluate_points
from kryptui.tasks.landmarks.pictures import check_pictures, read_pictures

PEOPLE = {"ann": 6, "bob": 6, "eve": 6, "joe": 6}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faces(tmp_path_factory.mktemp("faces"), PEOPLE)


def training(source: Path, *overrides: str):
    config = landmark_config(source, *overrides)
    return config, registry.builder(config).for_training(config)


def inference(source: Path, *overrides: str):
    config = landmark_config(source, *overrides)
    return registry.builder(config).for_inference(config, None)


def oracle(points: np.ndarray, stride: int = 2, sigma: float = 1.5):
    """Stands for a network that draws these points, a batch at a time."""
    left = list(points)

    def infer(inputs: torch.Tensor) -> torch.Tensor:
        taken = torch.tensor(np.array([left.pop(0) for _ in range(len(inputs))]))
        size = (inputs.shape[2] // stride, inputs.shape[3] // stride)
        return draw(taken, size, stride, sigma)[:, None].expand(-1, 2, -1, -1, -1)

    return infer


# Settings


def test_settings_and_the_look_at_pictures_load_no_torch():
    modules = "kryptui.tasks.landmarks.spec, kryptui.tasks.landmarks.pictures"
    code = f"import {modules}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_size_that_the_hourglass_cannot_halve_is_refused(source):
    with pytest.raises(
        InputError, match=r"image_size must be a multiple of 8 = network.stride x 2\^network.depth"
    ):
        landmark_config(source, "task.image_size=36")


def test_the_task_brings_its_own_network(source):
    with pytest.raises(InputError, match="the task 'landmarks' brings a network of its own"):
        registry.builder(landmark_config(source, model={"backbone": "resnet18"}))


def test_the_preset_is_seed_3s_recipe():
    preset = configuration.load(configuration.preset_path("dls-align"), registry.settings_of)
    (stage,) = preset.stages
    assert (stage.epochs, stage.lr, stage.schedule.kind) == (30, 1e-3, "constant")
    task = preset.task
    assert (task.network.channels, task.sigma, task.batch, task.image_size) == (16, 2.0, 32, 128)


# Data


def test_validation_people_do_not_train(source):
    data = load_dataset(landmark_config(source).task)
    assert not set(data.train.table["identity"]) & set(data.validation.table["identity"])
    assert len(data.train) + len(data.validation) == 24
    assert data.notices[-1].text == "training on 18 faces of 3 people, validating on 6 of 1 others"


def test_a_split_of_the_source_is_kept_and_test_is_for_later(tmp_path):
    splits = {"ann": "train", "bob": "train", "eve": "val", "joe": "test"}
    path = write_faces(tmp_path, PEOPLE, splits)
    data = load_dataset(landmark_config(path).task)
    assert set(data.train.table["identity"]) == {"ann", "bob"}
    assert set(data.validation.table["identity"]) == {"eve"}
    assert set(for_evaluation(path).table["identity"]) == {"joe"}
    with pytest.raises(InputError, match="has a split 'validation' already; use auto"):
        load_dataset(landmark_config(path, "task.validation.identities=0.5").task)


def test_validation_may_be_a_source_of_its_own(source, tmp_path):
    other = write_faces(tmp_path, {"zoe": 4})
    data = load_dataset(landmark_config(source, f"task.validation={other}").task)
    assert (len(data.train), len(data.validation)) == (24, 4)
    copy = source.with_name("copy.csv")
    copy.write_text(source.read_text())
    with pytest.raises(InputError, match="is trained on too; take it out of one of them"):
        load_dataset(landmark_config(source, f"task.validation={copy}").task)


def test_a_person_in_both_splits_is_refused(tmp_path):
    path = write_faces(tmp_path, {"ann": 2, "bob": 2}, {"ann": "train", "bob": "val"})
    path.write_text(path.read_text().replace("bob-1.png,bob", "bob-1.png,ann"))
    with pytest.raises(InputError, match="person ann is in the splits 'train' and 'validation'"):
        load_dataset(landmark_config(path).task)


def test_a_source_without_a_split_train_is_refused(tmp_path):
    path = write_faces(tmp_path, {"ann": 2}, {"ann": "test"})
    with pytest.raises(InputError, match="has no pictures of the split 'train'"):
        load_dataset(landmark_config(path).task)


def test_the_hash_tells_the_points(source, tmp_path):
    path = write_faces(tmp_path / "same", PEOPLE)
    before = load_dataset(landmark_config(path).task).digest
    assert before == load_dataset(landmark_config(source).task).digest
    first = path.read_text().splitlines()[1]
    path.write_text(path.read_text().replace(first, first[:-1] + str((int(first[-1]) + 1) % 10)))
    assert load_dataset(landmark_config(path).task).digest != before


# Batches


def all_batches(stage, epoch=0, start=0):
    return [(batch.images, batch.targets["points"]) for batch in stage.batches(epoch, start)]


def test_batches_are_the_same_on_every_call_and_from_every_step(source):
    config, task = training(source)
    stage = task.stage(config, 0, CPU)
    whole = all_batches(stage)
    assert len(whole) == stage.steps_per_epoch == 3
    for one, other in zip(whole[1:], all_batches(stage, start=1), strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])
    assert not torch.equal(whole[0][1], all_batches(stage, epoch=1)[0][1])


def test_the_points_of_a_batch_lie_on_the_spots(source):
    config, task = training(source, "task.augment.rotate=30")
    for images, points in all_batches(task.stage(config, 0, CPU)):
        for image, (left, right, nose, *_) in zip(images.numpy(), points.round().int().tolist(), strict=True):
            for (x, y), channel in ((left, 0), (right, 0), (nose, 1)):
                if 0 <= x < 32 and 0 <= y < 32:
                    assert image[channel, y, x] > image[(channel + 1) % 3, y, x] + 60
            assert left[0] < right[0]


def test_colours_are_drawn_on_the_device(source):
    config, task = training(source, "task.augment.grey=1")
    stage = task.stage(config, 0, CPU)
    batch = next(iter(stage.batches(0, 0)))
    inputs = stage.inputs(batch)
    assert torch.allclose(inputs[:, 0], inputs[:, 2], atol=1e-6)
    assert -1 <= inputs.min() < inputs.max() <= 1


def test_a_stage_may_change_sigma_and_batch(source):
    stages = [{"name": "s", "epochs": 1, "lr": 1e-3, "set": {"task.sigma": 3.0, "task.batch": 4}}]
    config = landmark_config(source, stages=stages)
    task = registry.builder(config).for_training(config)
    stage = task.stage(at_stage(config, 0), 0, CPU)
    assert stage.steps_per_epoch == 5
    assert stage.criterion.sigma == 3


def test_a_broken_picture_is_left_out_and_told_once(tmp_path):
    path = write_faces(tmp_path, PEOPLE)
    for person in PEOPLE:
        (tmp_path / f"{person}-0.png").write_bytes(b"")
    config, task = training(path)
    task.take_notices()
    assert sum(len(images) for images, _ in all_batches(task.stage(config, 0, CPU))) == 15
    assert len(task.take_notices()) == 3
    all_batches(task.stage(config, 0, CPU))
    assert task.take_notices() == []


def test_the_outline_tells_what_the_stage_does(source):
    config, task = training(source)
    outline = registry.builder(config).outline(config)
    told, stage = outline.stage(config, 0), task.stage(config, 0, CPU)
    assert told.steps_per_epoch == stage.steps_per_epoch
    assert told.images_per_epoch == sum(len(images) for images, _ in all_batches(stage))
    network, shape = outline.network(config)
    assert shape == (3, 32, 32)
    own = {name: value.shape for name, value in task.model().state_dict().items()}
    assert {name: value.shape for name, value in network.state_dict().items()} == own
    assert all(value.device.type == "meta" for value in network.state_dict().values())


# Loss


def test_the_loss_of_the_true_heatmaps_is_0_and_of_empty_ones_1():
    points = torch.tensor([[[16.0, 15], [20, 12], [15, 16], [14, 18], [17, 19]]])
    loss = HeatmapLoss(stride=1, sigma=2.0)
    true = draw(points, (32, 32), 1, 2.0)[:, None].expand(-1, 3, -1, -1, -1)
    assert loss(true, {"points": points})["loss"] == 0
    empty = loss(torch.zeros_like(true), {"points": points})
    assert empty["loss"].item() == pytest.approx(1, abs=1e-3)
    both = loss(torch.cat([torch.zeros_like(true[:, :1]), true[:, :1]], dim=1), {"points": points})
    assert both["loss"].item() == pytest.approx(0.5, abs=1e-3)
    assert both["loss_last"] == 0


def test_a_point_outside_teaches_nothing():
    points = torch.tensor([[[-3.0, 5], [16, 40], [16, 16], [16, 16], [16, 16]]])
    outputs = torch.rand(1, 1, 5, 16, 16, requires_grad=True)
    HeatmapLoss(stride=2, sigma=1.0)(outputs, {"points": points})["loss"].backward()
    assert outputs.grad is not None
    assert outputs.grad[0, 0].flatten(1).any(dim=1).tolist() == [False, False, True, True, True]


# Evaluation


def test_a_perfect_network_has_no_error_and_draws_its_samples(source):
    _, task = training(source)
    faces = task._dataset.validation
    for _ in task._measured.batches([np.arange(len(faces))]):
        pass
    in_crops = move_points(points_of(faces), task._measured.matrices)
    found = task.evaluate(oracle(in_crops), CPU)
    assert found.scalars["nme"] < 0.005
    assert found.scalars["failure_rate"] == 0
    assert found.scalars["faces"] == 6
    assert {f"nme_{point}" for point in ("left_eye", "nose", "right_mouth")} <= found.scalars.keys()
    np.testing.assert_allclose(found.scores["found"], points_of(faces), atol=0.1)
    curve, table, sheet, worst = found.figures
    assert isinstance(curve, Curve)
    assert isinstance(table, Table)
    assert len(table.rows) == 6
    assert isinstance(sheet, ImageSheet)
    assert isinstance(worst, ImageSheet)
    assert Image.open(sheet.paths[0]).size == (256, 256)
    assert all(float(caption) < 0.01 for caption in sheet.captions)


def test_evaluations_see_the_same_squares_every_time(source):
    seen = []

    def infer(inputs):
        seen.append(inputs.clone())
        return torch.zeros(len(inputs), 2, 5, 16, 16)

    for seed in (0, 1):
        training(source, f"seed={seed}")[1].evaluate(infer, CPU)
    assert torch.equal(seen[0], seen[1])


def test_points_that_are_no_numbers_make_the_headline_none():
    true = np.tile(np.arange(10.0).reshape(5, 2), (3, 1, 1))
    found = true.copy()
    found[1] = np.nan
    scalars = evaluate_points(found, true).scalars
    assert np.isnan(scalars["nme"])
    assert scalars["failure_rate"] == pytest.approx(1 / 3)


def test_samples_that_cannot_be_written_are_a_warning(source, tmp_path):
    (tmp_path / "file").write_text("")
    _, task = training(source, f"task.samples.folder={tmp_path / 'file'}")
    task.take_notices()
    found = task.evaluate(lambda inputs: torch.zeros(len(inputs), 2, 5, 16, 16), CPU)
    assert [type(figure) for figure in found.figures] == [Curve, Table]
    assert [notice.text.partition(":")[0] for notice in task.take_notices()] == ["no samples are drawn"]


def test_an_evaluation_of_broken_pictures_or_of_no_numbers_is_refused(tmp_path):
    path = write_faces(tmp_path, {"ann": 3, "bob": 3})
    task = inference(path)
    with pytest.raises(RunError, match="points are no numbers"):
        task.evaluate(lambda inputs: torch.full((len(inputs), 2, 5, 16, 16), torch.nan), CPU, path)
    (tmp_path / "ann-0.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"ann-0\.png: zero bytes; mend the pictures"):
        task.evaluate(lambda inputs: torch.zeros(len(inputs), 2, 5, 16, 16), CPU, path)


# Answers


def empty_heatmaps(inputs):
    return torch.zeros(len(inputs), 2, 5, 16, 16)


def test_an_answer_has_a_row_a_picture_in_order(source):
    count = len(read_pictures(source.parent).paths)
    middle = np.full((count, 5, 2), 15.5)
    answer = inference(source).predict(oracle(middle), CPU, source.parent, {})
    names = [row[0] for row in answer.rows]
    assert names == sorted(names)
    assert len(names) == count >= 24
    assert answer.columns[:3] == ["path", "left_eye_x", "left_eye_y"]
    assert answer.rows[0][1:3] == [pytest.approx(SIZE / 2 - 0.5, abs=0.02)] * 2
    assert answer.notes["notices"] == ["no boxes are given: each face is taken to fill its picture"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    write_faces(tmp_path, {"ann": 2})
    return tmp_path


def write_table(folder: Path, *rows: str) -> Path:
    path = folder / "wanted.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_csv_may_say_where_the_faces_are(pictures):
    wanted = write_table(pictures, "path,x,y,width,height", "ann-1.png,10,12,8,8")
    answer = inference(wanted).predict(oracle(np.full((1, 5, 2), 15.5)), CPU, wanted, {})
    assert answer.rows == [["ann-1.png", *[13.5, 15.5] * 5]]
    assert answer.notes["notices"] == []


def test_a_csv_of_landmarks_says_where_the_faces_are(pictures):
    boxes = read_pictures(pictures / "landmarks.csv").boxes
    assert boxes.shape == (2, 4)
    assert np.isfinite(boxes).all()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["path", "gone.png"], "line 2: path is 'gone.png'; it must be a picture that can be found from"),
        (
            ["path", "ann-0.png", "ann-0.png"],
            "line 3: path is 'ann-0.png'; it must be a picture that does not stand",
        ),
        (["file", "ann-0.png"], "has no column 'path'"),
        (["path,x,y,width,height", "ann-0.png,1,1,0,5"], "width is '0'; it must be above 0"),
        (["path,x,y,width,height", "ann-0.png,1,a,0,5"], "y is 'a'; it must be a number of pixels"),
        (["path,x,y,width", "ann-0.png,1,1,5"], "has no column 'height'"),
    ],
)
def test_a_wrong_csv_is_refused_with_its_place(pictures, rows, says):
    with pytest.raises(InputError, match=says):
        check_pictures(write_table(pictures, *rows), {})


def test_broken_pictures_are_refused_or_left_out_as_wished(pictures):
    (pictures / "ann-0.png").write_bytes(b"")
    task = inference(pictures / "landmarks.csv")
    with pytest.raises(InputError, match=r"ann-0\.png: zero bytes"):
        task.predict(empty_heatmaps, CPU, pictures, {})
    answer = task.predict(empty_heatmaps, CPU, pictures, {"skip_broken": True})
    assert [row[0] for row in answer.rows] == ["ann-1.png"]
    assert len(answer.notes["problems"]) == 1
    states = [check.state for check in check_pictures(pictures, {})]
    assert states == ["ok", "problem", "note"]
    assert [check.state for check in check_pictures(pictures, {"skip_broken": True})] == ["ok", "note", "note"]


def test_options_of_other_tasks_are_refused(pictures):
    with pytest.raises(InputError, match="fill_missing: is no option of landmarks"):
        inference(pictures / "landmarks.csv").predict(empty_heatmaps, CPU, pictures, {"fill_missing": 1.0})


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no pictures"):
        read_pictures(tmp_path)


def test_answers_can_be_read_back(source, pictures):
    answer = inference(source).predict(empty_heatmaps, CPU, pictures, {})
    path = pictures / "answers.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([answer.columns, *answer.rows])
    assert len(read_pictures(path).paths) == 2
