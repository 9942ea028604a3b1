"""What a run's status means and what to do about it, in a sentence for people."""

from __future__ import annotations

import socket

from kryptui import spans
from kryptui.runs.reading import process_of
from kryptui.runs.rows import RunRow


def explain(run: RunRow, now: float | None = None, here: str | None = None) -> str:
    """How a run stands and how to go on with it: one line without a full stop, for after the word of its status.

    `now` is the database's clock, by default as it was when the run was read; `here` is the host of the reader,
    by default this one.
    """
    now = run.read if now is None else now
    here = here or socket.gethostname()
    process = process_of(run)
    match run.status:
        case "queued" if run.held:
            return f"has waited {age(run.queued or run.created, now)} for {_device(run)}, in {process}"
        case "queued":
            return f"has waited {age(run.queued or run.created, now)} for a worker; start one: kryptui worker"
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
                return f"its process, {process}, is gone, last seen {seen} ago; {_go_on(run, here)}"
            return f"no sign of life from its process, {process}, for {seen}; {_go_on(run, here)}"
        case "stopped":
            return f"ended {_where(run, here)}{age(run.ended, now)} ago; {_go_on(run, here)}"
        case "failed":
            return f"ended {_where(run, here)}{age(run.ended, now)} ago; once that is mended {_go_on(run, here)}"
        case "finished":
            return f"ended {_where(run, here)}{age(run.ended, now)} ago"


def age(moment: float | None, now: float) -> str:
    """How long ago a moment was, in its largest unit: 5s, 12m, 3h, 2d, 7w."""
    return spans.age(now - (now if moment is None else moment))


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
