"""Whatever is recorded and asked: SQLite and PostgreSQL answer alike, and as a slow and obvious model does."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from kryptui.runs import keeping, schema
from kryptui.runs import store as store_module
from kryptui.runs.recorder import Recorder
from kryptui.runs.store import Store

DIRECTIONS: dict[str, Any] = {"acc": "higher"}
COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, postgres: Any) -> Iterator[list[Store]]:
    path = tmp_path_factory.mktemp("record") / "runs.db"
    with postgres.new_database() as url, Store.open(path) as sqlite, Store.open(url) as postgresql:
        yield [sqlite, postgresql]


# The model


@dataclass
class Run:
    """What is on record of one run, as plain lists."""

    id: str
    name: str
    note: str | None
    config: dict[str, Any]
    status: str = "queued"
    tags: set[str] = field(default_factory=set)
    progress: dict[str, Any] = field(default_factory=dict)
    points: list[tuple[str, int, float, float]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    artifacts: list[tuple[str, int | None]] = field(default_factory=list)

    def summary(self, name: str) -> tuple[str, float | None, int | None]:
        """Last value, best value and the first step that has it."""
        points = [(step, value) for metric, step, _, value in self.points if metric == name]
        better = {"lower": min, "higher": max}.get(direction(name))
        finite = [value for _, value in points if math.isfinite(value)]
        best = better(finite) if better and finite else None
        best_step = next((step for step, value in points if value == best), None)
        return str(points[-1][1]), best, best_step

    def value(self, key: str) -> float | None:
        """What a filter or a sort by a metric looks at; None where there is nothing to compare."""
        name, _, statistic = key.rpartition(".")
        name, statistic = (name, statistic) if statistic in ("last", "best") else (key, "")
        if name not in [metric for metric, *_ in self.points]:
            return None
        text, best, _ = self.summary(name)
        last = None if text == "nan" else float(text)
        return {"last": last, "best": best}.get(statistic, last if best is None else best)


def direction(name: str) -> str:
    return DIRECTIONS.get(name, "lower" if name.startswith(("loss", "eer")) else "")


def stored(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def small(text: str, asked: str) -> str:
    """As a comparison with `asked` sees a text: only other letters than ASCII's need to know their capitals."""
    if asked.isascii():
        return "".join(letter.lower() if letter.isascii() else letter for letter in text)
    return text.lower()


def contains(text: str, asked: str) -> bool:
    return small(asked, asked) in small(text, asked)


Condition = tuple[str, Callable[[Run], bool]]


def equal(column: str, asked: str) -> Condition:
    return f'{column}="{asked}"', lambda run: (getattr(run, column) or "") == asked


def holds(column: str, asked: str) -> Condition:
    return f'{column}:"{asked}"', lambda run: contains(getattr(run, column) or "", asked)


def word(asked: str) -> Condition:
    return f'"{asked}"', lambda run: contains(run.name, asked) or run.id.startswith(asked.lower())


def tagged(asked: str) -> Condition:
    return f'tag:"{asked}"', lambda run: asked in run.tags


def is_now(status: str) -> Condition:
    return f"status:{status}", lambda run: run.status == status


def compares(key: str, op: str, number: float) -> Condition:
    def check(run: Run) -> bool:
        value = run.value(key)
        return value is not None and bool(COMPARE[op](value, number))

    return f"{key}{op}{number!r}", check


def setting(seed: int) -> Condition:
    return f"cfg.seed={seed}", lambda run: run.config["seed"] == seed


def negated(condition: Condition) -> Condition:
    return f"-{condition[0]}", lambda run: not condition[1](run)


def by(key: str, descending: bool) -> tuple[str, Callable[[list[Run]], list[Run]]]:
    def order(runs: list[Run]) -> list[Run]:
        latest = runs[::-1]  # ties go to the latest; sorting keeps the order of ties
        if key in ("name", "status"):
            return sorted(latest, key=lambda run: [ord(c) for c in getattr(run, key)], reverse=descending)
        higher = direction(key.partition(".")[0]) == "higher"
        there = [(run, value) for run in latest if (value := run.value(key)) is not None]
        there.sort(key=lambda pair: -pair[1] if higher else pair[1], reverse=descending)
        found = [run for run, _ in there]
        return found + [run for run in latest if run not in found]

    return f"{'-' if descending else ''}{key}", order


