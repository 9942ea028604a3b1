"""What people are told of a status: what it means and what to do, on the same host and from another."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from records import HOSTILE

from kryptui.runs.explain import age, explain
from kryptui.runs.identity import Process
from kryptui.runs.rows import RunRow
from kryptui.runs.status import STATUSES

NOW = 1_000_000.0
HERE = socket.gethostname()


def a_run(status: Any, process_host: str = HERE, **changes: Any) -> RunRow:
    """A run as the store would hand it out, its moments minutes before NOW."""
    run = RunRow(
        name="", task="", config_hash="", workspace=str(Path.cwd()),
        id="kp3f7a2b", kind="train", status=status, attempt=1, config_json='{"device": "cuda:0"}', data_hash=None,
        env_json="{}", host=process_host, process=str(Process(process_host, "boot", "ns", 4711, "1")),
        progress_json="{}", last_seq=0, last_step_at=NOW - 720, heartbeat=NOW - 300, created=NOW - 7200,
        queued=NOW - 3600, started=NOW - 7000, ended=NOW - 120, error=None, parent=None, note=None, read=NOW,
    )  # fmt: skip
    return replace(run, **changes)


GO_ON = "go on with: kryptui run --headless --resume kp3f7a2b"
LOOK = "see kryptui runs logs kp3f7a2b; if it is stuck, kill -9 that process"
GO_ON_THERE = "go on there with: kryptui run --headless --resume kp3f7a2b"


@pytest.mark.parametrize(
    ("status", "host", "text"),
    [
        ("queued", HERE, "has waited 1h for a worker; start one: kryptui worker"),
        ("queued", "gpubox", "has waited 1h for a worker; start one: kryptui worker"),
        ("running", HERE, f"its last step was 12m ago, in pid 4711 on {HERE}"),
        ("running", "gpubox", "its last step was 12m ago, in pid 4711 on gpubox"),
        ("paused", HERE, f"has waited 12m, in pid 4711 on {HERE}; go on with: kryptui runs resume kp3f7a2b"),
        ("paused", "gpubox", "has waited 12m, in pid 4711 on gpubox; go on with: kryptui runs resume kp3f7a2b"),
        ("finished", HERE, "ended 2m ago"),
        ("finished", "gpubox", "ended on gpubox 2m ago"),
        ("stopped", HERE, f"ended 2m ago; {GO_ON}"),
        ("stopped", "gpubox", f"ended on gpubox 2m ago; {GO_ON_THERE}"),
        ("failed", HERE, f"ended 2m ago; once that is mended {GO_ON}"),
        ("failed", "gpubox", f"ended on gpubox 2m ago; once that is mended {GO_ON_THERE}"),
        ("crashed", HERE, f"its process, pid 4711 on {HERE}, is gone, last seen 5m ago; {GO_ON}"),
        ("crashed", "gpubox", f"no sign of life from its process, pid 4711 on gpubox, for 5m; {GO_ON_THERE}"),
        ("hung", HERE, f"no step for 12m; its process, pid 4711 on {HERE}, is alive; {LOOK} and {GO_ON}"),
        ("hung", "gpubox", "no step for 12m; its process, pid 4711 on gpubox, still gives signs of life; "
                           f"{LOOK} and {GO_ON_THERE}"),
    ],
)  # fmt: skip
def test_a_status_is_explained(status: str, host: str, text: str) -> None:
    assert explain(a_run(status, host)) == text


def test_a_run_that_a_process_holds_waits_for_its_device() -> None:
    assert explain(a_run("queued", held=True)) == f"has waited 1h for cuda:0, in pid 4711 on {HERE}"


@pytest.mark.parametrize(
    ("status", "before"),
    [("failed", "ended 2m ago"), ("crashed", f"its process, pid 4711 on {HERE}, is gone, last seen 5m ago")],
)
def test_a_run_says_what_it_failed_of(status: Any, before: str) -> None:
    text = explain(a_run(status, error="the disk is full.\n"))
    assert text.startswith(f"{before}: the disk is full; ")
    assert text.endswith(GO_ON)


def test_a_long_hostile_error_leaves_one_line_that_ends_with_what_to_do() -> None:
    text = explain(a_run("failed", error=HOSTILE * 50))
    assert text.isprintable()
    assert text.endswith(f"…; once that is mended {GO_ON}")
    assert len(text) < 400


def test_a_worker_is_to_be_started_where_the_queued_run_belongs() -> None:
    run = a_run("queued", workspace="/data/two  words\x1b")
    assert explain(run) == "has waited 1h for a worker; start one: cd '/data/two  words�' && kryptui worker"
    assert explain(run, folder=run.workspace).endswith("; start one: kryptui worker")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("missing", ["host", "process", "last_step_at", "heartbeat", "queued", "started", "ended"])
def test_an_explanation_needs_no_fact_that_a_run_may_lack(status: Any, missing: str) -> None:
    text = explain(a_run(status, **{missing: None}))
    assert text
    assert "\n" not in text


def test_only_a_training_run_is_resumed() -> None:
    assert explain(a_run("stopped", kind="evaluate")) == "ended 2m ago; start it again"


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0s"), (59, "59s"), (60, "1m"), (7199, "1h"), (86400, "1d"), (30 * 86400, "4w")]
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert age(NOW - seconds, NOW) == text
