"""Logs of other tools as tests write them, and what the record makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.summary.writer.record_writer import RecordWriter

from kryptui.jobs.importing import Choices, Imported, import_runs
from kryptui.jobs.workspace import Workspace
from kryptui.runs.rows import RunRow


def bring(workspace: Workspace, *paths: Path, dry_run: bool = False, **choices: Any) -> list[Imported]:
    return list(import_runs(paths, Choices(**choices), workspace, dry_run=dry_run))


def brought(workspace: Workspace, *paths: Path, **choices: Any) -> RunRow:
    """The one run that comes of it."""
    (result,) = bring(workspace, *paths, **choices)
    assert result.error is None
    with workspace.open() as store:
        return store.get_run(result.run_id)


def points(workspace: Workspace, run_id: str) -> list[tuple[str, int, str]]:
    with workspace.open() as store:
        return [(row.name, row.step, repr(row.value)) for row in store.metrics(run_id)]


def log(workspace: Workspace, run_id: str) -> list[str]:
    with workspace.open() as store:
        return [f"{line.level}: {line.text}" for line in store.log_lines(run_id)]


def scalar(name: str, step: int, value: float, time: float = 1.7e9) -> Event:
    return Event(wall_time=time, step=step, summary=Summary(value=[Summary.Value(tag=name, simple_value=value)]))


def tensor(name: str, step: int, content: TensorProto, plugin: str) -> Event:
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
    value = Summary.Value(tag=name, tensor=content, metadata=metadata)
    return Event(wall_time=1.7e9, step=step, summary=Summary(value=[value]))


def restart(step: int) -> Event:
    return Event(wall_time=1.7e9, step=step, session_log=SessionLog(status=SessionLog.START))


def write_events(folder: Path, events: Sequence[Event], number: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{number}.host"
    with path.open("wb") as file:
        writer = RecordWriter(file)
        for event in (Event(wall_time=1.7e9, file_version="brain.Event:2"), *events):
            writer.write(event.SerializeToString())
    return path


def write_csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
