"""What the control groups of Linux leave this process of the machine, in a container or under a scheduler."""

from __future__ import annotations

import re
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def allowed_cores(root: Path = _GROUPS, own: Path = _OWN_GROUP) -> float | None:
    """How many cores' time the control groups of this process leave it; None without a limit."""
    limits = []
    for words in _group_values(root, own, "cpu.max"):
        quota, period = words.split()
        limits += [int(quota) / int(period)] if quota != "max" else []
    quota, period = (read(root / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period"))  # version 1
    limits += [int(quota) / int(period)] if quota and period and int(quota) > 0 else []
    return min(limits, default=None)


def allowed_memory(root: Path = _GROUPS, own: Path = _OWN_GROUP) -> int | None:
    """How many bytes the control groups of this process leave it; None without a limit."""
    words = [*_group_values(root, own, "memory.max"), read(root / "memory" / "memory.limit_in_bytes")]
    return min((int(word) for word in words if word.isdecimal()), default=None)


def _group_values(root: Path, own: Path, name: str) -> list[str]:
    """A value of this process's group (version 2) and of all groups above it."""
    match = re.search(r"^0::/(.*)$", read(own), flags=re.MULTILINE)
    group = root / (match[1] if match else "")
    folders = [folder for folder in (group, *group.parents) if folder.is_relative_to(root)]
    return [words for words in (read(folder / name) for folder in folders) if words]


def read(path: Path) -> str:
    """The words of a small file; nothing where there is none."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
