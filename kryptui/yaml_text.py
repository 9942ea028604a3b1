"""Reading and writing YAML without its surprises: numbers as in YAML 1.2, no repeated keys, known line numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from kryptui.errors import InputError

Place = tuple[str | int, ...]

_INT = re.compile(r"^[-+]?[0-9]+$")
_FLOAT = re.compile(
    r"""^[-+]?(?:[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?
        |[0-9]+[eE][-+]?[0-9]+|\.inf|\.nan)$""",
    re.X,
)
_MOST_VALUES = 100_000
_DEEPEST = 50
_TOO_DEEP = f"blocks or lists are nested more than {_DEEPEST} deep; is it a configuration?"
_TAG_OF_TEXT = "tag:yaml.org,2002:str"


class NotYamlError(InputError):
    """A text that cannot be read; `line` counts from 1, None where it is the whole text."""

    def __init__(self, source: str, line: int | None, problem: str) -> None:
        super().__init__(f"{source}{'' if line is None else f', line {line}'}: {problem}")
        self.line, self.problem = line, problem


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core words: `1e-4` is a number; `on`, `yes`, dates and sexagesimals are text. No tags."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own declaration

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # Some of PyYAML's own tags fail with errors that are not YAMLError, and none is of use here.
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        tag = getattr(event, "tag", None)
        if tag is not None:
            tag = tag.replace("tag:yaml.org,2002:", "!!")
            raise yaml.MarkedYAMLError(
                problem=f"the tag {tag!r} is not allowed; write plain values", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


def _construct_int(loader: yaml.Loader, node: yaml.ScalarNode) -> int:
    try:
        return int(node.value)
    except ValueError:
        raise yaml.MarkedYAMLError(
            problem=f"a number of {len(node.value)} digits is too long", problem_mark=node.start_mark
        ) from None


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads: words that either version of YAML takes for something else are quoted."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Only double quotes keep the line breaks that YAML 1.1 knows beside \n.
    exotic = any(character in text for character in "\r\x85\u2028\u2029")
    return dumper.represent_scalar(_TAG_OF_TEXT, text, style='"' if exotic else None)


class _InlineDumper(_Dumper):
    """Writes what fits on one line."""


def _represent_text_inline(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(_TAG_OF_TEXT, text, style=None if text.isprintable() else '"')


def _represent_float_inline(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    node = dumper.represent_float(value)
    node.value = re.sub(r"(?<=e[-+])0+(?=[0-9])", "", node.value)  # 1.0e-4, as people write it
    return node


_Dumper.yaml_implicit_resolvers = {
    first: list(resolvers) for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_Dumper.add_representer(str, _represent_text)
_InlineDumper.add_representer(str, _represent_text_inline)
_InlineDumper.add_representer(float, _represent_float_inline)


def parse(text: str, source: str) -> tuple[Any, dict[Place, int]]:
    """The value of a YAML text and the line of each place in it; raises NotYamlError naming `source` and line.

    Every key is text. A block that stands at several places by an alias is one object at all of them.
    """
    lines: dict[Place, int] = {}
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None, lines
            _walk(node, (), lines, source, frozenset())
            return loader.construct_document(node), lines
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise NotYamlError(source, line, f"not valid YAML: {_reason(error)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = f"the character U+{ord(text[error.position]):04X} is not allowed"
        raise NotYamlError(source, line, f"not valid YAML: {character}") from None
    except RecursionError:
        raise NotYamlError(source, None, _TOO_DEEP) from None


def parse_file(path: Path) -> tuple[Any, dict[Place, int]]:
    """`parse` on a file's text; raises InputError where it cannot be read."""
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """A text file in UTF-8, without its mark if it has one; raises InputError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not a text file in UTF-8; save it as one") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def dump(value: Any) -> str:
    """Plain types as YAML text that `parse` reads back without loss."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def inline(value: Any) -> str:
    """Plain types on one line, as they may stand after a key, in a list or in `{}`; `parse` reads it back."""
    # In a list, text with a comma is quoted too.
    text = yaml.dump(
        [value], Dumper=_InlineDumper, sort_keys=False, default_flow_style=True, allow_unicode=True, width=2**31
    )
    return text.strip()[1:-1]


def _reason(error: yaml.MarkedYAMLError) -> str:
    """What PyYAML says, with what usually is behind its more cryptic words."""
    problem = error.problem or error.context or "it cannot be parsed"
    if problem.startswith("but "):
        return f"{error.context}, {problem}"
    if "'\\t'" in problem:
        return f"{problem}; indent with spaces, not tabs"
    if "<block" in problem:
        return f"{problem}; is the indentation of this line right?"
    if "mapping values" in problem:
        return f"{problem}; is this line's indentation right, or does its text need quotes?"
    return problem


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int], source: str, above: frozenset[int]) -> None:
    lines[place] = node.start_mark.line + 1
    if id(node) in above:
        raise NotYamlError(source, lines[place], "an alias that contains itself")
    if len(lines) > _MOST_VALUES:
        raise NotYamlError(source, None, f"holds more than {_MOST_VALUES:,} values; is it a configuration?")
    if len(place) > _DEEPEST:
        raise NotYamlError(source, lines[place], _TOO_DEEP)
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != _TAG_OF_TEXT:
                shown = key.value if isinstance(key, yaml.ScalarNode) else "a block"
                raise NotYamlError(source, line, f"{shown or 'nothing'} stands as a key; keys must be text")
            if key.value in seen:
                raise NotYamlError(source, line, f"{key.value!r} stands here twice; remove one")
            seen.add(key.value)
            _walk(child, (*place, key.value), lines, source, above)
            lines[(*place, key.value)] = line
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _walk(child, (*place, index), lines, source, above)
