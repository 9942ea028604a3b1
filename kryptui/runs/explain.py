"""What a run's status means and what to do about it, in a sentence for people."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

from kryptui import spans
from kryptui.runs.rows import RunRow, process_of

_LONGEST_ERROR = 200


def explain(run: RunRow, now: float | None = None, here: str | None = None, folder: str | None = None) -> str:
    """How a run stands and how to go on with it: one line without a full stop, for after the word of its status.

    `now` is the database's clock, by default as it was when the run was read; `here` is the host of the reader and
    `folder` the reader's working directory, by default this process's. The line drives no terminal.
    """
    now = run.read if now is None else now
    here = here or socket.gethostname()
    process = process_of(run)
    match run.status:
        case "queued" if run.held:
            return f"has waited {age(run.queued or run.created, now)} for {_device(run)}, in {process}"
        case "queued":
            waited = age(run.queued or run.created, now)
            return f"has waited {waited} for a worker; start one: {_worker(run, folder)}"
        case "running":
            return f"its last step was {age(run.last_step_at or run.started, now)} ago, in {process}"
        case "paused":
            waited = age(run.last_step_at or run.started, now)
            return f"has waited {waited}, in {process}; go on with: kryptui runs resume {run.id}"
        case "hung":
            sign = "is alive" if run.host == here else "still gives signs of life"
            return (
                f"no step for {age(run.last_step_at or run.started, now)}; its process, {process}, {sign}; "
                f"see kryptui runs logs {run.id}; if it is stuck, kill -9 that process and {_go_on(run, here)}"
            )
        case "crashed":
            seen = age(run.heartbeat or run.started, now)
            if run.host == here:
                return f"its process, {process}, is gone, last seen {seen} ago{_why(run)}; {_go_on(run, here)}"
            return f"no sign of life from its process, {process}, for {seen}{_why(run)}; {_go_on(run, here)}"
        case "stopped":
            return f"ended {_where(run, here)}{age(run.ended, now)} ago; {_go_on(run, here)}"
        case "failed":
            ended = f"ended {_where(run, here)}{age(run.ended, now)} ago{_why(run)}"
            return f"{ended}; once that is mended {_go_on(run, here)}"
        case "finished":
            return f"ended {_where(run, here)}{age(run.ended, now)} ago"


def age(moment: float | None, now: float) -> str:
    """How long ago a moment was, in its largest unit: 5s, 12m, 3h, 2d, 7w."""
    return spans.age(now - (now if moment is None else moment))


def _worker(run: RunRow, folder: str | None) -> str:
    """What starts a worker that takes the run: those of other workspaces leave it alone."""
    if run.workspace == (str(Path.cwd()) if folder is None else folder):
        return "kryptui worker"
    return f"cd {_clean(shlex.quote(run.workspace))} && kryptui worker"


def _why(run: RunRow) -> str:
    """The error of a run that has one, at most so long that the rest of the sentence is still seen."""
    error = _clean(" ".join((run.error or "").split()).rstrip("."))
    if not error:
        return ""
    return f": {error}" if len(error) <= _LONGEST_ERROR else f": {error[: _LONGEST_ERROR - 1]}…"


def _clean(text: str) -> str:
    """The text with what would drive a terminal as `�`."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _device(run: RunRow) -> str:
    device = run.config.get("device", "auto")
    return "a device" if device == "auto" else str(device)


def _go_on(run: RunRow, here: str) -> str:
    """How to go on: where its checkpoints were written, for only there they are sure to be."""
    if run.kind != "train":
        return "start it again"
    there = " there" if _where(run, here) else ""
    return f"go on{there} with: kryptui run --headless --resume {run.id}"


def _where(run: RunRow, here: str) -> str:
    """The host, where it is not the reader's."""
    return "" if run.host in (None, here) else f"on {run.host} "
