"""What kryptui can do only with something more: what each feature needs, and whether it is there."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from kryptui.jobs.doctor.finding import Finding, guarded, note, ok, one_line


@dataclass(frozen=True)
class Feature:
    """Something that kryptui can do; `lacking` says what it lacks, or nothing."""

    name: str
    needs: str
    lacking: Callable[[], str | None]
    remedy: str


def module(name: str) -> str | None:
    """Why a module cannot be imported; tries to only where a part of it may lack a library of the system."""
    if find_spec(name) is None:
        return "not installed"
    try:
        importlib.import_module(name)
    except ImportError as error:
        return one_line(error)
    return None


def package(name: str) -> str | None:
    """Whether a package is installed, without the time that its import takes."""
    return None if find_spec(name) is not None else "not installed"


def program(*names: str) -> str | None:
    """Whether one of some programs is there."""
    return None if any(map(shutil.which, names)) else "not found"


def hub() -> str | None:
    """Whether timm may fetch weights; that the network lets it is not tried."""
    switch = next(
        (name for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if os.environ.get(name, "0") != "0"), None
    )
    return f"{switch} is set" if switch else package("huggingface_hub")


FEATURES: Sequence[Feature] = (
    Feature("shared record", "psycopg", partial(module, "psycopg"), "pip install 'kryptui[postgres]'"),
    Feature("parquet export", "pyarrow", partial(package, "pyarrow"), "pip install pyarrow"),
    Feature("event file import", "tensorboard", partial(package, "tensorboard"), "pip install tensorboard"),
    Feature("commit on record", "git", partial(program, "git"), "install git from the system's packages"),
    Feature("compile: true", "a C++ compiler", partial(program, "c++", "g++", "clang++"), "install g++"),
    Feature("pretrained: true", "huggingface_hub", hub, "unset it, or name a file by model.weights"),
)


def examine(features: Sequence[Feature] = FEATURES) -> list[Finding]:
    """One finding a feature."""
    return [finding for feature in features for finding in guarded(feature.name, partial(check, feature))]


def check(feature: Feature) -> Finding:
    """Whether there is what a feature needs."""
    lacking = feature.lacking()
    if lacking is None:
        return ok(feature.name, feature.needs)
    return note(feature.name, f"needs {feature.needs}: {lacking}", feature.remedy)
