"""Reading weights from local files, whoever wrote them, without ever running what a file contains."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from kryptui.errors import InputError

WEIGHTS_FILE = "weights.safetensors"

_WRAPPERS = ("state_dict", "model_state_dict", "net_state_dict", "model", "net", "state_dict_backbone")
_PREFIXES = ("_orig_mod.", "module.", "extractor.", "model.", "backbone.")


def read_weights(path: Path, strip: bool = True) -> dict[str, Tensor]:
    """The tensors in a file by name, on the CPU: safetensors, a torch state dict, or a checkpoint's folder.

    Wrappers (`state_dict` and the like) and prefixes that all names share (`module.`, `model.`, `backbone.`)
    are taken off, unless `strip` is false. Raises InputError for a file that is missing, corrupt, no state dict,
    or would run code when read.
    """
    if path.is_dir():
        path = path / WEIGHTS_FILE
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    try:
        if path.suffix == ".safetensors":
            content: object = load_file(path)
        elif _is_torchscript(path):
            raise InputError(f"{path}: is a TorchScript program, not weights; save its state_dict()")
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of pickles that torch did not write; they are refused anyway
                content = torch.load(path, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise InputError(f"{path}: is not a whole safetensors file ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or _first_line(error)}") from None
    except pickle.UnpicklingError as error:
        if "Unsupported operand" in str(error):  # an opcode that torch never writes
            raise InputError(
                f"{path}: is damaged, or a pickle of other things than tensors, which could run code when read; "
                "it was not read"
            ) from None
        raise InputError(
            f"{path}: holds more than tensors and would run code when read, so it was not read; "
            "save its state_dict() alone"
        ) from None
    except InputError:
        raise
    except Exception as error:  # damaged files make torch.load raise a dozen kinds
        detail = f" ({_first_line(error)})" if isinstance(error, RuntimeError) else ""
        raise InputError(f"{path}: is damaged or not a weights file{detail}") from None
    tensors = _tensors(content, path)
    return _without_prefixes(tensors) if strip else tensors


def _is_torchscript(path: Path) -> bool:
    # Torch looks for the same file, but warns on the screen when it finds it.
    try:
        with ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except BadZipFile:
        return False


def _tensors(content: object, path: Path) -> dict[str, Tensor]:
    while isinstance(content, dict):
        inner = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}, not a state dict")
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise InputError(f"{path}: holds no tensors")
    return tensors


def _without_prefixes(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    stripped = True
    while stripped:
        stripped = False
        for prefix in _PREFIXES:
            if all(name.startswith(prefix) for name in tensors):
                tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
                stripped = True
    return tensors


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:120] if lines else type(error).__name__
