"""What can be known before a submission starts: each check a line with a fact and what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kryptui.errors import InputError
from kryptui.jobs.doctor.finding import Finding, guarded, note, ok, problem

if TYPE_CHECKING:
    from pydantic import BaseModel

    from kryptui.tasks.protocol import CheckSource

LEAST_ROOM = 10e6
"""Free bytes without which no submission is begun; a million rows take three times as many."""


@dataclass(frozen=True)
class ModelAsked:
    """What is to answer: a checkpoint's folder, where, and whether a run trains here beside it."""

    folder: Path
    device: str
    training: bool


@dataclass(frozen=True)
class SourceAsked:
    """What is to be answered: the task's look at it, the data, and its options as given."""

    check: str | None
    task: str
    source: Path
    options: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class OutputAsked:
    """Where the answers go, and the labels to hold them against, if any; `unscored` is a task without a score."""

    output: Path
    labels: Path | None
    unscored: str | None


@dataclass(frozen=True)
class ModelFound:
    """What was found of a checkpoint, and what its file says, for reading."""

    findings: tuple[Finding, ...]
    meta: Mapping[str, Any]


def check_model(asked: ModelAsked) -> ModelFound:
    """Whether a checkpoint is whole, states its preprocessing, and has a device; loads no weights."""
    meta: dict[str, Any] = {}

    def whole() -> Finding:
        from kryptui.draw.numerals import size
        from kryptui.engine.checkpoint import read_meta

        meta.update(read_meta(asked.folder))
        weights = _check_weights(asked.folder)
        return ok("model", f"step {meta['step']:,}, weights whole, {size(weights)}")

    def findings() -> Iterator[Finding]:
        yield from guarded("model", whole)
        if meta:
            yield from guarded("contract", lambda: _check_contract(meta))
            yield from guarded("device", lambda: _check_device(asked, meta))

    return ModelFound(tuple(findings()), meta)


def _check_weights(folder: Path) -> int:
    """The bytes of the weights, whose hash is checked on loading; raises InputError where they are not whole."""
    from safetensors import SafetensorError, safe_open

    from kryptui.models.weights import WEIGHTS_FILE

    path = folder / WEIGHTS_FILE
    try:
        with safe_open(path, "np") as file:  # looks whether the file is as long as its head says
            file.keys()
        return path.stat().st_size
    except FileNotFoundError:
        raise InputError(f"{path}: is missing; choose another checkpoint") from None
    except (SafetensorError, OSError) as error:
        reason = " ".join(str(error).split())[:80]
        raise InputError(f"{path}: is not whole ({reason}); choose another checkpoint") from None


def _check_contract(meta: Mapping[str, Any]) -> Finding:
    from kryptui.preprocess import Preprocessing
    from kryptui.tasks import registry

    spec = registry.get(meta["config"].get("task", {}).get("kind", ""))
    stated = meta["rebuild"].get("preprocessing")
    if stated is None and not spec.takes_model:
        return ok("contract", f"the task {spec.kind} has no pictures to prepare")
    if stated is None:
        return problem("contract", "the checkpoint states no preprocessing", "choose another one")
    found = Preprocessing.from_json(stated, "checkpoint")
    height, width = found.size
    return ok("contract", f"{width}x{height} {found.colour}, {found.interpolation}, crop {found.crop:g}")


def _check_device(asked: ModelAsked, meta: Mapping[str, Any]) -> Finding:
    from kryptui.engine.device import resolve

    label = resolve(asked.device, meta["precision"], meta["config"].get("threads")).label
    if asked.training:
        return note("device", label, "a run trains here beside it; where both share a device, both are slower")
    return ok("device", label)


def check_source(asked: SourceAsked) -> tuple[Finding, ...]:
    """What the task finds of the data; of a task that does not look beforehand, that they are there."""
    return tuple(guarded("test data", lambda: _look_at(asked)))


def _look_at(asked: SourceAsked) -> Iterator[Finding]:
    if not asked.source.exists():
        raise InputError(f"{asked.source}: no such file or folder; choose another one")
    if asked.check is None:
        yield ok("test data", f"there; the task {asked.task} does not look at them beforehand")
        return
    from kryptui.tasks import registry

    check: CheckSource = registry.import_object(asked.check)
    for state, text in check(asked.source, dict(asked.options)):
        yield Finding("test data", state, text)


def check_output(asked: OutputAsked) -> tuple[Finding, ...]:
    """Whether the file can be written, is new, and has room; and whether the labels are there."""
    return (
        *guarded("output", lambda: _check_place(asked.output)),
        *guarded("room", lambda: _check_room(asked.output.absolute().parent)),
        *(() if asked.labels is None else guarded("labels", lambda: _check_labels(asked))),
    )


def _check_place(output: Path) -> Finding:
    folder = output.absolute().parent
    if output.is_dir():
        raise InputError(f"{output}: is a folder; give the name of a csv file in it")
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; make it first")
    if not os.access(folder, os.W_OK) or (output.exists() and not os.access(output, os.W_OK)):
        raise InputError(f"{output}: may not be written; choose another place")
    if output.exists():
        return note("output", "is there already", "it is replaced once you agree to that")
    return ok("output", "a new file")


def _check_room(folder: Path) -> Finding:
    from kryptui.draw.numerals import size

    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < LEAST_ROOM:
        return problem("room", f"{size(free)} free where it is written", "free some, or choose another place")
    return ok("room", f"{size(free)} free where it is written")


def _check_labels(asked: OutputAsked) -> Finding:
    if asked.unscored is not None:
        return note("labels", f"the task {asked.unscored} has no score", "leave them out")
    if asked.labels is not None and not asked.labels.is_file():
        return note("labels", f"{asked.labels}: no such file", "there will be no score")
    return ok("labels", "there; the score is told at the end")


def options_of(settings: type[BaseModel] | None, typed: Mapping[str, str]) -> tuple[dict[str, Any], list[Finding]]:
    """The options that were typed as the task takes them, without empty ones; and what is wrong with others."""
    if settings is None:
        return {}, []
    from pydantic import ValidationError

    given = {name: _value(text) for name, text in typed.items() if text.strip()}
    try:
        checked = settings.model_validate(given)
    except ValidationError as error:
        return {}, [
            problem(label_of(str(item["loc"][0] if item["loc"] else "")), _clean(item["msg"]), "or leave it empty")
            for item in error.errors()
        ]
    return {name: getattr(checked, name) for name in given}, []


def label_of(name: str) -> str:
    """An option's name as the page writes it."""
    return name.replace("_", " ")


def _value(text: str) -> Any:
    """The plain value that a text means, as in a configuration: a number where it is one."""
    try:
        number = float(text)
    except ValueError:
        return {"true": True, "false": False}.get(text.strip().lower(), text.strip())
    return int(number) if number.is_integer() and not set(text) & set(".eE") else number


def _clean(message: str) -> str:
    return message[:1].lower() + message[1:]
