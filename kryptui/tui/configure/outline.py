"""Where everything stands in a YAML text: a tree of its values with their first and last characters."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from kryptui.errors import InputError

Place = tuple[str | int, ...]


@dataclass
class Node:
    """A value as it is written. `start` and `end` are places in the text, the end after its last character.

    Of a value with an anchor, the anchor stands before its start. `dashes` are where the entries of a list that
    stand below each other begin.
    """

    kind: Literal["scalar", "map", "list", "alias"]
    start: int
    end: int
    is_flow: bool = False
    style: str | None = None
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    dashes: list[int] = field(default_factory=list)

    @property
    def is_block(self) -> bool:
        """Whether it is a map or list whose entries stand below each other."""
        return self.kind in ("map", "list") and not self.is_flow

    def child(self, key: str | int, text: str) -> Node | None:
        """What stands below a key or at a number; None where nothing does."""
        if isinstance(key, int):
            return self.items[key] if self.kind == "list" and key < len(self.items) else None
        number = self.number_of(key, text)
        return None if number is None else self.pairs[number][1]

    def number_of(self, key: str | int, text: str) -> int | None:
        """Which of its pairs has this key."""
        keys = (_key(text[name.start : name.end]) for name, _ in self.pairs)
        return next((number for number, name in enumerate(keys) if name == key), None)


def outline(text: str) -> Node | None:
    """The tree of a text that parses; None where it holds nothing but comments."""
    parser = _Parser(text)
    try:
        node = None
        while parser.check_event():
            event = parser.get_event()  # type: ignore[no-untyped-call]
            if isinstance(event, yaml.NodeEvent):
                node = _node(event, parser, text)
        if node is not None:
            _give_dashes(node, parser.dashes)
        return node
    finally:
        parser.dispose()


def find(root: Node | None, place: Place, text: str) -> tuple[list[Node], Place]:
    """The nodes from the root to as deep as `place` is written, and what of it is not.

    Raises InputError where the way leads through an alias: what stands there stands elsewhere too.
    """
    nodes = [] if root is None else [root]
    for depth, key in enumerate(place):
        node = nodes[-1].child(key, text) if nodes else None
        if node is None:
            return nodes, place[depth:]
        if node.kind == "alias" and depth + 1 < len(place):
            raise InputError(f"{text[node.start : node.end]} stands for it in the YAML: change it there")
        nodes.append(node)
    return nodes, ()


def place_at(root: Node | None, at: int, text: str) -> Place:
    """The place of the innermost value whose key or self stands at a character, or last before it."""
    place: list[str | int] = []
    node = root
    while node is not None:
        found: tuple[str | int, Node] | None = None
        starts = node.items if node.is_flow or not node.dashes else node.dashes
        for number, item in enumerate(node.items):
            start = starts[number]
            if (start if isinstance(start, int) else start.start) <= at:
                found = number, item
        for name, value in node.pairs:
            if name.start <= at:
                found = _key(text[name.start : name.end]), value
        if found is None:
            break
        place.append(found[0])
        node = found[1]
    return tuple(place)


class _Parser(yaml.SafeLoader):
    """Gives events, and remembers where the dashes were."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.dashes: list[int] = []

    def get_token(self) -> Any:
        """The next token, which the parser takes for good."""
        token: Any = super().get_token()  # type: ignore[no-untyped-call]
        if isinstance(token, yaml.BlockEntryToken):
            self.dashes.append(token.start_mark.index)
        return token


def _node(event: Any, parser: _Parser, text: str) -> Node:
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.AliasEvent):
        return Node("alias", start, end)
    if event.anchor is not None:
        anchor = re.compile(r"&\S+[ \t]*").match(text, start)
        start = min(anchor.end(), end) if anchor and isinstance(event, yaml.ScalarEvent) else start
    if isinstance(event, yaml.ScalarEvent):
        if event.style in ("|", ">"):
            end = start + len(text[start:end].rstrip())
        return Node("scalar", start, end, style=event.style)
    node = Node("map" if isinstance(event, yaml.MappingStartEvent) else "list", start, end, bool(event.flow_style))
    children = []
    while not parser.check_event(yaml.CollectionEndEvent):
        children.append(_node(parser.get_event(), parser, text))  # type: ignore[no-untyped-call]
    last: Any = parser.get_event()  # type: ignore[no-untyped-call]
    if event.anchor is not None:
        node.start = text.index("[" if node.kind == "list" else "{", start) if node.is_flow else children[0].start
    if node.kind == "map":
        node.pairs = list(zip(children[::2], children[1::2], strict=True))
    else:
        node.items = children
    node.end = last.end_mark.index if node.is_flow else children[-1].end
    return node


def _give_dashes(node: Node, dashes: list[int]) -> None:
    """The dash of an entry is the last one before it."""
    if node.kind == "list" and not node.is_flow:
        node.dashes = [dashes[bisect_left(dashes, item.start) - 1] for item in node.items]
        node.start = node.dashes[0]
    for child in (*node.items, *(value for _, value in node.pairs)):
        _give_dashes(child, dashes)


def _key(written: str) -> Any:
    """A key as it is read: one that is quoted is without its quotes."""
    if written[:1] in ("'", '"'):
        return yaml.safe_load(written)
    return written
