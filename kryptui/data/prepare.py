"""The split by identity and the frozen validation pairs: made once, with a seed, before any training."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

import kryptui
from kryptui.data.decode import MAX_PIXELS
from kryptui.data.examine import Examined
from kryptui.data.labels import known_fake, real_counts
from kryptui.data.layouts import read_dataset
from kryptui.data.manifest import Manifest, identity_order, write_atomic
from kryptui.data.overlay import read_overlay
from kryptui.data.pairs import COLUMNS, FAKE, GENUINE, IMPOSTOR, PairList
from kryptui.data.scan import Scanned, scan
from kryptui.errors import InputError, RunError, WouldReplace

TRAIN: Final = "train"
VALIDATION: Final = "validation"

PAIRS_FILE: Final = "pairs.csv"
_FILES: Final = ("manifest.csv", PAIRS_FILE, "prepare.json")


@dataclass(frozen=True)
class PreparedSummary:
    """What `prepare` wrote; the content of prepare.json.

    `splits` counts images, identities, reals and fakes of each split; `pairs` the pairs of each kind; `digests`
    holds the sha256 of the manifest, of each split and of the pairs; `overlay` the path, the digest and the number
    of decisions of each action of what corrected the labels, if anything did.
    """

    source: str
    version: str
    seed: int
    fraction: float
    splits: dict[str, dict[str, int]]
    pairs: dict[str, int]
    digests: dict[str, str]
    left_out: list[dict[str, str]]
    notices: list[str]
    overlay: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON types."""
        return asdict(self)


def prepare(
    source: Path,
    out_dir: Path,
    *,
    fraction: float = 0.2,
    seed: int = 0,
    pairs: int = 1000,
    threads: int = 2,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    overwrite: bool = False,
    examined: Examined | None = None,
    overlay: Path | None = None,
) -> PreparedSummary:
    """Reads a dataset, leaves broken images out, splits by identity, freezes pairs, and writes three files.

    `out_dir` gets manifest.csv, pairs.csv (up to `pairs` of each kind) and, last, prepare.json: a folder without
    it is no finished preparation. The same preparation once more changes nothing. The source is not changed.
    What `examine` found in the source a moment ago saves reading it once more. An `overlay` corrects the labels
    before the split. Raises InputError: a bad dataset or overlay, or `out_dir` holds other files; WouldReplace: it
    holds another preparation and `overwrite` is false; RunError: it cannot be written; Stopped: `stop` said so.
    """
    _refuse_folder(source, out_dir)
    decisions = None if overlay is None else read_overlay(overlay)
    manifest = read_dataset(source) if examined is None else examined.manifest
    corrected = manifest if decisions is None else decisions.apply(manifest)
    if examined is None:
        scanned, broken = scan(manifest, threads=threads, max_pixels=max_pixels, progress=progress, stop=stop)
    else:
        scanned, broken = examined.scanned, examined.broken
    notices = (*manifest.notices, *_copies_between_people(manifest, scanned, corrected))
    there = set(corrected.table["path"])
    whole = corrected.without([item for item in broken if item.path in there])
    split = replace(split_identities(whole, fraction, seed), notices=notices)
    frozen = freeze_pairs(split.split(VALIDATION), seed, pairs)
    summary = _summarise(split, frozen, fraction, seed)
    if decisions is not None:
        summary = replace(summary, overlay=decisions.to_json())
    if not overwrite:
        _refuse_other(out_dir, summary)
    write_preparation(out_dir, split, frozen, summary)
    return summary


def write_preparation(out_dir: Path, split: Manifest, pairs: PairList, summary: PreparedSummary) -> None:
    """Writes the three files, prepare.json last, so that a broken-off preparation never looks finished.

    Raises RunError.
    """
    record = out_dir / "prepare.json"
    try:
        record.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{record} cannot be replaced: {error.strerror or error}") from None
    split.write_csv(out_dir / "manifest.csv")
    pairs.write(out_dir / PAIRS_FILE)
    write_atomic(record, json.dumps(summary.to_json(), indent=2) + "\n")


