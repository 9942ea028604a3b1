"""Commands to a run, from any shell on any machine: sent through the record, heard by the run's recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, update

from kryptui.runs import reading
from kryptui.runs.schema import DatabaseNow, commands
from kryptui.runs.status import WITH_PROCESS

if TYPE_CHECKING:
    from kryptui.runs.store import Store

Command = Literal["stop", "pause", "resume", "checkpoint", "evaluate"]

NOT_HEARD = "not heard: "
"""How the answer to a command begins that came too late."""

COMMANDS: tuple[Command, ...] = get_args(Command)


class CommandRow(NamedTuple):
    """One command: who sent it, when it was heard (None: not yet), and what the run answered."""

    id: int
    command: str
    issuer: str
    issued: float
    handled: float | None
    answer: str | None


_ALL = select(*(commands.c[name] for name in CommandRow._fields)).order_by(commands.c.id)
# Built once, as every run asks it four times a second.
_PENDING = _ALL.where(commands.c.run_id == bindparam("run"), commands.c.handled.is_(None))


def send(store: Store, run_id: str, command: Command, issuer: str) -> int | None:
    """Puts a command to a run on record and returns its number, or None where no process runs it any more.

    Raises InputError where there is no such run.
    """
    values = {"run_id": run_id, "command": command, "issuer": issuer, "issued": DatabaseNow()}
    with store.writing() as connection:
        if reading.locked_run(connection, run_id).status not in WITH_PROCESS:
            return None
        return int(connection.execute(insert(commands).values(values).returning(commands.c.id)).scalar_one())


def pending(store: Store, run_id: str) -> list[CommandRow]:
    """The commands that a run has not heard yet, the first sent first."""
    with store.reading() as connection:
        return [CommandRow(*row) for row in connection.execute(_PENDING, {"run": run_id}).all()]


def of_run(store: Store, run_id: str) -> list[CommandRow]:
    """All commands that a run was ever sent, the first sent first."""
    return _rows(store, commands.c.run_id == run_id)


def get(store: Store, number: int) -> CommandRow | None:
    """One command, None where its run has been deleted."""
    return next(iter(_rows(store, commands.c.id == number)), None)


def void(connection: Connection, run_id: str, why: str) -> None:
    """Answers what a run has not heard and will not hear any more."""
    waiting = (commands.c.run_id == run_id) & commands.c.handled.is_(None)
    values = {"handled": DatabaseNow(), "answer": f"{NOT_HEARD}{why}"}
    connection.execute(update(commands).where(waiting).values(values))


def _rows(store: Store, condition: ColumnElement[bool]) -> list[CommandRow]:
    with store.reading() as connection:
        return [CommandRow(*row) for row in connection.execute(_ALL.where(condition)).all()]
