"""`kryptui data align` and `landmarks` as programs: killed and started again, and on pictures of every kind."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trees import SHARED

WEIGHTS = SHARED.parent / "weights/yunet_2026may.onnx"
pytestmark = pytest.mark.skipif(not WEIGHTS.exists(), reason="the shared faces and weights are not here")


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "kryptui", "data", *map(str, arguments), "--detector", str(WEIGHTS)]


def kryptui(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=120)


def photos(count: int) -> list[Path]:
    return sorted((SHARED / "faces/train/images").glob("*/*.jpg"))[:count]


def small_tree(root: Path, count: int = 90) -> Path:
    meta = {}
    for number, photo in enumerate(photos(count)):
        place = root / f"images/{number // 6:06d}/{number % 6}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(photo.read_bytes())
        meta[f"{number // 6}/{number % 6}.jpg"] = number % 2
    (root / "meta.json").write_text(json.dumps(meta))
    return root


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def killed(arguments: list[str], journal: Path, lines: int) -> None:
    """Runs a program until its journal has so many lines, then kills it as the kernel would."""
    program = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not journal.is_file() or journal.read_bytes().count(b"\n") < lines:
            assert program.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < until
            time.sleep(0.001)
    finally:
        program.kill()
        program.wait()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_killed_half_way_and_started_again_it_gives_the_same_files(tmp_path: Path, threads: str) -> None:
    source = small_tree(tmp_path / "in")
    (source / "images/000003/2.jpg").write_bytes(b"")
    assert kryptui("align", source, tmp_path / "whole", "--threads", "2").returncode == 0
    target = tmp_path / "out"
    killed(command("align", source, target, "--threads", threads), target / ".align.journal", 40)
    assert not (target / "align.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in (target / "images/000000").iterdir()}
    done = kryptui("align", source, target, "--threads", threads)
    assert done.returncode == 0, done.stderr
    assert files(target) == files(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_landmarks_killed_half_way_are_the_same_in_the_end(tmp_path: Path) -> None:
    source = small_tree(tmp_path / "in")
    assert kryptui("landmarks", source, "-o", tmp_path / "whole.csv").returncode == 0
    output = tmp_path / "points.csv"
    killed(command("landmarks", source, "-o", output), tmp_path / ".points.csv.journal", 40)
    assert not output.exists()
    assert kryptui("landmarks", source, "-o", output).returncode == 0
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def odd_pictures(root: Path) -> Path:
    """A face as it stands and in every odd form, and pictures with five faces or none."""
    root.mkdir()
    face = Image.open(photos(1)[0]).convert("RGB")
    y, x = np.mgrid[:480, :640]
    waves = [128 + 90 * np.sin(x / 37 + k) * np.cos(y / 29 - k) for k in range(3)]
    scene = Image.fromarray(np.stack(waves, axis=2).astype(np.uint8))
    scene.save(root / "none.jpg")
    five = scene.resize((1280, 960))
    for number, photo in enumerate(photos(5)):
        five.paste(Image.open(photo).resize((160 + 20 * number,) * 2), (20 + 250 * number, 100 * number))
    five.save(root / "five.jpg")
    face.save(root / "upright.png")
    face.rotate(180).save(root / "upside_down.png")
    face.resize((10, 10)).save(root / "ten.png")
    large = scene.resize((6000, 4500))
    large.paste(face.resize((600, 600)), (3000, 2000))
    large.save(root / "large.jpg", quality=80)
    face.save(root / "moving.gif", save_all=True, append_images=[scene.resize(face.size)])
    face.convert("CMYK").save(root / "cmyk.jpg")
    face.convert("L").save(root / "grey.png")
    (root / "text.jpg").write_text("no picture")
    (root / "cut.jpg").write_bytes(photos(1)[0].read_bytes()[:2000])
    return root


def test_odd_pictures_are_aligned_or_named_with_the_reason(tmp_path: Path) -> None:
    source = odd_pictures(tmp_path / "in")
    done = kryptui("align", source, tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    tally = json.loads(done.stdout)
    assert (tally["faces"], tally["several"], tally["turned"]) == (7, 1, 1)
    with (tmp_path / "out/failed.csv").open(newline="") as file:
        failed = {row["path"]: row["reason"] for row in csv.DictReader(file)}
    assert failed == {
        "cut.jpg": "truncated",
        "none.jpg": "no face",
        "ten.png": "face too small",
        "text.jpg": "not an image",
    }
    upright = np.asarray(Image.open(tmp_path / "out/upright.png")).astype(float)
    turned = np.asarray(Image.open(tmp_path / "out/upside_down.png")).astype(float)
    assert np.abs(upright - turned).mean() < 1


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for arguments, words in (
        (("align", tmp_path / "in", tmp_path / "out"), "holds no images"),
        (("align", tmp_path / "none", tmp_path / "out"), "does not exist"),
        (("align", tmp_path / "in", tmp_path / "out", "--size", "112y"), "--size"),
        (("landmarks", tmp_path / "in", "-o", tmp_path / "points.txt"), "name of a csv"),
    ):
        done = kryptui(*arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    without = subprocess.run(
        command("align", tmp_path / "in", tmp_path / "out")[:-2],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KRYPTUI_WEIGHTS": str(tmp_path / "cache")},
    )
    assert (without.returncode, without.stderr.count("\n")) == (2, 1)
    assert "kryptui weights get yunet" in without.stderr
