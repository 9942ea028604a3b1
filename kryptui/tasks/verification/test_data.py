"""A look at a test tree before anything is computed: what would be answered, and what would stop it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kryptui.data.layouts import TestTree, read_test_tree
from kryptui.tasks.protocol import Check


def check_test_tree(source: Path, options: Mapping[str, Any]) -> list[Check]:
    """Counts pairs and images, names what is missing, empty or ignored; opens no image.

    Raises InputError for what is no test tree.
    """
    tree = read_test_tree(source)
    images, empty = _look(tree)
    checks = [Check("ok", f"{_count(len(tree.pairs), 'pair')}, {_count(images, 'image')}")]
    problems = [*tree.missing, *empty]
    fill = options.get("fill_missing")
    if problems and fill is None:
        checks.append(Check("problem", f"{_first(problems)}; mend it, or fill such pairs with a similarity"))
    elif problems:
        checks.append(Check("note", f"{_first(problems)}; such pairs get {fill:g}"))
    if tree.notices:
        checks.append(Check("note", _first(tree.notices)))
    return checks


def _look(tree: TestTree) -> tuple[int, list[str]]:
    """How many images are there, and those without a byte."""
    there, empty = 0, []
    for pair in tree.pairs:
        for path in (pair.first, pair.second):
            try:
                size = path.stat().st_size
            except OSError:
                continue  # named as missing, or gone since: the work itself says so
            there += 1
            if not size:
                empty.append(f"{pair.pair_id}/{path.name}: zero bytes")
    return there, empty


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _first(lines: list[str]) -> str:
    return lines[0] + (f" (and {len(lines) - 1:,} more)" if len(lines) > 1 else "")
