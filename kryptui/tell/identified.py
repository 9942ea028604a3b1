"""An identification as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kryptui.faces.identifying import Identified
from kryptui.figures import Table
from kryptui.tell.run import finite


def identified_table(found: Identified) -> Table:
    """A row a measure; only the identification rate has an interval."""
    rate, open_set = found.rate, found.open_set
    rows: list[list[str | float | int | None]] = [
        [f"identification rate (TPR) at FPR {found.fpr:g}", rate.rate, finite(rate.low), finite(rate.high)]
    ]
    rows += [[f"CMC rank {rank}", share, None, None] for rank, share in found.cmc.items()]
    rows.append([f"FNIR at FPIR {found.fpir:g}, rank 1", open_set.fnir, None, None])
    rows += [[f"accuracy of {k} nearest", share, None, None] for k, share in found.knn.items()]
    return Table("identification", ["measure", "value", "low 95 %", "high 95 %"], rows)


def identified_lines(found: Identified) -> Iterator[str]:
    """What the measures rest on."""
    rate = found.rate
    yield (
        f"{found.samples} pictures of {found.people} people, {found.distractors} distractors: {rate.genuine:,} "
        f"genuine pairs, {rate.negatives:,} negatives, so FPR down to {rate.resolution:.1e}"
    )
    if finite(rate.threshold) is not None:
        yield f"threshold {rate.threshold:.4f}; of the open set {found.open_set.threshold:.4f}"


def identified_json(found: Identified) -> dict[str, Any]:
    """Plain JSON types; see `kryptui identify`."""
    rate, open_set = found.rate, found.open_set
    return {
        "samples": found.samples,
        "people": found.people,
        "distractors": found.distractors,
        "genuine": rate.genuine,
        "negatives": rate.negatives,
        "resolution": finite(rate.resolution),
        "fpr": found.fpr,
        "identification_rate": finite(rate.rate),
        "low": finite(rate.low),
        "high": finite(rate.high),
        "threshold": finite(rate.threshold),
        "cmc": {str(rank): finite(share) for rank, share in found.cmc.items()},
        "fpir": found.fpir,
        "fnir": finite(open_set.fnir),
        "fnir_threshold": finite(open_set.threshold),
        "mated": open_set.mated,
        "nonmated": open_set.nonmated,
        "knn": {str(k): finite(share) for k, share in found.knn.items()},
        "notices": list(found.notices),
    }
