"""Changing one value of a YAML text in place: comments, order and style of all the rest stay as they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from kryptui.errors import InputError
from kryptui.tui.configure.outline import Node, Place, find, outline
from kryptui.yaml_text import inline, parse

Order = Callable[[Place], Sequence[str]]
"""The keys of a block in the order in which they are written; empty where any order will do."""


def put(text: str, place: Place, value: Any, *, written: str | None = None, order: Order = lambda _: ()) -> str:
    """The text with `value` at a place; blocks on the way to it that are absent, or are words, are made.

    `written` is how a person wrote the value, such as 1e-4. Raises InputError where the text does not parse, and
    where it cannot be changed there alone.
    """
    data = _read(text)
    nodes, missing = find(outline(text), place, text)
    words = inline(value) if written is None else written
    if missing:
        is_words = bool(nodes) and nodes[-1].kind in ("scalar", "alias") and len(nodes) > 1
        for key in reversed(missing if is_words else missing[1:]):
            words = f"{{{_key(key)}: {words}}}"
        parent = place[: len(place) - len(missing)]
        if is_words:  # auto, null and the like give way to a block
            changed = _replace(text, nodes, parent, words)
        else:
            changed = _insert(text, nodes[-1] if nodes else None, missing[0], words, order(parent))
    else:
        changed = _replace(text, nodes, place, _styled(words, nodes[-1], value))
    return _checked(changed, _with(data, place, value))


def take_out(text: str, place: Place) -> str:
    """The text without what stands at a place, and without its comment on the same line; raises as `put` does."""
    data = _read(text)
    nodes, missing = find(outline(text), place, text)
    if missing:
        return text
    parent, key = nodes[-2], place[-1]
    expected = _without(data, place)
    if parent.kind == "map":
        number = parent.number_of(key, text)
        assert number is not None
        entries = [(name.start, max(name.end, value.end)) for name, value in parent.pairs]
    else:
        assert isinstance(key, int)
        number = key
        starts = [item.start for item in parent.items] if parent.is_flow else parent.dashes
        entries = [(start, item.end) for start, item in zip(starts, parent.items, strict=True)]
    if len(entries) == 1:
        changed = _replace(text, nodes[:-1], place[:-1], "{}" if parent.kind == "map" else "[]")
    elif parent.is_flow:
        changed = _cut_inline(text, entries, number)
    else:
        changed = _cut_lines(text, entries, number)
    return _checked(changed, expected)


def append(text: str, place: Place, value: Any, *, order: Order = lambda _: ()) -> str:
    """The text with one more entry at the end of the list at a place, made if absent; raises as `put` does."""
    data = _read(text)
    nodes, missing = find(outline(text), place, text)
    node = nodes[-1] if nodes and not missing else None
    if node is None or node.kind != "list" or not node.items:
        return put(text, place, [value], order=order)
    last = node.items[-1]
    if node.is_flow:
        changed = text[: last.end] + f", {inline(value)}" + text[last.end :]
    else:
        column = _column(text, node.dashes[-1])
        end = _line_end(text, last.end)
        entry = _block(value, column + 2) if last.is_block else inline(value)
        changed = f"{text[:end]}\n{' ' * column}- {entry}{text[end:]}"
    found = _at(data, place)
    return _checked(changed, _with(data, place, [*found, value]))


# What is done to the text


def _replace(text: str, nodes: Sequence[Node], place: Place, words: str) -> str:
    """Puts words in the place of the last of the nodes."""
    node = nodes[-1]
    before, after = text[: node.start], text[node.end :]
    if len(nodes) > 1 and nodes[-2].kind == "map":
        name, _ = nodes[-2].pairs[nodes[-2].number_of(place[-1], text) or 0]
        gap = text[name.end : node.start]
        if ":" not in gap:
            return f"{before}: {words}{after}"  # a key alone, as in {a}
        if "\n" in gap and "&" not in gap:
            return _joined(text[: name.end], gap, words, after)
    if node.start == node.end and not before.endswith(" "):
        words = f" {words}"
    return before + words + after


def _joined(before: str, gap: str, words: str, after: str) -> str:
    """Puts words on the line of their key, where there was a block on the lines below; comments stay."""
    colon = gap.index(":") + 1
    comments = gap[colon:]
    if "#" not in comments:
        comments = ""
    elif not after.partition("\n")[0].strip():
        comments = comments[: comments.rindex("\n")]
    return f"{before}{gap[:colon]} {words}{comments}{after}"


def _insert(text: str, node: Node | None, key: str | int, words: str, order: Sequence[str]) -> str:
    """Puts a new pair into a map, after the keys that come before it by the order; or into an empty text."""
    pair = f"{_key(key)}: {words}"
    if node is None:
        return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{pair}\n"
    if isinstance(key, int):
        raise InputError(f"the list has no entry {key}")
    if node.kind != "map":
        raise InputError("the YAML holds no settings; begin with a line such as 'name: my-run'")
    before = set(order[: order.index(key)]) if key in order else None
    numbers = [node.number_of(known, text) for known in (before or ())]
    at = max((number for number in numbers if number is not None), default=-1)
    if before is None:
        at = len(node.pairs) - 1
    if at < 0 and node.is_flow:
        start = text.index("{", node.start) + 1
        return text[:start] + pair + (", " if node.pairs else "") + text[start:]
    if at < 0:
        start = node.pairs[0][0].start
        return f"{text[:start]}{pair}\n{' ' * _column(text, start)}{text[start:]}"
    name, value = node.pairs[at]
    end = max(name.end, value.end)
    if node.is_flow:
        return f"{text[:end]}, {pair}{text[end:]}"
    end = _line_end(text, end)
    return f"{text[:end]}\n{' ' * _column(text, node.pairs[0][0].start)}{pair}{text[end:]}"


def _cut_inline(text: str, entries: Sequence[tuple[int, int]], number: int) -> str:
    start, end = entries[number]
    if number + 1 < len(entries):
        return text[:start] + text[entries[number + 1][0] :]
    return text[: entries[number - 1][1]] + text[end:]


def _cut_lines(text: str, entries: Sequence[tuple[int, int]], number: int) -> str:
    """Takes an entry out with its lines; one that stands behind the dash of a list leaves it to the next."""
    start, end = entries[number][0], _line_end(text, entries[number][1])
    line = text.rfind("\n", 0, start) + 1
    if not text[line:start].strip():
        if end < len(text):
            return text[:line] + text[end + 1 :]
        return text[: max(line - 1, 0)]
    following = entries[number + 1][0] if number + 1 < len(entries) else end
    return text[:start] + text[following if not text[end:following].strip() else end :]


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _column(text: str, at: int) -> int:
    return at - (text.rfind("\n", 0, at) + 1)


def _block(value: Any, indent: int) -> str:
    """A block of settings with a line each, the first without its indent."""
    if not isinstance(value, dict) or not value:
        return inline(value)
    return f"\n{' ' * indent}".join(f"{_key(key)}: {inline(item)}" for key, item in value.items())


def _styled(words: str, node: Node, value: Any) -> str:
    """Text between quotes stays between quotes of its kind."""
    if isinstance(value, str) and node.style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, str) and node.style == '"' and value.isprintable():
        return json.dumps(value, ensure_ascii=False)
    return words


def _key(key: str | int) -> str:
    return inline(key) if isinstance(key, str) else str(key)


# What must come of it


def _read(text: str) -> Any:
    return _copy(parse(text, "the YAML")[0])


def _checked(changed: str, expected: Any) -> str:
    """The text, if it reads as it must; a style that is not foreseen must not change anything else."""
    try:
        found = parse(changed, "the YAML")[0]
    except InputError:
        found = ...
    if _typed(found) != _typed(expected):
        raise InputError("as the YAML is written there, the form cannot change it; change it in the YAML")
    return changed


def _with(data: Any, place: Place, value: Any) -> Any:
    """The data with a value at a place, blocks made on the way."""
    if not place:
        return value
    key, rest = place[0], place[1:]
    if isinstance(key, int):
        entries = list(data) if isinstance(data, list) else []
        if key >= len(entries):
            raise InputError(f"the list has no entry {key}")
        entries[key] = _with(entries[key], rest, value)
        return entries
    block = dict(data) if isinstance(data, dict) else {}
    block[key] = _with(block.get(key), rest, value)
    return block


def _without(data: Any, place: Place) -> Any:
    key, rest = place[0], place[1:]
    if rest:
        changed = _copy(data)
        changed[key] = _without(data[key], rest)
        return changed
    if isinstance(data, dict):
        return {name: value for name, value in data.items() if name != key}
    return [value for number, value in enumerate(data) if number != key]


def _at(data: Any, place: Place) -> Any:
    for key in place:
        data = data[key]
    return data


def _copy(value: Any) -> Any:
    """Nothing shared: an alias must not carry a change to its other places."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _typed(value: Any) -> Any:
    """A value in which 1, 1.0 and true differ."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    return [_typed(item) for item in value] if isinstance(value, list) else (type(value), repr(value))
