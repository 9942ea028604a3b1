"""A matrix of similarities as people and programs read it: what looks wrong in it, a csv, an object."""

from __future__ import annotations

import csv
import io
from typing import Any

from kryptui.faces.similarities import SimilarityMatrix, Suspect
from kryptui.figures import Table
from kryptui.tell.verified import verdict

SUSPECTS = 5
"""Pairs that are named of each kind."""


def suspect_tables(found: SimilarityMatrix, threshold: float | None) -> list[Table]:
    """The pairs most likely wrong: the least alike of one person, the most alike of two; those that there are."""
    tables = [
        _table("least alike of one person", found, found.least_alike(SUSPECTS), threshold),
        _table("most alike of two people", found, found.most_alike(SUSPECTS), threshold),
    ]
    return [table for table in tables if table.rows]


def matrix_csv(found: SimilarityMatrix) -> str:
    """A header of names, then a name and its similarities a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", *found.names])
    for name, values in zip(found.names, found.values, strict=True):
        writer.writerow([name, *(f"{value:.6f}" for value in values)])
    return text.getvalue()


def matrix_json(found: SimilarityMatrix, model: str) -> dict[str, Any]:
    """Plain JSON types; see `kryptui matrix`."""
    return {
        "model": model,
        "names": list(found.names),
        "people": list(found.people),
        "values": [[round(float(value), 6) for value in row] for row in found.values],
        "least_alike": [_suspect(found, pair) for pair in found.least_alike(SUSPECTS)],
        "most_alike": [_suspect(found, pair) for pair in found.most_alike(SUSPECTS)],
        "problems": [{"path": str(problem.path), "why": problem.why} for problem in found.problems],
    }


def _table(title: str, found: SimilarityMatrix, pairs: list[Suspect], threshold: float | None) -> Table:
    rows: list[list[str | float | int | None]] = []
    for first, second, similarity in pairs:
        row: list[str | float | int | None] = [found.names[first], found.names[second], round(similarity, 4)]
        rows.append(row if threshold is None else [*row, verdict(similarity >= threshold)])
    columns = ["first", "second", "similarity"]
    return Table(title, columns if threshold is None else [*columns, "verdict"], rows)


def _suspect(found: SimilarityMatrix, pair: Suspect) -> dict[str, Any]:
    return {
        "first": found.names[pair.first],
        "second": found.names[pair.second],
        "similarity": round(pair.similarity, 6),
    }
