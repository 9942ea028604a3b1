"""What is wrong with a configuration, said in one line: where, which value, what it must be."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from kryptui.errors import InputError, nearest

Place = tuple[str | int, ...]

_TYPE_NAMES: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
    dict: "a block of settings",
    list: "a list",
}
_INT = r"[-+]?[0-9]+"
_FLOAT = r"[-+]?[0-9]+\.?[0-9]*([eE][-+]?[0-9]+)?"
_BOUNDS = {"greater_than": "more than", "greater_than_equal": "at least", "less_than": "less than"}
_BOUNDS["less_than_equal"] = "at most"


@dataclass(frozen=True)
class Origin:
    """Where a configuration comes from: its name, the lines of its places, and what was set from elsewhere.

    `overridden` maps a place to the words for what set it, such as `-o seed=1`.
    """

    source: str
    lines: Mapping[Place, int] = field(default_factory=dict)
    overridden: Mapping[Place, str] = field(default_factory=dict)

    def of(self, place: Place) -> str:
        """The beginning of an error line: the source, and the override or the line that a place comes from."""
        for start in reversed([*self.overridden]):
            if place[: len(start)] == start or start[: len(place)] == place:
                return f"{self.source}: {self.overridden[start]}"
        line = next((self.lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in self.lines), None)
        return self.source if line is None else f"{self.source}, line {line}"


class ConfigError(InputError):
    """A configuration that cannot be; `problems` are all that is wrong by place, the text names the first."""

    def __init__(self, text: str, problems: Mapping[Place, str]) -> None:
        super().__init__(text)
        self.problems = problems


def refusal(problems: Mapping[Place, str], origin: Origin) -> ConfigError:
    """One line for the first problem, and how many more there are."""
    place, message = next(iter(problems.items()))
    more = f" ({len(problems) - 1} more to mend after that)" if len(problems) > 1 else ""
    where = f"{origin.of(place)}: {dotted(place)}" if place else origin.of(place)
    return ConfigError(f"{where}: {message}{more}", problems)


def problems_of(error: ValidationError, model: type[BaseModel]) -> dict[Place, str]:
    """What is wrong by place, one problem each; what is to be mended first comes first."""
    problems: dict[Place, str] = {}
    # Unknown keys come first: a misspelt key also makes the right one missing.
    for item in sorted(error.errors(include_url=False), key=lambda item: item["type"] != "extra_forbidden"):
        place, annotation = _resolve(model, item["loc"])
        problems.setdefault(place, _message(item, place, annotation, model))
    return problems


def describe(error: ValidationError, model: type[BaseModel], origin: Origin) -> str:
    """One line for the first problem, and how many more there are."""
    return str(refusal(problems_of(error, model), origin))


def dotted(place: Place) -> str:
    """A place as `-o` takes it, on one line whatever its keys hold."""
    return printable(".".join(map(str, place)), limit=100)


def printable(text: str, limit: int = 200) -> str:
    """Text on one line without control characters, cut to `limit` characters."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return plain if len(plain) <= limit else f"{plain[: limit - 3]}..."


