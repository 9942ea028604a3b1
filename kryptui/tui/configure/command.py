"""The command that does without a screen what the draft would do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kryptui import config as configuration
from kryptui.config import AnyConfig
from kryptui.errors import InputError
from kryptui.tasks import registry
from kryptui.yaml_text import inline

MOST_CHANGES = 12
"""A command with more `-o` than this is nothing to read: a file is better."""


@dataclass(frozen=True)
class Command:
    """A command line; empty where there is none, and then what to do about it."""

    text: str
    remedy: str = ""


def command_for(config: AnyConfig, source: str | None, data: Any) -> Command:
    """`kryptui run --headless SOURCE -o ...` that runs the configuration; `data` is what stands in the source.

    It is tried out: the command given is one that yields just this configuration.
    """
    if source is None:
        return Command("", "save it as YAML to have a command")
    try:
        before = configuration.check(data, source, registry.settings_of)
        found = next(_that_make(config, before, source, data), None)
    except InputError as error:
        return Command("", f"save it as YAML to have a command: {error}")
    if found is None:
        return Command("", f"save it as YAML to have a command: no -o make it of {source}")
    if len(found) > MOST_CHANGES:
        return Command("", f"save it as YAML to have a command: {len(found)} settings differ from {source}")
    words = ["kryptui", "run", "--headless", source]
    return Command(shlex.join([*words, *(word for text in found for word in ("-o", text))]))


def _that_make(config: AnyConfig, before: AnyConfig, source: str, data: Any) -> Iterator[list[str]]:
    """Overrides that are tried out: by single values, else by whole blocks where none is written."""
    for whole in (False, True):
        found = overrides(configuration.to_plain(before), configuration.to_plain(config), data, whole=whole)
        try:
            if configuration.check(data, source, registry.settings_of, found) == config:
                yield found
        except InputError:
            continue


def overrides(before: Any, after: Any, written: Any, path: str = "", *, whole: bool = False) -> list[str]:
    """`key=value` for each setting that differs, as deep as both are blocks or lists of one length.

    `written` is what stands in the source. A list that does not stand there is set as a whole, and so is a block
    if `whole`: it would begin empty, not with what holds instead of it.
    """
    if _typed(before) == _typed(after):
        return []
    stands = isinstance(written, type(after)) and bool(written)
    pairs: list[tuple[str, Any, Any, Any]]
    if (
        isinstance(after, dict)
        and isinstance(before, dict)
        and before.keys() == after.keys()
        and (stands or not whole)
    ):
        inner = written if stands else {}
        pairs = [(key, before[key], after[key], inner.get(key)) for key in after]
    elif (
        isinstance(after, list)
        and isinstance(before, list)
        and stands
        and len(before) == len(after) == len(written)
    ):
        pairs = [(str(at), *values) for at, values in enumerate(zip(before, after, written, strict=True))]
    else:
        return [f"{path}={inline(after)}"]
    return [
        text
        for key, old, new, inner in pairs
        for text in overrides(old, new, inner, f"{path}.{key}" if path else key, whole=whole)
    ]


def _typed(value: Any) -> Any:
    """1 is 1.0 here, but not true."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return (bool, value) if isinstance(value, bool) else value
