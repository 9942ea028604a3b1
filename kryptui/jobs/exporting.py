"""Writes the record, or a part of it, as csv, JSON or parquet: row by row, and a file whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO, get_args

from kryptui.errors import InputError, RunError, nearest
from kryptui.runs.flat import Column, FlatTable, Kind, Row

Format = Literal["csv", "json", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass
class Written:
    """What a table came to. `formula` is the first text that a spreadsheet would compute, not show."""

    rows: int = 0
    formula: str | None = None


def choose_format(given: str | None, path: Path | None) -> Format:
    """The format that is asked for, else that of the file's ending, else csv; raises InputError for no format."""
    if given is not None:
        for known in FORMATS:
            if given == known:
                return known
        hint = nearest(given, FORMATS, 1) or f"; one of {', '.join(FORMATS)}"
        raise InputError(f"--format {given!r}: there is no such format{hint}")
    if path is None:
        return "csv"
    for known in FORMATS:
        if path.suffix.lower() == f".{known}":
            return known
    raise InputError(f"{path}: its ending tells no format; end it in .csv, .json or .parquet, or give --format")


def write_table(table: FlatTable, format: Format, file: BinaryIO) -> Written:
    """Writes a table page by page.

    csv: utf-8; text exactly as it is, quoted where csv needs it; nothing for None; true, false; times as ISO 8601
    in UTC; several words joined by `;`; numbers such that they read back the same; nan, inf, -inf.
    json: one array, an object a line; what is not finite is text: "NaN", "Infinity", "-Infinity".
    parquet: typed columns; settings of several types as text.
    """
    if format == "csv":
        return _write_csv(table, file)
    return _write_json(table, file) if format == "json" else _write_parquet(table, file)


@contextmanager
def new_file(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A file to write that appears under its name when it is whole and on disk, or not at all.

    Raises InputError for a name that is taken, unless `overwrite` is set, or cannot be; RunError where writing
    fails.
    """
    place = Path(os.path.realpath(path))
    _check_place(path, place, overwrite)
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _check_place(path, place, overwrite)  # again: it may have been taken meanwhile
        temporary.replace(place)
    except OSError as error:
        raise RunError(f"{path} could not be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _check_place(path: Path, place: Path, overwrite: bool) -> None:
    if place.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    if place.exists() and not place.is_file():
        raise InputError(f"{path}: is no ordinary file; leave -o out to write to stdout")
    if place.exists() and not overwrite:
        raise InputError(f"{path}: is there already; name another, or give --overwrite")
    if not place.parent.is_dir():
        raise InputError(f"{path}: its folder does not exist; make it first")


def _write_csv(table: FlatTable, file: BinaryIO) -> Written:
    written = Written()
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    try:
        writer = csv.writer(_Lines(text))
        writer.writerow([column.name for column in table.columns])
        spelling = _spelling(table.columns, _CSV)
        texts = [at for at, column in enumerate(table.columns) if column.kind == "text"]
        for page in table.pages:
            writer.writerows(_spelt(page, spelling))
            written.rows += len(page)
            if written.formula is None:
                written.formula = _first_formula(page, texts)
        text.flush()
    finally:
        with contextlib.suppress(OSError, ValueError):
            text.detach()
    return written


class _Lines:
    """Ends lines as Unix does. The csv module quotes a carriage return only where it ends lines with one."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> None:
        self._file.write(f"{line[:-2]}\n")


def _write_json(table: FlatTable, file: BinaryIO) -> Written:
    written = Written()
    names = [column.name for column in table.columns]
    spelling = _spelling(table.columns, _JSON)
    encode = json.JSONEncoder(allow_nan=False).encode
    separator = "[\n"
    for page in table.pages:
        for row in _spelt(page, spelling):
            file.write(f"{separator}{encode(dict(zip(names, row, strict=True)))}".encode())
            separator = ",\n"
        written.rows += len(page)
    file.write(b"\n]\n" if written.rows else b"[]\n")
    return written


def _write_parquet(table: FlatTable, file: BinaryIO) -> Written:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"--format parquet: pyarrow does not load ({reason}); mend it, or export csv") from None

    types = {
        "text": pa.string(),
        "whole": pa.int64(),
        "real": pa.float64(),
        "flag": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
        "words": pa.list_(pa.string()),
        "mixed": pa.string(),
    }
    schema = pa.schema([(_storable(column.name), types[column.kind]) for column in table.columns])
    spelling = _spelling(table.columns, _PARQUET)
    written = Written()
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for page in table.pages:
            rows = zip(*_spelt(page, spelling), strict=True)
            arrays = [pa.array(cells, field.type) for cells, field in zip(rows, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            written.rows += len(page)
    return written


Spell = Callable[[Any], Any]


def _spelling(columns: Sequence[Column], by_kind: dict[Kind, Spell]) -> list[tuple[int, Spell]]:
    """How to spell the cells of the columns that are not written as they are."""
    return [(at, by_kind[column.kind]) for at, column in enumerate(columns) if column.kind in by_kind]


def _spelt(page: Sequence[Row], spelling: list[tuple[int, Spell]]) -> Iterator[Sequence[Any]]:
    if not spelling:
        yield from page
        return
    for row in page:
        cells = list(row)
        for at, spell in spelling:
            if cells[at] is not None:
                cells[at] = spell(cells[at])
        yield cells


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _iso(seconds: float) -> str | None:
    moment = _moment(seconds)
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def _as_text(value: Any) -> str:
    """A setting as it is written in a configuration."""
    return _storable(value) if isinstance(value, str) else json.dumps(value)


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _finite(value: Any) -> Any:
    """As JSON has it; what JSON has no number for as text."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_CSV: dict[Kind, Spell] = {
    "flag": json.dumps,
    "time": _iso,
    "words": ";".join,
    "mixed": _as_text,
}
_JSON: dict[Kind, Spell] = {"real": _finite, "mixed": _finite, "time": _iso}
_PARQUET: dict[Kind, Spell] = {"text": _storable, "time": _moment, "mixed": _as_text}


def _first_formula(page: Sequence[Row], texts: Sequence[int]) -> str | None:
    found = (row[at] for row in page for at in texts)
    return next((text for text in found if text and text.startswith(_FORMULA)), None)
