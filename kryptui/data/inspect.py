"""The dataset report: what is there, what is broken, what is there twice, and what training would keep of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kryptui.data.decode import MAX_PIXELS
from kryptui.data.examine import ExactCopies, Examined, LookAlike, examine
from kryptui.data.labels import Remains, known_fake, real_counts, what_remains
from kryptui.data.layouts import NO_FILE, NO_KEY, read_dataset
from kryptui.data.manifest import LeftOut, Manifest, identity_order
from kryptui.figures import Figure, Histogram, Report, Table

Cells = list[str | float | int | None]

_BINS = 24


@dataclass(frozen=True)
class DatasetCounts:
    """What the list of the images tells, before any of them is opened."""

    source: str
    images: int
    identities: int
    reals: int
    fakes: int
    unknown: int
    people_with_one_image: int
    people_with_one_real: int
    people_without_reals: int
    images_per_identity: dict[int, int]
    reals_per_identity: dict[int, int]
    keys_without_file: list[str]
    files_without_key: list[str]
    left_out: list[LeftOut]
    identities_in_two_splits: list[str]
    splits: dict[str, int]
    remains: list[Remains]
    notices: list[str]

    def counts(self) -> dict[str, float | int | str | None]:
        """Images and people, by what one would call them."""
        return {
            "images": self.images,
            "identities": self.identities,
            "reals": self.reals,
            "fakes": self.fakes,
            "real or fake unknown": self.unknown,
            "people with one image": self.people_with_one_image,
            "people with one real": self.people_with_one_real,
            "people without reals": self.people_without_reals,
        }

    def histogram(self) -> Histogram:
        """How many people have how many images."""
        return _histogram({"all images": self.images_per_identity, "reals": self.reals_per_identity})

    def split_tables(self) -> list[Table]:
        """The images of each split, where there are splits."""
        rows: list[Cells] = [[name, count] for name, count in self.splits.items()]
        return [Table("splits", ["split", "images"], rows)] if rows else []


@dataclass(frozen=True)
class DatasetReport(DatasetCounts):
    """All that `inspect_dataset` finds. Lists are complete; `to_report` shows the beginning of long ones.

    Near copies are between real images. Look-alikes have a fake on one side or both: a fake that was blended into
    a photo is like that photo by nature, and no sign of a wrong label. `near_same_identity` counts what is
    alike within one identity, such as frames of one video.
    """

    sizes: dict[str, int]
    formats: dict[str, int]
    modes: dict[str, int]
    broken: list[LeftOut]
    exact_same_identity: list[ExactCopies]
    exact_other_identity: list[ExactCopies]
    exact_across_splits: list[ExactCopies]
    near_other_identity: list[LookAlike]
    near_across_splits: list[LookAlike]
    near_same_identity: int
    look_alikes_other_identity: list[LookAlike]
    look_alikes_same_identity: int

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON types, keyed by the names of its fields."""
        counts = ("images_per_identity", "reals_per_identity")
        as_text = {name: {str(key): value for key, value in getattr(self, name).items()} for name in counts}
        return asdict(self) | as_text

    def to_report(self, rows: int = 20) -> Report:
        """The report as scalars and figures; tables of findings show `rows` rows and say how many there are."""
        return Report(f"dataset {self.source}", self._scalars(), self._figures(rows))

    def files_table(self, rows: int = 20) -> Table:
        """The sizes, formats and modes of the pictures, the most common first."""
        kinds = (("size", self.sizes), ("format", self.formats), ("mode", self.modes))
        cells: list[Cells] = [
            [what, kind, count] for what, found in kinds for kind, count in list(found.items())[:rows]
        ]
        return Table("files", ["what", "kind", "images"], cells)

    def _scalars(self) -> dict[str, float | int | str | None]:
        return {
            **self.counts(),
            "broken images": len(self.broken),
            "files without a key": len(self.files_without_key),
            "keys without a file": len(self.keys_without_file),
            "otherwise left out": len(self.left_out),
            "exact copies, same identity": len(self.exact_same_identity),
            "exact copies, other identity": len(self.exact_other_identity),
            "exact copies across splits": len(self.exact_across_splits),
            "near copies, same identity": self.near_same_identity,
            "near copies, other identity": len(self.near_other_identity),
            "near copies across splits": len(self.near_across_splits),
            "look-alikes with a fake, same identity": self.look_alikes_same_identity,
            "look-alikes with a fake, other identity": len(self.look_alikes_other_identity),
            "identities in two splits": len(self.identities_in_two_splits),
        }

    def _figures(self, rows: int) -> list[Figure]:
        figures: list[Figure] = [
            self.histogram(),
            Table("what each choice leaves", list(Remains.__dataclass_fields__), [_row(r) for r in self.remains]),
            self.files_table(rows),
            *self.split_tables(),
        ]
        reasons = ["path", "reason", "detail"]
        exact = ["images", "identities", "splits", "same file"]
        near = ["first", "second", "bits apart of 64", "correlation"]
        findings: list[tuple[str, list[str], list[Cells]]] = [
            ("broken images", reasons, [_row(item) for item in self.broken]),
            ("otherwise left out", reasons, [_row(item) for item in self.left_out]),
            ("files without a key", ["path"], [[path] for path in self.files_without_key]),
            ("keys without a file", ["key"], [[key] for key in self.keys_without_file]),
            ("exact copies, other identity", exact, [_row(item) for item in self.exact_other_identity]),
            ("exact copies across splits", exact, [_row(item) for item in self.exact_across_splits]),
            ("exact copies, same identity", exact, [_row(item) for item in self.exact_same_identity]),
            ("near copies, other identity", near, [_row(item) for item in self.near_other_identity]),
            ("near copies across splits", near, [_row(item) for item in self.near_across_splits]),
            (
                "look-alikes with a fake, other identity",
                near,
                [_row(item) for item in self.look_alikes_other_identity],
            ),
            ("identities in two splits", ["identity"], [[name] for name in self.identities_in_two_splits]),
        ]
        for title, columns, found in findings:
            if found:
                shown = f"{title} ({rows} of {len(found)})" if len(found) > rows else title
                figures.append(Table(shown, columns, found[:rows]))
        return figures


