"""What a task tells of a dataset before any training: the seam to whoever shows it. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from kryptui.figures import ImageSheet, Report

if TYPE_CHECKING:
    from kryptui.config import Settings

Value = str | int

Level = Literal["wrong", "doubtful", "note"]
"""Whether a finding spoils what is trained or measured, may do so, or is merely good to know."""

Count = Callable[[str, int, int], None]
"""Is told what is being done, and how many of how many are done."""


@dataclass(frozen=True)
class Choice:
    """A setting of the task that decides what training takes of a dataset, with the options worth comparing."""

    name: str
    about: str
    options: tuple[Value, ...]
    default: Value


@dataclass(frozen=True)
class Remainder:
    """What the chosen options leave, by name, and why nothing can be trained on it, if so."""

    counts: Mapping[str, int]
    problem: str = ""


@dataclass(frozen=True)
class Group:
    """Examples that belong together, such as those of one person: their name, and what there is of them."""

    name: str
    about: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing to look at: what it is in a line, what more is known, the pictures and the groups concerned."""

    what: str
    about: str = ""
    sheet: ImageSheet | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Concern:
    """Something that is looked for: what it is called, what it means, and what was found; None: not looked yet."""

    title: str
    about: str
    level: Level
    findings: Sequence[Finding] | None = None


@dataclass(frozen=True)
class Prepared:
    """A preparation that was written: what it holds, a line each, by name."""

    lines: Mapping[str, str] = field(default_factory=dict)


class Dataset(Protocol):
    """A dataset whose list of examples has been read, and their content not yet.

    What `report`, `concerns` and `remains` tell is what is known so far: more once `inspect` has come to its end.
    All may be called from any thread; none is quick but the properties.
    """

    @property
    def choices(self) -> Sequence[Choice]:
        """What decides what training takes of it; none where it takes all."""

    @property
    def groups(self) -> Sequence[Group]:
        """Groups of examples to look at, in order; none where examples cannot be shown."""

    @property
    def subject(self) -> str:
        """What `remains` counts, in words."""

    @property
    def notices(self) -> Sequence[str]:
        """What one should know of it first, a line each."""

    @property
    def preparation(self) -> type[Settings] | None:
        """The options of `prepare`, each with a description; None where there is nothing to prepare."""

    def report(self) -> Report:
        """Scalars and figures; a scalar that is not known yet is None."""

    def concerns(self) -> Sequence[Concern]:
        """What is looked for, the worst first."""

    def remains(self, chosen: Mapping[str, Value]) -> Remainder:
        """What one option of each choice leaves."""

    def samples(self, group: str) -> Sequence[ImageSheet]:
        """The examples of a group, in sheets that are to be seen beside each other."""

    def inspect(
        self,
        *,
        threads: int,
        count: Count,
        found: Callable[[str, Finding], None],
        stop: Callable[[], bool],
    ) -> None:
        """Looks at all examples; tells of a finding, with the title of its concern, as soon as there is one.

        Returns early where `stop` says so; what is known then is what was known before.
        """

    def prepare(
        self, out: Path, options: Any, *, overwrite: bool, threads: int, count: Count, stop: Callable[[], bool]
    ) -> Prepared | None:
        """Writes what runs are to train on into the folder `out`; None, and nothing written, where `stop` said so.

        Raises InputError for what cannot be, WouldReplace where another preparation is there and `overwrite` is
        not set.
        """

    def command(self, out: str | None = None, options: Any = None) -> str:
        """The command that does the same in a shell: `prepare` into `out`, else `inspect`; empty: none does."""


class Datasets(Protocol):
    """What a task knows of datasets; `TaskSpec.datasets` names one."""

    def recognise(self, path: Path) -> str:
        """What a folder or file looks like by a few names in it, as `contest tree`; empty: like no dataset."""

    def open(self, path: Path, name: str) -> Dataset:
        """Reads the list of examples; `name` is how people call the path. Raises InputError."""
