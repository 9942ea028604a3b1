"""Weights by name: fetched or copied after a check, found again, and refused where they are damaged."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from trees import SHARED

from kryptui.errors import InputError
from kryptui.faces import weights
from kryptui.faces.weights import (
    KNOWN,
    WeightFile,
    find_weights,
    get_weights,
    is_here,
    weights_folder,
    weights_place,
)

CONTENT = bytes(range(256)) * 40
YUNET = SHARED.parent / "weights/yunet_2026may.onnx"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WeightFile]:
    """A file that a server on this machine gives, known by the name `small`."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/small.onnx").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/small.onnx"
    file = WeightFile("a test", "small.onnx", url, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "MIT")
    monkeypatch.setattr(weights, "KNOWN", {"small": file})
    monkeypatch.setenv("KRYPTUI_WEIGHTS", str(tmp_path / "cache"))
    yield file
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_fetched_is_found(known, tmp_path: Path):
    assert not is_here("small")
    place = get_weights("small")
    assert place == tmp_path / "cache/small.onnx"
    assert place.read_bytes() == CONTENT
    assert find_weights("small") == place
    assert is_here("small")


def test_a_server_with_another_version_is_refused(known, tmp_path: Path):
    (tmp_path / "site/small.onnx").write_bytes(CONTENT + b"!")
    with pytest.raises(InputError, match="has sha256"):
        get_weights("small")
    assert not is_here("small")


def test_a_local_file_is_copied_once_it_is_checked(known, tmp_path: Path):
    (tmp_path / "mine").write_bytes(CONTENT)
    assert get_weights("small", tmp_path / "mine").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["small.onnx"]


def test_another_local_file_is_refused(known, tmp_path: Path):
    (tmp_path / "mine").write_bytes(CONTENT[1:])
    with pytest.raises(InputError, match="give that version"):
        get_weights("small", tmp_path / "mine")
    assert not (tmp_path / "cache").exists()


def test_a_damaged_file_is_told_and_fetched_anew(known):
    weights_place("small").parent.mkdir()
    weights_place("small").write_bytes(CONTENT[:100])
    with pytest.raises(InputError, match=r"damaged.*kryptui weights get small"):
        find_weights("small")
    assert get_weights("small").read_bytes() == CONTENT


def test_what_is_missing_says_how_to_get_it(known):
    with pytest.raises(InputError, match="run `kryptui weights get small`, or give the path"):
        find_weights("small")


def test_a_given_file_is_taken_as_it_is(known, tmp_path: Path):
    (tmp_path / "mine").write_bytes(b"x")
    assert find_weights("small", tmp_path / "mine") == tmp_path / "mine"
    with pytest.raises(InputError, match="no such file"):
        find_weights("small", tmp_path / "other")


def test_an_unknown_name_names_the_nearest(known):
    with pytest.raises(InputError, match="did you mean 'small'"):
        get_weights("smal")


def test_without_a_variable_they_lie_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("KRYPTUI_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights_folder() == tmp_path / "kryptui/weights"


@pytest.mark.skipif(not YUNET.exists(), reason="the shared weights are not here")
def test_the_pinned_yunet_is_the_shared_file():
    content = YUNET.read_bytes()
    assert hashlib.sha256(content).hexdigest() == KNOWN["yunet"].sha256
    assert len(content) == KNOWN["yunet"].bytes
