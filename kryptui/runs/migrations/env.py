"""What Alembic runs: the steps, inside the transaction that the caller has opened."""

from alembic import context

from kryptui.runs import schema

context.configure(connection=context.config.attributes["connection"], target_metadata=schema.metadata)
context.run_migrations()
