"""Python itself, and the kryptui that it runs."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import kryptui
from kryptui.jobs.doctor.finding import Finding, guarded, note, ok, problem


def examine() -> list[Finding]:
    """Version, environment and kryptui's own place."""
    return [
        *guarded("python", check_version),
        *guarded("environment", check_environment),
        *guarded("kryptui", check_kryptui),
    ]


def check_version() -> Finding:
    """Whether kryptui was made for this Python."""
    from packaging.specifiers import SpecifierSet

    version = platform.python_version()
    try:
        wanted = metadata("kryptui")["Requires-Python"]
    except PackageNotFoundError:
        wanted = ""
    if not SpecifierSet(wanted).contains(version, prereleases=True):
        return problem(
            "python",
            f"{version}, and kryptui needs {wanted}",
            "make an environment with another: python3.12 -m venv .venv",
        )
    return ok("python", f"{version} on {platform.system()} {platform.release()}, {platform.machine()}")


def check_environment() -> Finding:
    """Whether packages are kept apart from the system's."""
    conda = os.environ.get("CONDA_PREFIX")
    if sys.prefix != sys.base_prefix:
        return ok("environment", f"virtual environment {sys.prefix}")
    if conda and Path(sys.prefix) == Path(conda):
        return ok("environment", f"conda environment {conda}")
    return note(
        "environment",
        f"no virtual environment ({sys.prefix}): other programs may change the packages",
        "python3 -m venv .venv, then install kryptui there",
    )


def check_kryptui() -> Iterator[Finding]:
    """Its version and place, and whether the shell starts this one."""
    place = Path(kryptui.__file__).parent
    try:
        installed = metadata("kryptui")["Version"]
    except PackageNotFoundError:
        yield note("kryptui", f"{kryptui.__version__} at {place}, not installed", f"pip install -e {place.parent}")
        return
    if installed == kryptui.__version__:
        yield ok("kryptui", f"{installed} at {place}")
    else:
        fact = f"{kryptui.__version__} at {place}, installed as {installed}"
        yield note("kryptui", fact, f"install it again: pip install -e {place.parent}")
    started = shutil.which("kryptui")
    if started is not None and Path(started).parent.resolve() != Path(sys.executable).parent.resolve():
        yield note(
            "kryptui",
            f"the shell starts another one, {started}",
            f". {Path(sys.prefix) / 'bin' / 'activate'}, or remove the other",
        )
