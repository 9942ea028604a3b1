"""The labels of a dataset for a copy that holds some of its pictures: meta.json, manifest, frozen pairs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kryptui.data.layouts import identity_of
from kryptui.data.manifest import LANDMARK_COLUMNS, flag_words
from kryptui.data.pairs import read_pairs
from kryptui.data.prepare import PAIRS_FILE
from kryptui.faces.face import Face
from kryptui.faces.pictures import Pictures


def label_texts(kept: Pictures, faces: Sequence[Face | None], target: Path) -> dict[Path, str]:
    """The files that say who is who among the pictures kept, which lie under their names in `target`.

    A contest tree's meta.json keeps its keys as they were. A manifest keeps its columns; landmarks become those of
    `faces`, or go where a picture has none. A prepared folder's pairs are kept where both pictures are.
    """
    if kept.manifest is None:
        return {}
    if kept.layout == "contest tree":
        return {target / "meta.json": _meta(kept)}
    texts = {target / "manifest.csv": _manifest(kept, faces)}
    pairs = kept.source / PAIRS_FILE
    if kept.source.is_dir() and pairs.is_file():
        texts[target / PAIRS_FILE] = _pairs(kept, pairs)
    return texts


def _meta(kept: Pictures) -> str:
    assert kept.manifest is not None
    keys = {(identity_of(name), Path(name).name) for name in kept.names}
    old = json.loads((kept.manifest.root / "meta.json").read_text(encoding="utf-8-sig"))
    meta = {
        key: value
        for key, value in old.items()
        if (str(int(key.partition("/")[0])), key.partition("/")[2]) in keys
    }
    return json.dumps(meta, indent=1) + "\n"


def _manifest(kept: Pictures, faces: Sequence[Face | None]) -> str:
    assert kept.manifest is not None
    table = kept.manifest.table
    table = table.assign(path=kept.names, is_fake=flag_words(table["is_fake"]))
    if LANDMARK_COLUMNS[0] in table:
        known = [face.points.ravel() for face in faces if face is not None]
        table = table.drop(columns=list(LANDMARK_COLUMNS))
        if len(known) == len(table):
            table[list(LANDMARK_COLUMNS)] = np.array(known).reshape(-1, len(LANDMARK_COLUMNS))
    return table.to_csv(index=False, lineterminator="\n")


def _pairs(kept: Pictures, place: Path) -> str:
    names = {os.path.realpath(path): name for path, name in zip(kept.paths, kept.names, strict=True)}
    pairs = read_pairs(place)
    both = [[names.get(os.path.realpath(path), "") for path in pair] for pair in pairs.absolute_paths()]
    table = pairs.table.assign(path1=[pair[0] for pair in both], path2=[pair[1] for pair in both])
    return table[[all(pair) for pair in both]].to_csv(index=False, lineterminator="\n")
