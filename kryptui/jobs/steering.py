"""Steering a run from anywhere: what each command means to a run in each state, and how a running one obeys."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kryptui.errors import InputError, RunError
from kryptui.runs import commands
from kryptui.runs.commands import Command
from kryptui.runs.explain import explain
from kryptui.runs.rows import RunRow
from kryptui.runs.status import ENDED, WITH_PROCESS
from kryptui.runs.store import Store

if TYPE_CHECKING:
    from kryptui.engine.control import Control

ANSWER_SECONDS = 5.0
"""How long a run is given to hear a command: it listens four times a second."""

_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Answer:
    """What became of a command; `sent` is False where nothing had to be sent."""

    run_id: str
    command: Command
    text: str
    sent: bool


def obey(control: Control) -> Callable[[str], str]:
    """What a run does on a command: sets a wish that its loop looks at after every batch, and says so."""

    def heard(command: str) -> str:
        waits, paused = control.is_waiting, control.paused
        match command:
            case "stop":
                control.stop()
                return "stops now" if waits else "stops after this batch, with a checkpoint"
            case _ if control.stopping:
                return "is stopping already"
            case "pause":
                control.pause()
                if waits:
                    return "is paused already"
                return "pauses after this batch, with a checkpoint"
            case "resume":
                control.resume()
                return "goes on" if paused else "was not paused"
            case "checkpoint":
                control.checkpoint()
                return "is saved already" if waits else "saves after this batch"
            case "evaluate":
                control.evaluate()
                return "evaluates now" if waits else "evaluates after this batch"
        return f"does not know {command!r}; it runs another version"

    return heard


def obey_stop_alone(control: Control) -> Callable[[str], str]:
    """What an evaluation or a submission does on a command."""
    heard = obey(control)

    def answer(command: str) -> str:
        if command != "stop":
            return f"cannot {command}: only a training run can"
        heard("stop")
        return "stops after this batch"

    return answer


def steer(store: Store, run_id: str, command: Command, seconds: float = ANSWER_SECONDS) -> Answer:
    """Sends a command to a run and waits for its answer, or does at once what needs no running process.

    Raises InputError where the command has no meaning for the run as it is, RunError where it does not answer.
    """
    run = store.get_run(run_id)
    if run.status in WITH_PROCESS:
        return _send(store, run, command, seconds)
    if run.status == "queued":
        return _to_queued(store, run, command, seconds)
    return _to_ended(store, run, command)


def _send(store: Store, run: RunRow, command: Command, seconds: float) -> Answer:
    if run.kind != "train" and command != "stop":
        raise InputError(f"run {run.id}: is no training run ({run.kind}); it can only be stopped")
    number = commands.send(store, run.id, command, issuer())
    if number is None:
        return steer(store, run.id, command, seconds)  # it has ended just now
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sent = commands.get(store, number)
        if sent is None:
            raise InputError(f"run {run.id}: has been deleted meanwhile")
        if sent.handled is not None:
            text = sent.answer or ""
            if text.startswith(commands.NOT_HEARD):
                raise InputError(f"run {run.id}: {command} was {text}")
            return Answer(run.id, command, f"{text}; {explain(run)}" if run.status == "hung" else text, sent=True)
        time.sleep(_LOOK_SECONDS)
    row = store.get_run(run.id)
    if row.status not in WITH_PROCESS:
        raise InputError(f"run {run.id}: {command} was {commands.NOT_HEARD}{row.status}, {explain(row)}")
    raise RunError(
        f"run {run.id}: has not answered {command} within {seconds:g} s, and will hear it when it can; "
        f"{row.status}: {explain(row)}"
    )


def _to_queued(store: Store, run: RunRow, command: Command, seconds: float) -> Answer:
    if command == "stop":
        if store.unqueue_run(run.id, f"stop, {issuer()}: taken off the queue"):
            return Answer(run.id, command, "is taken off the queue", sent=False)
        return steer(store, run.id, command, seconds)  # it has begun just now
    if command == "resume":
        return Answer(run.id, command, "is in the queue already", sent=False)
    raise InputError(f"run {run.id}: cannot {command}: it is queued and has not begun; {explain(run)}")


def _to_ended(store: Store, run: RunRow, command: Command) -> Answer:
    if command == "resume" and run.kind == "train" and run.status != "finished":
        store.queue_run(run.id, f"resume, {issuer()}: queued to go on")
        worker = f"a kryptui worker in {run.workspace}"
        text = f"is queued to go on; {worker} takes it, or kryptui run --headless --resume {run.id}"
        return Answer(run.id, command, text, sent=False)
    if command == "evaluate" and run.kind == "train":
        raise InputError(
            f"run {run.id}: is {run.status}; evaluate its best checkpoint by kryptui eval {run.id} --pairs CSV"
        )
    if command == "stop" and run.status in ENDED:
        raise InputError(f"run {run.id}: has ended already ({run.status}); nothing is left to stop")
    raise InputError(f"run {run.id}: cannot {command}: it is {run.status}; {explain(run)}")


def issuer() -> str:
    """Who sends a command from here: `user@host (pid 4711)`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (pid {os.getpid()})"
