"""What every command says to a run in every state."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import update

from kryptui.engine.control import Control
from kryptui.errors import InputError, RunError
from kryptui.jobs import steering
from kryptui.runs import commands
from kryptui.runs.commands import COMMANDS, Command
from kryptui.runs.identity import Process
from kryptui.runs.recorder import Recorder
from kryptui.runs.schema import runs
from kryptui.runs.store import Store

LONG_AGO = 10_000.0
STATES = (
    "queued",
    "waiting in a process",
    "running",
    "paused",
    "hung",
    "finished",
    "stopped",
    "failed",
    "crashed",
    "running on another host",
    "silent on another host",
    "an evaluation",
)
LIVE = ("running", "paused", "hung", "running on another host")

# What a command says, by state; those left out say what stands under None.
SAID: dict[Command, dict[str | None, str]] = {
    "stop": {
        "queued": "is taken off the queue",
        "waiting in a process": "is taken off the queue",
        "running": "stops after this batch, with a checkpoint",
        "paused": "stops now",
        "hung": "stops after this batch, with a checkpoint; no step for",
        "running on another host": "stops after this batch, with a checkpoint",
        "an evaluation": "stops after this batch",
        "crashed": "cannot stop: it is crashed; its process, pid",
        "silent on another host": "cannot stop: it is crashed; no sign of life from its process, pid",
        None: "nothing is left to stop",
    },
    "pause": {
        "running": "pauses after this batch",
        "hung": "pauses after this batch, with a checkpoint; no step for",
        "running on another host": "pauses after this batch",
        "paused": "is paused already",
        "queued": "cannot pause: it is queued and has not begun",
        "waiting in a process": "cannot pause: it is queued and has not begun",
        "an evaluation": "can only be stopped",
        None: "cannot pause",
    },
    "resume": {
        "running": "was not paused",
        "hung": "was not paused",
        "running on another host": "was not paused",
        "paused": "goes on",
        "queued": "is in the queue already",
        "waiting in a process": "is in the queue already",
        "finished": "cannot resume: it is finished; ended",
        "an evaluation": "can only be stopped",
        None: "is queued to go on; a kryptui worker in /w takes it",
    },
    "checkpoint": {
        "running": "saves after this batch",
        "hung": "saves after this batch",
        "running on another host": "saves after this batch",
        "paused": "is saved already",
        "queued": "cannot checkpoint: it is queued and has not begun",
        "waiting in a process": "cannot checkpoint: it is queued and has not begun",
        "an evaluation": "can only be stopped",
        None: "cannot checkpoint",
    },
    "evaluate": {
        "running": "evaluates after this batch",
        "hung": "evaluates after this batch",
        "running on another host": "evaluates after this batch",
        "paused": "evaluates now",
        "queued": "cannot evaluate: it is queued and has not begun",
        "waiting in a process": "cannot evaluate: it is queued and has not begun",
        "an evaluation": "can only be stopped",
        None: "evaluate its best checkpoint by kryptui eval",
    },
}


@pytest.fixture(scope="module")
def dead() -> Process:
    """A process of this machine that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    me = Process.current()
    found = Process(me.host, me.boot_id, me.pid_namespace, child.pid, "1")
    child.communicate(b"\n")
    return found


def elsewhere() -> Process:
    me = Process.current()
    return Process("elsewhere", "another-boot", me.pid_namespace, 77, "1")


@contextmanager
def run_in(store: Store, state: str, dead: Process) -> Iterator[tuple[str, Control]]:
    """A run in one of the states; those that live have a recorder that hears."""
    kind = "evaluate" if state == "an evaluation" else "train"
    run_id = store.create_run(kind, "toy", "toy", {"device": "cpu"}, "c", None, {}, "/w", hold=state != "queued")
    control = Control()
    if state in ("queued", "waiting in a process"):
        yield run_id, control
        return
    attempt = store.start_attempt(run_id)
    if state in ("finished", "stopped", "failed"):
        store.finish(run_id, state, attempt=attempt)  # type: ignore[arg-type]
    if state in ("crashed", "silent on another host"):
        process = dead if state == "crashed" else elsewhere()
        change(store, run_id, process=str(process), host=process.host, heartbeat=LONG_AGO)
    if state not in (*LIVE, "an evaluation"):
        yield run_id, control
        return
    obey = steering.obey_stop_alone(control) if kind == "evaluate" else steering.obey(control)
    with Recorder(store, run_id, attempt, obey=obey) as recorder:
        if state == "paused":
            control.pause()
            control.wait_while_paused(0.0)
            recorder.progress(paused=True)
        recorder.flush()
        if state == "hung":
            change(store, run_id, last_step_at=LONG_AGO, started=LONG_AGO)
        if state == "running on another host":
            change(store, run_id, process=str(elsewhere()), host="elsewhere")
        yield run_id, control