def show(value: Any, limit: int = 60) -> str:
    """A value as a person would write it in YAML, cut to `limit` characters; nothing at all is `empty`."""
    return "empty" if value is None else printable(_written(value), limit)


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_written(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def _message(item: ErrorDetails, place: Place, annotation: Any, model: type[BaseModel]) -> str:
    kind, value, context = item["type"], item["input"], item.get("ctx", {})
    if kind == "extra_forbidden":
        _, parent = _resolve(model, place[:-1])
        known = [name for candidate in _models(parent) for name in candidate.model_fields]
        return "there is no such setting" + (nearest(str(place[-1]), known) or f" (there are: {', '.join(known)})")
    if kind == "missing":
        return f"is missing; it must be {_expected(annotation)}"
    if kind == "value_error":
        return f"{show(value)} {context['error']}"
    if kind in _BOUNDS:
        bound = next(iter(context.values()))
        return f"{show(value)} must be {_BOUNDS[kind]} {int(bound) if bound == int(bound) else bound}"
    if kind in ("too_short", "too_long"):
        bound = ("at least", "min_length") if kind == "too_short" else ("at most", "max_length")
        return f"{show(value)} has {context['actual_length']} entries; it must have {bound[0]} {context[bound[1]]}"
    if kind == "string_too_short":
        return f"{show(value)} must not be empty"
    if kind == "string_too_long":
        return f"{show(value)} is too long; it may have {context['max_length']} characters"
    if kind == "finite_number":
        return f"{show(value)} must be a finite number"
    choices = _choices(annotation)
    hint = nearest(value.lower(), choices) if isinstance(value, str) else ""
    return f"{show(value)} is not {_expected(annotation)}{hint or _remedy(value, annotation)}"


def _remedy(value: Any, annotation: Any) -> str:
    """What to write instead where a value only has the wrong form."""
    wanted = _branches(annotation)
    if isinstance(value, float) and int in wanted and value.is_integer():
        return f"; write {int(value)}"
    if isinstance(value, str) and value.lower() in ("yes", "no", "on", "off", "true", "false") and bool in wanted:
        return f"; write {'true' if value.lower() in ('yes', 'on', 'true') else 'false'} without quotes"
    numbers = (_INT if int in wanted else "") or (_FLOAT if float in wanted else "")
    if isinstance(value, str) and numbers and re.fullmatch(numbers, value):
        return "; write it without quotes"
    if isinstance(value, bool | int | float) and wanted[0] is str and {*wanted} <= {str, type(None)}:
        return f"; in quotes it would be: '{_written(value)}'"
    return ""


def _resolve(model: Any, loc: Place) -> tuple[Place, Any]:
    """The place without pydantic's tags of union branches, and the annotation that stands there."""
    place: list[str | int] = []
    at = model
    for index, key in enumerate(loc):
        tagged = _tagged(at)
        if key in tagged:
            # At the end the value suits no branch, so that all of them are what it may be.
            at = at if index == len(loc) - 1 else tagged[str(key)]
            continue
        owner = next((branch for branch in _models(at) if key in branch.model_fields), None)
        if isinstance(key, int):
            lists = [branch for branch in _branches(at) if get_origin(branch) is list]
            if not lists:
                break
            at = get_args(lists[0])[0]
            place.append(key)
        elif owner is not None:
            at = owner.model_fields[key].rebuild_annotation()
            place.append(key)
        else:
            place.append(key)
            break
    return tuple(place), at


def _tagged(annotation: Any) -> dict[str, Any]:
    """The branches of a union by the tags that pydantic puts into an error's place."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        tags = [item.tag for item in metadata if isinstance(item, Tag)]
        return {tags[0]: annotation} if tags else _tagged(inner)
    if get_origin(annotation) in (Union, types.UnionType):
        return {tag: branch for part in get_args(annotation) for tag, branch in _tagged(part).items()}
    return {}


def _branches(annotation: Any) -> list[Any]:
    """The alternatives of an annotation, with Annotated and unions unfolded."""
    if get_origin(annotation) is Annotated:
        return _branches(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [leaf for branch in get_args(annotation) for leaf in _branches(branch)]
    return [annotation]


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [
        branch for branch in _branches(annotation) if isinstance(branch, type) and issubclass(branch, BaseModel)
    ]


def _choices(annotation: Any) -> list[str]:
    return [
        str(choice)
        for branch in _branches(annotation)
        if get_origin(branch) is Literal
        for choice in get_args(branch)
    ]


def _expected(annotation: Any) -> str:
    words: list[str] = []
    for branch in _branches(annotation):
        if get_origin(branch) is Literal:
            words.extend(map(str, get_args(branch)))
        elif isinstance(branch, type) and issubclass(branch, BaseModel):
            words.append(f"a block with {_join(list(branch.model_fields), 'and')}")
        else:
            words.append(_TYPE_NAMES.get(get_origin(branch) or branch, "another kind of value"))
    return _join(words, "or")


def _join(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "nothing"