# What is done and asked


texts = st.sampled_from(["Köln", "КОТ", "Kak", "a%_/\\", "İ", "b\udcff\0"]) | st.text(
    st.characters(exclude_categories=()), max_size=4
)
asked = st.sampled_from(["k", "KÖ", "кот", "a", "_", "%", "\\", "i", "İ", "\\x00"]) | st.text(max_size=2).map(
    lambda text: "".join(c for c in text if c not in '"\0') or "x"
)
tags = st.sampled_from(["a", "B", "_x", "Я"])
paths = st.sampled_from(["a", "b", "b\udcff\0"])
names = st.sampled_from(["loss", "acc", "acc", "Größe α"])
values = st.sampled_from([0.5, 0.25, 1.0, math.nan, math.inf]) | st.floats().map(lambda value: value + 0.0)
steps = st.integers(0, 3) | st.integers(-(2**63), 2**63 - 1)
numbers = st.integers(0, 3)

hands = st.one_of(
    st.tuples(st.just("metric"), steps, st.floats(0, 100), st.dictionaries(names, values, max_size=3)),
    st.tuples(st.just("log"), st.just("info"), texts),
    st.tuples(st.just("artifact"), st.just("checkpoint"), paths, steps),
    st.tuples(st.just("artifact_removed"), paths),
    st.tuples(st.just("progress"), st.dictionaries(st.sampled_from("ab"), texts | values, min_size=1)),
)
ends = st.sampled_from(["finished", "finished", "failed", ""])
creations = st.tuples(st.just("create"), texts, st.none() | texts, st.integers(0, 1))
changes = st.one_of(
    st.tuples(st.just("attempt"), numbers, st.lists(hands, min_size=1, max_size=6), ends),
    st.tuples(st.just("tag"), numbers, st.lists(tags, max_size=3), st.lists(tags, max_size=1)),
    st.tuples(st.just("back"), numbers, st.integers(0, 3)),
)
keys = st.sampled_from(["loss", "acc", "loss.last", "acc.best", "acc.last"])
conditions = st.one_of(
    st.builds(equal, st.sampled_from(["name", "note"]), asked | st.just("Köln")),
    st.builds(holds, st.sampled_from(["name", "note"]), asked),
    st.builds(holds, st.just("name"), st.sampled_from(["KÖ", "кот"])),
    st.builds(word, asked),
    st.builds(tagged, tags),
    st.builds(is_now, st.sampled_from(["queued", "running", "finished", "failed"])),
    st.builds(compares, keys, st.sampled_from(list(COMPARE)), st.sampled_from([0.5, 0.25, 1e300, -math.inf])),
    st.builds(setting, st.integers(0, 1)),
)
questions = st.tuples(
    st.lists(conditions | conditions.map(negated), max_size=1),
    st.builds(by, st.sampled_from(["name", "status", "loss", "acc", "loss.last", "acc.best"]), st.booleans()),
)


def do_to_model(runs: list[Run], action: Any) -> None:
    if action[0] == "create":
        _, name, note, seed = action
        number = len(runs)
        runs.append(Run(run_id(number), stored(name), None if note is None else stored(note), {"seed": seed}))
    else:
        run = runs[action[1]]
        if action[0] == "tag":
            run.tags = (run.tags - set(action[3])) | set(action[2])
        elif action[0] == "back":
            run.points = [point for point in run.points if point[1] <= action[2]]
            run.artifacts = [(path, step) for path, step in run.artifacts if step is None or step <= action[2]]
        elif run.status != "running":
            for hand in action[2]:
                hand_to_model(run, *hand)
            progress = [hand[1] for hand in action[2] if hand[0] == "progress"]
            if progress:
                run.progress = {key: value for fields in progress for key, value in fields.items()}
            run.status = action[3] or "running"


