"""One run a GPU: locks that end with their holder, and what the record says of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import update

from kryptui.errors import InputError
from kryptui.jobs import leases
from kryptui.jobs.leases import Seat
from kryptui.runs import leases as record
from kryptui.runs.identity import Process
from kryptui.runs.schema import leases as leases_table
from kryptui.runs.schema import runs
from kryptui.runs.store import Store

FIRST, SECOND = Seat("cuda:0", "gpu:GPU-0"), Seat("cuda:1", "gpu:GPU-1")


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(leases, "LOCKS", tmp_path / "locks")
    return tmp_path / "locks"


@pytest.fixture
def store(tmp_path: Path, locks: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "runs.db") as store:
        yield store


def new_run(store: Store, name: str = "toy") -> str:
    return store.create_run("train", name, "toy", {}, "c", None, {}, "/w")


def test_a_gpu_serves_one_run_at_a_time(store: Store) -> None:
    first, second = new_run(store), new_run(store)
    lease = leases.take([FIRST], store, first)
    assert lease is not None
    assert leases.take([FIRST], store, second) is None
    lease.give_back()
    assert leases.take([FIRST], store, second) is not None


def test_the_next_free_gpu_is_taken(store: Store) -> None:
    first, second = (leases.take([FIRST, SECOND], store, new_run(store)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.seat, second.seat) == (FIRST, SECOND)


def test_the_cpu_is_not_leased(store: Store) -> None:
    held = [leases.take(leases.seats("cpu"), store, new_run(store)) for _ in range(3)]
    assert all(lease is not None and lease.seat == Seat("cpu") for lease in held)


def test_a_lease_is_on_record_while_it_lasts(store: Store) -> None:
    run_id = new_run(store, "resnet")
    lease = leases.take([FIRST], store, run_id)
    assert lease is not None
    with lease:
        assert record.holders(store, ["gpu:GPU-0"]) == {"gpu:GPU-0": (run_id, "resnet")}
        assert leases.who_has([FIRST], store) == f"cuda:0 is busy with {run_id} (resnet)"
    assert record.holders(store, ["gpu:GPU-0"]) == {}


def test_a_lease_of_another_record_is_respected(store: Store, tmp_path: Path) -> None:
    with Store.open(tmp_path / "other.db") as other:
        lease = leases.take([FIRST], other, new_run(other))
        assert lease is not None
        with lease:
            assert leases.take([FIRST], store, new_run(store)) is None
            assert leases.who_has([FIRST], store) == "cuda:0 is busy in another record"


def test_the_death_of_its_holder_frees_a_gpu(store: Store, tmp_path: Path, locks: Path) -> None:
    code = f"""
from pathlib import Path
from kryptui.jobs import leases
from kryptui.runs.store import Store
leases.LOCKS = Path({str(locks)!r})
store = Store.open({str(tmp_path / "runs.db")!r})
run = store.create_run("train", "toy", "toy", {{}}, "c", None, {{}}, "/w")
store.start_attempt(run)
lease = leases.take([leases.Seat("cuda:0", "gpu:GPU-0")], store, run)
print("taken", flush=True)
input()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "taken\n"
    assert leases.take([FIRST], store, new_run(store)) is None
    holder.kill()
    holder.communicate()
    mine = new_run(store)
    lease = leases.take([FIRST], store, mine)
    assert lease is not None
    assert record.holders(store, ["gpu:GPU-0"])["gpu:GPU-0"][0] == mine


@pytest.mark.parametrize(("silent", "taken"), [(False, False), (True, True)])
def test_a_run_in_another_container_has_its_gpu_while_it_gives_signs_of_life(
    store: Store, silent: bool, taken: bool
) -> None:
    other = new_run(store)
    store.start_attempt(other)
    assert record.mirror(store, "gpu:GPU-0", other)
    me = Process.current()
    unseen = Process(me.host, me.boot_id, "pid:[1]", 5, "1")
    with store.writing() as connection:
        connection.execute(update(leases_table).values(process=str(unseen)))
        if silent:
            connection.execute(update(runs).where(runs.c.id == other).values(process=str(unseen), heartbeat=1.0))
    assert (leases.take([FIRST], store, new_run(store)) is not None) is taken


def test_a_lock_file_that_is_a_link_is_refused(store: Store, locks: Path, tmp_path: Path) -> None:
    locks.mkdir()
    (locks / "gpu-GPU-0.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="cannot reserve a GPU by it"):
        leases.take([FIRST], store, new_run(store))
    assert not (tmp_path / "precious").exists()


def test_the_folder_of_locks_is_for_all_users(store: Store, locks: Path) -> None:
    leases.take([FIRST], store, new_run(store))
    assert locks.stat().st_mode & 0o7777 == 0o1777
    assert (locks / "gpu-GPU-0.lock").stat().st_mode & 0o444 == 0o444


def test_a_gpu_that_is_not_there_has_no_seat() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match="torch sees no GPU"):
        leases.seats("cuda")


def test_a_lease_waits_for_a_run_elsewhere_that_is_about_to_begin(store: Store) -> None:
    other = new_run(store)
    assert record.mirror(store, "gpu:GPU-0", other)
    me = Process.current()
    with store.writing() as connection:
        unseen = str(Process(me.host, me.boot_id, "pid:[1]", 5, "1"))
        connection.execute(update(leases_table).values(process=unseen))
    assert leases.take([FIRST], store, new_run(store)) is None


def test_a_stale_lease_of_a_run_that_is_over_is_replaced(store: Store) -> None:
    other = new_run(store)
    attempt = store.start_attempt(other)
    assert record.mirror(store, "gpu:GPU-0", other)
    me = Process.current()
    with store.writing() as connection:
        unseen = str(Process(me.host, me.boot_id, "pid:[1]", 5, "1"))
        connection.execute(update(leases_table).values(process=unseen))
    store.finish(other, "finished", attempt=attempt)
    assert leases.take([FIRST], store, new_run(store)) is not None


def test_a_run_that_is_gone_gets_no_lease_and_leaves_the_lock_free(store: Store) -> None:
    with pytest.raises(InputError, match="there is no such run"):
        leases.take([FIRST], store, "gone")
    assert leases.take([FIRST], store, new_run(store)) is not None


def test_many_who_lease_at_once_on_a_server_do_not_trip(postgres_url: str, locks: Path) -> None:
    with Store.open(postgres_url) as store:
        ids = [new_run(store) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            mirrored = list(pool.map(lambda run_id: record.mirror(store, "gpu:GPU-0", run_id), ids * 3))
        assert all(mirrored)  # they are one process, which the lock on the file keeps apart
