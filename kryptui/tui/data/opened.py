"""A dataset that is open: what is known of it so far, gathered in threads, read by the one that draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from kryptui.config import Settings
from kryptui.errors import InputError
from kryptui.figures import Report
from kryptui.machine import cores
from kryptui.tasks import registry
from kryptui.tasks.datasets import Choice, Concern, Dataset, Datasets, Finding, Group, Remainder, Value

Key = tuple[Value, ...]


@dataclass(frozen=True)
class Known:
    """What a dataset tells at a moment."""

    report: Report
    concerns: Sequence[Concern]
    subject: str
    notices: Sequence[str]
    is_whole: bool = False
    """Whether all of it was looked at."""

    @property
    def findings(self) -> int:
        """How many things to look at, but for those that are merely good to know."""
        return sum(len(concern.findings or ()) for concern in self.concerns if concern.level != "note")

    @property
    def concerned(self) -> Mapping[str, Sequence[str]]:
        """The groups that findings are about, with the titles of their concerns; mere notes do not count."""
        titles: dict[str, list[str]] = {}
        for concern in self.concerns:
            for finding in () if concern.level == "note" else concern.findings or ():
                for group in finding.groups:
                    own = titles.setdefault(group, [])
                    if concern.title not in own:
                        own.append(concern.title)
        return titles


class Opened:
    """An open dataset with all that is known of it."""

    def __init__(self, dataset: Dataset, path: Path, name: str, kind: str) -> None:
        self.dataset, self.path, self.name, self.kind = dataset, path, name, kind
        self.choices: Sequence[Choice] = dataset.choices
        self.groups: Sequence[Group] = dataset.groups
        self.preparation: type[Settings] | None = dataset.preparation
        self.known = _ask(dataset)
        self.found: dict[str, list[Finding]] = {}
        """What the look that is going on has found so far."""
        self._left: dict[Key, Remainder] = {}

    def inspect(self, count: Callable[[str, int, int], None], stop: Callable[[], bool]) -> Known:
        """Looks at all of it, in a thread; what is known then."""
        self.found = {}
        self.dataset.inspect(threads=threads(), count=count, found=self._find, stop=stop)
        if stop():
            return self.known
        return replace(_ask(self.dataset), is_whole=True)

    def _find(self, title: str, finding: Finding) -> None:
        self.found.setdefault(title, []).append(finding)

    def learn(self, known: Known) -> None:
        """Takes what was found; what choices leave is to be counted anew."""
        self.known, self.found = known, {}

    @property
    def concerns(self) -> Sequence[Concern]:
        """What is known, and what the look that is going on has found so far."""
        return [
            concern if concern.findings is not None or concern.title not in self.found
            else replace(concern, findings=tuple(self.found[concern.title]))
            for concern in self.known.concerns
        ]  # fmt: skip

    def left(self, chosen: Mapping[str, Value]) -> Remainder | None:
        """What a choice leaves, if that is known."""
        return self._left.get(self._key(chosen))

    def count_left(self, wanted: Iterable[Mapping[str, Value]]) -> dict[Key, Remainder]:
        """Finds out what choices leave, in a thread: those that are wanted first, then all."""
        names = [choice.name for choice in self.choices]
        every = (dict(zip(names, options, strict=True))
                 for options in product(*(choice.options for choice in self.choices)))  # fmt: skip
        return {self._key(chosen): self.dataset.remains(chosen) for chosen in (*wanted, *every)}

    def learn_left(self, left: Mapping[Key, Remainder]) -> None:
        """Takes what choices leave."""
        self._left = dict(left)

    def _key(self, chosen: Mapping[str, Value]) -> Key:
        return tuple(chosen[choice.name] for choice in self.choices)


def _ask(dataset: Dataset) -> Known:
    return Known(dataset.report(), dataset.concerns(), dataset.subject, dataset.notices)


def threads() -> int:
    """Threads that read pictures: a processor is left to the screen."""
    return max(1, cores() - 1)


@dataclass(frozen=True)
class Tasks:
    """The tasks that can be found, and what each knows of datasets."""

    kinds: Sequence[str]
    by_kind: Mapping[str, Datasets]

    @property
    def first(self) -> str:
        """The task to begin with: one that knows datasets, if any does."""
        return next(iter(self.by_kind), next(iter(self.kinds), ""))


def find_tasks() -> Tasks:
    """Imports what tasks know of datasets, in a thread; of one that is broken nothing is known."""
    found = {}
    for kind in registry.kinds():
        with suppress(InputError):
            datasets = registry.datasets(kind)
            if datasets is not None:
                found[kind] = datasets
    return Tasks(registry.kinds(), found)
