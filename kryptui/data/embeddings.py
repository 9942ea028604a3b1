"""Embeddings on disk: what a model made of each picture, where the face was in it, and whose it is."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kryptui.data.whole_file import whole_file
from kryptui.errors import InputError

SUFFIXES: Final = (".parquet", ".npz")

_FACTS = "kryptui"
_FLOATS: Final = {"embedding": None, "box": 4, "points": 10, "score": 1}  # how many each picture has


@dataclass(frozen=True, eq=False)
class Embeddings:
    """One row a picture, in any order; NaN where no face was found or the picture is broken.

    `paths` (N), `identities` (N) or None where the layout names nobody, `is_fake` (N) of True, False and None, or
    None. Float32: `embeddings` (N, D) of length one; `boxes` (N, 4), x, y, width and height in pixels; `points`
    (N, 5, 2); `scores` (N,), how sure the detector was. `facts` says by which model they were made.
    """

    paths: Sequence[str]
    embeddings: NDArray[np.float32]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    scores: NDArray[np.float32]
    identities: Sequence[str] | None = None
    is_fake: Sequence[bool | None] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)


def check_suffix(path: Path) -> None:
    """Raises InputError for a name that says of no format that can be written."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: end the name in {' or '.join(SUFFIXES)}, which says the format")


def write_embeddings(path: Path, found: Embeddings) -> None:
    """Writes them as parquet or npz, as the name says, whole or not at all.

    The columns are path, identity and is_fake where known, embedding, box, points (x and y of each in turn) and
    score; raises InputError or RunError where the file cannot be written.
    """
    check_suffix(path)
    floats = {
        "embedding": found.embeddings,
        "box": found.boxes,
        "points": found.points.reshape(len(found), 10),
        "score": found.scores[:, None],
    }
    columns: dict[str, Sequence[Any]] = {"path": list(found.paths)}
    if found.identities is not None:
        columns["identity"] = list(found.identities)
    if found.is_fake is not None:
        columns["is_fake"] = list(found.is_fake)
    write = _write_parquet if path.suffix.lower() == ".parquet" else _write_npz
    write(path, columns, {name: np.asarray(part, dtype=np.float32) for name, part in floats.items()}, found.facts)


def read_embeddings(path: Path) -> Embeddings:
    """Reads what `write_embeddings` wrote; raises InputError for a file that is missing, damaged or another."""
    check_suffix(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; make it with kryptui embed DIR -o {path}")
    read = _read_parquet if path.suffix.lower() == ".parquet" else _read_npz
    columns, floats, facts = read(path)
    lacking = [name for name in ("path", *_FLOATS) if name not in {**columns, **floats}]
    if lacking:
        raise InputError(f"{path}: holds no column {lacking[0]!r}; make it with kryptui embed")
    paths = columns["path"]
    for name, width in _FLOATS.items():
        shape = floats[name].shape
        if len(shape) != 2 or shape[0] != len(paths) or width not in (None, shape[1]):
            raise InputError(
                f"{path}: the column {name!r} has the shape {shape}, which does not fit; make it anew"
            )
    return Embeddings(
        paths,
        floats["embedding"],
        floats["box"],
        floats["points"].reshape(len(paths), 5, 2),
        floats["score"][:, 0],
        columns.get("identity"),
        columns.get("is_fake"),
        facts,
    )


_Columns = dict[str, Sequence[Any]]
_Floats = dict[str, NDArray[np.float32]]


def _write_parquet(path: Path, columns: _Columns, floats: _Floats, facts: Mapping[str, Any]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = {"path": pa.string(), "identity": pa.string(), "is_fake": pa.bool_()}
    arrays = {name: pa.array(values, types[name]) for name, values in columns.items()}
    for name, values in floats.items():
        flat = pa.array(values.ravel())
        arrays[name] = flat if name == "score" else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    table = pa.table(arrays).replace_schema_metadata({_FACTS: json.dumps(facts)})
    with whole_file(path) as file:
        parquet.write_table(table, file)


def _read_parquet(path: Path) -> tuple[_Columns, _Floats, Mapping[str, Any]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
        facts = json.loads((table.schema.metadata or {}).get(_FACTS.encode(), b"{}"))
        columns = {
            name: table[name].to_pylist() for name in ("path", "identity", "is_fake") if name in table.column_names
        }
        floats = {}
        for name in set(_FLOATS) & set(table.column_names):
            values = table[name].combine_chunks()
            width = 1 if name == "score" else values.type.list_size
            flat = values if name == "score" else values.flatten()
            floats[name] = flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(table), width)
    except (pa.ArrowException, OSError, ValueError, AttributeError) as error:
        raise _damaged(path, "parquet", error) from None
    return columns, floats, facts


def _write_npz(path: Path, columns: _Columns, floats: _Floats, facts: Mapping[str, Any]) -> None:
    arrays: dict[str, NDArray[Any]] = {
        name: np.array(values, dtype=str) for name, values in columns.items() if name != "is_fake"
    }
    if "is_fake" in columns:  # -1 where unknown: an array of Python objects would have to be pickled
        arrays["is_fake"] = np.array([-1 if flag is None else flag for flag in columns["is_fake"]], dtype=np.int8)
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays, **floats, facts=np.array(json.dumps(facts)))


def _read_npz(path: Path) -> tuple[_Columns, _Floats, Mapping[str, Any]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            columns: _Columns = {name: arrays[name].tolist() for name in ("path", "identity") if name in arrays}
            if "is_fake" in arrays:
                columns["is_fake"] = [None if flag < 0 else bool(flag) for flag in arrays["is_fake"].tolist()]
            floats = {name: arrays[name].astype(np.float32) for name in _FLOATS if name in arrays}
            facts = json.loads(str(arrays["facts"])) if "facts" in arrays else {}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise _damaged(path, "npz", error) from None
    return columns, floats, facts


def _damaged(path: Path, kind: str, error: Exception) -> InputError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
    return InputError(f"{path}: is damaged or no {kind} file ({reason}); make it anew with kryptui embed")
