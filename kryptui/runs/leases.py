"""The mirror of leases in the record: which run has which GPU, for all who cannot see the lock on its file."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from kryptui.errors import InputError
from kryptui.runs import database, identity, reading
from kryptui.runs.schema import DatabaseNow, leases, runs
from kryptui.runs.status import OVER, alive, is_there
from kryptui.runs.store import Store


def mirror(store: Store, resource: str, run_id: str) -> bool:
    """Puts a lease on record for this process; False where another process has it for a run that is not over.

    Raises InputError for a run that is not there any more.
    """
    me = identity.Process.current()
    with store.writing() as connection:
        database.one_at_a_time(connection, database.LEASING)
        here = runs.c.id == run_id
        # Also a sign of life: until the run begins, others judge its process by it.
        if connection.execute(update(runs).where(here).values(heartbeat=DatabaseNow())).rowcount == 0:
            raise InputError(f"run {run_id}: there is no such run")
        held = connection.execute(select(leases).where(leases.c.resource == resource)).first()
        if held is not None and held.process != str(me) and held.run_id != run_id:
            run = reading.locked_run(connection, held.run_id)
            if run.status not in OVER and is_there(alive(held.process), run.read, run.heartbeat):
                return False
        connection.execute(delete(leases).where(leases.c.resource == resource))
        values = {"resource": resource, "run_id": run_id, "host": me.host, "process": str(me)}
        connection.execute(insert(leases).values(**values, taken=DatabaseNow()))
    return True


def remove(store: Store, resource: str, run_id: str) -> None:
    """Takes a run's lease off the record."""
    with store.writing() as connection:
        connection.execute(delete(leases).where(leases.c.resource == resource, leases.c.run_id == run_id))


def holders(store: Store, resources: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The run that has each resource, by its id and name; those that nobody has are left out."""
    columns = (leases.c.resource, runs.c.id, runs.c.name)
    selected = select(*columns).join(runs, runs.c.id == leases.c.run_id).where(leases.c.resource.in_(resources))
    with store.reading() as connection:
        return {row.resource: (row.id, row.name) for row in connection.execute(selected)}
