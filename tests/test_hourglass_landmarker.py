"""The hourglass as a landmarker: points of the picture, wherever the face is in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from landmark_faces import landmark_config, write_faces

from kryptui.faces.face import Landmarker
from kryptui.faces.hourglass import HourglassLandmarker
from kryptui.models.heatmaps import draw
from kryptui.models.hourglass import StackedHourglass
from kryptui.preprocess import Preprocessing
from kryptui.tasks import registry

CONTRACT = Preprocessing((64, 64), (0.5,) * 3, (0.5,) * 3)
CPU = torch.device("cpu")


def brightest(inputs: torch.Tensor) -> torch.Tensor:
    """Stands for a network that finds the brightest pixel in each channel, and in all together."""
    best = inputs.mean(dim=1, keepdim=True)
    channels = torch.cat([inputs, best, best], dim=1).flatten(2).argmax(dim=2)
    points = torch.stack([channels % 64, channels // 64], dim=2).float()
    return draw(points, (16, 16), 4, 1.5)[:, None]


def landmarker(infer=brightest, margin: float = 1.0) -> HourglassLandmarker:
    return HourglassLandmarker(infer, CONTRACT, 4, margin, CPU, "a test")


@pytest.mark.parametrize(
    ("box", "margin"), [((40, 20, 64, 64), 1.0), ((50, 30, 32, 32), 2.0), ((20, 0, 128, 100), 1.2)]
)
def test_points_are_those_of_the_picture(box, margin):
    rows, columns = np.mgrid[:150, :200]
    picture = np.zeros((150, 200, 3), np.uint8)
    spots = [(60, 45), (80, 40), (70, 60)]
    for channel, (x, y) in enumerate(spots):
        picture[..., channel] = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 30)
    found = landmarker(margin=margin).place(picture, box)
    assert found.shape == (5, 2)
    scale = margin * np.sqrt(box[2] * box[3]) / 64
    np.testing.assert_allclose(found[:3], spots, atol=0.75 * scale + 0.25)


def test_a_box_over_the_border_is_taken():
    found = landmarker().place(np.full((40, 40, 3), 99, np.uint8), (-20, -20, 50, 50))
    assert np.isfinite(found).all()


def test_a_box_without_area_and_points_that_are_no_numbers_are_refused():
    picture = np.zeros((40, 40, 3), np.uint8)
    with pytest.raises(ValueError, match="has no area"):
        landmarker().place(picture, (5, 5, 0, 10))
    nothing = landmarker(lambda inputs: torch.full((1, 1, 5, 16, 16), torch.nan))
    with pytest.raises(RuntimeError, match="a test gave points that are no numbers"):
        nothing.place(picture, (5, 5, 10, 10))


def test_a_network_may_stand_there_itself():
    network = StackedHourglass(5, 1, 8, 2, 4).eval()
    found = landmarker(network).place(np.zeros((40, 40, 3), np.uint8), (5, 5, 20, 20))
    assert found.shape == (5, 2)
    assert all(not parameter.grad_fn for parameter in network.parameters())


def test_a_trained_task_makes_one(tmp_path):
    config = landmark_config(write_faces(tmp_path, {"ann": 1}))
    task = registry.builder(config).for_inference(config, None)
    made: Landmarker = task.landmarker(task.model().eval(), CPU, "points step 3")
    assert made.name == "points step 3"
    assert made.place(np.zeros((48, 48, 3), np.uint8), (8, 8, 30, 30)).shape == (5, 2)
