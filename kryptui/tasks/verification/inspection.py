"""What verification tells of a dataset before any training; see `tasks.datasets`."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

from kryptui.config import Settings
from kryptui.data.examine import Alike, ExactCopies, Examined, examine
from kryptui.data.inspect import DatasetReport, count_images, report_on
from kryptui.data.labels import FAKES, Pruning, Remains, known_fake
from kryptui.data.layouts import identity_of, read_dataset
from kryptui.data.manifest import LeftOut, Manifest, identity_order
from kryptui.data.prepare import TRAIN, prepare
from kryptui.data.scan import Scanned, Stopped
from kryptui.figures import Figure, ImageSheet, Report
from kryptui.tasks.datasets import Choice, Concern, Count, Finding, Group, Level, Prepared, Remainder, Value
from kryptui.tasks.verification.settings import ValidationSettings, VerificationSettings

_OPTIONS: Mapping[str, tuple[Value, ...]] = {"fakes": FAKES, "min_real": (0, 1, 2, 3, 4), "min_class": (1, 2, 3)}

_MATTERS: tuple[tuple[str, Level, str], ...] = (
    ("broken images", "wrong", "they do not decode; training and preparation leave them out"),
    ("files without a key", "wrong", "meta.json does not say whether they are real; they are left out"),
    ("keys without a file", "wrong", "meta.json names images that are not there"),
    ("otherwise left out", "wrong", "files and folders that no layout has a place for"),
    ("identities in two splits", "wrong", "the same person in training and validation makes figures too good"),
    ("exact copies across splits", "wrong", "the same picture in two splits makes figures too good"),
    ("near copies across splits", "doubtful", "almost the same picture in two splits"),
    ("exact copies, other identity", "wrong", "one picture under two people: one of the labels is wrong"),
    ("near copies, other identity", "doubtful", "almost one picture under two people: a label may be wrong"),
    ("look-alikes with a fake, other identity", "doubtful", "a fake that resembles another person's picture"),
    ("exact copies, same identity", "doubtful", "the same picture twice under one person adds nothing"),
    ("near copies, same identity", "note", "such as frames of one video, or a picture saved anew"),
    (
        "look-alikes with a fake, same identity",
        "note",
        "a fake blended into a photo is like it by nature",
    ),
)

_OF_SPLITS = ("identities in two splits", "exact copies across splits", "near copies across splits")


class FaceDataset:
    """Images of people, real and fake; see `tasks.datasets.Dataset`. Raises InputError for what is no dataset."""

    def __init__(self, path: Path, name: str) -> None:
        manifest = read_dataset(path)
        self._path, self._name, self._manifest = path, name, manifest
        self._examined: Examined | None = None
        self._report: DatasetReport | None = None
        self._counts = count_images(manifest)
        self._trained = _trained_on(manifest)
        self._pruning = Pruning(self._trained.table)
        self._people = manifest.table["identity"].tolist()
        self._is_fake = known_fake(manifest.table).tolist()
        self._places = {path: row for row, path in enumerate(manifest.table["path"])}
        self._rows = {str(name): rows for name, rows in manifest.table.groupby("identity").indices.items()}
        self._findings = self._of_list()
        self.choices = tuple(_choice(name) for name in _OPTIONS)
        self.groups = self._groups()

    @property
    def subject(self) -> str:
        """What is pruned: the training split, where there is one."""
        images = len(self._trained)
        return f"{images:,} images of the training split" if self._counts.splits else f"all {images:,} images"

    @property
    def preparation(self) -> type[Settings] | None:
        """How to split; a preparation is not prepared once more."""
        return None if (self._path / "prepare.json").is_file() else ValidationSettings

    @property
    def notices(self) -> Sequence[str]:
        """What its reader had to say."""
        return self._counts.notices

    def report(self) -> Report:
        """Counts of the images that load, once that is known; before, of those that are listed."""
        known = self._report or self._counts
        figures: list[Figure] = [known.histogram(), *known.split_tables()]
        if self._report is not None:
            figures.append(self._report.files_table())
        return Report("", known.counts(), figures)

    def concerns(self) -> Sequence[Concern]:
        """All that is looked for; what goes over splits only where there are splits."""
        return [
            Concern(title, about, level, self._findings.get(title))
            for title, level, about in _MATTERS
            if self._counts.splits or title not in _OF_SPLITS
        ]

    def remains(self, chosen: Mapping[str, Value]) -> Remainder:
        """Images, people, reals, fakes, classes, and what is lost."""
        fakes, min_real, min_class = (chosen[name] for name in _OPTIONS)
        left = self._pruning.leaves(str(fakes), int(min_real), int(min_class))
        return Remainder(_named(left), _problem(left))

    def samples(self, group: str) -> Sequence[ImageSheet]:
        """The reals of a person beside their fakes."""
        table = self._manifest.table.iloc[self._rows[group]]
        kinds = {"real": table["is_fake"].eq(False), "unknown": table["is_fake"].isna(), "fake": table["is_fake"]}
        sheets = []
        for kind, wanted in kinds.items():
            rows = table[wanted.fillna(False).astype(bool)]
            methods = rows["method"].tolist() if "method" in rows else [""] * len(rows)
            captions = [
                " ".join(filter(None, (Path(path).name, method)))
                for path, method in zip(rows["path"], methods, strict=True)
            ]
            if len(rows):
                sheets.append(ImageSheet(f"{len(rows)} {kind}", [self._full(p) for p in rows["path"]], captions))
        return sheets

    def inspect(
        self,
        *,
        threads: int,
        count: Count,
        found: Callable[[str, Finding], None],
        stop: Callable[[], bool],
    ) -> None:
        """Decodes every image, then compares them all."""
        firsts: dict[bytes, int] = {}

        def seen(image: Scanned | LeftOut) -> None:
            if isinstance(image, LeftOut):
                found("broken images", self._left_out(image))
                return
            first = firsts.setdefault(image.pixel_hash, image.row)
            if first != image.row:
                found(*self._copied(first, image.row))

        try:
            examined = examine(
                self._manifest,
                threads=threads,
                progress=partial(count, "reading images"),
                comparing=partial(count, "comparing images"),
                seen=seen,
                stop=stop,
            )
        except Stopped:
            return
        report, findings = report_on(examined), self._of_images(examined)
        trained = _trained_on(replace(self._manifest, table=examined.table))
        self._trained, self._pruning = trained, Pruning(trained.table)
        self._examined, self._report, self._findings = examined.lighter(), report, findings

    def prepare(
        self,
        out: Path,
        options: ValidationSettings,
        *,
        overwrite: bool,
        threads: int,
        count: Count,
        stop: Callable[[], bool],
    ) -> Prepared | None:
        """Splits by identity and freezes the validation pairs; what was inspected is not read again."""
        try:
            summary = prepare(
                self._path,
                out,
                fraction=options.identities,
                seed=options.split_seed,
                pairs=options.pairs,
                threads=threads,
                progress=partial(count, "checking images"),
                stop=stop,
                overwrite=overwrite,
                examined=self._examined,
            )
        except Stopped:
            return None
        lines = {
            name: ", ".join(f"{number:,} {what}" for what, number in counts.items())
            for name, counts in {**summary.splits, "pairs": summary.pairs}.items()
        }
        if summary.left_out:
            lines["left out"] = f"{len(summary.left_out):,} files, named in prepare.json"
        return Prepared(lines)

    def command(self, out: str | None = None, options: ValidationSettings | None = None) -> str:
        """`kryptui data prepare`, with the options that differ from its own; or `kryptui data inspect`."""
        if out is None:
            return shlex.join(["kryptui", "data", "inspect", self._name])
        words = ["kryptui", "data", "prepare", self._name, "-o", out]
        flags = {"identities": "--identities", "split_seed": "--seed", "pairs": "--pairs"}
        defaults = ValidationSettings()
        for field, flag in flags.items():
            value = getattr(options or defaults, field)
            if value != getattr(defaults, field):
                words += [flag, str(value)]
        return shlex.join(words)

    # Findings

    def _of_list(self) -> dict[str, list[Finding]]:
        """What is known before any image is opened."""
        counts = self._counts
        return {
            "files without a key": [self._of_path(path) for path in counts.files_without_key],
            "keys without a file": [Finding(key, groups=(identity_of(key),)) for key in counts.keys_without_file],
            "otherwise left out": [self._left_out(item) for item in counts.left_out],
            "identities in two splits": [
                Finding(name, groups=(name,)) for name in counts.identities_in_two_splits
            ],
        }

    def _of_images(self, examined: Examined) -> dict[str, list[Finding]]:
        """All that is known at last."""
        found: dict[str, list[Finding]] = defaultdict(list)
        found.update(self._of_list())
        found["broken images"] = [self._left_out(item) for item in examined.broken]
        for group in examined.exact:
            people = "same identity" if len(set(group.identities)) == 1 else "other identity"
            found[f"exact copies, {people}"].append(self._exact(group))
            if len(set(group.splits) - {""}) > 1:
                found["exact copies across splits"].append(self._exact(group))
        splits = dict(zip(examined.table["path"], examined.table["split"], strict=True))
        for pair in examined.alike:
            what = "look-alikes with a fake" if pair.with_fake else "near copies"
            people = "same identity" if pair.one_identity else "other identity"
            found[f"{what}, {people}"].append(self._alike(pair, splits))
            if pair.across_splits and not pair.with_fake:
                found["near copies across splits"].append(self._alike(pair, splits))
        return {title: found[title] for title, _, _ in _MATTERS}

    def _left_out(self, item: LeftOut) -> Finding:
        why = item.reason + (f" ({item.detail})" if item.detail else "")
        return Finding(item.path, why, groups=(self._person(item.path),))

    def _of_path(self, path: str) -> Finding:
        sheet = ImageSheet("", [self._full(path)], [path])
        return Finding(path, "", sheet, (self._person(path),))

    def _copied(self, first: int, second: int) -> tuple[str, Finding]:
        rows = self._manifest.table.iloc[[first, second]]
        paths, identities, splits = (rows[name].tolist() for name in ("path", "identity", "split"))
        copies = ExactCopies(paths, identities, splits, same_file=False)
        people = "same identity" if len(set(copies.identities)) == 1 else "other identity"
        return f"exact copies, {people}", self._exact(copies)

    def _exact(self, copies: ExactCopies) -> Finding:
        about = "the same file" if copies.same_file else "the same pixels"
        return self._together(copies.paths, copies.identities, copies.splits, about)

    def _alike(self, pair: Alike, splits: Mapping[str, str]) -> Finding:
        names = pair.names
        paths = [names.first, names.second]
        about = f"{names.distance} of 64 bits apart, correlation {names.correlation:.3f}"
        return self._together(paths, [self._person(path) for path in paths], [splits[p] for p in paths], about)

    def _together(self, paths: list[str], identities: list[str], splits: list[str], about: str) -> Finding:
        """Several pictures and what they have in common, each under its identity, split and kind."""
        captions = []
        for path, identity, split in zip(paths, identities, splits, strict=True):
            kind = "fake" if self._is_fake[self._places[path]] else "real"
            captions.append(" · ".join(filter(None, (f"{identity} {kind}", split, Path(path).name))))
        sheet = ImageSheet("", [self._full(path) for path in paths], captions)
        return Finding("  =  ".join(paths), about, sheet, tuple(dict.fromkeys(identities)))

    # The table

    def _groups(self) -> tuple[Group, ...]:
        found = []
        for name in sorted(self._rows, key=identity_order):
            fakes = sum(self._is_fake[row] for row in self._rows[name])
            found.append(Group(name, f"{len(self._rows[name]) - fakes} real, {fakes} fake"))
        return tuple(found)

    def _person(self, path: str) -> str:
        """The identity of an image, by its folder where it is in no row of the table."""
        return self._people[self._places[path]] if path in self._places else identity_of(path)

    def _full(self, path: str) -> str:
        return str(self._manifest.root / path)


def _trained_on(manifest: Manifest) -> Manifest:
    """The training split, or everything where there is none."""
    train = manifest.split(TRAIN)
    return train if len(train) else manifest


def _choice(name: str) -> Choice:
    field = VerificationSettings.model_fields[name]
    options = _OPTIONS[name]
    assert name != "fakes" or options == get_args(field.annotation), "settings and labels know the same fakes"
    return Choice(name, field.description or "", options, field.default)


def _named(left: Remains) -> dict[str, int]:
    return {
        "images": left.images,
        "people": left.identities,
        "reals": left.reals,
        "fakes": left.fake_images,
        "classes": left.classes,
        "reals lost": left.lost_reals,
        "fakes lost": left.lost_fakes,
    }


def _problem(left: Remains) -> str:
    if not left.images:
        return "nothing is left to train on"
    alone = left.classes < 2 and not (left.classes and left.fakes == "negatives" and left.fake_images)
    return "fewer than two classes are left" if alone else ""
