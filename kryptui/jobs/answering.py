"""Evaluations and submissions as jobs of their own, each on record."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kryptui import config as configuration
from kryptui.engine.control import Control
from kryptui.engine.predict import Written, check_output, predict_to_file
from kryptui.engine.restore import Restored
from kryptui.errors import InputError, KryptuiError
from kryptui.jobs import environment
from kryptui.jobs.steering import obey_stop_alone
from kryptui.jobs.workspace import Workspace
from kryptui.runs.recorder import Recorder
from kryptui.runs.store import Store
from kryptui.tasks import registry
from kryptui.tasks.protocol import Evaluation, Progress


@dataclass(frozen=True)
class Evaluated:
    """An evaluation on record."""

    run_id: str
    evaluation: Evaluation
    seconds: float


Began = Callable[[Recorder], None]
"""Is given the recorder of a job that has begun."""


def evaluate(
    restored: Restored,
    origin: Mapping[str, Any],
    source: Path,
    workspace: Workspace,
    store: Store,
    progress: Progress | None = None,
    began: Began | None = None,
) -> Evaluated:
    """Measures a model on labelled data; raises InputError for data that is not right.

    Like `submit`, it is stopped by a KeyboardInterrupt from `progress`.
    """
    _check_source(source)
    facts = {"source": str(source)}
    with _on_record("evaluate", restored, origin, workspace, store, facts, progress, began) as (
        run_id,
        recorder,
        progressed,
    ):
        since = time.perf_counter()
        found = restored.task.evaluate(restored.infer, restored.device.device, source, progressed)
        seconds = time.perf_counter() - since
        step = restored.step or 0
        recorder.metric(step, 0.0, found.scalars)
        recorder.evaluation(step, found.scalars, found.figures, found.scores)
    return Evaluated(run_id, found, seconds)


def submit(
    restored: Restored,
    origin: Mapping[str, Any],
    source: Path,
    output: Path,
    options: Mapping[str, Any],
    workspace: Workspace,
    store: Store,
    progress: Progress | None = None,
    began: Began | None = None,
) -> tuple[str, Written]:
    """Answers unlabelled data in a file; raises InputError where an answer cannot be complete."""
    _check_source(source)
    check_output(output)
    facts = {"source": str(source), "output": str(output), **options}
    with _on_record("submit", restored, origin, workspace, store, facts, progress, began) as (
        run_id,
        recorder,
        progressed,
    ):
        written = predict_to_file(restored, source, output, options, origin, progressed)
        recorder.artifact("submission", str(output.absolute()), written.sha256, written.size)
        recorder.log("info", f"{len(written.prediction.rows)} rows in {written.seconds:.1f} s")
    return run_id, written


def _check_source(source: Path) -> None:
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")


@contextmanager
def _on_record(
    kind: str,
    restored: Restored,
    origin: Mapping[str, Any],
    workspace: Workspace,
    store: Store,
    facts: Mapping[str, Any],
    progress: Progress | None,
    began: Began | None,
) -> Iterator[tuple[str, Recorder, Progress]]:
    """A run of its own, and what its work tells of its progress, where a command to stop ends it."""
    config = restored.config
    run_id = store.create_run(
        kind,
        str(origin.get("name") or restored.source.name),
        config.task.kind,
        configuration.to_plain(config),
        configuration.digest(config),
        None,
        {
            **environment.describe(workspace.root, restored.device.label),
            "checkpoint": str(restored.source),
            "weights_sha256": restored.weights_sha256,
            **facts,
        },
        str(workspace.root.resolve()),
        parent=origin.get("run"),
    )
    attempt = store.start_attempt(run_id)
    control = Control()
    directions = registry.get(config.task.kind).all_directions
    recorder = Recorder(store, run_id, attempt, directions, obey_stop_alone(control))

    def progressed(done: int, total: int) -> None:
        if control.stopping:
            raise KeyboardInterrupt
        recorder.progress(done=done, of=total)
        if progress is not None:
            progress(done, total)

    try:
        try:
            if began is not None:
                began(recorder)
            yield run_id, recorder, progressed
        except (KryptuiError, KeyboardInterrupt):
            raise
        except BaseException as error:
            for line in "".join(traceback.format_exception(error)).splitlines():
                recorder.log("error", line)
            raise
        finally:
            recorder.close()
    except KeyboardInterrupt:
        store.finish(run_id, "stopped", attempt=attempt)
        raise
    except BaseException as error:  # a library that calls sys.exit() too
        text = str(error) if isinstance(error, KryptuiError) else f"{type(error).__name__}: {error}"
        store.finish(run_id, "failed", text, attempt=attempt)
        raise
    store.finish(run_id, "finished", attempt=attempt)
