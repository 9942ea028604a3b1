"""What was done so far, a line each, so that work that was killed goes on where it stopped."""

from __future__ import annotations

import fcntl
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from kryptui.data.new_folder import write_error
from kryptui.errors import InputError

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 4


class Journal:
    """An open journal: `known` holds what was written under each name before."""

    def __init__(self, path: Path, file: IO[bytes], known: dict[str, dict[str, Any]]) -> None:
        self._path = path
        self._file = file
        self.known = known

    def write(self, name: str, entry: Mapping[str, Any]) -> None:
        """Notes what was done; a process that is killed loses at most the line that it was writing."""
        try:
            self._file.write(json.dumps({"name": name, **entry}).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise write_error(error, self._path) from error


@contextmanager
def open_journal(path: Path, settings: Mapping[str, Any], what: str) -> Iterator[Journal]:
    """Opens a journal, or a new one, and holds it against a second process.

    Raises InputError where it was begun with other `settings`, naming the first that differs; `what` is what it is
    the journal of.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab+")
    except OSError as error:
        raise write_error(error, path) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{what} is being written by another process; wait for it") from None
        head, known, end = _read(file)
        if head is None:
            file.truncate(0)
            file.write(json.dumps({"settings": settings}).encode() + b"\n")
            file.flush()
        else:
            refuse_other(head, settings, what)
            file.truncate(end)
        yield Journal(path, file, known)


def refuse_other(known: Mapping[str, Any], settings: Mapping[str, Any], what: str) -> None:
    """Raises InputError where two sets of settings differ, naming the first that does."""
    for name in settings:
        if known.get(name) != settings[name]:
            raise InputError(
                f"{what} was begun with {name} {known.get(name)!r}, not {settings[name]!r}; "
                "give another place, or remove it first"
            )


def _read(file: IO[bytes]) -> tuple[dict[str, Any] | None, dict[str, dict[str, Any]], int]:
    """The settings, the entries by name, and where the last whole line ends."""
    file.seek(0)
    head: dict[str, Any] | None = None
    known: dict[str, dict[str, Any]] = {}
    end = 0
    for line in file:
        try:
            entry = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or (head is not None and "name" not in entry):
            break
        if head is None:
            head = entry.get("settings")
            if not isinstance(head, dict):
                return None, {}, 0
        else:
            known[entry.pop("name")] = entry
        end += len(line)
    return head, known, end


def in_order(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[tuple[T, R]]:
    """Each item with what `work` made of it in some thread, in order; few are begun before they are asked for."""
    items = iter(items)
    waiting: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="faces") as pool:
        try:
            while True:
                while len(waiting) < _AHEAD * threads and (item := next(items, None)) is not None:
                    waiting.append((item, pool.submit(work, item)))
                if not waiting:
                    return
                item, future = waiting.popleft()
                yield item, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
