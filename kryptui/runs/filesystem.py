"""What file system a path lies on: SQLite's write-ahead log is safe only where one machine writes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

_MOUNTINFO = Path("/proc/self/mountinfo")
_ESCAPE = re.compile(r"\\([0-7]{3})")

_HOST_SHARES = frozenset({"9p", "drvfs", "prl_fs", "vboxsf", "virtiofs", "vmhgfs", "vmhgfs-fuse"})
"""Those shared with the host. Where one is the root, it is the machine's own, and nobody else writes to it."""

NETWORK = _HOST_SHARES.union(
    # servers of files
    ["afpfs", "afs", "cifs", "coda", "ncpfs", "nfs", "nfs4", "smb2", "smb3", "smbfs", "sshfs"],
    # storage of a cluster
    ["beegfs", "ceph", "ceph-fuse", "fhgfs", "fuse_dfs", "glusterfs", "gpfs", "juicefs", "lustre", "mfs"],
    ["orangefs", "panfs", "pvfs2", "wekafs"],
    # storage on the web
    ["blobfuse", "blobfuse2", "curlftpfs", "davfs", "davfs2", "gcsfuse", "goofys", "gvfsd-fuse", "rclone", "s3fs"],
    ["webdav"],
)
"""Types of file systems that several machines may write to, without the `fuse.` in front."""


class Mount(NamedTuple):
    """One mounted file system. `id` and `parent` say what is mounted upon what; psutil knows neither."""

    point: str
    kind: str
    source: str
    id: int = 0
    parent: int = 0

    def holds(self, path: str) -> bool:
        """Whether the path lies at or below the mount point."""
        return path == self.point or path.startswith(self.point.rstrip("/") + "/")

    @property
    def network(self) -> bool:
        """Whether several machines may write to it."""
        if self.kind == "fuse":  # davfs2 and Mountpoint for S3 give no type of their own
            return "://" in self.source or self.source == "mountpoint-s3"
        kind = self.kind.removeprefix("fuse.")
        return kind in NETWORK and not (kind in _HOST_SHARES and self.point == "/")


def network_filesystem(path: Path) -> str | None:
    """The type of the network file system that a path lies on, there or not, symlinks followed; else None."""
    try:
        resolved = str(path.resolve())
    except (OSError, RuntimeError):  # a link to itself, a server that does not answer
        resolved = str(path.absolute())
    try:
        mount = walk(parse_mountinfo(os.fsdecode(_MOUNTINFO.read_bytes())), resolved)
    except OSError:
        mount = _deepest(_partitions(), resolved)
    return mount.kind if mount is not None and mount.network else None


def sharing_notice(path: Path) -> str | None:
    """What to tell of a SQLite record on a network file system, in one line; None where all is well."""
    kind = network_filesystem(path)
    if kind is None:
        return None
    return (
        f"{path}: on a network file system ({kind}), where SQLite is safe for one machine only: a second one "
        "would corrupt the record; keep it on a local disk (--db /local/runs.db), or share a PostgreSQL "
        "(--db postgresql+psycopg://HOST/NAME)"
    )


def parse_mountinfo(text: str) -> list[Mount]:
    """The mounts of /proc/self/mountinfo, see proc_pid_mountinfo(5); lines of another form are left out."""
    mounts = []
    for line in text.split("\n"):
        before, _, after = line.partition(" - ")
        fields, source = before.split(" "), after.split(" ")
        if len(fields) >= 6 and len(source) >= 2 and fields[0].isdecimal() and fields[1].isdecimal():
            mounts.append(
                Mount(_unescape(fields[4]), source[0], _unescape(source[1]), int(fields[0]), int(fields[1]))
            )
    return mounts


def walk(mounts: Sequence[Mount], path: str) -> Mount | None:
    """The mount that an absolute path ends in, found as the kernel finds it: from the root, mount by mount.

    So a mount over another one, or over a folder above it, hides it, whatever the order of the lines.
    """
    known = {mount.id for mount in mounts}
    here: Mount | None = None
    left = [mount for mount in mounts if mount.holds(path)]
    while True:
        # In a container the list begins below the root of all mounts: its first ones stand on none of it.
        onward = [
            mount
            for mount in left
            if (mount.parent == here.id if here is not None else mount.parent not in known - {mount.id})
        ]
        if not onward:
            return here
        here = min(onward, key=lambda mount: len(mount.point))
        left.remove(here)


def _deepest(mounts: Iterable[Mount], path: str) -> Mount | None:
    """Where nothing says what is mounted upon what: the longest mount point, of equal ones the last."""
    holding = [mount for mount in mounts if mount.holds(path)]
    return max(reversed(holding), key=lambda mount: len(mount.point), default=None)


def _partitions() -> list[Mount]:
    import psutil  # type: ignore[import-untyped]

    try:
        return [Mount(part.mountpoint, part.fstype, part.device) for part in psutil.disk_partitions(all=True)]
    except (OSError, psutil.Error):
        return []


def _unescape(text: str) -> str:
    """Blanks, tabs, newlines and backslashes come as octal numbers, byte for byte."""
    return _ESCAPE.sub(lambda match: os.fsdecode(bytes([int(match[1], 8) & 0xFF])), text)
