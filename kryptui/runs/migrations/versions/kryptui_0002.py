"""Since when a run is queued; who sent a command, and what became of it; which evaluations were wished for."""

import sqlalchemy as sa
from alembic import op

revision = "kryptui_0002"
down_revision = "kryptui_0001"


def upgrade() -> None:
    """Adds columns only, so that a run of the version before goes on writing."""
    op.add_column("runs", sa.Column("queued", sa.Double))
    op.add_column("commands", sa.Column("issuer", sa.Text, nullable=False, server_default=""))
    op.add_column("commands", sa.Column("answer", sa.Text))
    op.add_column("evaluations", sa.Column("wished", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute("UPDATE runs SET queued = created WHERE status = 'queued'")
