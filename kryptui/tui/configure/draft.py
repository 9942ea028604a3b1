"""A configuration in the making: where it began, its text, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kryptui import config as configuration
from kryptui.config import AnyConfig, RunConfig, TaskSettings
from kryptui.config_errors import ConfigError, Origin, refusal
from kryptui.errors import InputError
from kryptui.tasks import registry
from kryptui.tui.configure.fields import Form, Row, build
from kryptui.tui.configure.outline import Node, Place, find, outline, place_at
from kryptui.yaml_text import NotYamlError, parse

SOURCE = "the YAML"
"""What errors call the text."""

MOST_CHARACTERS = 65_536
"""No configuration is longer, and a longer text would take seconds to read."""


@dataclass(frozen=True)
class Checked:
    """A text and what it means.

    `problems` are by place, the first to be mended first. That of a text that cannot be read has the place () and
    stands at `line`; then there is no form.
    """

    text: str
    data: Any = None
    lines: Mapping[Place, int] = field(default_factory=dict)
    config: AnyConfig | None = None
    problems: Mapping[Place, str] = field(default_factory=dict)
    error: str = ""
    """What `config.check` says, in one line; empty where nothing is wrong."""
    line: int | None = None
    form: Form | None = None

    def line_of(self, place: Place) -> int | None:
        """The line of a place, or of what it would be a part of."""
        known = (self.lines[place[:length]] for length in range(len(place), 0, -1) if place[:length] in self.lines)
        return next(known, self.line)

    def place_at(self, at: int) -> Place | None:
        """The place of the value that stands at a character of the text; None where none does."""
        return place_at(self._tree, at, self.text) or None

    def start_of(self, place: Place) -> int | None:
        """The character at which a value begins, or what it would be a part of; None in a text that is no YAML."""
        nodes, _ = find(self._tree, place, self.text)
        return nodes[-1].start if nodes else None

    @cached_property
    def _tree(self) -> Node | None:
        return outline(self.text) if self.form is not None else None

    @cached_property
    def problems_by_line(self) -> dict[int, str]:
        """One problem a line, said with the place that it is at."""
        found: dict[int, str] = {}
        for place, problem in self.problems.items():
            line = self.line_of(place) or 1
            found.setdefault(line, f"{'.'.join(map(str, place))}: {problem}" if place else problem)
        return found

    @cached_property
    def problems_by_row(self) -> dict[Place, str]:
        """The problems by the rows of the form, each at the row of its place or of what it is a part of."""
        found: dict[Place, str] = {}
        for place, problem in self.problems.items():
            row = self.form.nearest(place) if self.form and place else None
            if row is not None:
                name = ".".join(map(str, place[len(row.place) :]))
                found.setdefault(row.place, f"{name}: {problem}" if name else problem)
        return found

    @cached_property
    def values(self) -> dict[Place, Any]:
        """What holds at each place of the form that has a single value."""
        rows = self.form.rows if self.form else []
        return {row.place: row.value for row in rows if row.role == "value"}


def check(text: str) -> Checked:
    """Reads and checks a text; whatever it holds, this raises nothing."""
    if len(text) > MOST_CHARACTERS:
        return _unreadable(text, None, f"is longer than {MOST_CHARACTERS:,} characters; is it a configuration?")
    try:
        data, lines = parse(text, SOURCE)
    except NotYamlError as error:
        return _unreadable(text, error.line, error.problem)
    if not isinstance(data, dict):
        problem = "holds no settings yet; begin with a line such as 'name: my-run'"
        return _unreadable(text, None, problem) if data is not None else _empty(text, problem)
    config, problems, error_line = None, {}, ""
    try:
        config = configuration.check(data, SOURCE, registry.settings_of, lines=lines)
        registry.check_model(config)
    except ConfigError as error:
        config, problems = None, dict(error.problems)
        error_line = str(refusal(problems, Origin(SOURCE, lines)))
    return Checked(text, data, lines, config, problems, error_line, form=form_of(data))


def form_of(data: Any) -> Form:
    """The form of a configuration, by the schema of the task that it names."""
    task = data.get("task") if isinstance(data, dict) else None
    kind = task.get("kind") if isinstance(task, dict) else None
    settings, hidden = TaskSettings, []
    try:
        if isinstance(kind, str):
            spec = registry.get(kind)
            settings = spec.settings
            hidden = [] if spec.takes_model else [("model",)]
    except InputError:
        pass  # the check says that there is no such task
    model: Any = RunConfig.__class_getitem__(settings)
    return build(model, data, {("task", "kind"): registry.kinds()}, hidden)


def is_same(one: Any, other: Any) -> bool:
    """Whether two settings are one: 1 is 1.0, but not true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def changes(row: Row, start: Checked) -> bool:
    """Whether the row's value is another than in the text that the draft began with."""
    if row.role != "value":
        return False
    return row.place not in start.values or not is_same(start.values[row.place], row.value)


def _empty(text: str, problem: str) -> Checked:
    return Checked(text, {}, {}, None, {(): problem}, f"{SOURCE}: {problem}", form=form_of({}))


def _unreadable(text: str, line: int | None, problem: str) -> Checked:
    where = SOURCE if line is None else f"{SOURCE}, line {line}"
    return Checked(text, None, {}, None, {(): problem}, f"{where}: {problem}", line)