def hand_to_model(run: Run, kind: str, *given: Any) -> None:
    if kind == "metric":
        step, epoch, found = given
        run.points += [(stored(name), step, epoch, value) for name, value in found.items()]
    elif kind == "log":
        run.lines.append(stored(given[1]))
    elif kind == "artifact":
        run.artifacts.append((stored(given[1]), given[2]))
    elif kind == "artifact_removed":
        run.artifacts = [(path, step) for path, step in run.artifacts if path != stored(given[0])]


def do_to_store(store: Store, runs: list[Run], action: Any) -> None:
    if action[0] == "create":
        _, name, note, seed = action
        made = store.create_run("train", name, "toy", {"seed": seed}, "h", None, {}, "/", note=note)
        with store.writing() as connection:
            moment = float(len(runs))
            connection.execute(update(schema.runs).where(schema.runs.c.id == made).values(created=moment))
    else:
        run = runs[action[1]]
        if action[0] == "tag":
            keeping.tag_runs(store, [run.id], action[2], [tag for tag in action[3] if tag not in action[2]])
        elif action[0] == "back":
            store.delete_after(run.id, action[2])
        elif run.status != "running":
            with Recorder(store, run.id, store.start_attempt(run.id), DIRECTIONS) as record:
                for kind, *given in action[2]:
                    if kind == "progress":
                        record.progress(**given[0])
                    elif kind == "artifact":
                        record.artifact(given[0], given[1], step=given[2])
                    else:
                        getattr(record, kind)(*given)
            if action[3]:
                store.finish(run.id, action[3])


def run_id(number: int) -> str:
    return f"k{number:07}"


def answers(store: Store, runs: list[Run], asked: list[Any]) -> list[Any]:
    told: list[Any] = []
    for run in runs:
        row = store.get_run(run.id)
        points = [(point.name, point.step, point.epoch, point.value + 0.0) for point in store.metrics(run.id)]
        lines = [line.text for line in store.log_lines(run.id)]
        artifacts = [(artifact.path, artifact.step) for artifact in store.artifacts(run.id)]
        values = {name: (str(found.last), found.best, found.best_step) for name, found in row.summaries.items()}
        told.append((row.name, row.note, row.status, row.tags, str(row.progress), str(points), lines, artifacts))
        told.append(values)
    for conditions, (sort, _) in asked:
        found = store.list_runs(" ".join(text for text, _ in conditions), sort)
        told.append([run.id for run in found])
    return told


def model_answers(runs: list[Run], asked: list[Any]) -> list[Any]:
    told: list[Any] = []
    for run in runs:
        points = [(name, step, epoch, value + 0.0) for name, step, epoch, value in run.points]
        latest = {path: index for index, (path, _) in enumerate(run.artifacts)}
        artifacts = [run.artifacts[index] for index in sorted(latest.values())]
        tags = tuple(sorted(run.tags))
        told.append((run.name, run.note, run.status, tags, str(run.progress), str(points), run.lines, artifacts))
        told.append({name: run.summary(name) for name, *_ in run.points})
    for conditions, (_, order) in asked:
        found = order([run for run in runs if all(check(run) for _, check in conditions)])
        told.append([run.id for run in found])
    return told


@given(
    created=st.lists(creations, min_size=4, max_size=4),
    changed=st.lists(changes, min_size=3, max_size=10),
    asked=st.lists(questions, min_size=6, max_size=6),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_databases_answer_as_the_model_does(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch, created: list[Any], changed: list[Any], asked: list[Any]
) -> None:
    for store in stores:
        with store.writing() as connection:
            connection.execute(delete(schema.runs))
    runs: list[Run] = []
    for action in (*created, *changed):
        monkeypatch.setattr(store_module, "new_id", lambda: run_id(len(runs)))
        for store in stores:
            do_to_store(store, runs, action)
        do_to_model(runs, action)
    expected = model_answers(runs, asked)
    for store in stores:
        assert answers(store, runs, asked) == expected
