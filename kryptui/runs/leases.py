"""The mirror of leases in the record: which run has which GPU, for all who cannot see the lock on its file."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from kryptui.runs import identity, reading
from kryptui.runs.schema import DatabaseNow, leases, runs
from kryptui.runs.status import LIVE
from kryptui.runs.store import Store


def mirror(store: Store, resource: str, run_id: str) -> bool:
    """Puts a lease on record for this process; False where a run that it cannot see has it and lives."""
    with store.writing() as connection:
        selected = select(runs).join(leases, leases.c.run_id == runs.c.id).where(leases.c.resource == resource)
        found = connection.execute(selected).first()
        if found is not None:
            run = reading.run_row(found, reading.now(connection))
            unseen = reading.alive(run.process) is None
            if run.id != run_id and unseen and run.status in (*LIVE, "hung"):
                return False
        me = identity.Process.current()
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
