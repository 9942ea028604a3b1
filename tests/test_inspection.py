"""What verification tells of a dataset before any training."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import product

import pytest
from trees import noise, write_contest_tree

from kryptui.data.inspect import inspect_dataset
from kryptui.errors import InputError, WouldReplace
from kryptui.tasks import registry


@pytest.fixture
def tree(tmp_path):
    people = {f"{number:03d}": "rrff" for number in range(6)} | {"100": "r", "101": "f"}
    tree = write_contest_tree(tmp_path / "tree", people)
    images = tree / "images"
    (images / "000/0.jpg").write_bytes(b"")
    shutil.copy(images / "001/0.jpg", images / "002/0.jpg")
    noise(77, (64, 64)).save(images / "003/0.jpg", quality=95)
    noise(77, (64, 64)).save(images / "004/0.jpg", quality=50)
    noise(78, (64, 64)).save(images / "005/0.jpg", quality=95)
    noise(78, (64, 64)).save(images / "005/2.jpg", quality=50)
    (images / "100/9.jpg").write_bytes((images / "100/0.jpg").read_bytes())
    return tree


@pytest.fixture
def dataset(tree):
    return registry.datasets("verification").open(tree, "data/tree")


def inspect(dataset, **changes):
    told = []
    how = {"threads": 1, "count": lambda *how_far: None, "stop": lambda: False}
    dataset.inspect(found=lambda title, finding: told.append((title, finding.what)), **{**how, **changes})
    return told


def found(dataset):
    return {concern.title: [finding.what for finding in concern.findings or ()] for concern in dataset.concerns()}


def test_the_list_alone_tells_counts_and_what_no_image_is_needed_for(dataset):
    assert dataset.report().scalars["images"] == 26
    unknown = {concern.title for concern in dataset.concerns() if concern.findings is None}
    assert unknown == {
        "broken images",
        "exact copies, other identity",
        "near copies, other identity",
        "look-alikes with a fake, other identity",
        "exact copies, same identity",
        "near copies, same identity",
        "look-alikes with a fake, same identity",
    }
    assert found(dataset)["files without a key"] == ["images/100/9.jpg"]


def test_a_look_at_all_images_tells_the_rest(dataset):
    inspect(dataset)
    assert dataset.report().scalars["images"] == 25
    told = found(dataset)
    assert told["broken images"] == ["images/000/0.jpg"]
    assert told["exact copies, other identity"] == ["images/001/0.jpg  =  images/002/0.jpg"]
    assert told["near copies, other identity"] == ["images/003/0.jpg  =  images/004/0.jpg"]
    assert told["look-alikes with a fake, same identity"] == ["images/005/0.jpg  =  images/005/2.jpg"]


def test_what_is_broken_or_a_copy_is_told_as_it_is_met(dataset):
    assert inspect(dataset) == [
        ("broken images", "images/000/0.jpg"),
        ("exact copies, other identity", "images/001/0.jpg  =  images/002/0.jpg"),
    ]


def test_a_look_that_is_stopped_changes_nothing(dataset):
    before = dataset.report(), dataset.concerns()
    inspect(dataset, stop=lambda: True)
    assert (dataset.report(), dataset.concerns()) == before


def test_both_passes_are_counted(dataset):
    counts = []
    inspect(dataset, count=lambda *how_far: counts.append(how_far))
    assert counts[0] == ("reading images", 1, 26)
    assert counts[-1] == ("comparing images", 25, 25)


def test_copies_come_with_their_pictures_and_people(dataset, tree):
    inspect(dataset)
    (copies,) = next(c.findings for c in dataset.concerns() if c.title == "exact copies, other identity")
    assert copies.groups == ("1", "2")
    assert copies.sheet.paths == [str(tree / "images/001/0.jpg"), str(tree / "images/002/0.jpg")]
    assert copies.sheet.captions == ["1 real · 0.jpg", "2 real · 0.jpg"]


def test_leaks_are_looked_for_only_where_there_are_splits(tree, dataset):
    assert "identities in two splits" not in found(dataset)
    rows = ["001/1,1,train", "001/2,1,validation", "002/1,2,train"]
    lines = ["path,identity,split,is_fake", *(f"images/{row.replace(',', '.jpg,', 1)},0" for row in rows)]
    (tree / "list.csv").write_text("\n".join(lines))
    split = registry.datasets("verification").open(tree / "list.csv", "list.csv")
    assert found(split)["identities in two splits"] == ["1"]
    assert split.subject == "2 images of the training split"


def test_every_choice_leaves_what_the_report_says(tree, dataset):
    inspect(dataset)
    rows = {(r.fakes, r.min_real, r.min_class): r for r in inspect_dataset(tree).remains}
    names = [choice.name for choice in dataset.choices]
    for options in product(*(choice.options for choice in dataset.choices)):
        left = dataset.remains(dict(zip(names, options, strict=True)))
        if options in rows:
            row = rows[options]
            expected = [row.images, row.identities, row.reals, row.fake_images, row.classes]
            assert list(left.counts.values()) == [*expected, row.lost_reals, row.lost_fakes]


def test_a_choice_that_leaves_too_little_says_so(tmp_path):
    tree = write_contest_tree(tmp_path / "tree", {"0": "rr", "1": "r"})
    dataset = registry.datasets("verification").open(tree, "tree")
    chosen = {"fakes": "drop", "min_real": 2, "min_class": 1}
    assert dataset.remains(chosen).problem == "fewer than two classes are left"
    assert dataset.remains({**chosen, "min_real": 3}).problem == "nothing is left to train on"
    assert dataset.remains({**chosen, "min_real": 1}).problem == ""


def test_the_choices_are_settings_of_the_task(dataset):
    settings = registry.settings_of("verification")
    assert [(c.name, c.default) for c in dataset.choices] == [
        (name, settings.model_fields[name].default) for name in ("fakes", "min_real", "min_class")
    ]


def test_reals_stand_beside_fakes(dataset):
    real, fake = dataset.samples("3")
    assert (real.title, fake.title) == ("2 real", "2 fake")
    assert fake.captions == ["2.jpg", "3.jpg"]
    assert [(group.name, group.about) for group in dataset.groups][-1] == ("101", "0 real, 1 fake")


@pytest.mark.parametrize("is_inspected", [False, True])
def test_a_preparation_is_that_of_the_command(tree, tmp_path, dataset, is_inspected):
    from kryptui.data.prepare import prepare

    if is_inspected:
        inspect(dataset)
    how = {"threads": 1, "count": lambda *how_far: None, "stop": lambda: False, "overwrite": False}
    options = dataset.preparation(identities=0.4)
    prepared = dataset.prepare(tmp_path / "one", options, **how)
    prepare(tree, tmp_path / "other", fraction=0.4, pairs=2000)
    assert (tmp_path / "one/pairs.csv").read_text() == (tmp_path / "other/pairs.csv").read_text()
    assert prepared.lines["left out"] == "2 files, named in prepare.json"
    assert dataset.prepare(tmp_path / "third", options, **{**how, "stop": lambda: True}) is None or is_inspected
    with pytest.raises(WouldReplace, match="holds another preparation"):
        dataset.prepare(tmp_path / "one", dataset.preparation(identities=0.4, split_seed=3), **how)


def test_a_preparation_is_not_prepared_once_more(tmp_path, dataset):
    how = {"threads": 1, "count": lambda *how_far: None, "stop": lambda: False, "overwrite": False}
    dataset.prepare(tmp_path / "out", dataset.preparation(identities=0.4), **how)
    assert registry.datasets("verification").open(tmp_path / "out", "out").preparation is None


def test_commands_name_what_differs_from_their_defaults(dataset):
    assert dataset.command() == "kryptui data inspect data/tree"
    assert dataset.command("out dir", dataset.preparation()) == "kryptui data prepare data/tree -o 'out dir'"
    options = dataset.preparation(identities=0.3, split_seed=4, pairs=50)
    assert dataset.command("out", options).endswith("-o out --identities 0.3 --seed 4 --pairs 50")


def test_what_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no folders of images"):
        registry.datasets("verification").open(tmp_path, "here")


def test_recognising_imports_nothing_heavy_and_opening_no_torch(tree):
    code = (
        "import sys; from pathlib import Path; from kryptui.tasks import registry\n"
        "datasets = registry.datasets('verification')\n"
        f"assert datasets.recognise(Path({str(tree)!r})) == 'contest tree'\n"
        "print('pandas' in sys.modules, 'numpy' in sys.modules)\n"
        f"datasets.open(Path({str(tree)!r}), 'x'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 3