def inspect_dataset(
    source: Path | Manifest,
    *,
    threads: int = 2,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> DatasetReport:
    """Reads every image of a dataset once and reports on it; changes nothing.

    Counts are of the images that load. Raises InputError where the dataset cannot be read at all, Stopped where
    `stop` says so.
    """
    manifest = source if isinstance(source, Manifest) else read_dataset(source)
    return report_on(examine(manifest, threads=threads, max_pixels=max_pixels, progress=progress, stop=stop))


def count_images(manifest: Manifest) -> DatasetCounts:
    """The quick part of the report: opens no image, so broken ones count too."""
    return DatasetCounts(**_counts(manifest, manifest.table))


def report_on(found: Examined) -> DatasetReport:
    """The whole report on what `examine` found."""
    exact, alike = found.exact, found.alike
    return DatasetReport(
        **_counts(found.manifest, found.table),
        sizes=_common(f"{image.width} x {image.height}" for image in found.scanned),
        formats=_common(image.format for image in found.scanned),
        modes=_common(image.mode for image in found.scanned),
        broken=found.broken,
        exact_same_identity=[group for group in exact if len(set(group.identities)) == 1],
        exact_other_identity=[group for group in exact if len(set(group.identities)) > 1],
        exact_across_splits=[group for group in exact if len(set(group.splits) - {""}) > 1],
        near_other_identity=[pair.names for pair in alike if not pair.with_fake and not pair.one_identity],
        near_across_splits=[pair.names for pair in alike if not pair.with_fake and pair.across_splits],
        near_same_identity=sum(not pair.with_fake and pair.one_identity for pair in alike),
        look_alikes_other_identity=[pair.names for pair in alike if pair.with_fake and not pair.one_identity],
        look_alikes_same_identity=sum(pair.with_fake and pair.one_identity for pair in alike),
    )


def _counts(manifest: Manifest, table: pd.DataFrame) -> dict[str, Any]:
    """The fields of DatasetCounts: of the manifest's rows that stand in `table`."""
    fake = known_fake(table)
    people = table["identity"].value_counts()
    reals = real_counts(table)
    by_split = table[table["split"] != ""]
    splits_of = by_split.groupby("identity")["split"].nunique()
    keys = (NO_FILE, NO_KEY)
    return {
        "source": str(manifest.source),
        "images": len(table),
        "identities": len(people),
        "reals": int((~fake).sum() - table["is_fake"].isna().sum()),
        "fakes": int(fake.sum()),
        "unknown": int(table["is_fake"].isna().sum()),
        "people_with_one_image": int((people == 1).sum()),
        "people_with_one_real": int((reals == 1).sum()),
        "people_without_reals": int((reals == 0).sum()),
        "images_per_identity": _distribution(people),
        "reals_per_identity": _distribution(reals),
        "keys_without_file": [item.path for item in manifest.left_out if item.reason == NO_FILE],
        "files_without_key": [item.path for item in manifest.left_out if item.reason == NO_KEY],
        "left_out": [item for item in manifest.left_out if item.reason not in keys],
        "identities_in_two_splits": sorted(splits_of.index[splits_of > 1], key=identity_order),
        "splits": {str(name): int(count) for name, count in by_split["split"].value_counts().items()},
        "remains": what_remains(table),
        "notices": list(manifest.notices),
    }


def _distribution(counts: pd.Series) -> dict[int, int]:
    # How many people have 0, 1, 2, ... images.
    return {int(images): int(people) for images, people in sorted(Counter(counts.tolist()).items())}


def _common(kinds: Iterable[str]) -> dict[str, int]:
    return dict(Counter(kinds).most_common())


def _histogram(distributions: dict[str, dict[int, int]]) -> Histogram:
    most = max(max(distribution, default=0) for distribution in distributions.values())
    width = max(1, -(-(most + 1) // _BINS))
    edges = [float(edge) for edge in range(0, most + 1 + width, width)]
    counts = {}
    for name, distribution in distributions.items():
        values, weights = list(distribution), list(distribution.values())
        counts[name] = np.histogram(values, bins=edges, weights=weights)[0].astype(int).tolist()
    return Histogram("images an identity", "images", edges, counts)


def _row(item: Remains | LeftOut | ExactCopies | LookAlike) -> Cells:
    values = vars(item).values()
    return [", ".join(filter(None, value)) if isinstance(value, list) else value for value in values]
