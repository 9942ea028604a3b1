"""Identification from stored embeddings: who counts, who is left out, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kryptui.data.embeddings import Embeddings
from kryptui.errors import InputError
from kryptui.faces.identifying import identify
from kryptui.metrics.identification import faces, identification_rate
from kryptui.tell.identified import identified_json, identified_lines, identified_table


def stored(people: int, photos: int, seed: int, *, named: bool = True, fakes: int = 0, facts: dict | None = None):
    """People with some fakes each, and their embeddings."""
    rng = np.random.default_rng(seed)
    each = photos + fakes
    numbers = np.repeat(np.arange(people), each)
    vectors = rng.normal(size=(people, 8))[numbers] + 0.8 * rng.normal(size=(len(numbers), 8))
    count = len(numbers)
    return Embeddings(
        [f"{number}/{row}.jpg" for row, number in enumerate(numbers)],
        (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
        np.zeros((count, 4), np.float32),
        np.zeros((count, 5, 2), np.float32),
        np.ones(count, np.float32),
        [f"p{number}" for number in numbers] if named else None,
        [row % each >= photos for row in range(count)] if named else None,
        {"weights_sha256": "a", "contract": {}} if facts is None else facts,
    )


def numbered(found: Embeddings, rows: np.ndarray, first: int = 0):
    people = np.unique(np.array(found.identities), return_inverse=True)[1]
    return faces(found.embeddings[rows], people[rows] + first)


def test_it_measures_the_reals_of_the_query_against_each_other() -> None:
    query = stored(8, 4, 0, fakes=1)
    real = np.array([not flag for flag in query.is_fake])
    found = identify(query, fpr=0.05, fpir=0.2)
    wanted = identification_rate(numbered(query, real), fpr=0.05)
    assert found.rate == wanted
    assert (found.samples, found.people, found.distractors) == (32, 8, 0)
    assert found.notices == ["query: 8 of 40 are fakes, left out"]


def test_fakes_may_be_distractors() -> None:
    query = stored(8, 4, 0, fakes=1)
    real = np.array([not flag for flag in query.is_fake])
    found = identify(query, fpr=0.05, fakes="distractors")
    assert found.distractors == 8
    assert found.rate == identification_rate(numbered(query, real), numbered(query, ~real), fpr=0.05)


@pytest.mark.parametrize("named", [True, False])
def test_distractors_are_nobody_of_the_query_whatever_their_names(named: bool) -> None:
    query, others = stored(5, 3, 0), stored(5, 2, 1, named=named)
    found = identify(query, others, fpr=0.05)
    assert found.rate.negatives == 15 * 12 // 2 + 15 * 10
    assert found.rate.genuine == 15


def test_pictures_without_an_embedding_are_left_out_and_told() -> None:
    query = stored(5, 3, 0)
    query.embeddings[4] = np.nan
    found = identify(query, fpr=0.05, fpir=0.2)
    assert found.samples == 14
    assert found.notices == ["query: 1 of 15 without an embedding, left out"]


def test_too_low_a_rate_is_told_with_what_could_be_shown() -> None:
    found = identify(stored(4, 2, 0), fpr=1e-6, fpir=1e-6)
    assert math.isnan(found.rate.rate)
    assert "24 negatives show no FPR below 4.2e-02" in found.notices[0]
    assert "8 searches without a mate" in found.notices[1]
    assert identified_json(found)["identification_rate"] is None


def test_people_with_one_picture_each_are_told() -> None:
    found = identify(stored(6, 1, 0))
    assert "nobody in the query has two pictures" in found.notices[0]


def test_few_samples_have_fewer_neighbours() -> None:
    assert list(identify(stored(2, 2, 0), fpr=0.5).knn) == [1]


def test_what_is_told_is_what_was_measured() -> None:
    found = identify(stored(20, 4, 0), stored(9, 1, 1), fpr=0.01, fpir=0.2)
    told = identified_json(found)
    assert told["identification_rate"] == found.rate.rate
    assert told["cmc"] == {str(rank): share for rank, share in found.cmc.items()}
    rows = {row[0]: row[1] for row in identified_table(found).rows}
    assert rows["identification rate (TPR) at FPR 0.01"] == found.rate.rate
    assert rows["CMC rank 1"] == found.cmc[1]
    assert "9 distractors: 120 genuine pairs, 3,760 negatives" in next(iter(identified_lines(found)))


def test_two_models_are_not_compared() -> None:
    other = stored(4, 2, 1, facts={"weights_sha256": "b", "contract": {}})
    with pytest.raises(InputError, match="weights_sha256 differs"):
        identify(stored(4, 2, 0), other)


@pytest.mark.parametrize(("fpr", "fpir", "word"), [(0, 0.1, "--fpr"), (0.1, 1.0, "--fpir")])
def test_rates_that_are_none_are_refused(fpr: float, fpir: float, word: str) -> None:
    with pytest.raises(InputError, match=word):
        identify(stored(4, 2, 0), fpr=fpr, fpir=fpir)


def test_a_query_without_names_is_refused() -> None:
    with pytest.raises(InputError, match="names no people"):
        identify(stored(4, 2, 0, named=False))


def test_a_query_of_nobody_is_refused() -> None:
    query = stored(1, 1, 0)
    with pytest.raises(InputError, match="two people with two each"):
        identify(query)
