"""What can be done to a draft from its form: each gives the text after it, patched in place."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from kryptui import config as configuration
from kryptui.errors import InputError
from kryptui.tasks import registry
from kryptui.tui.configure.draft import Checked, check
from kryptui.tui.configure.fields import Form, Row
from kryptui.tui.configure.outline import Place
from kryptui.tui.configure.patch import append, put, take_out
from kryptui.tui.configure.shapes import MISSING, Kind, block_template, read, shape_of, template
from kryptui.yaml_text import parse

_PLAIN_NUMBER = re.compile(r"[-+0-9.eE]+")


def type_in(draft: Checked, row: Row, typed: str) -> str:
    """The text with what a person typed for a value; what is wrong with it is for the check to say.

    Raises InputError where it cannot stand in the text at all.
    """
    value = read(typed, row.shape)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    written = typed.strip() if is_number and _PLAIN_NUMBER.fullmatch(typed.strip()) else None
    return set_value(draft, row.place, value, written)


def set_value(draft: Checked, place: Place, value: Any, written: str | None = None) -> str:
    """The text with a value; where a block around it is not given, the rest of that block stays as it was."""
    form = _form(draft)
    for length in range(1, len(place)):
        seed = form.seeds.get(place[:length])
        if seed:
            block = deepcopy(seed)
            at: Any = block
            for key in place[length:-1]:
                at = at.setdefault(key, {})
            at[place[-1]] = value
            return put(draft.text, place[:length], block, order=form.order)
    return put(draft.text, place, value, written=written, order=form.order)


def make_block(draft: Checked, row: Row) -> str:
    """The text with a block in the place of words or of nothing, with what the block must have."""
    model = row.shape.blocks[0][1]
    return set_value(draft, row.place, block_template(model))


def leave_out(draft: Checked, row: Row) -> str:
    """The text without a value, so that its default holds; a block that then says nothing goes too.

    Raises InputError for what must be given.
    """
    form = _form(draft)
    place = row.place
    if row.default is MISSING and row.is_known and not row.is_entry and isinstance(row.place[-1], str):
        raise InputError(f"{row.name} has no default: it must be given")
    while len(place) > 1 and isinstance(place[-1], str):
        block = form.row(place[:-1])
        if block is None or not isinstance(block.value, dict) or len(block.value) > 1 or not _may_go(block):
            break
        place = place[:-1]
    return take_out(draft.text, place)


def add(draft: Checked, row: Row, key: str | None = None) -> tuple[str, Place]:
    """The text with one more entry of a list, or a key of a block that takes any; and the place of it."""
    form = _form(draft)
    if row.role == "block":
        if not key:
            raise InputError("the setting needs a name")
        if isinstance(row.value, dict) and key in row.value:
            raise InputError(f"{key} is there already")
        return set_value(draft, (*row.place, key), None), (*row.place, key)
    entries = row.value if isinstance(row.value, list) else []
    if entries and isinstance(entries[-1], dict):
        entry = deepcopy(entries[-1])
        if isinstance(entry.get("name"), str):
            entry["name"] = _new_name(
                entry["name"], [item.get("name") for item in entries if isinstance(item, dict)]
            )
    else:
        entry = template(row.shape.entry)
    return append(draft.text, row.place, entry, order=form.order), (*row.place, len(entries))


def choices_of(row: Row) -> list[Any]:
    """The words that a value may be, in order; empty where it may be anything."""
    words = [False, True] if row.shape.kinds == (Kind.FLAG,) else list(row.shape.choices)
    return [*words, *([None] if row.shape.is_nullable and words else [])]


def switch_task(text: str, kind: str) -> tuple[str, list[str], list[str]]:
    """The text for another task, the names of what was taken out because it does not suit it, and of what came in.

    The general part stays; of the task's own settings those that both tasks know and take.
    """
    spec = registry.get(kind)
    draft = check(put(text, ("task", "kind"), kind))
    out: list[str] = []
    come: list[str] = []
    if "model" in draft.data and not spec.takes_model:
        out.append("model")
        draft = check(take_out(draft.text, ("model",)))
    for _ in range(2):  # what is unknown hides what is wrong otherwise
        wrong = dict.fromkeys(place[:2] for place in draft.problems if place[:1] == ("task",) and len(place) > 1)
        for place in wrong:
            if place[1] in draft.data["task"] and place[1] != "kind":
                out.append(str(place[1]))
                draft = check(take_out(draft.text, place))
    needed = {("task", name): info for name, info in spec.settings.model_fields.items() if info.is_required()}
    for place, info in needed.items():
        if place[1] not in draft.data["task"]:
            come.append(str(place[1]))
            value = template(info.rebuild_annotation(), info, str(place[1]))
            draft = check(set_value(draft, place, value))
    if spec.takes_model and not isinstance(draft.data.get("model"), dict):
        come.append("model")
        model = shape_of(configuration.RunConfig.model_fields["model"].rebuild_annotation()).blocks[0][1]
        draft = check(set_value(draft, ("model",), block_template(model)))
    return draft.text, out, come


def override(draft: Checked, words: str) -> str:
    """The text with `key=value` as `-o` takes it; raises InputError for what is no such thing."""
    key, equals, typed = words.partition("=")
    if not equals or not key.strip():
        raise InputError(f"{words}: must be key=value, such as stages.0.lr=3e-4")
    place = tuple(int(part) if part.isdecimal() else part for part in key.strip().split("."))
    if place[0] == "stages" and place[2:3] == ("set",) and len(place) > 3:
        place = (*place[:3], ".".join(map(str, place[3:])))
    return set_value(draft, place, parse(typed, words)[0])


def train_on(draft: Checked, dataset: str) -> str:
    """The text with a dataset for its task; raises InputError for a task that takes none."""
    kind = draft.data.get("task", {}).get("kind") if isinstance(draft.data, dict) else None
    spec = registry.get(kind) if isinstance(kind, str) else None
    if spec is None or spec.settings.dataset is None:
        raise InputError(f"the task {kind} takes no dataset" if spec else "choose a task first: task.kind")
    return set_value(draft, ("task", spec.settings.dataset), dataset)


def _form(draft: Checked) -> Form:
    if draft.form is None:
        raise InputError(f"mend the YAML first: {draft.error}")
    return draft.form


def _may_go(block: Row) -> bool:
    """Whether leaving a block out means the same as leaving it empty."""
    if block.is_entry or not isinstance(block.default, dict) or block.default is MISSING:
        return False
    model = block.shape.model_of(block.value)
    return model is not None and block.default == _defaults(model)


def _defaults(model: Any) -> dict[str, Any] | None:
    try:
        plain: dict[str, Any] = model().model_dump(mode="json")
    except ValueError:
        return None  # it has no defaults, or they do not go together
    return plain


def _new_name(name: str, taken: list[Any]) -> str:
    stem = re.sub(r"-[0-9]+$", "", name)
    number = next(number for number in range(2, len(taken) + 3) if f"{stem}-{number}" not in taken)
    return f"{stem}-{number}"
