"""A configuration written as a person would: what differs from the defaults, short blocks on one line."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from kryptui import config as configuration
from kryptui.config import AnyConfig
from kryptui.errors import InputError
from kryptui.tasks import registry
from kryptui.tui.configure.shapes import plain
from kryptui.yaml_text import inline

_LONGEST = 100
"""Characters of a line on which a block or an entry stands whole."""


def text_of(config: AnyConfig) -> str:
    """YAML that reads back as the configuration, without what its defaults say, but with its dataset."""
    short = _without_defaults(config)
    if (dataset := config.task.dataset) is not None:
        first = {"kind": config.task.kind, dataset: plain(getattr(config.task, dataset))}
        short["task"] = first | short["task"]
    try:
        same = configuration.check(short, "short", registry.settings_of) == config
    except InputError:
        same = False  # a default that depends on what else is given
    return lay_out(short if same else configuration.to_plain(config))


def lay_out(data: dict[str, Any]) -> str:
    """Plain settings as YAML text."""
    return "".join(f"{line}\n" for key, value in data.items() for line in _lines(key, value, ""))


def _lines(key: str, value: Any, indent: str) -> list[str]:
    first = f"{indent}{inline(key)}:"
    whole = f"{first} {inline(value)}"
    if isinstance(value, dict) and value and (len(whole) > _LONGEST or _is_deep(value)):
        return [first, *(line for name, item in value.items() for line in _lines(name, item, f"{indent}  "))]
    if isinstance(value, list) and value and all(isinstance(item, dict) and item for item in value):
        return [first, *(line for item in value for line in _entry(item, f"{indent}  "))]
    return [whole]


def _entry(value: dict[str, Any], indent: str) -> list[str]:
    whole = f"{indent}- {inline(value)}"
    if len(whole) <= _LONGEST:
        return [whole]
    lines = [line for name, item in value.items() for line in _lines(name, item, f"{indent}  ")]
    return [f"{indent}- {lines[0].lstrip()}", *lines[1:]]


def _is_deep(value: dict[str, Any]) -> bool:
    return any(isinstance(item, dict) or (isinstance(item, list) and any(isinstance(part, dict) for part in item))
               for item in value.values())  # fmt: skip


def _without_defaults(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_defaults(item) for item in value]
    if not isinstance(value, BaseModel):
        return plain(value)
    fields = type(value).model_fields
    kept = {
        name: getattr(value, name)
        for name, info in fields.items()
        if info.is_required() or getattr(value, name) != info.get_default(call_default_factory=True)
    }
    return {name: _without_defaults(item) for name, item in (kept | (value.model_extra or {})).items()}