def change(store: Store, run_id: str, **values: object) -> None:
    with store.writing() as connection:
        connection.execute(update(runs).where(runs.c.id == run_id).values(**values))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_what_it_does_to_a_run_as_it_is(
    store: Store, dead: Process, state: str, command: Command
) -> None:
    with run_in(store, state, dead) as (run_id, _):
        try:
            said = steering.steer(store, run_id, command, 20).text
        except InputError as error:
            said = str(error)
    expected = SAID[command]
    assert re.search(expected.get(state, expected[None]), said), said


@pytest.mark.parametrize("state", LIVE)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_to_a_live_run_is_in_its_log(store: Store, dead: Process, state: str, command: Command) -> None:
    with run_in(store, state, dead) as (run_id, _):
        steering.steer(store, run_id, command, 20)
    lines = [line.text for line in store.log_lines(run_id)]
    assert [line for line in lines if line.startswith(f"{command}, ")], lines


@pytest.mark.parametrize(("state", "status"), [("queued", "stopped"), ("waiting in a process", "stopped")])
def test_a_stopped_run_leaves_the_queue_and_its_log_says_who_did_it(
    store: Store, dead: Process, state: str, status: str
) -> None:
    with run_in(store, state, dead) as (run_id, _):
        steering.steer(store, run_id, "stop")
        assert store.get_run(run_id).status == status
        assert [line.text for line in store.log_lines(run_id)] == [
            f"stop, {steering.issuer()}: taken off the queue"
        ]


@pytest.mark.parametrize("state", ["stopped", "failed", "crashed", "silent on another host"])
def test_a_resumed_run_is_in_the_queue_for_any_worker(store: Store, dead: Process, state: str) -> None:
    with run_in(store, state, dead) as (run_id, _):
        steering.steer(store, run_id, "resume")
        run = store.get_run(run_id)
        lines = [line.text for line in store.log_lines(run_id)]
    assert (run.status, run.held, run.ended, run.error) == ("queued", False, None, None)
    assert lines == [f"resume, {steering.issuer()}: queued to go on"]


def test_a_run_that_does_not_answer_is_told_of_and_keeps_the_command(store: Store) -> None:
    run_id = store.create_run("train", "toy", "toy", {}, "c", None, {}, "/w")
    store.start_attempt(run_id)
    with pytest.raises(RunError, match=r"has not answered pause within 0\.2 s"):
        steering.steer(store, run_id, "pause", 0.2)
    assert [sent.command for sent in commands.pending(store, run_id)] == ["pause"]


def test_whoever_sends_a_command_is_named(store: Store) -> None:
    assert "@" in steering.issuer()
    assert "(pid " in steering.issuer()


def test_a_stop_ends_a_pause() -> None:
    control = Control()
    heard = steering.obey(control)
    heard("pause")
    heard("stop")
    assert control.stopping
    assert not control.paused


def test_a_command_of_a_later_version_is_answered() -> None:
    assert "another version" in steering.obey(Control())("levitate")


def test_a_run_that_ends_while_a_command_is_under_way_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = store.create_run("train", "toy", "toy", {}, "c", None, {}, "/w")
    attempt = store.start_attempt(run_id)
    send = commands.send

    def send_and_end(*arguments: object) -> int | None:
        number = send(*arguments)  # type: ignore[arg-type]
        store.finish(run_id, "finished", attempt=attempt)
        return number

    monkeypatch.setattr(commands, "send", send_and_end)
    with pytest.raises(InputError, match="pause was not heard: the run had finished"):
        steering.steer(store, run_id, "pause")


def test_a_run_that_has_just_ended_is_sent_nothing(store: Store) -> None:
    run_id = store.create_run("train", "toy", "toy", {}, "c", None, {}, "/w")
    store.finish(run_id, "finished", attempt=store.start_attempt(run_id))
    assert commands.send(store, run_id, "stop", "me") is None
    assert commands.of_run(store, run_id) == []


def test_a_command_to_a_run_that_is_gone_is_refused_in_one_line(store: Store) -> None:
    with pytest.raises(InputError, match="there is no such run"):
        commands.send(store, "gone", "stop", "me")


def test_a_run_that_is_to_pause_is_not_saved_yet() -> None:
    heard = steering.obey(Control())
    heard("pause")
    assert heard("checkpoint") == "saves after this batch"


def test_a_run_that_stops_does_not_pause_any_more() -> None:
    heard = steering.obey(Control())
    heard("stop")
    assert heard("pause") == "is stopping already"
