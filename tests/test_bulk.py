"""Many rows at once: each stored once, in order and unchanged, on SQLite and PostgreSQL."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from kryptui.runs import bulk, schema
from kryptui.runs.store import Store


@pytest.fixture
def store(target: str | Path) -> Iterator[Store]:
    with Store.open(target) as opened:
        yield opened


def new_run(store: Store) -> str:
    return store.create_run("train", "run", "toy", {}, "hash", None, {}, "/")


def points(run_id: str, count: int, first: int = 1) -> list[tuple[Any, ...]]:
    return [(run_id, first + i, 1, "loss", i, i / 7, 1e9 + i / 3, math.sin(i)) for i in range(count)]


def stored(store: Store, table: Any) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(table.c.seq))]


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 64, 1000])
def test_rows_of_any_number_are_stored_once_each(store: Store, count: int) -> None:
    rows = points(new_run(store), count)
    with store.writing() as connection:
        bulk.add(connection, schema.metrics, rows)
    assert stored(store, schema.metrics) == rows


def test_numbers_at_the_edges_come_back_as_they_went(store: Store) -> None:
    run_id = new_run(store)
    values = [None, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]
    rows = [(run_id, i + 1, 1, "loss", 2**62, 0.1, 1e9, value) for i, value in enumerate(values)]
    with store.writing() as connection:
        bulk.add(connection, schema.metrics, rows)
    assert [str(row[-1]) for row in stored(store, schema.metrics)] == [str(value) for value in values]


def test_text_that_means_something_to_a_database_comes_back_as_it_went(store: Store) -> None:
    run_id = new_run(store)
    texts = ["", "\\N", "\\.", "a\tb\nc\rd", "'; DROP TABLE runs; --", "%s ? :x \\x41", "Köln 顔 🙂", "NULL"]
    rows = [(run_id, i + 1, 1, 1e9, "info", text) for i, text in enumerate(texts)]
    with store.writing() as connection:
        bulk.add(connection, schema.log_lines, rows)
    assert stored(store, schema.log_lines) == rows


def test_bytes_come_back_as_they_went(store: Store) -> None:
    row = (new_run(store), 1, 1, 5, 1e9, "{}", bytes(range(256)), None, False)
    with store.writing() as connection:
        bulk.add(connection, schema.evaluations, [row])
    assert stored(store, schema.evaluations) == [row]


def test_a_row_that_the_database_refuses_is_its_usual_error_and_takes_the_others_along(store: Store) -> None:
    run_id = new_run(store)
    with store.writing() as connection:
        bulk.add(connection, schema.metrics, points(run_id, 40))
    with pytest.raises(IntegrityError), store.writing() as connection:
        bulk.add(connection, schema.metrics, [*points(run_id, 40, first=41), *points(run_id, 1, first=7)])
    assert len(stored(store, schema.metrics)) == 40
