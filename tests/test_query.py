"""The filter language: what is parsed, what is found, in which order, and that nothing typed breaks it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import tag

from kryptui.errors import InputError
from kryptui.runs import batch, query
from kryptui.runs.query import Query, Sort, Term
from kryptui.runs.store import Store

RUNS: dict[str, dict[str, Any]] = {
    "vit": {
        "config": {"seed": 0, "stages": [{"lr": 1e-4}], "task": {"losses": [{"kind": "triplet"}]}},
        "values": {"eer": [0.3, 0.04, 0.05], "auc": [0.7, 0.9]},
        "tags": ["baseline", "big"],
        "note": 'says "hello" to Кот Ö',
    },
    "resnet": {
        "config": {"seed": 1, "stages": [{"lr": 1e-2}], "task": {"losses": [{"kind": "quadruplet"}]}},
        "values": {"eer": [0.2, 0.12], "auc": [0.8]},
        "tags": ["baseline"],
        "note": None,
    },
    "queued one": {
        "config": {"seed": "1", "weights": None, "pretrained": True, "city": "Köln"},
        "values": {},
        "tags": [],
        "note": "100%",
    },
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | Path]:
    if request.param == "sqlite":
        yield tmp_path_factory.mktemp("record") / "runs.db"
    else:
        with request.getfixturevalue("postgres").new_database() as url:
            yield url


@pytest.fixture(scope="module")
def store(target: str | Path) -> Iterator[Store]:
    with Store.open(target) as opened:
        for name, run in RUNS.items():
            run_id = opened.create_run("train", name, "toy", run["config"], "h", None, {}, "/", note=run["note"])
            if run["tags"]:
                tag(opened, run_id, *run["tags"])
            if run["values"]:
                attempt = opened.start_attempt(run_id)
                items = [
                    batch.Points(0.0, step, 0.0, {metric: value})
                    for metric, values in run["values"].items()
                    for step, value in enumerate(values)
                ]
                opened.append(run_id, attempt, items, {}, {}, {"auc": "higher"})
        opened.finish(opened.resolve_run("resnet"), "finished")
        yield opened


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", {"vit", "resnet", "queued one"}),
        ("es", {"resnet"}),
        ("RES", {"resnet"}),
        ('"queued one"', {"queued one"}),
        ("status:running", {"vit"}),
        ("status:finished", {"resnet"}),
        ("status!=finished", {"vit", "queued one"}),
        ("-status:running", {"resnet", "queued one"}),
        ("status!=running", {"resnet", "queued one"}),
        ("status:crashed", set()),
        ("tag:baseline", {"vit", "resnet"}),
        ("tag:baseline tag:big", {"vit"}),
        ("tag:baseline -tag:big", {"resnet"}),
        ("tag!=big", {"resnet", "queued one"}),
        ("name:ued", {"queued one"}),
        ("name=vit", {"vit"}),
        ("name!=vit", {"resnet", "queued one"}),
        ('name="queued one"', {"queued one"}),
        ("note:100%", {"queued one"}),
        ("-note:hello", {"resnet", "queued one"}),
        ("note:HELLO", {"vit"}),
        ("note:кОТ", {"vit"}),
        ("-note:ö", {"resnet", "queued one"}),
        ("RESÖ", set()),
        ("loss:quadruplet", {"resnet"}),
        ("loss:QUADRUPLET", {"resnet"}),
        ("-loss:quadruplet", {"vit", "queued one"}),
        ("stage:0.01", {"resnet"}),
        ("city:Köln", {"queued one"}),
        ("cfg.city=köln", {"queued one"}),
        ("cfg.seed=1", {"resnet", "queued one"}),
        ("cfg.seed=1.0", {"resnet"}),
        ("cfg.seed!=0", {"resnet", "queued one"}),
        ("cfg.stages.0.lr<1e-3", {"vit"}),
        ("cfg.stages.0.lr>=1e-2", {"resnet"}),
        ("cfg.stages.1.lr>0", set()),
        ("cfg.task.losses.0.kind:rip", {"vit"}),
        ("cfg.weights=null", {"queued one"}),
        ("cfg.pretrained=true", {"queued one"}),
        ("eer<0.1", {"vit"}),
        ("eer.last<0.05", set()),
        ("eer.best<0.05", {"vit"}),
        ("eer>=0.12", {"resnet"}),
        ("-eer<0.1", {"resnet", "queued one"}),
        ("auc>0.85", {"vit"}),
        ("eer<0.2 loss:quadruplet status:finished", {"resnet"}),
        ("attempt=0", {"queued one"}),
        ("accuracy>0.5", set()),
        ("took<1h", {"vit", "resnet"}),
        ("created>2020-01-01", {"vit", "resnet", "queued one"}),
        ("ended<2020-01-01", set()),
        ("-ended>2020-01-01", {"vit", "queued one"}),
    ],
)
def test_a_filter_finds_the_runs_it_means(store: Store, text: str, names: set[str]) -> None:
    assert {run.name for run in store.list_runs(text)} == names


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("eer", ["vit", "resnet", "queued one"]),
        ("-eer", ["resnet", "vit", "queued one"]),
        ("auc", ["vit", "resnet", "queued one"]),
        ("auc.last", ["vit", "resnet", "queued one"]),
        ("-auc.best", ["resnet", "vit", "queued one"]),
        ("name", ["queued one", "resnet", "vit"]),
        ("-name", ["vit", "resnet", "queued one"]),
        ("created", ["vit", "resnet", "queued one"]),
        ("-created", ["queued one", "resnet", "vit"]),
    ],
)
def test_runs_are_sorted_with_those_that_lack_the_value_last(store: Store, sort: str, names: list[str]) -> None:
    assert [run.name for run in store.list_runs(sort=sort)] == names


@pytest.mark.parametrize("text", ["", "loss:triplet loss:triplet", "-cfg.seed=7"])
def test_the_limit_counts_runs_that_match(store: Store, text: str) -> None:
    assert [run.name for run in store.list_runs(text, sort="created", limit=1)] == ["vit"]


def test_a_list_brings_the_metrics_and_tags_that_were_asked_for(store: Store) -> None:
    vit = store.list_runs("name=vit", metrics=["eer"])[0]
    assert vit.tags == ("baseline", "big")
    assert set(vit.summaries) == {"eer"}
    assert (vit.summaries["eer"].best, vit.summaries["eer"].last) == (0.04, 0.05)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("status:runing", "no such status; did you mean 'running'"),
        ("eer<low", "'low' is not a number"),
        ("loss=quadruplet", "for a setting write loss:quadruplet"),
        ("eer<", "nothing stands after '<'"),
        ("eer<nan", "'nan' is not a number"),
        ("name<vit", "name is text"),
        ("attempt:1", "attempt is a number"),
        ("created>yesterday", "no date"),
        ('name:"open', "a quote is not closed"),
        ("eeer<0.1", "no run has a metric 'eeer'; did you mean 'eer'"),
        ("nul\0", "not text"),
    ],
)
def test_a_filter_without_meaning_is_refused_with_the_term(store: Store, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        store.list_runs(text)


@pytest.mark.parametrize("sort", ["", "-", "eeer"])
def test_a_sort_without_meaning_is_refused(store: Store, sort: str) -> None:
    with pytest.raises(InputError):
        store.list_runs(sort=sort)


def test_terms_are_typed() -> None:
    assert query.parse('eer<=0.1 -tag:x loss:"a b"') == Query(
        (
            Term("metric", "eer", "<=", "0.1", 0.1),
            Term("tag", "tag", ":", "x", negated=True),
            Term("search", "loss", ":", "a b"),
        )
    )
    assert query.parse_sort("-eer") == Sort("eer", descending=True, is_metric=True)


pieces = st.sampled_from(
    [
        "-",
        ":",
        "<",
        ">=",
        "!=",
        "=",
        '"',
        " ",
        "cfg.",
        "status",
        "eer",
        "tag",
        "took",
        "created",
        ".last",
        "0.1",
        "9h",
    ]
)
typed = st.lists(pieces | st.text(max_size=4), max_size=8).map("".join)


@given(text=typed, sort=typed)
@settings(max_examples=200, deadline=None)
def test_whatever_is_typed_is_understood_or_refused(store: Store, text: str, sort: str) -> None:
    with contextlib.suppress(InputError):
        store.list_runs(text, sort=sort)


@given(value=st.text(min_size=1, max_size=8), key=st.sampled_from(["cfg.city", "name", "loss", "tag"]))
@settings(max_examples=100)
def test_a_quoted_value_reaches_its_term_unchanged(value: str, key: str) -> None:
    plain = value.replace('"', "").replace("\0", "")
    if plain:
        assert query.parse(f'{key}:"{plain}"').terms[0].value == plain
