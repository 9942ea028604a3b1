"""Readers: every form in which a dataset lies on disk, to a manifest. Nothing here opens an image."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from kryptui.data.manifest import COLUMNS, LANDMARK_COLUMNS, LeftOut, Manifest, is_number, make_table
from kryptui.data.tables import TextTable, find_root, is_file, read_table, require_columns
from kryptui.data.walk import TreeWalk
from kryptui.errors import InputError

NO_KEY: Final = "no key in meta.json"
NO_FILE: Final = "no file for key in meta.json"
NOT_THERE: Final = "no such file"
NOT_A_NUMBER: Final = "folder name is not a number"

Key = tuple[int, str]
"""A key of meta.json: the identity as a number, and the file's name."""

_FLAGS: Final[dict[str, bool | None]] = {"0": False, "1": True, "false": False, "true": True, "": None}


def read_dataset(path: Path) -> Manifest:
    """Reads a dataset in any known form, recognised by what lies there.

    A contest tree (`images/<digits>/<n>.jpg` and `meta.json`; the `images` folder itself will do), class folders
    (one a person, all images real), a manifest csv, seed 0's csv (`label,path,split,is_query,is_gallery`), a
    folder that `data prepare` made (`manifest.csv` in it). What is left out is named in `left_out`. Raises
    InputError: nothing there, a malformed file, fewer than two identities, fakes only.
    """
    if path.is_dir():
        manifest = _read_folder(path)
    elif path.suffix.lower() == ".csv" and path.exists():
        manifest = _read_csv(path)
    elif path.exists():
        raise InputError(f"{path} is no dataset: give a folder of images or a manifest csv")
    else:
        raise InputError(f"{path} does not exist; give a folder of images or a manifest csv")
    return _checked(manifest)


def _read_folder(path: Path) -> Manifest:
    if (path / "manifest.csv").is_file():
        return _read_csv(path / "manifest.csv")
    if (path / "meta.json").is_file():
        return _read_contest_tree(path)
    if path.absolute().name == "images" and (path.absolute().parent / "meta.json").is_file():
        return _read_contest_tree(path.absolute().parent)
    return _read_class_folders(path)


def _checked(manifest: Manifest) -> Manifest:
    people = manifest.table["identity"].nunique()
    if people == 0:
        left_out = "".join(f"; left out: {item.path} ({item.reason})" for item in manifest.left_out[:1])
        raise InputError(f"{manifest.source} holds no images{left_out}")
    if people == 1:
        raise InputError(
            f"{manifest.source} holds one identity only ({manifest.table['identity'].iloc[0]}); "
            "verification needs at least two people"
        )
    if manifest.table["is_fake"].fillna(False).all():
        raise InputError(f"{manifest.source} holds fakes only; verification needs real images of people")
    unknown = int(manifest.table["is_fake"].isna().sum())
    if not unknown:
        return manifest
    notice = f"is_fake is unknown for {unknown} of {len(manifest)} images: they are treated as real"
    return replace(manifest, notices=(*manifest.notices, notice))


# Trees


def _read_contest_tree(root: Path) -> Manifest:
    meta = read_meta(root / "meta.json")
    if not (root / "images").is_dir():
        raise InputError(f"{root} holds meta.json and no folder 'images'; a contest tree has both")
    walk = TreeWalk(root)
    found: dict[Key, str] = {}
    for folder in walk.folders(root / "images"):
        if not is_number(folder.name):
            walk.leave_out(folder, NOT_A_NUMBER)
            continue
        person = int(folder.name)
        for name in walk.images(folder, known=partial(_has_key, meta, person)):
            key = (person, name)
            if key in found:
                raise InputError(f"{folder / name}: person {person} has two folders with {name}; merge them")
            if key in meta:
                found[key] = walk.name(folder / name)
            else:
                walk.leave_out(folder / name, NO_KEY)
    # A key may name a file that was left out already, such as a symlink.
    named = {(identity_of(item.path), Path(item.path).name) for item in walk.left_out}
    for person, name in sorted(meta.keys() - found.keys()):
        if (str(person), name) not in named:
            walk.left_out.append(LeftOut(f"{person}/{name}", NO_FILE))
    table = make_table(list(found.values()), [str(person) for person, _ in found], [meta[key] for key in found])
    return Manifest(table, root, root, tuple(walk.left_out), walk.notices())


