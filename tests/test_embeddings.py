"""Embeddings on disk come back as they were, and a file that is none says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kryptui.data.embeddings import Embeddings, read_embeddings, write_embeddings
from kryptui.errors import InputError


def some(count: int = 3) -> Embeddings:
    rng = np.random.default_rng(0)
    vectors, points = rng.normal(size=(count, 4)), rng.normal(size=(count, 5, 2))
    vectors[1:2], points[1:2] = np.nan, np.nan
    return Embeddings(
        [f"a/{n}.jpg" for n in range(count)],
        vectors.astype(np.float32),
        rng.normal(size=(count, 4)).astype(np.float32),
        points.astype(np.float32),
        rng.random(count).astype(np.float32),
        ["5", "é", "5"][:count],
        [True, None, False][:count],
        {"model": "x", "contract": {"size": [112, 112]}},
    )


@pytest.mark.parametrize("name", ["e.parquet", "e.npz"])
@pytest.mark.parametrize("known", [True, False])
def test_they_come_back_as_they_were(tmp_path: Path, name: str, known: bool) -> None:
    given = some()
    if not known:
        given = Embeddings(given.paths, given.embeddings, given.boxes, given.points, given.scores)
    write_embeddings(tmp_path / name, given)
    found = read_embeddings(tmp_path / name)
    assert (found.paths, found.identities, found.is_fake) == (given.paths, given.identities, given.is_fake)
    assert found.facts == given.facts
    for part in ("embeddings", "boxes", "points", "scores"):
        np.testing.assert_array_equal(getattr(found, part), getattr(given, part))
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["e.parquet", "e.npz"])
def test_a_file_of_nothing_comes_back(tmp_path: Path, name: str) -> None:
    write_embeddings(tmp_path / name, some(0))
    assert len(read_embeddings(tmp_path / name)) == 0


@pytest.mark.parametrize("name", ["e.parquet", "e.npz"])
@pytest.mark.parametrize("content", [b"", b"hello", b"PAR1 and no more"])
def test_a_file_that_is_none_says_so(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="damaged or no"):
        read_embeddings(tmp_path / name)


def test_half_a_file_says_so(tmp_path: Path) -> None:
    for name in ("e.parquet", "e.npz"):
        write_embeddings(tmp_path / name, some())
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InputError, match="damaged or no"):
            read_embeddings(tmp_path / name)


def test_a_table_of_other_things_says_what_it_lacks(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", path=np.array(["a"]), embedding=np.zeros((1, 2)))
    with pytest.raises(InputError, match="no column 'box'"):
        read_embeddings(tmp_path / "e.npz")


def test_columns_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    wide = {"box": np.zeros((1, 4)), "points": np.zeros((1, 10)), "score": np.zeros((1, 1))}
    np.savez(tmp_path / "e.npz", path=np.array(["a"]), embedding=np.zeros((2, 3)), **wide)
    with pytest.raises(InputError, match="'embedding' has the shape"):
        read_embeddings(tmp_path / "e.npz")


def test_another_ending_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.parquet or \.npz"):
        write_embeddings(tmp_path / "e.csv", some())


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"):
        write_embeddings(tmp_path / "none" / "e.npz", some())
