"""What people keep of runs: tags, names, notes, and which runs and checkpoints stay on record at all."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from kryptui.engine.folders import step_folder
from kryptui.errors import InputError
from kryptui.runs import reading
from kryptui.runs.rows import RunRow
from kryptui.runs.schema import artifacts, evaluations, log_lines, metrics, runs, tags
from kryptui.runs.status import OVER
from kryptui.runs.store import Store

LONGEST_TAG = 64
LONGEST_NOTE = 100_000

_RUN_ID = re.compile(r"[a-z][a-z0-9]{7}")
_QUOTES = frozenset("\"'`,")
_RUNS_IN_A_QUERY = 500


def check_tag(text: str) -> str:
    """The tag, if the filter `tag:TEXT` can find it; raises InputError for any other text."""
    visible = text.isprintable() and not any(letter.isspace() or letter in _QUOTES for letter in text)
    if not 0 < len(text) <= LONGEST_TAG or not visible:
        raise InputError(
            f"tag {text[:80]!r}: must be 1 to {LONGEST_TAG} visible characters without spaces, commas and quotes"
        )
    return text


def check_name(text: str) -> str:
    """The name, if a configuration could give it to a run; raises InputError for any other text."""
    from pydantic import TypeAdapter, ValidationError

    from kryptui.config import RunConfig
    from kryptui.config_errors import show

    rule: TypeAdapter[str] = TypeAdapter(RunConfig.model_fields["name"].rebuild_annotation())
    try:
        return rule.validate_python(text)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"name {show(text)}: {reason[:1].lower()}{reason[1:]}") from None


def check_note(text: str) -> str:
    """The note, if every database can keep it; raises InputError for any other text."""
    if not text:
        raise InputError("note: is empty; take a note away by --clear")
    if len(text) > LONGEST_NOTE:
        raise InputError(f"note: has {len(text):,} characters, more than {LONGEST_NOTE:,}; keep it in a file")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputError("note: holds what is not text (a zero byte, or bytes that are not UTF-8)")
    return text


def is_run_id(text: str) -> bool:
    """Whether a text could be the id of a run, so that nothing else is taken for one."""
    return _RUN_ID.fullmatch(text) is not None


def tag_runs(
    store: Store, run_ids: Sequence[str], add: Collection[str] = (), remove: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Adds and removes tags of some runs, of all or of none, and returns the tags that each has then.

    Raises InputError for a tag that cannot be, and for a run that is gone.
    """
    added = list(dict.fromkeys(check_tag(text) for text in add))
    for text in added:
        if text in remove:
            raise InputError(f"tag {text!r}: is to be added and removed; leave one of them out")
    changed = [{"run": run_id, "name": text} for run_id in run_ids for text in (*added, *remove)]
    new = [{"run_id": run_id, "tag": text} for run_id in run_ids for text in added]
    with store.writing() as connection:
        for some in _in_parts(sorted(run_ids)):
            locked = select(runs.c.id).where(runs.c.id.in_(some)).order_by(runs.c.id).with_for_update()
            gone = set(some) - set(connection.scalars(locked))
            if gone:
                raise InputError(f"run {min(gone)}: there is no such run any more")
        if changed:
            one = (tags.c.run_id == bindparam("run")) & (tags.c.tag == bindparam("name"))
            connection.execute(delete(tags).where(one), changed)
        if new:
            connection.execute(insert(tags), new)
        found = reading.tags(connection, run_ids)
    return {run_id: found.get(run_id, ()) for run_id in run_ids}


def rename(store: Store, run_id: str, name: str) -> None:
    """Gives a run, which may be in progress, another name; raises InputError for a bad one or without the run."""
    _change(store, run_id, name=check_name(name))


def set_note(store: Store, run_id: str, note: str | None) -> None:
    """Replaces the note of a run, None for none; raises InputError for what is no text or without the run."""
    _change(store, run_id, note=None if note is None else check_note(note))


def refuse_busy(run: RunRow) -> None:
    """Raises InputError for a run that a process has, may still have, or is to take from the queue."""
    if run.status == "queued":
        raise InputError(f"run {run.id}: waits in the queue; take it off first: kryptui runs stop {run.id}")
    if run.status not in OVER:
        raise InputError(f"run {run.id}: is {run.status} on {run.host}; stop it first: kryptui runs stop {run.id}")


def idle_run(connection: Connection, run_id: str) -> RunRow:
    """The run with its tags, locked until the transaction ends; raises InputError where it is gone or busy."""
    run = _locked(connection, run_id)
    refuse_busy(run)
    return run


def delete_run(store: Store, run_id: str) -> None:
    """Takes a run and all it recorded off the record; what was made of it stays, without a parent.

    Raises InputError where it is gone or busy.
    """
    with store.writing() as connection:
        idle_run(connection, run_id)
        connection.execute(delete(runs).where(runs.c.id == run_id))


def forget_checkpoints(
    connection: Connection, run: RunRow, folder: Path, steps: Collection[int], text: str
) -> None:
    """Takes checkpoints of a run that `idle_run` gave off the record, and adds a line to its log.

    A checkpoint is known by its path, or by its step where this host wrote it: the workspace may have moved.
    """
    here = artifacts.c.path.in_([str(step_folder(folder, step)) for step in steps])
    moved = (artifacts.c.host == socket.gethostname()) & artifacts.c.step.in_(steps)
    mine = (artifacts.c.run_id == run.id) & (artifacts.c.kind == "checkpoint")
    connection.execute(delete(artifacts).where(mine, here | moved))
    seq = run.last_seq + 1
    connection.execute(update(runs).where(runs.c.id == run.id).values(last_seq=seq))
    line = {"run_id": run.id, "seq": seq, "attempt": run.attempt, "time": time.time(), "level": "info"}
    connection.execute(insert(log_lines), {**line, "text": text})


def known(store: Store, run_ids: Sequence[str]) -> set[str]:
    """Those of some ids that are a run's."""
    found: set[str] = set()
    with store.reading() as connection:
        for some in _in_parts(run_ids):
            found |= set(connection.scalars(select(runs.c.id).where(runs.c.id.in_(some))))
    return found


def count_rows(store: Store, run_ids: Sequence[str]) -> dict[str, int]:
    """How many points, log lines, evaluations and artifacts each of some runs has on record."""
    counts = dict.fromkeys(run_ids, 0)
    with store.reading() as connection:
        for table in (metrics, log_lines, evaluations, artifacts):
            of_run = select(table.c.run_id, func.count()).group_by(table.c.run_id)
            for some in _in_parts(run_ids):
                for run_id, count in connection.execute(of_run.where(table.c.run_id.in_(some))):
                    counts[run_id] += count
    return counts


def _in_parts(run_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many at once as any database takes in a statement."""
    for start in range(0, len(run_ids), _RUNS_IN_A_QUERY):
        yield run_ids[start : start + _RUNS_IN_A_QUERY]


def _locked(connection: Connection, run_id: str) -> RunRow:
    found = connection.execute(select(runs).where(runs.c.id == run_id).with_for_update()).first()
    if found is None:
        raise InputError(f"run {run_id}: there is no such run any more")
    run = reading.run_row(found, reading.now(connection))
    run.tags = reading.tags(connection, [run_id]).get(run_id, ())
    return run


def _change(store: Store, run_id: str, **values: Any) -> None:
    with store.writing() as connection:
        if connection.execute(update(runs).where(runs.c.id == run_id).values(**values)).rowcount == 0:
            raise InputError(f"run {run_id}: there is no such run any more")