def split_identities(manifest: Manifest, fraction: float, seed: int) -> Manifest:
    """Marks each image train or validation so that no person is in both; a split from before is replaced.

    People are grouped by what they can give to pairs (two reals or more, one, none; with fakes or not), and
    about `fraction` of each group goes to validation. Deterministic by seed, whatever the order of the rows.
    Raises InputError where the fraction is not between 0 and 1, or where a split would have fewer than two people
    with real images.
    """
    if not 0 < fraction < 1:
        raise InputError(f"the share of people for validation is {fraction}; it must lie between 0 and 1")
    table = manifest.table
    reals = real_counts(table)
    fakes = known_fake(table).groupby(table["identity"].to_numpy()).sum()
    groups: dict[tuple[int, bool], list[str]] = {}
    for identity in sorted(reals.index, key=identity_order):
        groups.setdefault((min(int(reals[identity]), 2), bool(fakes[identity])), []).append(identity)
    rng = np.random.default_rng(seed)
    chosen: list[str] = []
    seen = 0
    for _, group in sorted(groups.items(), reverse=True):
        # Rounded on the running total, so that many small groups do not add up to a wrong share.
        seen += len(group)
        share = min(len(group), round(fraction * seen) - len(chosen))
        chosen += [group[place] for place in rng.permutation(len(group))[:share]]
    in_validation = table["identity"].isin(chosen)
    for name, rows in ((TRAIN, ~in_validation), (VALIDATION, in_validation)):
        people = int((real_counts(table[rows]) > 0).sum())
        if people < 2:
            raise InputError(
                f"a share of {fraction} for validation gives {name} {people} of the {int((reals > 0).sum())} "
                "people with real images, and it needs two; change the share or give more people"
            )
    names = pd.Series(np.where(in_validation, VALIDATION, TRAIN), index=table.index, dtype=str)
    return replace(manifest, table=table.assign(split=names))


def freeze_pairs(manifest: Manifest, seed: int, per_kind: int) -> PairList:
    """Draws genuine, impostor and fake pairs in equal shares, up to `per_kind` of each, no pair twice.

    A fake pair is a real against a fake of one person; where no person has both, the other two kinds are drawn.
    Every kind goes round the people, one pair a turn, over all their images in turn; it ends where fewer than
    a quarter of the people still have pairs to give, so that nobody gives more than four times the average.
    Deterministic by seed, whatever the order of the rows. Raises InputError where a kind has no pair at all.
    """
    table = manifest.table.sort_values("path", kind="stable")
    fake = known_fake(table).to_numpy()
    rows_of = {str(name): rows for name, rows in table.groupby("identity").indices.items()}
    rng = np.random.default_rng(seed)
    reals: dict[str, list[int]] = {}
    fakes: dict[str, list[int]] = {}
    names = sorted(rows_of, key=identity_order)
    for name in (names[place] for place in rng.permutation(len(names))):
        rows = rows_of[name]
        reals[name] = rng.permutation(rows[~fake[rows]]).tolist()
        fakes[name] = rng.permutation(rows[fake[rows]]).tolist()
    drawn = {
        GENUINE: _draw(
            [_Source(_pairs_within(len(own)), partial(_within, own)) for own in reals.values()], per_kind
        ),
        IMPOSTOR: _draw(_impostor_sources([own for own in reals.values() if own], per_kind), per_kind),
    }
    mixed = [
        _Source(len(own) * len(fakes[name]), partial(_between, own, fakes[name], (0, 0)))
        for name, own in reals.items()
    ]
    if any(source.size for source in mixed):
        drawn[FAKE] = _draw(mixed, per_kind)
    share = min(len(pairs) for pairs in drawn.values())
    if not share:
        kind = next(kind for kind, pairs in drawn.items() if not pairs)
        raise InputError(
            f"no {kind} pair can be made of the {len(reals)} people for validation in {manifest.source}; "
            "a genuine pair needs a person with two real images; give a larger share or more images"
        )
    rows_by_kind = [(kind, *pair) for kind, pairs in drawn.items() for pair in pairs[:share]]
    return PairList(_pair_table(table, rows_by_kind), manifest.root)


def _pair_table(table: pd.DataFrame, rows: Sequence[tuple[str, int, int]]) -> pd.DataFrame:
    kinds, first, second = zip(*rows, strict=True)
    left, right = table.iloc[list(first)], table.iloc[list(second)]
    method = right["method"].tolist() if "method" in table else [""] * len(rows)
    columns = {
        "path1": left["path"].tolist(),
        "path2": right["path"].tolist(),
        "kind": list(kinds),
        "identity1": left["identity"].tolist(),
        "identity2": right["identity"].tolist(),
        "method": [word if kind == FAKE else "" for kind, word in zip(kinds, method, strict=True)],
    }
    return pd.DataFrame(columns, columns=[*COLUMNS], dtype=str)


# Drawing in turns. Pairs are numbered, so that none is listed before it is drawn: a person with a thousand
# images has half a million of them.


@dataclass(frozen=True)
class _Source:
    """Pairs that one person, or two, can give: `nth(k)` for k below `size`, all different."""

    size: int
    nth: Callable[[int], tuple[int, int]]


