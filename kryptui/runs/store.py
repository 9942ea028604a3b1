"""The store: every read and every write of the record."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, Engine, case, delete, insert, select, update

from kryptui.errors import InputError, nearest
from kryptui.runs import batch, blobs, commands, database, identity, query, reading, schema
from kryptui.runs.rows import ArtifactRow, EvaluationRow, LogRow, MetricRow, RunRow, process_of
from kryptui.runs.schema import DatabaseNow
from kryptui.runs.status import ENDED, WITH_PROCESS, Status
from kryptui.runs.summaries import Direction, Summary, summarise

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LETTERS = "abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: none is taken for a digit or another letter
_ID_LENGTH = 8
_ENDED_AS = {"finished": "finished", "stopped": "been stopped", "failed": "failed"}


class Store:
    """The record of runs in one database. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(
        cls,
        target: str | Path,
        *,
        create: bool = True,
        write: bool = True,
        tell: Callable[[str], None] | None = None,
    ) -> Self:
        """The record at a path or SQLAlchemy URL, made if missing and `create` is set.

        `tell` is told when an older record is brought up to date, and of a place that is unsafe to share. Raises
        InputError, with nothing written, where it is missing, cannot be written (unless `write` is False), is no
        database, another program's, or of a newer version.
        """
        return cls(database.open_engine(target, create=create, write=write, tell=tell))

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the record throughout."""
        return database.reading(self._engine)

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that waits for other writers, and is whole or undone."""
        return database.writing(self._engine)

    # Runs

    def create_run(
        self,
        kind: str,
        name: str,
        task: str,
        config: Mapping[str, Any],
        config_hash: str,
        data_hash: str | None,
        env: Mapping[str, Any],
        workspace: str,
        parent: str | None = None,
        note: str | None = None,
        hold: bool = True,
    ) -> str:
        """Puts a new run on record as queued and returns its id: a letter and seven letters or digits.

        It is this process's to start; without `hold` any worker's.
        """
        values = {
            "kind": kind,
            "name": name,
            "task": task,
            "status": "queued",
            "config": json.dumps(config),
            "config_hash": config_hash,
            "data_hash": data_hash,
            "env": json.dumps(env),
            "workspace": workspace,
            "created": DatabaseNow(),
            **_waiting(hold),
            "parent": parent,
            "note": note,
        }
        while True:
            run_id = new_id()
            with self.writing() as connection:
                if connection.scalar(select(schema.runs.c.id).where(schema.runs.c.id == run_id)) is None:
                    connection.execute(insert(schema.runs).values(id=run_id, **values))
                    return run_id

    def queue_run(self, run_id: str, said: str = "", *, hold: bool = False) -> None:
        """Puts a run that has ended, or crashed, back in the queue, with a line in its log.

        `hold` as in `create_run`. Raises InputError while a process runs it or is about to.
        """
        with self.writing() as connection:
            run = self._claimable(connection, run_id)
            changes = {"status": "queued", "ended": None, "error": None, **_waiting(hold)}
            connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(changes))
            batch.say(connection, run, "info", said)

    def unqueue_run(self, run_id: str, said: str = "") -> bool:
        """Takes a run off the queue, as stopped, with a line in its log; whether it was in it."""
        table = schema.runs
        changes = {"status": "stopped", "ended": DatabaseNow(), "queued": None, "process": None}
        with self.writing() as connection:
            run = reading.locked_run(connection, run_id)
            if run.status != "queued":
                return False
            connection.execute(update(table).where(table.c.id == run_id).values(changes))
            batch.say(connection, run, "info", said)
        return True

    def put_back(self, run_id: str, since: float | None, *, attempt: int) -> None:
        """Puts the run of an attempt that ends here back in the queue, at the place that it had."""
        table = schema.runs
        changes = {**_waiting(hold=False), "status": "queued", **({} if since is None else {"queued": since})}
        with self.writing() as connection:
            run = reading.locked_run(connection, run_id)
            if run.attempt == attempt:
                commands.void(connection, run_id, "the run went back to the queue")
                batch.say(connection, run, "info", "back in the queue, as its worker was stopped")
                connection.execute(update(table).where(table.c.id == run_id).values(changes))

    def start_attempt(self, run_id: str, *, queued_only: bool = False) -> int:
        """Makes this process the one that runs `run_id`, and returns the number of the attempt, from 1.

        From then on earlier attempts can no longer write to the run, and commands that none of them heard are
        void. Raises InputError while a process runs it or is about to; with `queued_only` also where it is not in
        the queue any more.
        """
        process = identity.Process.current()
        with self.writing() as connection:
            run = self._claimable(connection, run_id)
            if queued_only and run.status != "queued":
                raise InputError(f"run {run_id}: is {run.status}, and not in the queue any more")
            changes = {
                "status": "running",
                "attempt": run.attempt + 1,
                "host": process.host,
                "process": str(process),
                "heartbeat": DatabaseNow(),
                "queued": None,
                "started": DatabaseNow() if run.started is None else run.started,
                "last_step_at": DatabaseNow(),
                "ended": None,
                "error": None,
            }
            connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(changes))
            commands.void(connection, run_id, "the process that it was sent to had gone")
        return run.attempt + 1

    def _claimable(self, connection: Connection, run_id: str) -> RunRow:
        """The run, locked until the transaction ends; raises InputError where it is another process's."""
        run = reading.locked_run(connection, run_id)
        if run.status in WITH_PROCESS:
            raise InputError(f"run {run_id}: {run.status} in a process, {process_of(run)}; stop it there first")
        if run.held and run.process != str(identity.Process.current()):
            raise InputError(
                f"run {run_id}: waits in a process, {process_of(run)}; stop it first: kryptui runs stop {run_id}"
            )
        return run

    def finish(self, run_id: str, status: Status, error: str | None = None, *, attempt: int | None = None) -> None:
        """Writes down that a run has ended: finished, stopped or failed, and why, which goes into its log too.

        Does nothing where `attempt` is given and the run is no longer this attempt's.
        """
        if status not in ENDED:
            raise ValueError(f"a run does not end {status!r}")
        table = schema.runs
        values = {"status": status, "error": error, "ended": DatabaseNow(), "queued": None}
        with self.writing() as connection:
            run = reading.locked_run(connection, run_id)
            if attempt in (None, run.attempt):
                batch.say(connection, run, "error", error or "")
                connection.execute(update(table).where(table.c.id == run_id).values(values))
                commands.void(connection, run_id, f"the run had {_ENDED_AS[status]}")

    def set_env(self, run_id: str, env: Mapping[str, Any], *, attempt: int) -> None:
        """Writes down what an attempt runs on."""
        mine = (schema.runs.c.id == run_id) & (schema.runs.c.attempt == attempt)
        with self.writing() as connection:
            connection.execute(update(schema.runs).where(mine).values(env=json.dumps(env)))

    def get_run(self, run_id: str) -> RunRow:
        """The run with this id, with its tags and all its summaries; raises InputError where there is none."""
        with self.reading() as connection:
            found = connection.execute(select(schema.runs).where(schema.runs.c.id == run_id)).first()
            if found is None:
                raise InputError(f"run {run_id}: there is no such run")
            run = reading.run_row(found, reading.now(connection))
            run.tags = reading.tags(connection, [run_id]).get(run_id, ())
            run.summaries = reading.summaries(connection, [run_id]).get(run_id, {})
        return run

    def resolve_run(self, text: str) -> str:
        """The id of the run meant by an id, a name, or an id's beginning.

        Of several runs of a name the latest training run is meant, else the latest. Raises InputError where none
        is meant, offering the nearest, or more than one.
        """
        table = schema.runs
        query.check_text(text)
        with self.reading() as connection:
            trained_last = (case((table.c.kind == "train", 0), else_=1), table.c.created.desc(), table.c.id)
            by_name = select(table.c.id).where(table.c.name == text).order_by(*trained_last)
            exact = connection.scalar(select(table.c.id).where(table.c.id == text.lower()))
            exact = exact or connection.scalar(by_name.limit(1))
            if exact is not None:
                return str(exact)
            starts = table.c.id.startswith(text.lower(), autoescape=True)
            found = connection.execute(select(table.c.id, table.c.name).where(starts).limit(6)).all()
            if len(found) == 1 and text:
                return str(found[0].id)
            if found and text:
                several = ", ".join(f"{run.id} ({run.name})" for run in found[:5])
                raise InputError(f"run {text!r}: could be {several}{' or more' if len(found) > 5 else ''}")
            names = connection.scalars(select(table.c.name).distinct()).all()
            ids = connection.scalars(select(table.c.id)).all()
        hint = nearest(text, [*names, *ids]) or "; see `kryptui runs list`"
        raise InputError(f"run {text!r}: there is no run of this name or id{hint}")

    def list_runs(
        self,
        filter: str | query.Query = "",
        sort: str = "-created",
        limit: int | None = None,
        metrics: Sequence[str] = (),
    ) -> list[RunRow]:
        """The runs that a filter finds, sorted, with their tags and their summaries of `metrics`.

        Filter and sort are those of `kryptui.runs.query`; raises InputError for what it does not understand.
        """
        parsed = query.parse(filter) if isinstance(filter, str) else filter
        order = query.parse_sort(sort)
        with reading.collector_at_rest(), self.reading() as connection:
            reading.check_metrics(connection, query.metric_names(parsed, order))
            now = reading.now(connection)
            selected = query.apply(select(schema.runs), parsed, order)
            in_sql_alone = query.in_sql_alone(parsed)
            if in_sql_alone and limit is not None:
                selected = selected.limit(limit)
            found = (reading.run_row(row, now) for row in connection.execute(selected).all())
            if not in_sql_alone:
                found = (run for run in found if query.matches(parsed, run))
            runs = list(islice(found, limit))
            ids = [run.id for run in runs]
            tags = reading.tags(connection, ids)
            values = reading.summaries(connection, ids, metrics) if metrics else {}
        for run in runs:
            run.tags = tags.get(run.id, ())
            run.summaries = values.get(run.id, {})
        return runs

    def order_runs(self, filter: str, sort: str) -> list[str]:
        """The ids of the runs that `list_runs` finds, in its order, and of those that SQL cannot judge among them.

        Raises InputError as `list_runs` does.
        """
        parsed, order = query.parse(filter), query.parse_sort(sort)
        with self.reading() as connection:
            reading.check_metrics(connection, query.metric_names(parsed, order))
            return list(connection.scalars(query.apply(select(schema.runs.c.id), parsed, order)).all())

    def metric_names(self) -> list[str]:
        """Every metric that some run has recorded, sorted."""
        with self.reading() as connection:
            return reading.metric_names(connection)

    # What a run recorded

    def append(
        self,
        run_id: str,
        attempt: int,
        items: Sequence[batch.Item],
        progress: Mapping[str, Any],
        known: Mapping[str, Summary],
        directions: Mapping[str, Direction],
        after: int | None = None,
    ) -> batch.Appended:
        """Commits what a recorder hands in; see `kryptui.runs.batch.append`."""
        with self.writing() as connection:
            return batch.append(connection, run_id, attempt, items, progress, known, directions, after)

    def delete_after(self, run_id: str, step: int) -> None:
        """Takes a run back to `step`: what it recorded of later steps goes, and summaries are rebuilt.

        Log lines stay, as history. To be called before the recorder of the new attempt is made.
        """
        with self.writing() as connection:
            for table in (schema.metrics, schema.evaluations, schema.artifacts):
                connection.execute(delete(table).where(table.c.run_id == run_id, table.c.step > step))
            before = reading.summaries(connection, [run_id]).get(run_id, {})
            stale = {
                name for name, summary in before.items() if max(summary.last_step, summary.best_step or 0) > step
            }
            series: dict[str, list[tuple[int, float]]] = {}
            remaining = reading.rows_after(schema.metrics, run_id, 0, ("name", "step", "value"))
            for name, at, value in connection.execute(remaining.where(schema.metrics.c.name.in_(stale))):
                series.setdefault(name, []).append((at, reading.number(value)))
            table = schema.evaluations
            wishes = select(table.c.step, table.c.scalars).where(table.c.run_id == run_id, table.c.wished)
            wished: dict[str, set[int]] = {}
            for at, scalars in connection.execute(wishes):
                for name in json.loads(scalars):
                    wished.setdefault(name, set()).add(at)
            kept = {
                name: summarise(None, name, before[name].direction, points, wished.get(name, ()))
                for name, points in series.items()
            }
            gone = stale - kept.keys()
            table = schema.summaries
            connection.execute(delete(table).where(table.c.run_id == run_id, table.c.name.in_(gone)))
            batch.save_summaries(connection, run_id, kept.values(), before)

    def summaries(self, run_id: str) -> dict[str, Summary]:
        """The last and best value of each metric of a run, by name."""
        with self.reading() as connection:
            return reading.summaries(connection, [run_id]).get(run_id, {})

    def metrics(self, run_id: str, names: Sequence[str] | None = None, after_seq: int = 0) -> list[MetricRow]:
        """The metric values of a run beyond a cursor, in the order they were recorded, of all names or some."""
        selected = reading.rows_after(schema.metrics, run_id, after_seq, MetricRow._fields)
        if names is not None:
            selected = selected.where(schema.metrics.c.name.in_(names))
        with self.reading() as connection:
            rows = connection.execute(selected).all()
        return [
            MetricRow(seq, attempt, name, step, epoch, moment, reading.number(value))
            for seq, attempt, name, step, epoch, moment, value in rows
        ]

    def log_lines(self, run_id: str, after_seq: int = 0) -> list[LogRow]:
        """The log of a run beyond a cursor, of all attempts."""
        with self.reading() as connection:
            rows = connection.execute(
                reading.rows_after(schema.log_lines, run_id, after_seq, LogRow._fields)
            ).all()
        return [LogRow(*row) for row in rows]

    def artifacts(self, run_id: str) -> list[ArtifactRow]:
        """The files and folders of a run, the latest last; of those of one path the latest alone."""
        selected = reading.rows_after(schema.artifacts, run_id, 0, ArtifactRow._fields)
        with self.reading() as connection:
            rows = [ArtifactRow(*row) for row in connection.execute(selected).all()]
        return sorted({row.path: row for row in rows}.values(), key=lambda row: row.seq)

    def evaluations(self, run_id: str, after_seq: int = 0) -> list[EvaluationRow]:
        """The evaluations of a run beyond a cursor, the latest last, without their pair scores."""
        selected = reading.rows_after(schema.evaluations, run_id, after_seq, EvaluationRow._fields)
        with self.reading() as connection:
            rows = connection.execute(selected).all()
        return [
            EvaluationRow(seq, attempt, step, moment, json.loads(scalars), blobs.unpack_figures(figures), wished)
            for seq, attempt, step, moment, scalars, figures, wished in rows
        ]

    def scores(self, run_id: str, seq: int) -> dict[str, NDArray[Any]] | None:
        """The pair scores of the evaluation `seq` of a run, or None where it has none."""
        table = schema.evaluations
        selected = select(table.c.scores).where(table.c.run_id == run_id, table.c.seq == seq)
        with self.reading() as connection:
            data = connection.scalar(selected)
        return None if data is None else blobs.unpack_scores(data)


def _waiting(hold: bool) -> dict[str, Any]:
    """The columns of a run that has just been queued."""
    process = identity.Process.current() if hold else None
    return {
        "queued": DatabaseNow(),
        "host": None if process is None else process.host,
        "process": None if process is None else str(process),
        "heartbeat": DatabaseNow(),
    }


def new_id() -> str:
    """A letter first, so that no tool reads an id as a number."""
    rest = _LETTERS + "0123456789"
    return secrets.choice(_LETTERS) + "".join(secrets.choice(rest) for _ in range(_ID_LENGTH - 1))