def _has_key(meta: dict[Key, bool], person: int, name: str) -> bool:
    return (person, name) in meta


def _read_class_folders(root: Path) -> Manifest:
    walk = TreeWalk(root)
    people = list(walk.folders(root))
    if [folder.name for folder in people] == ["images"]:
        people = list(walk.folders(root / "images"))
    if not people:
        raise InputError(
            f"{root} holds no folders of images; give a contest tree, one folder a person, or a manifest csv"
        )
    files = [(folder, name) for folder in people for name in walk.images(folder)]
    notices = [f"no meta.json: all {len(files)} images are taken as real", *walk.notices()]
    if files and all(Path(name).stem in ("0", "1") for _, name in files):
        notices.append("every folder holds 0 and 1 only: this looks like a test tree of pairs, not of people")
    table = make_table(
        [walk.name(folder / name) for folder, name in files],
        [folder.name for folder, _ in files],
        [False] * len(files),
    )
    return Manifest(table, root, root, tuple(walk.left_out), tuple(notices))


def identity_of(path: str) -> str:
    """The identity that the folder of an image names; numbers lose their padding."""
    folder = Path(path).parent.name
    return str(int(folder)) if is_number(folder) else folder


def read_meta(path: Path) -> dict[Key, bool]:
    """Reads meta.json: (identity, file name) -> whether the image is a fake.

    Raises InputError: not JSON (with line and column), a key that is not `<digits>/<file>`, a value other
    than 0 and 1, two keys for one file that disagree.
    """
    try:
        pairs = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}, column {error.colno}: this is not JSON: {error.msg}"
        ) from None
    except (ValueError, RecursionError):
        # Bytes that are not utf-8, numbers of thousands of digits, lists in lists without end.
        raise InputError(f"{path} is not JSON text") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    if not isinstance(pairs, _Pairs):
        raise InputError(f'{path} must be an object: {{"<identity>/<file>": 0 or 1, ...}}')
    meta: dict[Key, bool] = {}
    for key, value in pairs.items:
        folder, _, name = key.partition("/")
        if not is_number(folder) or not name or "/" in name:
            raise InputError(f"{path}: the key {key!r} is not '<identity>/<file>' with a number as identity")
        if type(value) is not int or value not in (0, 1):
            shown = "an object" if isinstance(value, _Pairs) else json.dumps(value)
            raise InputError(f"{path}: the value of {key!r} is {shown}; it must be 0 (real) or 1 (fake)")
        if meta.setdefault((int(folder), name), bool(value)) != bool(value):
            raise InputError(f"{path}: {key!r} stands there twice, once as 0 and once as 1")
    return meta


class _Pairs:
    """A JSON object with its repeated keys, which a dict would drop in silence."""

    def __init__(self, items: list[tuple[str, Any]]) -> None:
        self.items = items


# Csv files


def _read_csv(path: Path) -> Manifest:
    table = read_table(path)
    names = table.columns.keys()
    if {"path1", "path2"} <= names:
        raise InputError(f"{path} is a list of pairs, not of images; give it as task.validation or --pairs")
    if {"label", "path"} <= names and "identity" not in names:
        return _read_seed0(table)
    unknown = require_columns(table, COLUMNS[:2], (*COLUMNS[2:], "method", *LANDMARK_COLUMNS))
    is_fake = (
        table.parse("is_fake", _flag, "0, 1, or nothing where unknown")
        if "is_fake" in names
        else [None] * len(table.lines)
    )
    for row, identity in enumerate(table.columns["identity"]):
        if not identity:
            raise table.bad(row, "identity", "the name or number of a person")
    frame = make_table(table.columns["path"], table.columns["identity"], is_fake, table.columns.get("split"))
    if "method" in names:
        frame["method"] = pd.Series(table.columns["method"], dtype=str)
    if any(name in names for name in LANDMARK_COLUMNS):
        require_columns(table, LANDMARK_COLUMNS)
        for name in LANDMARK_COLUMNS:
            frame[name] = table.parse(name, _pixels, "a number of pixels, or empty where there is no face")
    notices = (f"columns ignored: {', '.join(unknown)}",) if unknown else ()
    root = Path(os.path.realpath(path.parent))
    _refuse_duplicates(table, root)
    return _without_missing(Manifest(frame, root, path, notices=notices))


