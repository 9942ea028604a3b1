"""What may stand at a place of a configuration, by the annotation of its field: choices, bounds, blocks, null."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag
from pydantic.fields import FieldInfo

from kryptui.errors import InputError
from kryptui.yaml_text import inline, parse

MISSING: Any = ...
"""Stands for a value that must be given and is not."""


class Kind(Enum):
    """A kind of single value; a place may take several."""

    FLAG = "true or false"
    CHOICE = "one of"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TEXT = "text"
    LIST = "a list"
    FREE = "any value"


_KINDS: dict[Any, Kind] = {bool: Kind.FLAG, int: Kind.WHOLE, float: Kind.NUMBER, str: Kind.TEXT}


@dataclass(frozen=True)
class Shape:
    """What may stand somewhere: values of some kinds, null, blocks of some models, or a list of blocks."""

    kinds: tuple[Kind, ...] = ()
    choices: tuple[Any, ...] = ()
    examples: tuple[Any, ...] = ()
    bounds: str = ""
    is_nullable: bool = False
    blocks: tuple[tuple[str, type[BaseModel]], ...] = ()
    """Models with the tags that a discriminator gives them."""
    discriminator: Any = None
    entry: Any = None
    """The annotation of the entries, where it is a list of blocks."""
    is_open: bool = False
    """Whether it is a block that takes any keys."""
    least: tuple[float | None, float | None] = field(default=(None, None), repr=False)
    """The bounds below: at least, more than."""

    @property
    def takes_text(self) -> bool:
        """Whether it is text that need not be one of a few words."""
        return Kind.TEXT in self.kinds

    @property
    def words(self) -> str:
        """What it may be, for people."""
        kinds = [kind.value for kind in self.kinds if kind is not Kind.CHOICE]
        parts = [*(show(choice) for choice in self.choices), *kinds]
        if self.bounds and parts:
            parts[-1] += f" {self.bounds}"
        parts += ["a block of its own"] if self.blocks or self.is_open else []
        parts += ["a list of blocks"] if self.entry is not None else []
        parts += ["null"] if self.is_nullable else []
        return f"{', '.join(parts[:-1])} or {parts[-1]}" if len(parts) > 1 else "".join(parts)

    def model_of(self, value: Mapping[str, Any]) -> type[BaseModel] | None:
        """The model of a block: as the discriminator says, else the one whose words and keys suit it best."""
        if callable(self.discriminator):
            tag = self.discriminator(dict(value))
            found = next((model for name, model in self.blocks if name == tag), None)
            if found is not None:
                return found
        return max((model for _, model in self.blocks), key=lambda model: _likeness(model, value), default=None)


def shape_of(annotation: Any, info: FieldInfo | None = None) -> Shape:
    """The shape of an annotation, and of the field that has it."""
    branches = list(_branches(annotation, ()))
    metadata = [item for _, own in branches for item in own]
    kinds: dict[Kind, None] = {}
    choices: list[Any] = []
    blocks: list[tuple[str, type[BaseModel]]] = []
    entry, is_open = None, False
    for branch, own in branches:
        origin = get_origin(branch)
        if origin is Literal:
            kinds[Kind.CHOICE] = None
            choices += get_args(branch)
        elif isinstance(branch, type) and issubclass(branch, BaseModel):
            blocks.append((next((item.tag for item in own if isinstance(item, Tag)), ""), branch))
        elif origin is list and shape_of(get_args(branch)[0]).blocks:
            entry = get_args(branch)[0]
        elif origin is dict and get_args(branch)[0] is str:
            is_open = True
        elif origin is list:
            kinds[Kind.LIST] = None
        elif branch is not type(None):
            kinds[_KINDS.get(branch, Kind.FREE)] = None
    discriminators = [item.discriminator for item in metadata if isinstance(item, Discriminator)]
    return Shape(
        tuple(kinds),
        tuple(choices),
        tuple((info.examples if info else None) or ()),
        _bounds(metadata),
        any(branch is type(None) for branch, _ in branches),
        tuple(blocks),
        discriminators[0] if discriminators else None,
        entry,
        is_open,
        (_first(metadata, "ge"), _first(metadata, "gt")),
    )


def merged(shapes: Sequence[Shape]) -> Shape:
    """What may stand at a place that has one of these shapes, each in a form of its own of the block around it."""
    return replace(
        shapes[0],
        kinds=tuple(dict.fromkeys(kind for shape in shapes for kind in shape.kinds)),
        choices=tuple(dict.fromkeys(choice for shape in shapes for choice in shape.choices)),
        examples=tuple(dict.fromkeys(word for shape in shapes for word in (*shape.choices, *shape.examples))),
    )


def read(typed: str, shape: Shape) -> Any:
    """The value that a person means by what they typed; raises InputError for what cannot be read at all."""
    stripped = typed.strip()
    if shape.is_nullable and stripped in ("", "null", "~"):
        return None
    if stripped in shape.choices or (shape.takes_text and set(shape.kinds) <= {Kind.TEXT, Kind.CHOICE}):
        return typed if shape.takes_text else stripped
    if shape.kinds == (Kind.CHOICE,) and all(isinstance(choice, str) for choice in shape.choices):
        return stripped
    try:
        return parse(stripped, "")[0]
    except InputError as error:
        if shape.takes_text:
            return typed
        raise InputError(str(error).partition(": ")[2]) from None


def show(value: Any) -> str:
    """A value as the form shows it: text without quotes, the rest as in the YAML."""
    if value is MISSING:
        return ""
    return value if isinstance(value, str) and value.isprintable() and value else inline(value)


def typed_of(value: Any, shape: Shape) -> str:
    """What stands in the field when a value begins to be changed."""
    if value is MISSING or (value is None and shape.is_nullable):
        return ""
    return value if isinstance(value, str) and shape.takes_text else show(value)


def template(annotation: Any, info: FieldInfo | None = None, name: str = "") -> Any:
    """The least that may stand there: what must be given, as small as it may be."""
    shape = shape_of(annotation, info)
    if shape.is_nullable:
        return None
    if shape.examples:
        return shape.examples[0]
    if shape.choices:
        return shape.choices[0]
    if shape.blocks:
        return block_template(shape.blocks[0][1])
    if shape.entry is not None:
        return [template(shape.entry)]
    if shape.is_open:
        return {}
    at_least, more_than = shape.least
    if Kind.FLAG in shape.kinds:
        return False
    if Kind.WHOLE in shape.kinds:
        return int(at_least if at_least is not None else 1 if more_than is None else more_than + 1)
    if Kind.NUMBER in shape.kinds:
        return float(at_least if at_least is not None else (more_than or 0.0) + 1e-3)
    return name or "new" if shape.takes_text else None


def block_template(model: type[BaseModel]) -> dict[str, Any]:
    """The least block of a model."""
    return {
        name: template(info.rebuild_annotation(), info)
        for name, info in model.model_fields.items()
        if info.is_required()
    }


def default_of(info: FieldInfo) -> Any:
    """What holds where a field is left out, in plain types."""
    if info.is_required():
        return MISSING
    return plain(info.get_default(call_default_factory=True))


def plain(value: Any) -> Any:
    """A value of a configuration in plain types."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _branches(annotation: Any, metadata: tuple[Any, ...]) -> Any:
    """Each alternative with the metadata that stand about it."""
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        unfolded = [item for part in own for item in (part.metadata if isinstance(part, FieldInfo) else [part])]
        yield from _branches(inner, (*metadata, *unfolded))
    elif get_origin(annotation) in (Union, types.UnionType):
        for branch in get_args(annotation):
            yield from _branches(branch, metadata)
    else:
        yield annotation, metadata


def _bounds(metadata: Sequence[Any]) -> str:
    length, most = _first(metadata, "min_length"), _first(metadata, "max_length")
    if length is not None and length == most:
        return f"of {length}"
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    found = [(text, _first(metadata, name)) for name, text in words.items()]
    return ", ".join(f"{text} {bound:g}" if abs(bound) < 1e6 else f"{text} {bound:,}" for text, bound in found
                     if bound is not None)  # fmt: skip


def _first(metadata: Sequence[Any], name: str) -> Any:
    return next((getattr(item, name) for item in metadata if getattr(item, name, None) is not None), None)


def _likeness(model: type[BaseModel], value: Mapping[str, Any]) -> tuple[int, int]:
    """How many words of a block are just what the model wants there, and how many keys it knows."""
    fields = model.model_fields
    known = fields.keys() & value.keys()
    words = sum(
        isinstance(value[name], str) and value[name] in shape_of(fields[name].annotation).choices for name in known
    )
    return words, len(known)
