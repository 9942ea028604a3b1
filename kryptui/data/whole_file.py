"""A binary file that appears whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kryptui.data.new_folder import write_error
from kryptui.errors import InputError


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """A file to write, beside `target`; it takes that name once it is on the disk, and vanishes where that fails.

    Raises as `new_folder.write_error` says; an older file then stays as it was.
    """
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise write_error(error, target) from error
    finally:
        part.unlink(missing_ok=True)


def check_place(target: Path) -> None:
    """Raises InputError where no file of this name can be written; for a look before long work."""
    if target.is_dir():
        raise InputError(f"{target}: is a folder; give the name of a file in it")
    if not target.absolute().parent.is_dir():
        raise InputError(f"{target}: its folder does not exist; make it first")
