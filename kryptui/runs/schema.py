"""The tables of the record. Times are seconds since 1970 (UTC); JSON is text, arrays and figures compressed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

REVISION = "kryptui_0002"
"""The schema described here, as stamped in the table `alembic_version`."""

REVISION_PREFIX = "kryptui_"
"""What every revision of this record starts with, so that another program's database is told from a newer one."""

metadata = MetaData()


def storable(text: str) -> str:
    """Text that every database takes: bytes of a file name that are not UTF-8, and zero bytes, are spelt out."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


class Words(TypeDecorator[str]):
    """Text of any kind and length, stored as `storable` makes it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """On the way into the database."""
        return None if value is None else storable(value)


def _run_id() -> Column[str]:
    return Column("run_id", String(16), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False)


def _rows_of_a_run(name: str, *columns: Column[Any]) -> Table:
    """A table of rows that a run's writer adds.

    `seq` counts up within the run over all such tables and is never used twice: a reader's cursor is one number.
    The rows lie in that order on disk (SQLite: without row id), so reading on from a cursor is one range.
    """
    return Table(
        name,
        metadata,
        _run_id(),
        Column("seq", BigInteger, nullable=False),
        Column("attempt", Integer, nullable=False),
        *columns,
        PrimaryKeyConstraint("run_id", "seq"),
        sqlite_with_rowid=False,
    )


# The form in which Alembic keeps its stamp, so that it can migrate a record that was made without importing it.
alembic_version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", Words, nullable=False),
    Column("kind", String(16), nullable=False),  # train | evaluate | submit | import
    Column("task", Words, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),  # 0 until it first starts
    Column("config", Words, nullable=False),  # JSON, resolved
    Column("config_hash", Words, nullable=False),
    Column("data_hash", Words),
    Column("env", Words, nullable=False),  # JSON: git, versions, device
    Column("workspace", Words, nullable=False),
    Column("host", Words),
    Column("process", Words),  # kryptui.runs.identity.Process
    Column("progress", Words, nullable=False, default="{}"),  # JSON: stage, epoch, step, total, ...
    Column("last_seq", BigInteger, nullable=False, default=0),
    Column("last_step_at", Double),
    Column("heartbeat", Double),
    Column("created", Double, nullable=False),
    Column("queued", Double),  # since when it waits for a worker or a device; NULL while it does not
    Column("started", Double),
    Column("ended", Double),
    Column("error", Words),
    Column("parent", String(16), ForeignKey("runs.id", ondelete="SET NULL")),
    Column("note", Words),
    Index("runs_by_created", "created"),
    Index("runs_by_name", "name"),
    Index("runs_by_status", "status"),
)

tags = Table(
    "tags",
    metadata,
    _run_id(),
    Column("tag", String(64), nullable=False),
    PrimaryKeyConstraint("run_id", "tag"),
    Index("tags_by_tag", "tag"),
)

metrics = _rows_of_a_run(
    "metrics",
    Column("name", Words, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("epoch", Double, nullable=False),
    Column("time", Double, nullable=False),
    Column("value", Double),  # NULL is not-a-number, which SQLite cannot hold
)

summaries = Table(
    "summaries",
    metadata,
    _run_id(),
    Column("name", Words, nullable=False),
    Column("direction", String(8)),  # lower | higher | NULL: neither is better
    Column("last", Double),
    Column("last_step", BigInteger, nullable=False),
    Column("best", Double),
    Column("best_step", BigInteger),
    PrimaryKeyConstraint("run_id", "name"),
    Index("summaries_by_name", "name"),
)

log_lines = _rows_of_a_run(
    "log_lines",
    Column("time", Double, nullable=False),
    Column("level", String(16), nullable=False),
    Column("text", Words, nullable=False),
)

evaluations = _rows_of_a_run(
    "evaluations",
    Column("step", BigInteger, nullable=False),
    Column("time", Double, nullable=False),
    Column("scalars", Words, nullable=False),  # JSON
    Column("figures", LargeBinary, nullable=False),  # JSON, zlib
    Column("scores", LargeBinary),  # npz, deflated
    Column("wished", Boolean, nullable=False, server_default=false()),  # by somebody: never the best
)

artifacts = _rows_of_a_run(
    "artifacts",
    Column("time", Double, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("path", Words, nullable=False),
    Column("host", Words, nullable=False),
    Column("sha256", String(64)),
    Column("bytes", BigInteger),
    Column("step", BigInteger),
)

commands = Table(
    "commands",
    metadata,
    Column("id", Integer, primary_key=True),
    _run_id(),
    Column("command", String(16), nullable=False),
    Column("issuer", Words, nullable=False, server_default=""),  # user@host, pid
    Column("issued", Double, nullable=False),
    Column("handled", Double),
    Column("answer", Words),
    Index("commands_by_run", "run_id", "handled"),
)

leases = Table(
    "leases",
    metadata,
    Column("resource", String(128), primary_key=True),  # such as gpu:UUID
    _run_id(),
    Column("host", Words, nullable=False),
    Column("process", Words, nullable=False),
    Column("taken", Double, nullable=False),
)


class DatabaseNow(FunctionElement[float]):
    """The database's own clock in seconds since 1970, so that the machines that share it need no common time."""

    type = Double()
    inherit_cache = True


class ByCode(FunctionElement[str]):
    """A text column compared letter by letter code, as Python does, whatever language the database is set to."""

    type = Text()
    inherit_cache = True


@compiles(ByCode)
def _by_code(element: ByCode, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(ByCode, "postgresql")
def _by_code_in_postgresql(element: ByCode, compiler: Any, **options: Any) -> str:
    return f'{compiler.process(element.clauses, **options)} COLLATE "C"'


@compiles(DatabaseNow, "sqlite")
def _sqlite_now(element: DatabaseNow, compiler: Any, **options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseNow)
def _now(element: DatabaseNow, compiler: Any, **options: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) AS DOUBLE PRECISION)"
