"""What file system a path lies on, as the kernel tells it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kryptui.runs import filesystem
from kryptui.runs.filesystem import Mount, network_filesystem, parse_mountinfo, sharing_notice, walk

MOUNTINFO = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
40 27 0:40 / /home rw,relatime shared:5 master:2 - nfs4 server:/export rw,vers=4.2
41 40 0:41 / /home/local\040disk rw - xfs /dev/sdb1 rw
42 27 0:42 / /mnt/remote rw - fuse.sshfs me@host:/ rw,user_id=0
43 27 0:43 / /mnt/dav rw - fuse https://example.org/dav rw,user_id=0
44 27 0:44 / /mnt/archive rw - fuse archive.zip rw,user_id=0
45 27 0:45 / /windows rw - 9p drvfs rw
""".strip()


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Sets what the kernel says is mounted."""

    def say(text: str) -> None:
        file = tmp_path / "mountinfo"
        file.write_text(text)
        monkeypatch.setattr(filesystem, "_MOUNTINFO", file)

    return say


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", None),
        ("/srv/runs.db", None),
        ("/home", "nfs4"),
        ("/home/me/not/there/runs.db", "nfs4"),
        ("/homeless/runs.db", None),
        ("/home/local disk/runs.db", None),
        ("/home/local", "nfs4"),
        ("/mnt/remote/runs.db", "fuse.sshfs"),
        ("/mnt/dav/runs.db", "fuse"),
        ("/mnt/archive/runs.db", None),
        ("/windows/runs.db", "9p"),
    ],
)
def test_a_path_lies_on_its_innermost_mount(mounted: Any, path: str, kind: str | None) -> None:
    mounted(MOUNTINFO)
    assert network_filesystem(Path(path)) == kind


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (["1 0 0:1 / / rw - ext4 a rw", "2 1 0:2 / /a rw - nfs s:/ rw"], "nfs"),
        # over the same folder: the upper one counts, whatever the order of the lines
        (["3 2 0:3 / /a rw - xfs b rw", "2 1 0:2 / /a rw - nfs s:/ rw", "1 0 0:1 / / rw - ext4 a rw"], "xfs"),
        # over a folder above: what lies below is out of reach
        (["1 0 0:1 / / rw - ext4 a rw", "2 1 0:2 / /a/b rw - nfs s:/ rw", "3 1 0:3 / /a rw - xfs b rw"], "xfs"),
        # a new root over the old one
        (["1 1 0:1 / / rw - rootfs a rw", "2 1 0:2 / / rw - nfs s:/ rw"], "nfs"),
        # below the root of all mounts, as in a container
        (["7 3 0:1 / / rw - overlay a rw", "9 7 0:2 / /a rw - ceph s:/ rw"], "ceph"),
    ],
)
def test_a_mount_hides_what_it_is_mounted_over(lines: list[str], kind: str) -> None:
    found = walk(parse_mountinfo("\n".join(lines)), "/a/b/c")
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize("kind", ["9p", "virtiofs"])
def test_the_root_of_a_sandbox_is_no_share(mounted: Any, kind: str) -> None:
    mounted(f"1 0 0:1 / / rw - {kind} root rw\n2 1 0:2 / /shared rw - {kind} host rw")
    assert network_filesystem(Path("/runs.db")) is None
    assert network_filesystem(Path("/shared/runs.db")) == kind


def test_a_symlink_is_followed(mounted: Any, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    mounted(f"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / {tmp_path.resolve()}/far rw - lustre s rw")
    assert network_filesystem(tmp_path / "near" / "runs.db") == "lustre"


def test_a_link_to_itself_is_no_error(mounted: Any, tmp_path: Path) -> None:
    mounted(MOUNTINFO)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert network_filesystem(tmp_path / "loop" / "runs.db") is None


def test_a_system_without_proc_is_asked_through_psutil(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parts = [
        ("/", "apfs", "/dev/disk1"),
        ("/Volumes/team", "hfs", "d"),
        ("/Volumes/team", "smbfs", "//me@nas/team"),
    ]
    found = [SimpleNamespace(mountpoint=point, fstype=kind, device=device) for point, kind, device in parts]
    monkeypatch.setattr(filesystem, "_MOUNTINFO", tmp_path / "none")
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: found)
    assert network_filesystem(Path("/Volumes/team/runs.db")) == "smbfs"
    assert network_filesystem(Path("/Users/me/runs.db")) is None


def test_a_system_that_tells_nothing_has_no_network_file_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(all: bool) -> Any:
        raise PermissionError

    monkeypatch.setattr(filesystem, "_MOUNTINFO", tmp_path / "none")
    monkeypatch.setattr(psutil, "disk_partitions", refuse)
    assert network_filesystem(tmp_path) is None


def test_the_notice_says_where_what_and_what_to_do(mounted: Any) -> None:
    mounted(MOUNTINFO)
    notice = sharing_notice(Path("/home/me/runs.db"))
    assert notice is not None
    assert "\n" not in notice
    assert notice.startswith("/home/me/runs.db: on a network file system (nfs4)")
    assert "--db /local/runs.db" in notice
    assert "--db postgresql+psycopg://" in notice


def test_there_is_no_notice_on_a_local_disk(mounted: Any) -> None:
    mounted(MOUNTINFO)
    assert sharing_notice(Path("/srv/runs.db")) is None


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1))
def test_any_name_of_a_mount_point_is_read_as_it_was(name: str) -> None:
    escaped = "".join(f"\\{ord(char):03o}" if char in " \t\n\\" else char for char in name)
    assert parse_mountinfo(f"5 1 0:5 / /{escaped} rw - ext4 /dev/sda rw") == [
        Mount(f"/{name}", "ext4", "/dev/sda", 5, 1)
    ]


LINE = st.builds(
    lambda id, parent, point, kind: f"{id} {parent} 0:1 / {point} rw - {kind} source rw",
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from(["/", "/a", "/a/b", "/ab"]),
    st.sampled_from(["ext4", "nfs"]),
)


@given(st.lists(LINE | st.text(), max_size=8).map("\n".join))
def test_no_text_is_an_error_and_the_mount_found_holds_the_path(text: str) -> None:
    found = walk(parse_mountinfo(text), "/a/b/c")
    assert found is None or "/a/b/c".startswith(found.point)