def _draw(sources: Sequence[_Source], limit: int) -> list[tuple[int, int]]:
    sources = [source for source in sources if source.size]
    drawn: list[tuple[int, int]] = []
    active, turn = sources, 0
    while active and len(drawn) < limit and 4 * len(active) >= len(sources):
        drawn += [source.nth(turn) for source in active]
        turn += 1
        active = [source for source in active if turn < source.size]
    return drawn[:limit]


def _pairs_within(count: int) -> int:
    return count * (count - 1) // 2


def _within(items: Sequence[int], k: int) -> tuple[int, int]:
    # Each with its next neighbour round a circle, then with the one after, ...: all images serve equally often.
    count = len(items)
    step, place = k // count + 1, k % count
    return items[place], items[(place + step) % count]


def _between(first: Sequence[int], second: Sequence[int], starts: tuple[int, int], k: int) -> tuple[int, int]:
    # Both lists run round; whenever they meet as before, the first moves on by one.
    meets = math.lcm(len(first), len(second))
    return first[(starts[0] + k + k // meets) % len(first)], second[(starts[1] + k) % len(second)]


def _impostor_sources(people: Sequence[list[int]], limit: int) -> list[_Source]:
    # Each two people are one source, in the order of `_within`; more sources than pairs wanted are of no use.
    # A person is first in one source a round and second in another: each starts at an image of its own.
    count = len(people)
    sources = []
    for k in range(min(limit, _pairs_within(count))):
        one, other = _within(range(count), k)
        first, second = people[one], people[other]
        starts = (2 * (k // count), 2 * (k // count) + 1)
        sources.append(_Source(len(first) * len(second), partial(_between, first, second, starts)))
    return sources


def _summarise(split: Manifest, pairs: PairList, fraction: float, seed: int) -> PreparedSummary:
    parts = {name: split.split(name) for name in (TRAIN, VALIDATION)}
    return PreparedSummary(
        source=os.path.realpath(split.source),
        version=kryptui.__version__,
        seed=seed,
        fraction=fraction,
        splits={name: _count(part.table) for name, part in parts.items()},
        pairs=pairs.counts(),
        digests={
            "manifest": split.digest(),
            **{name: part.digest() for name, part in parts.items()},
            "pairs": pairs.digest(),
        },
        left_out=[asdict(item) for item in split.left_out],
        notices=list(split.notices),
    )


def _count(table: pd.DataFrame) -> dict[str, int]:
    fakes = int(known_fake(table).sum())
    people = table["identity"].nunique()
    return {"images": len(table), "identities": people, "reals": len(table) - fakes, "fakes": fakes}


def _copies_between_people(manifest: Manifest, scanned: Sequence[Scanned], corrected: Manifest) -> list[str]:
    # What was scanned counts from the rows of the manifest as it was read.
    paths = manifest.table["path"].tolist()
    person = dict(zip(corrected.table["path"], corrected.table["identity"], strict=True))
    by_content: dict[bytes, set[str]] = {}
    for image in scanned:
        if (name := person.get(paths[image.row])) is not None:
            by_content.setdefault(image.pixel_hash, set()).add(name)
    shared = sum(len(people) > 1 for people in by_content.values())
    return [f"{shared} images stand under two identities or more; `data inspect` names them"] if shared else []


def _refuse_folder(source: Path, out_dir: Path) -> None:
    if out_dir.exists() and not out_dir.is_dir():
        raise InputError(f"{out_dir} is a file; give a folder to write the preparation to")
    real, target = Path(os.path.realpath(source)), Path(os.path.realpath(out_dir))
    if real == target or real in target.parents or (real.is_file() and real.parent == target):
        raise InputError(f"{out_dir} lies in the source, which is never changed; give a folder outside {source}")
    others = (
        sorted(entry.name for entry in out_dir.iterdir() if entry.name not in _FILES) if out_dir.exists() else []
    )
    if others:
        raise InputError(f"{out_dir} holds other files ({others[0]}); give a new or empty folder")


def _refuse_other(out_dir: Path, summary: PreparedSummary) -> None:
    if not any((out_dir / name).exists() for name in _FILES[:2]):
        return
    try:
        digests = json.loads((out_dir / "prepare.json").read_text(encoding="utf-8"))["digests"]
    except (OSError, ValueError, TypeError, KeyError):
        digests = None
    if digests != summary.digests:
        raise WouldReplace(
            f"{out_dir} holds another preparation, which runs may rest on; give another folder or overwrite it"
        )
