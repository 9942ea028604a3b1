"""Wrong labels and split identities, planted among people on a hypersphere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kryptui.metrics import suspects as module
from kryptui.metrics.contrast import NoContrast
from kryptui.metrics.suspects import find_suspects

SIZE = 64


class People:
    """Photos to find suspects among: each person is a direction, each photo near it."""

    def __init__(self, people=20, photos=5, seed=0):
        self.rng = np.random.default_rng(seed)
        self.embeddings: list[np.ndarray] = []
        self.identities: list[str] = []
        self.is_fake: list[bool] = []
        self.faces = [self.face() for _ in range(people)]
        for number in range(people):
            for _ in range(photos):
                self.add(number, self.faces[number])

    def face(self):
        return unit(self.rng.standard_normal(SIZE))

    def add(self, identity, face, noise=0.6, fake=False):
        """A photo of a face under an identity: the row."""
        self.embeddings.append(unit(face + noise * unit(self.rng.standard_normal(SIZE))))
        self.identities.append(str(identity))
        self.is_fake.append(fake)
        return len(self.embeddings) - 1

    def copy(self, identity, row):
        """The same picture once more."""
        self.embeddings.append(self.embeddings[row])
        self.identities.append(str(identity))
        self.is_fake.append(False)
        return len(self.embeddings) - 1

    def suspects(self, order=None, **options):
        rows = np.arange(len(self.embeddings)) if order is None else order
        columns = np.array(self.embeddings), np.array(self.identities), np.array(self.is_fake)
        return find_suspects(*(column[rows] for column in columns), **options)


def unit(vector):
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def told(found):
    return {(each.kind, each.row, each.suggestion, each.other) for each in found}


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(7, 25), st.integers(3, 8))
def test_a_clean_set_has_no_suspects(seed, people, photos):
    assert People(people, photos, seed).suspects().found == []


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_the_order_of_the_rows_does_not_matter(seed):
    people = People(seed=seed)
    people.add(3, people.face())
    people.add(4, people.faces[9])
    people.add(0, people.face(), fake=True)
    for _ in range(4):
        people.add("0b", people.faces[0])
    order = np.random.default_rng(seed).permutation(len(people.embeddings))
    found, mixed = people.suspects(), people.suspects(order)
    assert len(found.found) >= 3
    assert mixed.found == [
        replace(
            each,
            row=int(np.flatnonzero(order == each.row)[0]),
            medoid=int(np.flatnonzero(order == each.medoid)[0]),
            other_medoid=None if each.other is None else int(np.flatnonzero(order == each.other_medoid)[0]),
        )
        for each in found.found
    ]
    assert mixed.templates == found.templates


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_strangers_are_to_be_dropped_and_people_known_elsewhere_moved(seed):
    people = People(seed=seed)
    unknown = [people.add(number, people.face()) for number in (1, 2, 3)]
    known = [people.add(number, people.faces[number + 10]) for number in (5, 6, 7)]
    found = people.suspects().found
    assert told(found) == {("stranger", row, "drop", None) for row in unknown} | {
        ("stranger", row, "move", str(number + 10)) for row, number in zip(known, (5, 6, 7), strict=True)
    }
    assert all(each.sure for each in found)


def test_each_suspect_stands_beside_the_medoid_of_its_identity():
    people = People()
    people.add(5, people.faces[15])
    suspects = people.suspects()
    (found,) = suspects.found
    rows = [row for row, identity in enumerate(people.identities) if identity == "5"][:5]
    template = np.mean([people.embeddings[row] for row in rows], axis=0)
    assert found.medoid == max(rows, key=lambda row: float(people.embeddings[row] @ template))
    assert found.medoid == suspects.medoids["5"]
    assert found.other_medoid == suspects.medoids["15"]
    assert found.own == pytest.approx(people.embeddings[found.row] @ unit(template), abs=1e-5)


def test_a_copy_filed_under_another_person_is_dropped_there():
    people = People()
    row = people.copy(4, 10 * 5)
    (found,) = people.suspects().found
    assert told([found]) == {("stranger", row, "drop", "10")}
    assert "the same picture is already" in found.reason


def test_a_copy_of_a_photo_does_not_outvote_the_person():
    people = People()
    rows = [people.add("pair", people.faces[0]) for _ in range(2)]
    stranger = people.add("pair", people.face())
    copies = [people.copy("pair", stranger) for _ in range(3)]
    found = people.suspects().found
    assert {each.row for each in found if each.kind == "stranger"} == {stranger, *copies}
    assert not {each.row for each in found if each.kind != "split"} & set(rows)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_a_person_under_two_labels_is_to_be_merged_into_the_larger(seed):
    people = People(seed=seed)
    for _ in range(3):
        people.add("again", people.faces[7])
    (found,) = people.suspects().found
    assert (found.kind, found.identity, found.other, found.suggestion) == ("split", "again", "7", "merge")
    assert found.sure
    assert people.identities[found.medoid] == "again"
    assert people.identities[found.other_medoid] == "7"


def test_a_person_under_three_labels_is_all_found():
    people = People()
    for name in ("b", "c"):
        for _ in range(4):
            people.add(name, people.faces[7])
    assert {frozenset((each.identity, each.other)) for each in people.suspects().found} == {
        frozenset(pair) for pair in (("7", "b"), ("7", "c"), ("b", "c"))
    }


def test_a_photo_that_is_at_home_under_the_person_s_other_label_is_no_stranger():
    people = People()
    young, aged = people.faces[7], people.face()
    for _ in range(4):
        people.add("again", young, 0.4)
        people.add("again", unit(young + 1.2 * aged), 0.4)
    people.add(7, unit(0.35 * young + aged), 0.1)
    assert [each.kind for each in people.suspects().found] == ["split"]


def test_one_photo_that_fits_a_person_joins_them():
    people = People()
    people.add("lone", people.faces[7])
    (found,) = people.suspects().found
    assert (found.kind, found.identity, found.other, found.suggestion) == ("split", "lone", "7", "merge")


def test_two_lone_photos_are_too_few_to_be_sure_of():
    people = People()
    face = people.face()
    people.add("one", face, 0.3)
    people.add("two", face, 0.3)
    (found,) = people.suspects().found
    assert (found.kind, found.suggestion, found.sure) == ("split", "keep", False)


def test_a_picture_in_two_folders_does_not_make_them_one_person():
    people = People()
    people.copy(4, 10 * 5)
    assert [each.kind for each in people.suspects().found] == ["stranger"]


def test_fakes_have_no_say_unless_they_are_asked_for():
    people = People()
    fakes = [people.add(number, people.faces[number + 1], fake=True) for number in range(10)]
    for _ in range(6):
        people.add(15, people.faces[3], fake=True)
    assert people.suspects().found == []
    assert set(fakes) <= {each.row for each in people.suspects(include_fakes=True).found}


def test_of_two_photos_that_disagree_the_one_known_elsewhere_is_wrong():
    people = People()
    people.add("pair", people.face())
    wrong = people.add("pair", people.faces[3])
    assert told(people.suspects().found) == {("stranger", wrong, "move", "3")}


def test_of_two_photos_that_disagree_and_are_unknown_neither_is_sure():
    people = People()
    rows = [people.add("pair", people.face()) for _ in range(2)]
    found = people.suspects(certainty=0.3).found
    assert told(found) == {("unsure", row, "keep", None) for row in rows}
    assert {each.medoid for each in found} == set(rows)


def test_pictures_that_fit_several_people_are_not_moved_to_one():
    people = People(30)
    blur = people.face()
    for number in range(6):
        people.add(f"lone {number}", blur, 0.3)
    row = people.add(3, blur, 0.3)
    (found,) = (each for each in people.suspects().found if each.kind == "stranger")
    assert (found.row, found.suggestion, found.other) == (row, "keep", None)
    assert "poor pictures" in found.reason
    assert not any(each.sure for each in people.suspects().found)


def test_rows_without_an_embedding_change_nothing():
    people = People()
    people.add(1, people.face())
    found = people.suspects()
    people.embeddings.append(np.full(SIZE, np.nan, dtype=np.float32))
    people.identities.append("1")
    people.is_fake.append(False)
    assert people.suspects() == found


def test_the_surest_come_first():
    people = People()
    for number in range(4):
        people.add(number, unit(people.face() + 0.25 * number * people.faces[number]))
    odds = [each.log_odds for each in people.suspects(certainty=0.01).found]
    assert odds == sorted(odds, reverse=True)
    assert len(odds) >= 3


def test_blocks_change_nothing(monkeypatch):
    people = People()
    people.add(3, people.face())
    for _ in range(3):
        people.add("again", people.faces[7])
    whole = people.suspects()
    monkeypatch.setattr(module, "_BLOCK", 7)
    parts = people.suspects()
    assert told(parts.found) == told(whole.found)
    np.testing.assert_allclose(
        [each.log_odds for each in parts.found], [each.log_odds for each in whole.found], rtol=1e-4
    )


def test_too_few_photos_are_refused_and_a_threshold_helps():
    people = People(4, 3)
    row = people.add(1, people.face())
    with pytest.raises(NoContrast, match="pairs of photos have one identity"):
        people.suspects()
    assert told(people.suspects(threshold=0.45).found) == {("stranger", row, "drop", None)}


def test_a_model_that_tells_nobody_apart_is_refused():
    people = People()
    people.embeddings = [unit(people.rng.standard_normal(SIZE)) for _ in people.embeddings]
    with pytest.raises(NoContrast, match="does not tell them apart"):
        people.suspects()


def test_progress_counts_the_photos():
    people = People()
    calls = []
    people.suspects(progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (100, 100)
