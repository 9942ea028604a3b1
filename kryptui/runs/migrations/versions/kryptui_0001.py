"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "kryptui_0001"
down_revision = None


def upgrade() -> None:
    """Makes all tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("config_hash", sa.Text, nullable=False),
        sa.Column("data_hash", sa.Text),
        sa.Column("env", sa.Text, nullable=False),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("host", sa.Text),
        sa.Column("process", sa.Text),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("last_step_at", sa.Double),
        sa.Column("heartbeat", sa.Double),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("ended", sa.Double),
        sa.Column("error", sa.Text),
        sa.Column("parent", sa.String(16), sa.ForeignKey("runs.id", ondelete="SET NULL")),
        sa.Column("note", sa.Text),
    )
    op.create_index("runs_by_created", "runs", ["created"])
    op.create_index("runs_by_name", "runs", ["name"])
    op.create_index("runs_by_status", "runs", ["status"])
    op.create_table(
        "tags",
        _run_id(),
        sa.Column("tag", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "tag"),
    )
    op.create_index("tags_by_tag", "tags", ["tag"])
    op.create_table(
        "summaries",
        _run_id(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("direction", sa.String(8)),
        sa.Column("last", sa.Double),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("best", sa.Double),
        sa.Column("best_step", sa.BigInteger),
        sa.PrimaryKeyConstraint("run_id", "name"),
    )
    op.create_index("summaries_by_name", "summaries", ["name"])
    _rows_of_a_run(
        "metrics",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.Double, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("value", sa.Double),
    )
    _rows_of_a_run(
        "log_lines",
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    _rows_of_a_run(
        "evaluations",
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("scalars", sa.Text, nullable=False),
        sa.Column("figures", sa.LargeBinary, nullable=False),
        sa.Column("scores", sa.LargeBinary),
    )
    _rows_of_a_run(
        "artifacts",
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("step", sa.BigInteger),
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.Integer, primary_key=True),
        _run_id(),
        sa.Column("command", sa.String(16), nullable=False),
        sa.Column("issued", sa.Double, nullable=False),
        sa.Column("handled", sa.Double),
    )
    op.create_index("commands_by_run", "commands", ["run_id", "handled"])
    op.create_table(
        "leases",
        sa.Column("resource", sa.String(128), primary_key=True),
        _run_id(),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("taken", sa.Double, nullable=False),
    )


def _run_id() -> sa.Column[str]:
    return sa.Column("run_id", sa.String(16), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False)


def _rows_of_a_run(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        _run_id(),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("run_id", "seq"),
        sqlite_with_rowid=False,
    )
