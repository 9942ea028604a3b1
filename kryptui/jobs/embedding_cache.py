"""What a model made of a picture before, by the picture's content: a file for each way of making it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import platformdirs
from numpy.typing import NDArray

from kryptui.faces.found import Found

_SCHEMA = "CREATE TABLE IF NOT EXISTS made (content BLOB PRIMARY KEY, found TEXT, embedding BLOB) WITHOUT ROWID"
_BUSY_SECONDS = 5.0


class Made(NamedTuple):
    """A picture's face, None where it was taken as it is; its embedding float32 (D,), or None without a face."""

    found: Found | None
    embedding: NDArray[np.float32] | None


def cache_folder() -> Path:
    """Where the files lie: the user's cache folder, which may be deleted at any time."""
    return platformdirs.user_cache_path("kryptui", appauthor=False) / "embeddings"


class EmbeddingCache:
    """Safe from any thread and beside other processes; a disk that is full or read-only only costs the memory."""

    def __init__(self, key: str, folder: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        place = cache_folder() if folder is None else folder
        with contextlib.suppress(OSError, sqlite3.Error):
            place.mkdir(parents=True, exist_ok=True)
            file = sqlite3.connect(place / f"{key}.sqlite", timeout=_BUSY_SECONDS, check_same_thread=False)
            file.execute(_SCHEMA)
            self._file = file

    def get(self, content: bytes) -> Made | None:
        """What was made of the picture whose bytes have this sha256, if anything was."""
        row = None
        with self._lock, contextlib.suppress(sqlite3.Error):
            if self._file is not None:
                row = self._file.execute(
                    "SELECT found, embedding FROM made WHERE content = ?", (content,)
                ).fetchone()
        if row is None:
            return None
        found, embedding = row
        return Made(
            None if found is None else Found.from_json(json.loads(found)),
            None if embedding is None else np.frombuffer(embedding, dtype=np.float32),
        )

    def put(self, made: Iterable[tuple[bytes, Made]]) -> None:
        """Keeps what was made of some pictures."""
        rows = [
            (
                content,
                None if one.found is None else json.dumps(one.found.to_json()),
                None if one.embedding is None else np.asarray(one.embedding, dtype=np.float32).tobytes(),
            )
            for content, one in made
        ]
        with self._lock, contextlib.suppress(sqlite3.Error):
            if self._file is not None and rows:
                with self._file:
                    self._file.executemany("INSERT OR REPLACE INTO made VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None
