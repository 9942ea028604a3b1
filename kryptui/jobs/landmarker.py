"""A trained model that places the points of faces."""

from __future__ import annotations

from typing import cast

from kryptui.engine.restore import Restored
from kryptui.errors import InputError
from kryptui.faces.face import Landmarker
from kryptui.tasks.protocol import LandmarkTask


def open_landmarker(model: Restored) -> Landmarker:
    """The landmarker that a model is; raises InputError for a model of another kind."""
    if not hasattr(model.task, "landmarker"):
        raise InputError(
            f"{model.source}: the task {model.config.task.kind} places no points of faces; give a run of landmarks"
        )
    task = cast(LandmarkTask, model.task)
    name = f"{model.config.name} {(model.weights_sha256 or 'untrained')[:12]}"
    return task.landmarker(model.infer, model.device.device, name)
