"""A configuration as rows of a form: what the schema knows, what is given, what holds where nothing is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel

from kryptui.tui.configure.outline import Place
from kryptui.tui.configure.shapes import MISSING, Kind, Shape, default_of, merged, shape_of, show

Role = Literal["value", "block", "list"]

_ANYTHING = Shape(kinds=(Kind.FREE,))
_LONGEST_SUMMARY = 60


@dataclass(frozen=True)
class Row:
    """One row: a value, or the head of a block or list whose rows follow it, one deeper.

    `value` is what holds, given or not; `default` what would if it were not given, MISSING where it must be.
    """

    place: Place
    depth: int
    label: str
    role: Role
    shape: Shape
    about: str
    value: Any
    default: Any
    is_given: bool
    is_known: bool = True
    """Whether the schema has it."""

    @property
    def name(self) -> str:
        """The place as `-o` takes it."""
        return ".".join(map(str, self.place))

    @property
    def is_entry(self) -> bool:
        """Whether it is an entry of a list."""
        return isinstance(self.place[-1], int)

    @property
    def takes_more(self) -> bool:
        """Whether entries or keys can be added."""
        is_list = self.shape.entry is not None and (self.role == "list" or self.value in (None, MISSING))
        return is_list or (self.role == "block" and self.shape.is_open)


@dataclass
class Form:
    """The rows in order, and what it takes to change the text: keys in order and first values by place."""

    rows: list[Row] = field(default_factory=list)
    orders: dict[Place, list[str]] = field(default_factory=dict)
    seeds: dict[Place, dict[str, Any]] = field(default_factory=dict)
    """Of blocks that are not given: what must be written beside a value of theirs so that the rest stays."""
    _by_place: dict[Place, Row] = field(default_factory=dict)

    def order(self, place: Place) -> Sequence[str]:
        """The keys of a block in the order of the schema."""
        return self.orders.get(place, ())

    def row(self, place: Place) -> Row | None:
        """The row of a place."""
        if len(self._by_place) != len(self.rows):
            self._by_place = {row.place: row for row in self.rows}
        return self._by_place.get(place)

    def nearest(self, place: Place) -> Row | None:
        """The row of a place, or of what it is a part of."""
        for length in range(len(place), 0, -1):
            found = self.row(place[:length])
            if found is not None:
                return found
        return self.rows[0] if self.rows else None


def build(
    model: type[BaseModel], data: Any, choices: Mapping[Place, Sequence[str]], hidden: Sequence[Place]
) -> Form:
    """The form of a model on plain data, right or wrong.

    `choices` are the words that may stand at some places; `hidden` places have no row as long as nothing is given.
    """
    form = Form()
    given = data if isinstance(data, dict) else {}
    _Builder(form, choices, hidden).block((), model, given, None, 0)
    return form


def summary(value: Any) -> str:
    """A block or list in a few words."""
    if isinstance(value, list):
        return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    if not isinstance(value, dict):
        return show(value)
    words = ", ".join(f"{key} {show(item)}" for key, item in value.items() if not isinstance(item, dict | list))
    return words if len(words) <= _LONGEST_SUMMARY else f"{words[: _LONGEST_SUMMARY - 1]}…"


@dataclass
class _Builder:
    form: Form
    choices: Mapping[Place, Sequence[str]]
    hidden: Sequence[Place]

    def block(
        self,
        place: Place,
        model: type[BaseModel] | None,
        given: Mapping[str, Any] | None,
        otherwise: Mapping[str, Any] | None,
        depth: int,
        others: Sequence[type[BaseModel]] = (),
    ) -> None:
        """The rows of a block: as it is `given`, or where it is not, as it is `otherwise`.

        `others` are models that it would have with another word in one of its fields.
        """
        fields = {} if model is None else model.model_fields
        self.form.orders[place] = list(fields)
        defaults = {name: default_of(info) for name, info in fields.items()}
        if given is None and otherwise is not None:
            self.form.seeds[place] = {
                name: value for name, value in otherwise.items() if name not in fields or value != defaults[name]
            }
            defaults = {**defaults, **otherwise}
        for name, info in fields.items():
            shape = shape_of(info.rebuild_annotation(), info)
            if shape.choices and others:
                rivals = [other.model_fields[name] for other in others if name in other.model_fields]
                shape = merged([shape, *(shape_of(rival.rebuild_annotation(), rival) for rival in rivals)])
            if (*place, name) in self.choices:
                shape = replace(shape, kinds=(Kind.CHOICE,), choices=tuple(self.choices[(*place, name)]))
            is_given = given is not None and name in given
            if not is_given and (*place, name) in self.hidden:
                continue
            value = given[name] if given is not None and name in given else defaults[name]
            about = (_about(shape, value) if isinstance(value, dict) else "") or info.description or ""
            self.add(Row((*place, name), depth, name, "value", shape, about, value, defaults[name], is_given))
        is_open = model is None or model.model_config.get("extra") == "allow"
        for name, value in (given if given is not None else otherwise or {}).items():
            if name not in fields:
                row = Row((*place, name), depth, name, "value", _ANYTHING, "", value, MISSING, given is not None)
                self.add(replace(row, is_known=is_open))

    def add(self, row: Row) -> None:
        """A row, and below it what it consists of."""
        value, shape = row.value, row.shape
        given = value if row.is_given else None
        if isinstance(value, dict) and (shape.blocks or shape.is_open):
            model = shape.model_of(value)
            is_open = model is None or model.model_config.get("extra") == "allow"
            self.form.rows.append(replace(row, role="block", shape=replace(shape, is_open=is_open)))
            others = [other for _, other in shape.blocks if other is not model]
            self.block(row.place, model, given, None if row.is_given else value, row.depth + 1, others)
        elif isinstance(value, list) and shape.entry is not None:
            self.form.rows.append(replace(row, role="list"))
            entry = shape_of(shape.entry)
            for number, item in enumerate(value):
                about = _about(entry, item)
                place = (*row.place, number)
                self.add(
                    Row(place, row.depth + 1, str(number), "value", entry, about, item, MISSING, row.is_given)
                )
        else:
            self.form.rows.append(row)


def _about(shape: Shape, value: Any) -> str:
    """The first line of the documentation of the model that a block has, or could have."""
    model = shape.model_of(value if isinstance(value, dict) else {})
    return (model.__doc__ or "").strip().partition("\n")[0] if model is not None else ""
