"""Batches from threads: the same as one by one, in order, less what is broken."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from trees import write_image

from kryptui.data import loading
from kryptui.data.align import aligned
from kryptui.data.decode import MAX_PIXELS, NOT_AN_IMAGE, OVER_LIMIT, UNREADABLE, BrokenImage, decode, fit
from kryptui.data.loading import ImageLoader
from kryptui.preprocess import Preprocessing, template_points

GEOMETRY = Preprocessing((20, 16), (0, 0, 0), (1, 1, 1), crop=0.9, interpolation="bilinear")
PLAN = [np.array([3, 0, 7]), np.array([5]), np.array([1, 2, 9, 8]), np.array([3, 6])]


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    return [write_image(tmp_path / f"{number}.png", number, (20 + number, 30)) for number in range(10)]


def loader(paths, threads=3, max_pixels=MAX_PIXELS) -> ImageLoader:
    return ImageLoader(paths, GEOMETRY, threads, max_pixels)


def pixels(path: Path) -> torch.Tensor:
    picture = fit(decode(path), GEOMETRY.size, GEOMETRY.crop, GEOMETRY.interpolation)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


@pytest.mark.parametrize("threads", [1, 4])
def test_batches_hold_what_each_image_gives_alone_in_the_order_of_the_plan(paths, threads):
    batches = list(loader(paths, threads).batches(PLAN))
    assert [rows.tolist() for _, rows in batches] == [rows.tolist() for rows in PLAN]
    for images, rows in batches:
        assert torch.equal(images, torch.stack([pixels(paths[row]) for row in rows]))


def test_images_are_bytes_with_channels_last_in_memory(paths):
    images, _ = next(loader(paths).batches(PLAN))
    assert images.dtype == torch.uint8
    assert images.shape == (3, 3, 20, 16)
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_an_empty_plan_gives_no_batches(paths):
    assert list(loader(paths).batches([])) == []


def test_a_broken_image_is_left_out_of_its_batch(paths):
    paths[0].write_bytes(b"no image")
    images, rows = next(loader(paths).batches(PLAN))
    assert rows.tolist() == [3, 7]
    assert torch.equal(images, torch.stack([pixels(paths[3]), pixels(paths[7])]))


def test_a_batch_of_broken_images_only_is_empty(paths):
    paths[5].unlink()
    batches = list(loader(paths).batches(PLAN))
    assert batches[1][0].shape == (0, 3, 20, 16)
    assert batches[1][1].tolist() == []


def test_a_broken_image_is_told_of_once_over_many_passes(paths):
    paths[3].write_bytes(b"no image")
    paths[5].unlink()
    load = loader(paths)
    list(load.batches(PLAN))
    told = {(problem.path, problem.reason) for problem in load.take_untold()}
    assert told == {(paths[3], NOT_AN_IMAGE), (paths[5], UNREADABLE)}
    list(load.batches(PLAN))
    assert load.take_untold() == []
    assert load.broken.keys() == {3, 5}


def test_an_image_broken_in_many_threads_at_once_is_told_of_once(paths, monkeypatch):
    together = threading.Barrier(4, timeout=10)

    def failing(path, **options):
        together.wait()
        raise BrokenImage(path, NOT_AN_IMAGE)

    monkeypatch.setattr(loading, "decode", failing)
    load = loader(paths, threads=4)
    list(load.batches([np.full(4, 3)]))
    assert len(load.take_untold()) == 1


def test_an_image_over_the_limit_is_broken(paths):
    load = loader(paths, max_pixels=24 * 30)
    list(load.batches(PLAN))
    assert {problem.reason for problem in load.broken.values()} == {OVER_LIMIT}
    assert load.broken.keys() == {5, 6, 7, 8, 9}


def test_closing_early_ends_the_threads_and_decodes_no_more(paths, monkeypatch):
    decoded = []
    never = threading.Event()

    def counting(path, **options):
        decoded.append(path)
        if len(decoded) > 10:
            never.wait(0.3)
        return decode(path, **options)

    monkeypatch.setattr(loading, "decode", counting)
    before = threading.active_count()
    batches = loader(paths, threads=1).batches([np.arange(10)] * 100)
    next(batches)
    batches.close()
    assert threading.active_count() == before
    assert len(decoded) <= 12


def test_the_plan_is_read_a_few_batches_ahead_only(paths):
    taken = []

    def plan():
        for number in range(100):
            taken.append(number)
            yield np.array([0])

    batches = loader(paths).batches(plan())
    next(batches)
    assert len(taken) <= 4
    batches.close()


def test_an_error_that_is_no_broken_image_is_not_swallowed(paths, monkeypatch):
    def failing(path, **options):
        raise MemoryError

    monkeypatch.setattr(loading, "decode", failing)
    with pytest.raises(MemoryError):
        list(loader(paths).batches(PLAN))


def test_two_passes_at_once_do_not_disturb_each_other(paths):
    load = loader(paths)
    for (one, _), (other, _) in zip(load.batches(PLAN), load.batches(PLAN), strict=True):
        assert torch.equal(one, other)


def test_faces_are_aligned_where_their_points_are_known(tmp_path):
    image = Image.effect_noise((90, 80), 60).convert("RGB")
    image.save(tmp_path / "face.png")
    geometry = Preprocessing((56, 56), (0, 0, 0), (1, 1, 1), template="arcface")
    known = np.array(template_points("arcface", (56, 56))) * 1.2 + [5, 3]
    image.save(tmp_path / "other.png")
    paths = [tmp_path / "face.png", tmp_path / "other.png"]
    loader = ImageLoader(paths, geometry, 1, 10**6, lambda path, _: known if path.stem == "face" else None)
    images, _ = next(loader.batches([np.arange(2)]))
    assert np.array_equal(images[0].permute(1, 2, 0).numpy(), aligned(image, known, "arcface", (56, 56)))
    assert np.array_equal(images[1].permute(1, 2, 0).numpy(), fit(image, (56, 56)))
