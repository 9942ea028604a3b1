"""Event files: read as TensorBoard reads them, and as far as they are whole."""

from __future__ import annotations

import math
import random
import shutil
import struct
from pathlib import Path

import pytest
from foreign_logs import bring, brought, log, points, restart, scalar, tensor, write_events
from hypothesis import given
from hypothesis import strategies as st
from refusals import examples
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_STRING
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.util.tensor_util import make_ndarray

from kryptui.jobs.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "runs.db")


@pytest.fixture(scope="module")
def torch_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What people really have: scalars of both forms, text, a picture, hyperparameters."""
    import torch
    from torch.utils.tensorboard import SummaryWriter

    folder = tmp_path_factory.mktemp("torch") / "baseline"
    with SummaryWriter(str(folder)) as writer:
        for step in range(50):
            writer.add_scalar("train/loss", 1 / (step + 1), step, walltime=1.7e9 + step)
            writer.add_scalar("val/acc", step / 50, step, walltime=1.7e9 + step, new_style=True)
        writer.add_scalar("exact", 0.1, 7, new_style=True, double_precision=True)
        writer.add_scalar("odd", math.nan, 1)
        writer.add_scalar("odd", math.inf, 2)
        writer.add_text("note", "two\nlines", 3, walltime=1.7e9)
        writer.add_image("face", torch.zeros(3, 4, 4), 1)
        writer.add_hparams({"lr": 0.1, "batch": 16, "opt": "adam"}, {"hparam/eer": 0.2}, run_name="tried")
    return folder


def test_scalars_are_those_that_tensorboard_itself_reads(workspace: Workspace, torch_log: Path) -> None:
    oracle = EventAccumulator(str(torch_log), {"tensors": 0, "scalars": 0}).Reload()
    expected = {
        (name, e.step, e.wall_time, repr(e.value))
        for name in oracle.Tags()["scalars"]
        for e in oracle.Scalars(name)
    }
    for name in ("val/acc", "exact"):
        expected |= {
            (name, e.step, e.wall_time, repr(float(make_ndarray(e.tensor_proto)))) for e in oracle.Tensors(name)
        }
    run_id = bring(workspace, torch_log)[0].run_id
    with workspace.open() as store:
        rows = store.metrics(run_id)
    assert {(row.name, row.step, row.time, repr(row.value)) for row in rows} == expected
    assert len(rows) == len(expected) == 103


def test_each_folder_with_event_files_is_a_run_by_its_path(workspace: Workspace, torch_log: Path) -> None:
    assert [result.name for result in bring(workspace, torch_log)] == ["baseline", "tried"]
    shutil.copytree(torch_log, workspace.root / "logs" / "exp" / "a")
    assert [result.name for result in bring(workspace, workspace.root / "logs", dry_run=True)] == [
        "baseline",
        "tried",
    ]


def test_names_of_runs_below_a_folder_are_relative_paths(workspace: Workspace) -> None:
    for value, name in enumerate(("b", "a/deep", "a")):
        write_events(workspace.root / "logs" / name, [scalar("loss", 0, value)])
    results = bring(workspace, workspace.root / "logs")
    assert [(result.name, result.outcome) for result in results] == [
        ("a", "new"),
        ("a/deep", "new"),
        ("b", "new"),
    ]


def test_hyperparameters_become_the_configuration(workspace: Workspace, torch_log: Path) -> None:
    run = brought(workspace, torch_log / "tried")
    assert run.config == {
        "name": "tried",
        "source": str((torch_log / "tried").resolve()),
        "hparams": {"batch": 16, "lr": 0.1, "opt": "adam"},
    }


def test_hyperparameters_of_a_folder_hold_for_the_folders_below(workspace: Workspace, torch_log: Path) -> None:
    logs = workspace.root / "logs"
    shutil.copytree(torch_log / "tried", logs)
    write_events(logs / "train", [scalar("loss", 0, 1.0)])
    results = bring(workspace, logs)
    with workspace.open() as store:
        configs = [store.get_run(result.run_id).config["hparams"] for result in results]
    assert configs[1] == configs[0] != {}


def test_text_becomes_lines_of_the_log(workspace: Workspace, torch_log: Path) -> None:
    run_id = bring(workspace, torch_log)[0].run_id
    assert log(workspace, run_id)[:2] == ["info: note: two", "info: note: lines"]


def test_what_is_no_curve_is_left_out_and_said(workspace: Workspace, torch_log: Path) -> None:
    assert "what is no curve is left out: images" in bring(workspace, torch_log)[0].remarks


def test_a_run_is_finished_at_the_times_of_its_points(workspace: Workspace) -> None:
    path = write_events(workspace.root / "logs", [scalar("loss", step, 1.0, 1e9 + step) for step in range(10)])
    run = brought(workspace, path)
    assert (run.kind, run.task, run.status) == ("import", "imported", "finished")
    assert (run.created, run.started, run.ended) == (1e9, 1e9, 1e9 + 9)


def test_a_scalar_named_epoch_is_the_epoch_of_its_steps(workspace: Workspace) -> None:
    events = [scalar("epoch", 0, 0.0), scalar("loss", 0, 1.0), scalar("loss", 5, 1.0), scalar("epoch", 5, 2.0)]
    run = brought(workspace, write_events(workspace.root / "logs", events))
    with workspace.open() as store:
        assert [row.epoch for row in store.metrics(run.id, ["loss"])] == [0.0, 2.0]


def test_a_restart_takes_back_what_came_after_it_as_tensorboard_does(workspace: Workspace) -> None:
    folder = workspace.root / "logs"
    write_events(folder, [scalar(name, step, 1.0) for step in range(10) for name in ("a", "b")])
    write_events(folder, [restart(5), *(scalar("a", step, 2.0) for step in range(5, 8))], 2)
    write_events(folder, [restart(7), *(scalar("a", step, 3.0) for step in range(7, 9))], 3)
    oracle = EventAccumulator(str(folder)).Reload()
    expected = [(name, e.step, repr(e.value)) for name in ("a", "b") for e in oracle.Scalars(name)]
    (result,) = bring(workspace, folder)
    assert sorted(points(workspace, result.run_id)) == expected
    assert result.remarks == ["11 values of steps that were run again are left out; the later ones stand"]


def test_steps_that_were_run_again_without_a_word_are_there_once(workspace: Workspace) -> None:
    folder = workspace.root / "logs"
    write_events(folder, [scalar("a", step, 1.0) for step in range(6)])
    write_events(folder, [scalar("a", step, 2.0) for step in range(3, 5)], 2)
    (result,) = bring(workspace, folder)
    assert [value for _, _, value in points(workspace, result.run_id)] == ["1.0"] * 3 + ["2.0"] * 2 + ["1.0"]
    line = "warning: 2 values of steps that were run again are left out; the later ones stand"
    assert log(workspace, result.run_id)[-1] == line


def test_a_file_that_is_cut_off_gives_what_is_whole_and_says_what_is_lost(workspace: Workspace) -> None:
    path = write_events(workspace.root / "logs", [scalar("a", step, 1.0) for step in range(10)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    (result,) = bring(workspace, path)
    record = len(scalar("a", 9, 1.0).SerializeToString()) + 16
    assert result.points == 9
    assert result.remarks == [
        f"{path.name} is cut off or damaged after {len(whole) - record} bytes: "
        f"the last {record - 5} bytes are left out"
    ]


def test_a_damaged_record_ends_what_is_read(workspace: Workspace) -> None:
    path = write_events(workspace.root / "logs", [scalar("a", step, 1.0) for step in range(10)])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    (result,) = bring(workspace, path)
    assert 0 < result.points < 10
    assert "damaged" in result.remarks[0]


def test_a_record_of_a_false_length_asks_for_no_memory(workspace: Workspace) -> None:
    path = write_events(workspace.root / "logs", [scalar("a", 0, 1.0)])
    header = struct.pack("<Q", 2**62)
    with path.open("ab") as file:
        file.write(header + struct.pack("<I", masked_crc32c(header)) + b"x" * 50)
    (result,) = bring(workspace, path)
    assert (result.points, len(result.remarks)) == (1, 1)


def test_a_tensor_of_a_false_shape_is_left_out(workspace: Workspace) -> None:
    false = TensorProto(dtype=DT_FLOAT, float_val=[1.0])
    false.tensor_shape.dim.add(size=10**13)
    text = TensorProto(dtype=DT_STRING, string_val=[b"no number"])
    real = TensorProto(dtype=DT_DOUBLE, double_val=[0.1])
    events = [tensor("a", step, content, "scalars") for step, content in enumerate((real, false, text))]
    (result,) = bring(workspace, write_events(workspace.root / "logs", events))
    assert points(workspace, result.run_id) == [("a", 0, "0.1")]
    assert result.remarks == ["2 values of 'a' cannot be read"]


def test_a_bad_run_does_not_keep_the_others_from_the_record(workspace: Workspace) -> None:
    write_events(workspace.root / "logs" / "good", [scalar("a", 0, 1.0)])
    (workspace.root / "logs" / "bad").mkdir()
    (workspace.root / "logs" / "bad" / "events.out.tfevents.1").write_bytes(random.Random(0).randbytes(5000))
    bad, good = bring(workspace, workspace.root / "logs")
    assert "no event of TensorBoard" in str(bad.error)
    assert (bad.outcome, good.outcome) == ("refused", "new")


def test_a_run_without_scalars_is_left_out(workspace: Workspace) -> None:
    image = Event(step=1, summary=Summary(value=[Summary.Value(tag="x", image=Summary.Image(height=1))]))
    (result,) = bring(workspace, write_events(workspace.root / "logs", [image]))
    assert (result.outcome, result.run_id) == ("empty", "")


def test_names_hold_no_control_characters(workspace: Workspace) -> None:
    path = write_events(
        workspace.root / "lo\x1bgs", [scalar("lo\x1b[31mss\n", 0, 1.0), scalar("x" * 9999, 0, 1.0)]
    )
    run = brought(workspace, path)
    names = sorted(run.summaries)
    assert run.name == "lo\\x1bgs"
    assert names[0] == "lo\\x1b[31mss"
    assert len(names[1]) <= 250
    assert all(name.isprintable() for name in names)


@pytest.fixture(scope="module")
def event_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    events = [scalar("a", step, 1.0) for step in range(5)]
    return write_events(tmp_path_factory.mktemp("events"), events).read_bytes()


@examples(60)
@given(st.data())
def test_damage_of_any_kind_is_a_refusal_or_a_remark(
    tmp_path: Path, event_bytes: bytes, data: st.DataObject
) -> None:
    content = bytearray(event_bytes)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(content)
    (result,) = bring(Workspace(tmp_path, "runs.db"), path, dry_run=True)
    assert result.outcome == "refused" or result.points <= 5
