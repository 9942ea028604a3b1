"""Modules that are loaded stay: the garbage collector need not look through them again and again."""

from __future__ import annotations

import gc
import sys

_known = 0


def settle() -> None:
    """Takes all that is there out of the collector's sight, if modules were loaded since the last time.

    With torch loaded, each of its full passes holds all threads for 0.1 to 0.2 s, about once a second while a run
    trains. What is taken out is still freed when nothing refers to it, but for cycles.
    """
    global _known
    if len(sys.modules) > _known:
        gc.freeze()
        _known = len(sys.modules)
