"""The errors that a person can do something about: one clear line each, never a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class KryptuiError(Exception):
    """An expected error; its text is one line that says what is wrong, where, and what to do."""

    exit_code = 1


class InputError(KryptuiError):
    """Something given by the user is wrong: a file, a setting, an argument."""

    exit_code = 2


class WouldReplace(InputError):  # noqa: N818 - it asks for leave, as much as it refuses
    """Something is there already that was not given up; whoever agrees may say so and try again."""


class RunError(KryptuiError):
    """A job could not go on: a full disk, no memory, a loss that is not a number."""


def nearest(word: str, known: Iterable[str], limit: int = 3) -> str:
    """The hint for a misspelt name: `; did you mean 'a' or 'b'?`, or nothing where none is near."""
    matches = difflib.get_close_matches(word, list(known), n=limit, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(match) for match in matches)}?" if matches else ""