def _flag(text: str) -> bool | None:
    try:
        return _FLAGS[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _pixels(text: str) -> float:
    if not text:
        return math.nan
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _read_seed0(table: TextTable) -> Manifest:
    # Its labels count fakes as people and were renumbered: identity and is_fake come from the tree itself.
    require_columns(table, ("label", "path"), ("split", "is_query", "is_gallery"))
    root = find_root(table, "path")
    _refuse_duplicates(table, root)
    metas: dict[Path, dict[Key, bool] | None] = {}
    flags: list[bool | None] = []
    left_out = []
    for path in table.columns["path"]:
        images = (root / path).parent.parent
        if images not in metas:
            metas[images] = _meta_near(images)
        meta = metas[images]
        identity = identity_of(path)
        key = (int(identity) if is_number(identity) else -1, Path(path).name)
        flags.append(meta.get(key) if meta is not None else None)
        if meta is not None and key not in meta:
            left_out.append(LeftOut(path, NO_KEY))
    identities = [identity_of(path) for path in table.columns["path"]]
    frame = make_table(table.columns["path"], identities, flags, table.columns.get("split"))
    notices = ["label, is_query and is_gallery are ignored: identity comes from each image's folder"]
    if all(meta is None for meta in metas.values()):
        notices.append("no meta.json was found near the images")
    return _without_missing(Manifest(frame, root, table.path, notices=tuple(notices)).without(left_out))


def _meta_near(images: Path) -> dict[Key, bool] | None:
    places = [images / "meta.json", images.parent / "meta.json"]
    return next((read_meta(place) for place in places if place.is_file()), None)


def _refuse_duplicates(table: TextTable, root: Path) -> None:
    seen: dict[str, int] = {}
    for row, path in enumerate(table.columns["path"]):
        if not path:
            raise table.bad(row, "path", "the path of an image")
        full = os.path.normpath(root / path)
        if full in seen:
            raise table.bad(row, "path", f"an image that does not stand in line {seen[full]} already")
        seen[full] = table.lines[row]


def _without_missing(manifest: Manifest) -> Manifest:
    paths = manifest.table["path"]
    missing = [path for path in paths if not is_file(manifest.root / path)]
    if len(missing) == len(paths):
        raise InputError(
            f"{manifest.source}: none of its {len(paths)} images exists; {paths.iloc[0]!r} was looked for in "
            f"{manifest.root}"
        )
    return manifest.without([LeftOut(path, NOT_THERE) for path in missing])


# Test trees


@dataclass(frozen=True)
class TestPair:
    """Two images to compare; `pair_id` is the folder's name."""

    pair_id: str
    first: Path
    second: Path

    __test__ = False  # not a test case, whatever its name makes pytest think


@dataclass(frozen=True)
class TestTree:
    """The pairs of a test tree in the order of their ids, and what is wrong with it, one line each.

    `missing` holds pairs that lack an image; such a pair still stands in `pairs`, with the path where the image
    should be. `notices` tells of files that were ignored.
    """

    pairs: list[TestPair]
    missing: list[str]
    notices: list[str]

    __test__ = False


def read_test_tree(path: Path) -> TestTree:
    """Reads `<pair id>/{0,1}.<any image ending>`. Raises InputError where there is no such folder at all."""
    if not path.is_dir():
        raise InputError(f"{path} is not a folder; give a test tree: <pair id>/0.jpg and <pair id>/1.jpg")
    walk = TreeWalk(path)
    pairs, missing, notices = [], [], []
    for folder in walk.folders(path):
        names = list(walk.images(folder))
        both = []
        for stem in ("0", "1"):
            found = [name for name in names if Path(name).stem == stem]
            if len(found) > 1:
                raise InputError(f"{folder} holds {' and '.join(found)}; keep one image {stem}")
            if not found:
                missing.append(f"{folder.name}: no image {stem}")
            both.append(folder / (found[0] if found else f"{stem}.jpg"))
        notices += [f"{folder.name}/{name} was ignored" for name in names if Path(name).stem not in ("0", "1")]
        pairs.append(TestPair(folder.name, both[0], both[1]))
    if not pairs or len(missing) == 2 * len(pairs):
        raise InputError(f"{path} is no test tree: no folder in it holds the images 0 and 1")
    notices += [f"{item.path} was ignored: {item.reason}" for item in walk.left_out]
    return TestTree(pairs, missing, [*notices, *walk.notices()])
