"""Weights from every kind of file, and no code from any."""

from __future__ import annotations

import contextlib
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from kryptui.engine import checkpoint
from kryptui.errors import InputError
from kryptui.models.weights import read_weights

WEIGHTS = {"stem.weight": torch.arange(12.0).view(3, 4), "stem.bias": torch.arange(3.0)}


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def same(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor] = WEIGHTS) -> bool:
    return found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in WEIGHTS.items()}


def test_safetensors_are_read(tmp_path):
    save_file(WEIGHTS, tmp_path / "w.safetensors")
    assert same(read_weights(tmp_path / "w.safetensors"))


@pytest.mark.parametrize("zipped", [True, False])
def test_both_forms_of_a_torch_file_are_read(tmp_path, zipped):
    torch.save(WEIGHTS, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert same(read_weights(tmp_path / "w.pth"))


@pytest.mark.parametrize(
    "key", ["state_dict", "model_state_dict", "net_state_dict", "model", "net", "state_dict_backbone"]
)
def test_a_wrapper_is_taken_off(tmp_path, key):
    torch.save({key: WEIGHTS, "epoch": 3, "optimizer": {"lr": 0.1}}, tmp_path / "w.pth")
    assert same(read_weights(tmp_path / "w.pth"))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "extractor.", "model.", "module.model.backbone."])
def test_prefixes_that_all_names_share_are_taken_off(tmp_path, prefix):
    torch.save(prefixed(prefix), tmp_path / "w.pth")
    assert same(read_weights(tmp_path / "w.pth"))


def test_a_prefix_that_only_some_names_have_stays(tmp_path):
    mixed = {**prefixed("model."), "head": torch.ones(2)}
    torch.save(mixed, tmp_path / "w.pth")
    assert same(read_weights(tmp_path / "w.pth"), mixed)


def test_names_stay_where_they_are_not_to_be_stripped(tmp_path):
    torch.save(prefixed("backbone."), tmp_path / "w.pth")
    assert same(read_weights(tmp_path / "w.pth", strip=False), prefixed("backbone."))


def test_a_checkpoint_folder_gives_its_weights(tmp_path):
    saved = checkpoint.save(tmp_path, 7, prefixed("backbone."), {}, {"config": {}, "rebuild": {}})
    assert same(read_weights(saved.path))


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"weights\.safetensors: no such weights file"):
        read_weights(tmp_path)


def test_a_missing_file_is_refused(tmp_path):
    assert "no such weights file" in refusal(tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x80", b"PK\x03\x04", b"{}" * 50])
def test_what_is_no_weights_file_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refusal(tmp_path / name)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_truncated_file_is_refused(tmp_path, name, share):
    path = tmp_path / name
    save_file(WEIGHTS, path) if name.endswith("safetensors") else torch.save(WEIGHTS, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refusal(path)


@pytest.mark.parametrize("content", [3, [torch.ones(2)], {"a": 1}, {"state_dict": {}}, None])
def test_content_without_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    assert "holds" in refusal(tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_torchscript_program_is_named_as_such(tmp_path):
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "w.pt"))
    assert "is a TorchScript program" in refusal(tmp_path / "w.pt")


class Attack:
    """What a pickle of it does when read: it makes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def write_torch(content: object, path: Path) -> None:
    torch.save(content, path)


def write_old_torch(content: object, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def write_pickle(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("write", [write_torch, write_old_torch, write_pickle])
@pytest.mark.parametrize("inside", [False, True])
def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path, write, inside):
    attack = Attack(tmp_path / "was-run")
    write({**WEIGHTS, "x": attack} if inside and write is not write_pickle else attack, tmp_path / "w.pth")
    assert "would run code when read, so it was not read" in refusal(tmp_path / "w.pth")
    assert not attack.trace.exists()


def test_a_whole_model_is_refused_with_what_to_save_instead(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "w.pth")
    assert "save its state_dict() alone" in refusal(tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    form=st.sampled_from(["zip", "old", "safetensors"]),
    changes=st.dictionaries(st.floats(0, 1), st.binary(max_size=3)),
)
def test_damage_of_any_kind_is_read_or_refused(tmp_path, form, changes):
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    save_file(WEIGHTS, path) if form == "safetensors" else torch.save(
        WEIGHTS, path, _use_new_zipfile_serialization=form == "zip"
    )
    content = bytearray(path.read_bytes())
    for place, bytes_there in changes.items():
        at = int(place * len(content))
        content[at : at + len(bytes_there)] = bytes_there
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        read_weights(path)
