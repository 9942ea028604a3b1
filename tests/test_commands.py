"""Commands reach a run through the record, once, and are answered there."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from kryptui.runs import commands
from kryptui.runs.identity import Process
from kryptui.runs.recorder import Recorder
from kryptui.runs.schema import runs
from kryptui.runs.store import Store


def new_run(store: Store) -> str:
    return store.create_run("train", "toy", "toy", {}, "c", None, {}, "/w")


class Obedient:
    """Keeps what it was told; `wait` returns when so many commands have come."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._came = threading.Semaphore(0)

    def __call__(self, command: str) -> str:
        self.heard.append(command)
        self._came.release()
        return f"does {command}"

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self._came.acquire(timeout=20)


def test_a_run_hears_commands_in_the_order_in_which_they_were_sent(store: Store) -> None:
    run_id, obedient = new_run(store), Obedient()
    with Recorder(store, run_id, store.start_attempt(run_id), obey=obedient):
        for command in ("pause", "evaluate", "resume"):
            commands.send(store, run_id, command, "me")
        obedient.wait(3)
    assert obedient.heard == ["pause", "evaluate", "resume"]


def test_the_answer_goes_on_record_and_into_the_log(store: Store) -> None:
    run_id, obedient = new_run(store), Obedient()
    with Recorder(store, run_id, store.start_attempt(run_id), obey=obedient):
        number = commands.send(store, run_id, "pause", "me@here")
        obedient.wait(1)
    assert number is not None
    answered = commands.get(store, number)
    assert answered is not None
    assert (answered.answer, answered.issuer) == ("does pause", "me@here")
    assert answered.handled is not None
    assert [line.text for line in store.log_lines(run_id)] == ["pause, me@here: does pause"]


def test_a_command_is_obeyed_once_even_where_its_answer_cannot_be_written_at_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, obedient = new_run(store), Obedient()
    attempt = store.start_attempt(run_id)
    append, tries = store.append, []

    def unwilling(*arguments: Any, **keywords: Any) -> Any:
        tries.append(1)
        if len(tries) < 4:
            raise OSError("no")
        return append(*arguments, **keywords)

    with Recorder(store, run_id, attempt, obey=obedient) as recorder:
        monkeypatch.setattr(store, "append", unwilling)
        commands.send(store, run_id, "stop", "me")
        obedient.wait(1)
        recorder.flush()
    assert obedient.heard == ["stop"]
    assert len(store.log_lines(run_id)) == 1


def test_a_new_attempt_does_not_hear_what_was_sent_to_the_one_before(store: Store) -> None:
    run_id, obedient = new_run(store), Obedient()
    store.start_attempt(run_id)
    number = commands.send(store, run_id, "stop", "me")
    assert number is not None
    with store.writing() as connection:  # its process is killed before it hears
        gone = str(replace(Process.current(), start_time="1"))
        connection.execute(update(runs).where(runs.c.id == run_id).values(process=gone))
    with Recorder(store, run_id, store.start_attempt(run_id), obey=obedient) as recorder:
        recorder.flush()
    assert obedient.heard == []
    voided = commands.get(store, number)
    assert voided is not None
    assert voided.answer is not None
    assert voided.answer.startswith("not heard")


def test_a_run_that_ends_answers_what_it_did_not_hear(store: Store) -> None:
    run_id = new_run(store)
    attempt = store.start_attempt(run_id)
    number = commands.send(store, run_id, "checkpoint", "me")
    store.finish(run_id, "finished", attempt=attempt)
    assert commands.pending(store, run_id) == []
    assert number is not None
    answered = commands.get(store, number)
    assert answered is not None
    assert answered.answer == "not heard: the run had finished"


def test_a_recorder_without_anyone_to_obey_leaves_commands_alone(store: Store) -> None:
    run_id = new_run(store)
    with Recorder(store, run_id, store.start_attempt(run_id)) as recorder:
        commands.send(store, run_id, "stop", "me")
        recorder.flush()
    assert len(commands.pending(store, run_id)) == 1


def test_a_step_alone_says_that_the_loop_moves(store: Store) -> None:
    run_id = new_run(store)
    with Recorder(store, run_id, store.start_attempt(run_id)) as recorder:
        before = store.get_run(run_id).last_step_at
        recorder.stepped()
        recorder.log("info", "company")
        recorder.flush()
    after = store.get_run(run_id).last_step_at
    assert before is not None
    assert after is not None
    assert after > before


@pytest.mark.parametrize(("paused", "status"), [(True, "paused"), (False, "running")])
def test_a_pause_is_a_status(store: Store, paused: bool, status: str) -> None:
    run_id = new_run(store)
    with Recorder(store, run_id, store.start_attempt(run_id)) as recorder:
        recorder.progress(paused=True)
        recorder.progress(paused=paused)
        recorder.flush()
        assert store.get_run(run_id).status == status
