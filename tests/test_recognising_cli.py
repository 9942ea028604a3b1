"""`verify`, `matrix`, `embed` and `identify` from the command line, on a small model and on real faces."""

from __future__ import annotations

import csv
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from recognisers import BLUE, GREEN, RED, write_faces
from trees import SHARED, noise, write_contest_tree

from kryptui.cli.main import main
from kryptui.data.embeddings import read_embeddings

CONFIG = """\
name: small
device: cpu
precision: fp32
threads: 1
model:
  backbone: BACKBONE
  image_size: SIZE
  preprocessing: {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], crop: 1.0}
stages: [{name: one, epochs: 1, lr: 1.0e-3}]
task:
  kind: verification
  train: nowhere
  align: ALIGN
  embedding: {size: EMBEDDING, normalize: true}
  losses: [{kind: triplet}]
"""


class Done(NamedTuple):
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def kryptui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The program, in this process and an empty folder; nothing is kept in the user's own folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    threads, handler = torch.get_num_threads(), signal.getsignal(signal.SIGTERM)

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["kryptui", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        return Done(int(left.value.code or 0), *capsys.readouterr())

    yield run
    torch.set_num_threads(threads)
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def small(tmp_path: Path) -> list[str]:
    """The options that name a model of random weights, which takes pictures as they are."""
    torch.manual_seed(0)
    torch.save(timm.create_model("test_resnet", num_classes=8).state_dict(), tmp_path / "small.pt")
    words = {"BACKBONE": "test_resnet", "SIZE": "32", "ALIGN": "null", "EMBEDDING": "8"}
    return ["--model", "small.pt", "--config", _config(tmp_path, words)]


def _config(folder: Path, words: dict[str, str]) -> str:
    text = CONFIG
    for word, value in words.items():
        text = text.replace(word, value)
    (folder / "small.yaml").write_text(text)
    return "small.yaml"


def test_pictures_are_compared_and_nothing_is_recorded(tmp_path: Path, kryptui: Run, small: list[str]) -> None:
    for number in range(3):
        noise(number).save(tmp_path / f"{number}.png")
    noise(0).save(tmp_path / "copy.png")
    done = kryptui("verify", "0.png", "copy.png", *small, "--threshold", "0.999")
    assert done.returncode == 0
    assert "match, similarity 1.0000" in done.stdout
    assert "threshold 0.9990 (--threshold)" in done.stdout
    assert "no probability" in done.stdout
    done = kryptui("verify", "0.png", "1.png", "gone.png", *small, "--json")
    told = json.loads(done.stdout)
    assert told["threshold"] is None
    assert [(pair["first"], pair["second"], pair["match"]) for pair in told["pairs"]] == [(0, 1, None)]
    assert [face["box"] for face in told["faces"]] == [None, None]
    assert [problem["path"] for problem in told["problems"]] == ["gone.png"]
    assert not (tmp_path / "runs.db").exists()


def test_a_folder_is_drawn_as_matrix_csv_and_png(tmp_path: Path, kryptui: Run, small: list[str]) -> None:
    for name, colour in {"anna1": RED, "anna2": RED, "bob1": GREEN, "carl1": BLUE}.items():
        write_faces(tmp_path / "people" / f"{name}.png", [colour])
    done = kryptui("matrix", "people", *small, "--csv", "m.csv", "--png", "m.png")
    assert done.returncode == 0
    for words in ("similarity of 4 faces", "anna2.png", "least alike of one person", "most alike of two people"):
        assert words in done.stdout
    with (tmp_path / "m.csv").open() as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["name", "anna1.png", "anna2.png", "bob1.png", "carl1.png"]
    assert float(rows[1][2]) == pytest.approx(1)
    assert Image.open(tmp_path / "m.png").format == "PNG"
    told = json.loads(kryptui("matrix", "people", *small, "--json").stdout)
    assert told["people"] == ["anna", "anna", "bob", "carl"]


def test_a_dataset_is_embedded_and_its_people_are_found(tmp_path: Path, kryptui: Run, small: list[str]) -> None:
    write_contest_tree(tmp_path / "tree", {"01": "rrf", "02": "rr"})
    for name in ("e.parquet", "e.npz"):
        done = kryptui("embed", "tree", "-o", name, *small)
        assert done.stdout == f"{name}: 5 of 5 pictures of 2 people, 8 numbers each\n"
    parquet, npz = read_embeddings(tmp_path / "e.parquet"), read_embeddings(tmp_path / "e.npz")
    np.testing.assert_array_equal(parquet.embeddings, npz.embeddings)
    np.testing.assert_allclose(np.linalg.norm(npz.embeddings, axis=1), 1, atol=1e-5)
    assert npz.identities == ["1", "1", "1", "2", "2"]
    assert npz.is_fake == [False, False, True, False, False]
    assert npz.facts["contract"]["size"] == [32, 32]
    assert len(list((tmp_path / "cache" / "kryptui" / "embeddings").glob("*.sqlite"))) == 1
    stored = kryptui("identify", "e.parquet", "--fpr", "0.3", "--json")
    anew = kryptui("identify", "tree", "--distractors", "e.npz", *small, "--fpr", "0.3", "--json")
    assert json.loads(stored.stdout)["negatives"] == 4
    assert json.loads(anew.stdout)["negatives"] == 4 + 4 * 5
    table = kryptui("identify", "e.parquet", "--fpr", "0.3")
    assert "identification rate (TPR) at FPR 0.3" in table.stdout
    assert "1 of 5 are fakes, left out" in table.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["verify", "a.png", "b.png", "--model", "gone.pt"], "gone.pt"),
        (["verify", "a.png", "b.png", "--model", "some-run"], "runs.db"),
        (["embed", "nowhere", "-o", "e.npz"], "nowhere does not exist"),
        (["embed", ".", "-o", "e.csv"], ".parquet or .npz"),
        (["embed", ".", "-o", "gone/e.npz"], "its folder does not exist"),
        (["matrix", "nowhere"], "nowhere does not exist"),
        (["matrix", ".", "--png", "."], "is a folder"),
        (["identify", "nowhere.npz"], "no such file"),
        (["identify", "."], "give --model"),
        (["verify", "a.png", "b.png", "--margin", "0.1", "--aligned"], "--margin"),
    ],
)
def test_what_cannot_be_is_one_line_and_code_2(
    kryptui: Run, small: list[str], words: list[str], told: str
) -> None:
    options = [] if "--model" in words or words[0] == "identify" else small
    done = kryptui(*words, *options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


EDGEFACE = SHARED.parent / "weights" / "edgeface_xs.pt"
YUNET = SHARED.parent / "weights" / "yunet_2026may.onnx"


@pytest.fixture
def real(tmp_path: Path) -> list[str]:
    """The options that name a real model and detector."""
    if not (EDGEFACE.exists() and YUNET.exists() and SHARED.exists()):
        pytest.skip("the shared weights and faces are not here")
    words = {"BACKBONE": "edgenext_x_small", "SIZE": "112", "ALIGN": "{template: arcface}", "EMBEDDING": "512"}
    return ["--model", str(EDGEFACE), "--config", _config(tmp_path, words), "--detector", str(YUNET)]


def photos(person: str, count: int) -> list[Path]:
    meta = json.loads((SHARED / "faces/train/meta.json").read_text())
    own = sorted(key for key, fake in meta.items() if key.startswith(f"{person}/") and not fake)
    return [SHARED / "faces/train/images" / key for key in own[:count]]


def test_real_faces_match_however_they_are_turned(tmp_path: Path, kryptui: Run, real: list[str]) -> None:
    first, second = photos("00000000", 2)
    (other,) = photos("00000001", 1)
    Image.open(second).rotate(180).save(tmp_path / "turned.png")
    options = [*real, "--threshold", "0.3", "--json"]
    done = kryptui("verify", str(first), "turned.png", str(other), *options)
    told = json.loads(done.stdout)
    assert [pair["match"] for pair in told["pairs"]] == [True, False, False]


def test_ten_real_people_form_ten_squares(tmp_path: Path, kryptui: Run, real: list[str]) -> None:
    people = sorted(entry.name for entry in (SHARED / "faces/train/images").iterdir())
    ten = [found for person in people if len(found := photos(person, 3)) == 3][:10]
    (tmp_path / "copies").mkdir()
    for number, own in enumerate(ten):
        for place, path in enumerate(own):
            (tmp_path / "copies" / f"person{number}_{place}.jpg").write_bytes(path.read_bytes())
    told = json.loads(kryptui("matrix", "copies", *real, "--json").stdout)
    values = np.array(told["values"])
    within = np.kron(np.eye(10), np.ones((3, 3))) > 0
    assert told["people"] == [f"person{number}" for number in range(10) for _ in range(3)]
    assert values[within].min() > values[~within].max()
