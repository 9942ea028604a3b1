"""Comparing faces: pairs, verdicts, what they rest on, and matrices of folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from recognisers import BLUE, GREEN, ORANGE, RED, colour_model, colour_recogniser, write_faces
from records import add_run

from kryptui.engine.folders import META_FILE
from kryptui.errors import InputError
from kryptui.faces.comparing import Judge
from kryptui.faces.pictures import read_pictures
from kryptui.faces.similarities import arrange, person_of
from kryptui.jobs import verifying
from kryptui.jobs.verifying import judge_of, similarity_matrix, verify
from kryptui.metrics.calibration import Calibration, calibrate
from kryptui.runs import batch, blobs
from kryptui.runs.store import Store

JUDGE = Judge(0.9, "--threshold", Calibration(20.0, -18.0))


def cosine(one, other):
    return float(np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


def test_each_two_faces_are_compared_once(tmp_path: Path) -> None:
    paths = [write_faces(tmp_path / f"{n}.png", [colour]) for n, colour in enumerate((RED, BLUE, ORANGE))]
    found = verify(colour_recogniser(), paths, JUDGE)
    assert [pair[:2] for pair in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    wanted = [cosine(RED, BLUE), cosine(RED, ORANGE), cosine(BLUE, ORANGE)]
    assert [pair.similarity for pair in found.pairs] == pytest.approx(wanted, abs=0.05)
    assert [pair.match for pair in found.pairs] == [False, True, False]
    for pair in found.pairs:
        assert pair.probability == pytest.approx(1 / (1 + np.exp(18 - 20 * pair.similarity)))


def test_all_faces_of_a_picture_are_told_apart_by_number(tmp_path: Path) -> None:
    both = write_faces(tmp_path / "both.png", [RED, BLUE], [50, 40])
    one = write_faces(tmp_path / "one.png", [GREEN])
    found = verify(colour_recogniser("all"), [both, one], Judge())
    assert found.names == [f"{both} #1", f"{both} #2", str(one)]
    assert len(found.pairs) == 3
    assert {pair.match for pair in found.pairs} == {None}


def test_a_picture_without_a_face_does_not_hold_up_the_others(tmp_path: Path) -> None:
    paths = [write_faces(tmp_path / "a.png", [RED]), tmp_path / "gone.png", write_faces(tmp_path / "b.png", [RED])]
    found = verify(colour_recogniser(), paths, JUDGE)
    assert [problem.path for problem in found.problems] == [tmp_path / "gone.png"]
    assert len(found.pairs) == 1


def test_one_face_alone_is_refused_by_name(tmp_path: Path) -> None:
    paths = [write_faces(tmp_path / "a.png", [RED]), write_faces(tmp_path / "nobody.png", [])]
    with pytest.raises(InputError, match=r"only one face was found, in .*a\.png.*nobody\.png: no face"):
        verify(colour_recogniser(), paths, JUDGE)
    with pytest.raises(InputError, match="no face was found"):
        verify(colour_recogniser(), paths[1:], JUDGE)


def checkpoint(folder: Path, metrics: dict) -> Path:
    folder.mkdir()
    meta = {
        "format": 1,
        "step": 7,
        "config": {},
        "rebuild": {},
        "data_hash": "",
        "precision": "fp32",
        "threads": 1,
    }
    (folder / META_FILE).write_text(json.dumps({**meta, "weights_sha256": "", "metrics": metrics}))
    return folder


def test_the_threshold_is_the_one_given_else_the_checkpoints(tmp_path: Path) -> None:
    model = colour_model(source=checkpoint(tmp_path / "step-7", {"threshold": 0.25}))
    assert judge_of(model, {"run": None}, None) == Judge(0.25, "checkpoint")
    assert judge_of(model, {"run": None}, None, 0.5) == Judge(0.5, "--threshold")
    without = colour_model(source=checkpoint(tmp_path / "step-8", {}))
    assert judge_of(without, {"run": None}, None) == Judge()
    assert judge_of(colour_model(source=tmp_path / "weights.pt"), {"run": None}, None) == Judge()
    with pytest.raises(InputError, match="finite"):
        judge_of(model, {"run": None}, None, float("nan"))


def test_the_calibration_is_by_the_scores_at_the_checkpoints_step(store: Store, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    run = add_run(store, "one", {"eer": [0.1]})
    fits = {}
    for step in (3, 7, 9):
        kind = np.repeat([0, 1, 2], 30).astype(np.uint8)
        score = (rng.normal(0, 0.2, 90) + (kind == 0) * step / 10).astype(np.float32)
        add_evaluation(store, run, step, score, kind)
        fits[step] = calibrate(score[kind == 0], score[kind > 0])
    model = colour_model(source=tmp_path / "weights.pt")  # at step 7
    assert judge_of(model, {"run": run}, store).calibration == fits[7]
    assert judge_of(model, {"run": add_run(store, "two", {"eer": [0.1]})}, store).calibration is None
    assert judge_of(model, {"run": None}, store).calibration is None


def test_a_checkpoint_in_its_runs_folder_is_known_by_its_weights(store: Store, tmp_path: Path) -> None:
    run = add_run(store, "one", {"eer": [0.1]})
    kind = np.repeat([0, 1], 20).astype(np.uint8)
    score = (np.arange(40, dtype=np.float32) % 7) / 10 + (kind == 0) * np.float32(0.5)
    add_evaluation(store, run, 7, score, kind)
    model = colour_model(source=tmp_path / run / "step-7")
    assert judge_of(model, {"run": None}, store).calibration is None
    item = batch.Artifact(1000.0, "checkpoint", str(model.source), "here", model.weights_sha256, 1, 7)
    store.append(run, store.get_run(run).attempt, [item], {}, {}, {})
    assert judge_of(model, {"run": None}, store).calibration == calibrate(score[:20], score[20:])


def test_without_a_threshold_in_the_checkpoint_that_on_record_counts(store: Store, tmp_path: Path) -> None:
    run = add_run(store, "one", {"eer": [0.1]})
    kind, score = np.array([0, 1], np.uint8), np.array([0.8, 0.1], np.float32)
    add_evaluation(store, run, 6, score, kind, '{"threshold": 0.6}')
    model = colour_model(source=checkpoint(tmp_path / "step-7", {}))
    assert judge_of(model, {"run": run}, store).threshold is None  # other weights were measured
    add_evaluation(store, run, 7, score, kind, '{"threshold": 0.7}')
    assert judge_of(model, {"run": run}, store).threshold == 0.7


def add_evaluation(store: Store, run: str, step: int, score, kind, scalars: str = "{}") -> None:
    scores = blobs.pack_scores({"score": score, "kind": kind})
    item = batch.Evaluation(1000.0 + step, step, scalars, blobs.pack_figures([]), scores)
    store.append(run, store.get_run(run).attempt, [item], {}, {}, {})


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("anna1.jpg", "anna"),
        ("anna_02.jpg", "anna"),
        ("anna (3).png", "anna"),
        ("Maria-Luisa 4.jpg", "Maria-Luisa"),
        ("ann7a.jpg", "ann7a"),
        ("17.jpg", "17"),
        ("person0_2.jpg", "person0"),
        ("people/anna/3.jpg", "people/anna"),
        ("Аня 2.jpg", "Аня"),
    ],
)
def test_the_person_that_a_name_tells(name: str, person: str) -> None:
    assert person_of(name) == person


def test_a_folder_is_arranged_person_by_person_and_numbers_by_their_value(tmp_path: Path) -> None:
    for name in ("bob2.png", "anna10.png", "anna2.png", "anna.png", "bob 1.png", "annabel.png"):
        write_faces(tmp_path / name, [RED])
    names, paths, people = arrange(read_pictures(tmp_path))
    assert names == ["anna.png", "anna2.png", "anna10.png", "annabel.png", "bob2.png", "bob 1.png"]
    assert people == ["anna", "anna", "anna", "annabel", "bob", "bob"]
    assert [path.name for path in paths] == names


def test_the_fakes_of_a_person_stand_apart(tmp_path: Path) -> None:
    for name in ("0.png", "1.png", "2.png"):
        write_faces(tmp_path / "images" / "0007" / name, [RED])
    write_faces(tmp_path / "images" / "0008" / "0.png", [RED])
    (tmp_path / "meta.json").write_text(json.dumps({"7/0.png": 0, "7/1.png": 1, "7/2.png": 0, "8/0.png": 0}))
    names, _, people = arrange(read_pictures(tmp_path))
    assert names == ["0007/0.png", "0007/2.png", "0007/1.png", "0008/0.png"]
    assert people == ["7", "7", "7 fake", "8"]


def test_the_matrix_names_the_pairs_that_look_wrong(tmp_path: Path) -> None:
    for name, colour in {"anna1": RED, "anna2": BLUE, "bob1": GREEN, "bob2": GREEN, "carl1": RED}.items():
        write_faces(tmp_path / f"{name}.png", [colour])
    write_faces(tmp_path / "nobody.png", [])
    found = similarity_matrix(colour_recogniser(), tmp_path)
    assert found.names == ["anna1.png", "anna2.png", "bob1.png", "bob2.png", "carl1.png"]
    np.testing.assert_allclose(found.values, found.values.T)
    np.testing.assert_allclose(np.diag(found.values), 1, atol=1e-6)
    assert found.least_alike(1)[0][:2] == (0, 1)
    assert found.most_alike(1)[0][:2] == (0, 4)
    assert [pair[:2] for pair in found.least_alike(9)] == [(0, 1), (2, 3)]
    assert len(found.most_alike(99)) == 8
    assert [problem.path.name for problem in found.problems] == ["nobody.png"]


def test_a_folder_without_two_faces_is_refused(tmp_path: Path) -> None:
    write_faces(tmp_path / "a.png", [RED])
    write_faces(tmp_path / "b.png", [])
    with pytest.raises(InputError, match=r"b\.png: no face"):
        similarity_matrix(colour_recogniser(), tmp_path)


def test_too_large_a_folder_is_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_faces(tmp_path / "a1.png", [RED])
    shutil.copy(tmp_path / "a1.png", tmp_path / "a2.png")
    monkeypatch.setattr(verifying, "MOST", 1)
    with pytest.raises(InputError, match="holds 2 pictures"):
        similarity_matrix(colour_recogniser(), tmp_path)
