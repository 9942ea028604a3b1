"""A hundred and fifty malformed configurations, made from valid ones: each is refused in one line.

Every mutation is invalid by construction, so that a value that is taken in silence fails the test.
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from refusals import examples, refused

from kryptui import config
from kryptui.tasks import registry

PRESETS = {
    name: config.to_plain(config.load(config.preset_path(name), registry.settings_of))
    for name in config.preset_names()
}


# Configurations


def places(value, at=()):
    """Every place in plain types with what stands there, but for what a stage sets."""
    yield at, value
    if at[2:3] == ("set",):
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*at, key))


def put(data, place, value):
    data = copy.deepcopy(data)
    at = data
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return data


def renamed(data, place, name):
    """A block with one of its keys renamed, in the same order."""
    block = data
    for key in place[:-1]:
        block = block[key]
    changed = {name if key == place[-1] else key: value for key, value in block.items()}
    return put(data, place[:-1], changed) if place[:-1] else changed


def dotted(place) -> str:
    return ".".join(map(str, place))


KEYS = {key for data in PRESETS.values() for place, _ in places(data) for key in place if isinstance(key, str)}
presets = st.sampled_from(sorted(PRESETS)).map(PRESETS.__getitem__)
of_verification = presets.filter(lambda data: data["task"]["kind"] == "verification")
mutable = st.data()


@pytest.fixture
def cfg(tmp_path) -> Path:
    return tmp_path / "cfg.yaml"


def load(path: Path, content, *overrides: str):
    if not isinstance(content, bytes):
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        content = text.encode()
    path.write_bytes(content)
    return lambda: config.load(path, registry.settings_of, overrides)


def test_the_unchanged_presets_are_accepted(cfg):
    for name, data in PRESETS.items():
        assert load(cfg, data)().name == name


def misspellings(key: str):
    doubled = [key[:n] + key[n] + key[n:] for n in range(len(key))]
    dropped = [key[:n] + key[n + 1 :] for n in range(len(key)) if len(key) > 2]
    swapped = [key[:n] + key[n + 1] + key[n] + key[n + 2 :] for n in range(len(key) - 1)]
    return st.sampled_from([*doubled, *dropped, *swapped, key.upper(), f"{key}_x"]).filter(
        lambda word: word not in KEYS
    )


@examples(30)
@given(presets, mutable)
def test_a_misspelt_key_is_named_with_its_line(cfg, data, draw):
    place = draw.draw(st.sampled_from([p for p, _ in places(data) if p and isinstance(p[-1], str)]))
    assume(place not in [("task",), ("task", "kind")])  # without these there is nothing to check against
    word = draw.draw(misspellings(place[-1]))
    call = load(cfg, renamed(data, place, word))
    at = [n for n, line in enumerate(cfg.read_text().splitlines(), 1) if line.lstrip(" -").startswith(f"{word}:")]
    assert len(at) == 1
    line = refused(cfg, call, dotted((*place[:-1], word)))
    if "there is no such setting" in line:
        assert f"line {at[0]}:" in line


@examples(15)
@given(of_verification, mutable)
def test_a_missing_key_is_named(cfg, data, draw):
    required = ["name", "stages", "task", "task.kind", "task.losses", "model.backbone", "task.losses.0.kind"]
    place = draw.draw(st.sampled_from([*required, "stages.0.name", "stages.0.epochs", "stages.0.lr"])).split(".")
    keys = [int(key) if key.isdigit() else key for key in place]
    without = copy.deepcopy(data)
    block = without
    for key in keys[:-1]:
        block = block[key]
    del block[keys[-1]]
    refused(cfg, load(cfg, without), f"{'.'.join(place)}: is missing")


WRONG = {
    bool: [3, "maybe", [True], None],
    int: ["banana", True, [1, 2, 3, 4], {"zz": 1}],
    float: ["banana", True, [1, 2, 3, 4], {"zz": 1}],
    str: [7, True, [1], {"zz": 1}],
    type(None): [{"zz": [1]}, [["x"]], True],
    list: ["banana", 7, {"zz": 1}, True],
    dict: [7, "banana banana", [1], True],
}


@examples(30)
@given(presets, mutable)
def test_a_value_of_the_wrong_type_is_named(cfg, data, draw):
    place, value = draw.draw(st.sampled_from([item for item in places(data) if item[0]]))
    wrong = draw.draw(st.sampled_from(WRONG[type(value)]))
    refused(cfg, load(cfg, put(data, place, wrong)), dotted(place), "line ")


OUT_OF_RANGE = {
    "name": ["", " a", "a/b", "a\nb", "x" * 101, "a\x1b[31m"],
    "seed": [-1, 2**31],
    "device": ["gpu", "cuda:", "cuda:x", "CUDA", ""],
    "precision": ["fp16", "FP32", ""],
    "threads": [0, -1, 257],
    "log.every": [0, -5],
    "model.backbone": [""],
    "model.image_size": [0, 15, 4096],
    "model.preprocessing": ["none", {"crop": 0}, {"crop": 1.01}, {"std": [0, 1, 1]}, {"mean": [1, 1]}],
    "optimizer.kind": ["lion", "Adam"],
    "optimizer.weight_decay": [-0.1, float("nan"), float("inf")],
    "optimizer.momentum": [1, -0.1],
    "optimizer.clip": [0, -1],
    "optimizer.accumulate": [0],
    "stages": [[]],
    "stages.0.name": ["", "a b", "a/b", "é"],
    "stages.0.epochs": [0, -3, 1.5],
    "stages.0.lr": [0, -1e-4, float("nan"), float("inf")],
    "stages.0.start": ["worst"],
    "stages.0.schedule.kind": ["linear"],
    "stages.0.schedule.factor": [0, 1],
    "stages.0.set": [{"task.train": "x"}, {"seed": 1}, {"task.losses.7.mining": "hard"}],
    "evaluate.every": ["1", "epoch", "0 epochs", "10 min", "1.5 epochs", "-1 step", "1  epoch"],
    "evaluate.patience": [0],
    "checkpoint.every": ["5", "5 days", "0 s"],
    "checkpoint.keep": [0],
    "task.kind": ["", "verfication", "../x"],
    "task.train": [""],
    "task.validation": ["", {"identities": 0}, {"identities": 1}, {"pairs": 9}, {"split_seed": -1}],
    "task.fakes": ["own_class", "all"],
    "task.min_real": [-1],
    "task.min_class": [0],
    "task.max_pixels": [0],
    "task.batch": [{}, {"classes": 2}, {"identities": 2, "real": 1, "fake": 0, "classes": 2}, {"identities": 4}],
    "task.evaluate_batch": [0],
    "task.augment.flip": [-0.1, 1.1],
    "task.augment.shift": [0.6],
    "task.augment.rotate": [181],
    "task.embedding.size": [1, 0, 8193],
    "task.losses": [[]],
    "task.losses.0.kind": ["tripplet", "oml:", "oml", "oml:a b"],
    "task.losses.0.margin": [0, -1],
    "task.losses.0.weight": [0, -1],
    "task.losses.0.mining": ["semihard", "", "oml:"],
    "task.losses.0.average": ["none"],
}


@examples(30)
@given(of_verification, mutable)
def test_a_value_out_of_range_is_named(cfg, data, draw):
    place = draw.draw(st.sampled_from(sorted(OUT_OF_RANGE)))
    value = draw.draw(st.sampled_from(OUT_OF_RANGE[place]))
    keys = [int(key) if key.isdigit() else key for key in place.split(".")]
    refused(cfg, load(cfg, put(data, keys, value)), place, "line ")


JUNK = ["]", "}", "{[", "\t- x", "'open", '"open', "a: b: c", "x: *nowhere", "x: &a [*a]", "x: !!bool y", "@x"]
JUNK += ["x: !!python/name:os.system", "? [a]\n: b", "1: x", "name: again", "x: \x07", "- x", "---\nx: 1", "%x"]


@examples(20)
@given(st.sampled_from(config.preset_names()), st.sampled_from(JUNK))
def test_broken_yaml_is_refused(cfg, name, junk):
    text = config.preset_path(name).read_text(encoding="utf-8")
    refused(cfg, load(cfg, f"{text}{junk}\n"), "line ")


@examples(10)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_configuration_are_refused(cfg, content):
    assume(b"task" not in content)
    refused(cfg, load(cfg, content))


BAD_OVERRIDES = {
    "seed": "-o seed",
    "=1": "key=value",
    ".seed=1": "key=value",
    "stages..lr=1": "key=value",
    "seed=": "seed: empty",
    "seed=[1": "not valid YAML",
    "seed=*a": "not valid YAML",
    "seed=!!int 1": "not valid YAML",
    "seed=\x00": "not valid YAML",
    "sede=1": "sede: there is no such setting",
    "a.b.c=1": "a: there is no such setting",
    "task.losses.0.marign=1": "task.losses.0.marign: there is no such setting",
    "task.losses.9.margin=1": "no entry '9'",
    "stages.-1.lr=1": "no entry '-1'",
    "stages.²=1": "no entry '²'",
    "stages.lr=1": "no entry 'lr'",
    "name.x=1": "name is ",
    "stages.0.lr=abc": "stages.0.lr: 'abc'",
    "stages.0.epochs=1.5": "stages.0.epochs: 1.5",
    "model=3": "model: 3",
    "task=null": "task: empty",
    "task.kind=faces": "task.kind: 'faces'",
    "se\nde=1": "se\\nde: there is no such setting",
}


@examples(15)
@given(st.sampled_from(config.preset_names()), st.sampled_from(sorted(BAD_OVERRIDES)))
def test_a_broken_override_is_named(cfg, name, override):
    text = config.preset_path(name).read_text(encoding="utf-8")
    refused(cfg, load(cfg, text, override), BAD_OVERRIDES[override], "-o ")


# The command line


@pytest.mark.parametrize(
    ("text", "extra", "says"),
    [
        ("sede: 1\n{text}", (), "cfg.yaml, line 1: sede: there is no such setting; did you mean 'seed'?"),
        ("{text}]", (), "not valid YAML"),
        (
            "{text}",
            ("-o", "stages.0.lr=fast"),
            "cfg.yaml: -o stages.0.lr=fast: stages.0.lr: 'fast' is not a number",
        ),
        ("{text}", ("-o", "task.kind=faces"), "-o task.kind=faces: task.kind: 'faces' is not a task"),
        (None, (), "cfg.yaml: no such file"),
        ("{text}", ("-o", "task.train=bad.csv"), "bad.csv, line 2: is_fake is 'maybe'"),
    ],
)
def test_the_program_refuses_in_one_line_and_with_code_2(tmp_path, text, extra, says):
    if text is not None:
        preset = config.preset_path("quickstart").read_text(encoding="utf-8")
        (tmp_path / "cfg.yaml").write_text(text.replace("{text}", preset))
    (tmp_path / "bad.csv").write_text("path,identity,is_fake\n0.jpg,1,maybe\n")
    command = [sys.executable, "-m", "kryptui", "run", "--headless", "cfg.yaml", "--dry-run", *extra]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        {"bad.csv"} | ({"cfg.yaml"} if text else set())
    )
