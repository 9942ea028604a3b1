"""A look at a test tree before any work: counts, and what would stop or change the answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from trees import write_image

from kryptui.errors import InputError
from kryptui.tasks import registry
from kryptui.tasks.verification.test_data import check_test_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number in range(3):
        for place in (0, 1):
            write_image(tmp_path / f"{number:04}" / f"{place}.jpg", 2 * number + place)
    return tmp_path


def test_pairs_and_images_of_a_whole_tree_are_counted(tree):
    assert check_test_tree(tree, {}) == [("ok", "3 pairs, 6 images")]


def test_a_missing_image_is_a_problem_unless_it_is_filled(tree):
    (tree / "0001/0.jpg").unlink()
    assert check_test_tree(tree, {}) == [
        ("ok", "3 pairs, 5 images"),
        ("problem", "0001: no image 0; mend it, or fill such pairs with a similarity"),
    ]
    assert check_test_tree(tree, {"fill_missing": -1.0})[1] == ("note", "0001: no image 0; such pairs get -1")


def test_an_image_without_a_byte_is_found_before_it_is_opened(tree):
    (tree / "0002/1.jpg").write_bytes(b"")
    assert "0002/1.jpg: zero bytes" in check_test_tree(tree, {})[1].text


def test_many_problems_are_counted(tree):
    (tree / "0001/0.jpg").unlink()
    (tree / "0002/1.jpg").write_bytes(b"")
    assert "0001: no image 0 (and 1 more)" in check_test_tree(tree, {})[1].text


def test_what_is_ignored_is_a_note(tree):
    write_image(tree / "0000" / "2.jpg", 9)
    assert check_test_tree(tree, {})[1] == ("note", "0000/2.jpg was ignored")


def test_what_is_no_test_tree_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no test tree"):
        check_test_tree(tmp_path, {})


def test_the_task_names_its_look_and_its_score_and_neither_loads_torch():
    spec = registry.get("verification")
    assert registry.import_object(spec.check_source) is check_test_tree
    code = (
        "import sys; from kryptui.tasks import registry; spec = registry.get('verification')\n"
        "registry.import_object(spec.check_source); registry.import_object(spec.score)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
