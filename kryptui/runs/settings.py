"""Conditions on the settings of a run, which the record keeps as one text of JSON, written by `json.dumps`.

A configuration meets a condition only where its text holds one of the condition's traces, in small letters: most
need not be parsed to be told apart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def found_below(config: Mapping[str, Any], key: str, text: str) -> bool:
    """Whether a setting at or below a key, or its plural, contains the text, which is in small letters."""
    keys = (key, f"{key}s", f"{key}es")
    below: list[tuple[Any, bool]] = [(config, False)]
    while below:
        node, inside = below.pop()
        for name, child in node.items() if isinstance(node, dict) else enumerate(node):
            found = inside or name in keys
            if isinstance(child, dict | list):
                below.append((child, found))
            elif found and text in _spelt(child):
                return True
    return False


def contains(config: Mapping[str, Any], path: Sequence[str], text: str) -> bool:
    """Whether there is a setting at a path that contains the text, which is in small letters."""
    is_there, node = _at(config, path)
    return is_there and text in _spelt(node)


def equals(config: Mapping[str, Any], path: Sequence[str], value: str) -> bool:
    """Whether there is a setting at a path that is this number, or is spelt so but for capitals."""
    is_there, node = _at(config, path)
    if not is_there:
        return False
    if _is_number(node):
        number = _number(value)
        return number is not None and bool(node == number)
    return _spelt(node) == value.lower()


def compares(
    config: Mapping[str, Any], path: Sequence[str], compare: Callable[[Any, Any], Any], number: float
) -> bool:
    """Whether there is a number at a path that compares so with another."""
    is_there, node = _at(config, path)
    return is_there and _is_number(node) and bool(compare(node, number))


def traces_of_text(value: str) -> tuple[str, ...]:
    """The traces of `found_below` and `contains`; none where the text is no sure one."""
    return (value.lower(),) if _is_plain(value) else ()


def traces_of_value(path: Sequence[str], value: str) -> tuple[str, ...]:
    """The traces of `equals`; none where there are no sure ones."""
    name = "" if path[-1].isdecimal() else path[-1]
    number = _number(value)
    if not _is_plain(name + value) or (number is not None and not math.isfinite(number)):
        return ()
    key = f'"{name}": ' if name else ""
    spelt = [value, f'"{value}"']
    if number is not None:
        spelt += [repr(number), str(int(number)), *(["-0"] if number == 0 else [])]
    return tuple(f"{key}{text}".lower() for text in dict.fromkeys(spelt))


def _is_plain(text: str) -> bool:
    """Whether JSON spells the text as it is."""
    return text.isascii() and text.isprintable() and not set(text) & set('"\\')


def _at(config: Mapping[str, Any], path: Sequence[str]) -> tuple[bool, Any]:
    """Whether there is a setting at a path, and what it is."""
    node: Any = config
    for part in path:
        if isinstance(node, Mapping) and part in node:
            node = node[part]
        elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        else:
            return False, None
    return True, node


def _is_number(node: Any) -> bool:
    return isinstance(node, int | float) and not isinstance(node, bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _spelt(node: Any) -> str:
    """A setting as it is written in a configuration: text as it is, all else as JSON, in lower case."""
    return (node if isinstance(node, str) else json.dumps(node)).lower()
