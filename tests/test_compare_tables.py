"""A comparison as tables: what stands in their rows."""

from __future__ import annotations

import math
from typing import Any

import pytest
from records import add_run

from kryptui.runs import compare
from kryptui.runs.compare_tables import curve_table, summary_table
from kryptui.runs.flat import FlatTable
from kryptui.runs.store import Store


def rows(table: FlatTable) -> list[dict[str, Any]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for page in table.pages for row in page]


def test_a_row_a_run_with_what_differs_and_differences_to_the_baseline(store: Store) -> None:
    ids = [
        add_run(store, "one", {"eer": [0.4, 0.2, 0.3]}, config={"seed": 0, "device": "cpu"}),
        add_run(store, "two", {"eer": [0.3, 0.1]}, config={"seed": 1, "device": "cpu"}),
    ]
    runs = [store.get_run(run_id) for run_id in ids]
    one, two = rows(summary_table(runs, compare.metrics(runs), runs[1]))
    assert (one["name"], one["is_baseline"], one["cfg.seed"]) == ("one", False, 0)
    assert (two["name"], two["is_baseline"], two["cfg.seed"]) == ("two", True, 1)
    assert "cfg.device" not in one
    assert (one["eer.best"], one["eer.best_step"], one["eer.last"]) == (0.2, 1, 0.3)
    assert one["eer.best.difference"] == pytest.approx(0.1)
    assert two["eer.best.difference"] is None


def test_what_a_run_lacks_is_empty_and_no_difference_is_computed_from_it(store: Store) -> None:
    ids = [add_run(store, "one", {"eer": [0.4, math.nan]}), add_run(store, "queued")]
    runs = [store.get_run(run_id) for run_id in ids]
    one, queued = rows(summary_table(runs, compare.metrics(runs), runs[1]))
    assert math.isnan(one["eer.last"])
    assert one["eer.last.difference"] is one["eer.best.difference"] is None
    assert queued["eer.best"] is queued["eer.best_step"] is None


def test_the_points_of_one_metric_are_not_smoothed_and_not_thinned(store: Store) -> None:
    values = {"loss": [float(at) for at in range(3000)], "eer": [0.1]}
    ids = [add_run(store, name, values) for name in ("one", "two")]
    found = rows(curve_table(store, [store.get_run(run_id) for run_id in ids], "loss"))
    assert [row["value"] for row in found] == values["loss"] * 2
    assert {row["metric"] for row in found} == {"loss"}
    assert [row["run"] for row in found[::3000]] == ids
