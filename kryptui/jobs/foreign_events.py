"""Reads the event files that TensorBoard shows, one run a folder, by TensorBoard's own record reader."""

from __future__ import annotations

import math
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kryptui.errors import InputError
from kryptui.jobs.foreign import LATEST, ForeignRun, storable_lines, storable_name

_MARK = "tfevents"
_FRAME = 16  # bytes around a record: its length and two checksums
_NOT_SHOWN = ".profile-empty"
_PLURALS = {"histo": "histograms", "image": "images", "audio": "audio"}


def is_event_file(path: Path) -> bool:
    """Whether a file is one by its name, or by a first record that reads as an event."""
    if _MARK in path.name:
        return True
    try:
        return next(_records(path), None) is not None
    except OSError:
        return False


def event_folders(root: Path) -> list[tuple[Path, list[Path]]]:
    """The folders at and below `root` that hold event files, outer ones first, with these files in order.

    Raises InputError for a folder that cannot be read. Links to folders are not followed.
    """

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})")

    found = []
    for folder, below, names in os.walk(root, onerror=refuse):
        below.sort()
        files = [Path(folder, name) for name in sorted(names) if _MARK in name and not name.endswith(_NOT_SHOWN)]
        if files:
            found.append((Path(folder), files))
    return found


def read_events(name: str, source: Path, files: Sequence[Path]) -> ForeignRun:
    """The run of some event files, given in the order in which they were begun.

    Scalars are metrics, text summaries lines of the log, what the hparams plugin was told the settings. Where a
    run began again from an earlier step, what it did there last stands. Raises InputError where no file holds an
    event.
    """
    run = ForeignRun(name, source, 0.0, "TensorBoard")
    reader = _Reader(run)
    if sum(_read_file(reader, file) for file in files) == 0:
        raise InputError(f"{source}: no event of TensorBoard, or damaged from its beginning; leave it out")
    run.remarks += reader.remarks()
    read = len(run.points)
    run.points = run.points.settled(reader.restarts)
    if len(run.points) < read:
        run.remarks.append(
            f"{read - len(run.points)} values of steps that were run again are left out; the later ones stand"
        )
    _take_epochs(run)
    return run


class _Reader:
    """Takes events one by one, as they were written."""

    def __init__(self, run: ForeignRun) -> None:
        self.run = run
        self.restarts: list[tuple[int, int]] = []
        self._plugins: dict[str, str] = {}
        self._unreadable: Counter[str] = Counter()
        self._not_curves: set[str] = set()

    def take(self, event: Any) -> None:
        what = event.WhichOneof("what")
        if what == "session_log" and event.session_log.status == event.session_log.START:
            self.restarts.append((len(self.run.points), event.step))
        if what != "summary":
            return
        moment = event.wall_time if 0 < event.wall_time < LATEST else math.nan
        for value in event.summary.value:
            kind = value.WhichOneof("value")
            if kind == "simple_value":
                self.run.points.add(value.tag, event.step, math.nan, moment, value.simple_value)
                continue
            # A writer names the plugin of a tag with its first value alone.
            plugin = self._plugins.setdefault(value.tag, value.metadata.plugin_data.plugin_name)
            if plugin == "hparams":
                self._take_settings(value.metadata.plugin_data.content)
            elif plugin == "scalars":
                self._take_scalar(value, event.step, moment)
            elif plugin == "text":
                self._take_text(value, moment)
            elif plugin or kind is not None:
                self._not_curves.add(_PLURALS.get(kind or "", plugin or "tensors"))

    def remarks(self) -> list[str]:
        """What was not taken."""
        told = [f"{count} values of {tag!r} cannot be read" for tag, count in self._unreadable.items()]
        if self._not_curves:
            told.append(f"what is no curve is left out: {', '.join(sorted(self._not_curves))}")
        return told

    def _take_scalar(self, value: Any, step: int, moment: float) -> None:
        from tensorboard.util.tensor_util import make_ndarray

        try:
            # Its shape first: a false one could ask for any amount of memory.
            number = float(make_ndarray(value.tensor).item()) if _is_single(value.tensor) else None
        except (TypeError, ValueError, KeyError, AttributeError):
            number = None
        if number is None:
            self._unreadable[storable_name(value.tag)] += 1
        else:
            self.run.points.add(value.tag, step, math.nan, moment, number)

    def _take_text(self, value: Any, moment: float) -> None:
        name = storable_name(value.tag.removesuffix("/text_summary"))
        for text in value.tensor.string_val:
            lines = storable_lines(text.decode("utf-8", "backslashreplace"))
            self.run.lines += [(moment, f"{name}: {line}") for line in lines]

    def _take_settings(self, content: bytes) -> None:
        from google.protobuf.message import DecodeError
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        try:
            told = HParamsPluginData.FromString(content)
        except DecodeError:
            self._unreadable["hyperparameters"] += 1
            return
        for name, value in sorted(told.session_start_info.hparams.items()):  # a map has no order
            self.run.hparams[storable_name(name)] = _setting(value)


def _is_single(tensor: Any) -> bool:
    return all(dimension.size == 1 for dimension in tensor.tensor_shape.dim)


def _setting(value: Any) -> Any:
    """A setting in plain types. Numbers have no kind there, so whole ones become whole."""
    match value.WhichOneof("kind"):
        case "number_value" if not math.isfinite(value.number_value):
            return str(value.number_value)
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) < 2**53 else number
        case "string_value" | "bool_value" as kind:
            return getattr(value, kind)
        case "list_value":
            return [_setting(entry) for entry in value.list_value.values]
        case "struct_value":
            return {name: _setting(entry) for name, entry in value.struct_value.fields.items()}
        case _:
            return None


def _read_file(reader: _Reader, file: Path) -> int:
    """Takes every whole record of a file and counts them; what is damaged, and all after it, is a remark."""
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    count = whole = 0
    try:
        size = file.stat().st_size
        reader.run.written = max(reader.run.written, file.stat().st_mtime)
        for record in _records(file):
            try:
                event = Event.FromString(record)
            except DecodeError:
                break
            reader.take(event)
            count += 1
            whole += len(record) + _FRAME
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error})") from None
    if whole < size:
        reader.run.remarks.append(
            f"{file.name} is cut off or damaged after {whole} bytes: the last {size - whole} bytes are left out"
        )
    return count


def _records(file: Path) -> Iterator[bytes]:
    """The records of a file up to the first that is not whole; raises OSError where it cannot be read."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    try:
        yield from RawEventFileLoader(os.fspath(file)).Load()
    except (MemoryError, OverflowError):
        return  # a length that no file has


def _take_epochs(run: ForeignRun) -> None:
    """Where a tool logs the epoch as a scalar of its own, it is the epoch of the other values of the step."""
    if "epoch" not in run.points.names:
        return
    number = run.points.names.index("epoch")
    columns = zip(run.points.metric, run.points.step, run.points.value, strict=True)
    epochs = {step: value for metric, step, value in columns if metric == number and math.isfinite(value)}
    run.points.epoch = array("d", (epochs.get(step, math.nan) for step in run.points.step))
