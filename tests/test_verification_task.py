"""The verification task: its data, its batches, its evaluation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from trees import write_contest_tree, write_image

from kryptui import config as configuration
from kryptui.data.decode import decode, fit
from kryptui.data.pairs import PairList, read_pairs
from kryptui.data.prepare import prepare
from kryptui.errors import InputError, RunError
from kryptui.tasks import registry
from kryptui.tasks.verification.dataset import load_dataset
from kryptui.tasks.verification.task import BUILDER

CPU = torch.device("cpu")
PEOPLE = {f"{number:04d}": "rrrrff" if number % 2 else "rrrf" for number in range(1, 13)}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return write_contest_tree(tmp_path_factory.mktemp("tree"), PEOPLE)


def config(train: Path, stages: int = 1, sets: dict | None = None, **task):
    plain = {
        "name": "test",
        "threads": 1,
        "model": {"backbone": "test_resnet", "image_size": 32},
        "stages": [{"name": f"s{number}", "epochs": 1, "lr": 1e-3, "set": sets or {}} for number in range(stages)],
        "task": {
            "kind": "verification",
            "train": str(train),
            "batch": {"identities": 4, "real": 2, "fake": 1},
            "embedding": {"size": 8},
            "losses": [{"kind": "triplet"}],
            **task,
        },
    }
    return configuration.check(plain, "test.yaml", registry.settings_of)


def dataset(train: Path, **task):
    return load_dataset(config(train, **task).task)


def people_of(pairs: PairList) -> set[str]:
    return {*pairs.table["identity1"], *pairs.table["identity2"]}


def mean_colours(inputs: torch.Tensor) -> torch.Tensor:
    """Stands for a model."""
    return inputs.mean(dim=(2, 3))


# The dataset


def test_a_raw_tree_is_split_by_people(tree):
    found = dataset(tree)
    trained = set(found.train.table["identity"])
    assert len(trained) == 10
    assert not trained & people_of(found.pairs)
    assert len(set(found.pairs.counts().values())) == 1


def test_a_share_and_a_seed_decide_the_split(tree):
    def held(**how):
        return people_of(dataset(tree, validation=how).pairs)

    assert len(held(identities=0.5)) == 6
    assert held(identities=0.5, split_seed=1) != held(identities=0.5, split_seed=2)


@pytest.mark.parametrize("choice", [{"fakes": "drop"}, {"fakes": "unique"}, {"min_real": 4}, {"min_class": 2}])
def test_validation_pairs_do_not_depend_on_what_is_trained_on(tree, choice):
    assert dataset(tree, **choice).pairs.digest() == dataset(tree).pairs.digest()


def test_a_prepared_folder_brings_its_own_pairs(tree, tmp_path):
    prepare(tree, tmp_path / "ready", seed=3)
    found = dataset(tmp_path / "ready")
    assert found.pairs.digest() == read_pairs(tmp_path / "ready/pairs.csv").digest()
    assert not set(found.train.table["identity"]) & people_of(found.pairs)


def test_a_prepared_folder_without_its_pairs_freezes_them_from_its_validation_people(tree, tmp_path):
    prepare(tree, tmp_path / "ready", seed=3)
    held = people_of(read_pairs(tmp_path / "ready/pairs.csv"))
    (tmp_path / "ready/pairs.csv").unlink()
    assert people_of(dataset(tmp_path / "ready").pairs) <= held


def test_pairs_of_another_preparation_are_refused(tree, tmp_path):
    prepare(tree, tmp_path / "ready", seed=3)
    prepare(tree, tmp_path / "other", seed=4)
    (tmp_path / "ready/pairs.csv").write_text((tmp_path / "other/pairs.csv").read_text())
    with pytest.raises(InputError, match="stands in these pairs and in the training split"):
        dataset(tmp_path / "ready")


def test_a_second_split_is_refused(tree, tmp_path):
    prepare(tree, tmp_path / "ready")
    with pytest.raises(InputError, match="is split already; use auto"):
        dataset(tmp_path / "ready", validation={"identities": 0.2})


def write_pairs(path: Path, tree: Path, people: list[str]) -> Path:
    rows = [(f"{tree}/images/{one}/0.jpg", f"{tree}/images/{one}/1.jpg", "genuine") for one in people]
    rows.append((f"{tree}/images/{people[0]}/0.jpg", f"{tree}/images/{people[-1]}/0.jpg", "impostor"))
    pd.DataFrame(rows, columns=["path1", "path2", "kind"]).to_csv(path, index=False)
    return path


def test_people_in_a_given_pair_list_are_taken_out_of_training(tree, tmp_path):
    pairs = write_pairs(tmp_path / "pairs.csv", tree, ["0003", "0005"])
    found = dataset(tree, validation=str(pairs))
    assert set(found.train.table["identity"]) == {str(number) for number in range(1, 13)} - {"3", "5"}
    assert found.pairs.counts() == {"genuine": 2, "impostor": 1}


@pytest.mark.parametrize("swapped", [False, True])
def test_people_are_taken_out_though_the_paths_are_written_otherwise(tree, tmp_path, swapped):
    (tmp_path / "link").symlink_to(tree)
    trained, paired = (tmp_path / "link", tree) if swapped else (tree, tmp_path / "link")
    pairs = write_pairs(tmp_path / "pairs.csv", paired, ["0003", "0005"])
    assert not {"3", "5"} & set(dataset(trained, validation=str(pairs)).train.table["identity"])


def test_pairs_of_everyone_leave_nobody_and_are_refused(tree, tmp_path):
    pairs = write_pairs(tmp_path / "pairs.csv", tree, list(PEOPLE))
    with pytest.raises(InputError, match="nobody is left to train on"):
        dataset(tree, validation=str(pairs))


def test_the_digest_tells_data_apart(tree):
    assert dataset(tree).digest == dataset(tree).digest
    others = [
        dataset(tree, fakes="unique"),
        dataset(tree, min_real=4),
        dataset(tree, validation={"split_seed": 1}),
    ]
    assert len({dataset(tree).digest, *(other.digest for other in others)}) == 4


def test_what_trains_and_what_was_left_out_is_told(tmp_path):
    tree = write_contest_tree(tmp_path, {**PEOPLE, "0099": "r"})
    (tree / "images/photos").mkdir()
    told = [notice.text for notice in dataset(tree, min_real=2, validation={"split_seed": 5}).notices]
    assert "left out: images/photos: folder name is not a number" in told
    assert any(text.startswith("training on ") for text in told)


# Batches


def training(train: Path, **task):
    return BUILDER.for_training(config(train, **task))


def stage(train: Path, settings=None, **task):
    settings = settings or config(train, **task)
    return BUILDER.for_training(settings).stage(settings, 0, CPU)


def test_targets_tell_label_person_and_fake_of_each_image(tree):
    work = training(tree)
    table = work._dataset.labelled.table
    facts = {}
    contract = work._built.preprocessing
    for path, row in zip(work._dataset.train.absolute_paths(), table.itertuples(), strict=True):
        pixels = fit(decode(path), contract.size, contract.crop, contract.interpolation)
        facts[pixels.tobytes()] = (row.label, row.is_fake, row.identity)
    settings = config(tree)
    people: dict[int, set[str]] = {}
    seen = 0
    for batch in work.stage(settings, 0, CPU).batches(0, 0):
        label, person, is_fake = (batch.targets[name].tolist() for name in ("label", "identity", "is_fake"))
        for number, image in enumerate(batch.images):
            fact = facts[image.permute(1, 2, 0).contiguous().numpy().tobytes()]
            assert (label[number], is_fake[number]) == fact[:2]
            people.setdefault(person[number], set()).add(fact[2])
            seen += 1
    assert seen == 10 * 3
    assert len(people) == 10
    assert all(len(names) == 1 for names in people.values())


def test_batches_hold_people_with_their_reals_and_fakes(tree):
    work = stage(tree)
    sizes = []
    for batch in work.batches(0, 0):
        kinds = Counter(zip(batch.targets["identity"].tolist(), batch.targets["is_fake"].tolist(), strict=True))
        people = set(batch.targets["identity"].tolist())
        assert kinds == {(person, fake): 1 if fake else 2 for person in people for fake in (False, True)}
        sizes.append(len(people))
    assert sorted(sizes) == [3, 3, 4]
    assert work.steps_per_epoch == 3


def test_batches_of_classes_hold_fakes_as_classes_of_their_own(tree):
    work = stage(tree, batch={"classes": 5, "images": 2}, min_real=0, min_class=2)
    batches = list(work.batches(0, 0))
    assert len(batches) == work.steps_per_epoch == 3
    labels = torch.cat([batch.targets["label"] for batch in batches])
    assert set(Counter(labels.tolist()).values()) == {2}
    for batch in batches:
        for label in batch.targets["label"].unique():
            of_class = batch.targets["label"] == label
            assert len(batch.targets["is_fake"][of_class].unique()) == 1


def test_classes_with_negatives_are_refused(tree):
    with pytest.raises(InputError, match=r"task\.batch: draws by classes"):
        stage(tree, fakes="negatives", batch={"classes": 4, "images": 2})


def test_classes_with_negatives_are_refused_in_a_later_stage_too(tree):
    settings = config(tree, sets={"task.batch": {"classes": 4, "images": 2}}, fakes="negatives")
    task = BUILDER.for_training(settings)
    with pytest.raises(InputError, match=r"task\.batch: draws by classes"):
        task.stage(configuration.at_stage(settings, 0), 0, CPU)


def test_an_epoch_is_taken_up_at_any_step(tree):
    work = stage(tree)
    whole = list(work.batches(3, 0))
    for start in range(len(whole) + 1):
        rest = list(work.batches(3, start))
        assert len(rest) == len(whole) - start
        for one, other in zip(whole[start:], rest, strict=True):
            assert torch.equal(one.images, other.images)
            assert all(torch.equal(one.targets[name], other.targets[name]) for name in one.targets)


def test_epochs_stages_and_seeds_differ(tree):
    settings = config(tree, stages=2)
    task = BUILDER.for_training(settings)
    other = settings.model_copy(update={"seed": 1})

    def first(config, index, epoch):
        return next(task.stage(config, index, CPU).batches(epoch, 0)).images

    wanted = first(settings, 0, 0)
    for config_, index, epoch in ((settings, 0, 1), (settings, 1, 0), (other, 0, 0)):
        found = first(config_, index, epoch)
        assert found.shape != wanted.shape or not torch.equal(found, wanted)


def test_inputs_are_normalised_by_the_contract(tree):
    work = stage(tree, augment={"flip": 0.0})
    batch = next(work.batches(0, 0))
    contract = work._loader.geometry
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (contract.mean, contract.std))
    assert torch.allclose(work.inputs(batch), (batch.images / 255 - mean) / std, atol=1e-6)


def test_the_embedding_layer_is_drawn_by_the_runs_seed_alone(tree):
    one = training(tree).model().state_dict()
    torch.rand(5)
    other = training(tree).model().state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_wrong_loss_is_named_by_its_place(tree):
    with pytest.raises(InputError, match=r"task\.losses\.1: "):
        stage(tree, losses=[{"kind": "triplet"}, {"kind": "oml:NoSuchLoss"}])


def test_a_misspelt_backbone_is_refused_before_the_data_is_read(tmp_path):
    settings = config(tmp_path / "absent")
    model = settings.model.model_copy(update={"backbone": "test_resnett"})
    with pytest.raises(InputError, match="is no timm architecture"):
        BUILDER.for_training(settings.model_copy(update={"model": model}))


def test_a_broken_image_is_told_of_once_in_training_and_in_evaluation(tmp_path):
    tree = write_contest_tree(tmp_path, PEOPLE)
    settings = config(tree)
    whole = load_dataset(settings.task)
    trained = whole.train.absolute_paths()[0]
    validated = whole.pairs.absolute_paths()[0][0]
    trained.write_bytes(b"")
    validated.write_bytes(b"no image")
    task = BUILDER.for_training(settings)
    told: list[str] = []
    for epoch in range(4):
        for _ in task.stage(settings, 0, CPU).batches(epoch, 0):
            told += [notice.text for notice in task.take_notices()]
        task.evaluate(mean_colours, CPU)
    told += [notice.text for notice in task.take_notices()]
    found = [text for text in told if str(trained) in text or str(validated) in text]
    assert sorted(found) == sorted(
        [f"left out: {trained}: zero bytes", next(text for text in found if f"{validated}: not an image" in text)]
    )


# Evaluation without training data


def inference(tree: Path, rebuild=None):
    return BUILDER.for_inference(config(tree), rebuild)


def nothing(inputs: torch.Tensor) -> torch.Tensor:
    return torch.full((len(inputs), 4), torch.nan)


def test_training_and_inference_score_pairs_alike(tree, tmp_path):
    task = training(tree)
    task._dataset.pairs.write(tmp_path / "pairs.csv")
    trained = task.evaluate(mean_colours, CPU)
    found = inference(tree, task.rebuild).evaluate(mean_colours, CPU, tmp_path / "pairs.csv")
    assert dict(found.scalars) == pytest.approx(dict(trained.scalars), nan_ok=True)


def test_the_contract_comes_from_the_checkpoint(tree):
    task = training(tree)
    changed = {**task.rebuild["preprocessing"], "colour": "bgr", "size": [48, 40]}
    contract = inference(tree, {"preprocessing": changed}).contract
    assert (contract.colour, contract.size) == ("bgr", (48, 40))


@pytest.mark.parametrize(("size", "fits"), [(12, True), (None, True), (8, False)])
def test_weights_without_the_embedding_layer_are_not_scored(tree, tmp_path, size, fits):
    torch.save(timm.create_model("test_resnet", num_classes=12).state_dict(), tmp_path / "w.pth")
    settings = config(tree, embedding={"size": size})
    model = settings.model.model_copy(update={"weights": str(tmp_path / "w.pth")})
    settings = settings.model_copy(update={"model": model})
    if fits:
        BUILDER.for_inference(settings, None)
    else:
        with pytest.raises(InputError, match=r"task\.embedding\.size: .*w\.pth has no trained layer of 8"):
            BUILDER.for_inference(settings, None)


def test_a_contract_of_another_version_is_refused(tree):
    contract = dict(training(tree).rebuild["preprocessing"])
    del contract["colour"]
    with pytest.raises(InputError, match="checkpoint: the preprocessing contract does not match"):
        inference(tree, {"preprocessing": contract})


def test_a_broken_image_of_a_pair_list_is_an_error_that_names_it(tmp_path):
    tree = write_contest_tree(tmp_path / "tree", PEOPLE)
    pairs = write_pairs(tmp_path / "pairs.csv", tree, ["0003", "0005"])
    (tree / "images/0003/1.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"0003/1\.jpg: zero bytes; mend the images or take their pairs out"):
        inference(tree).evaluate(mean_colours, CPU, pairs)


def test_a_model_that_gives_no_numbers_is_not_scored(tree, tmp_path):
    pairs = write_pairs(tmp_path / "pairs.csv", tree, ["0003", "0005"])
    with pytest.raises(RunError, match="the model's similarity of 3 of 3 pairs is not a number"):
        inference(tree).evaluate(nothing, CPU, pairs)


def test_in_training_a_model_that_gives_no_numbers_is_told_of(tree):
    task = training(tree)
    task.take_notices()
    assert np.isnan(task.evaluate(nothing, CPU).scalars["eer"])
    assert "pairs is not a number; they are left out" in task.take_notices()[0].text


def test_evaluating_draws_no_random_number(tree):
    task = training(tree)
    state = torch.get_rng_state()
    task.evaluate(mean_colours, CPU)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_test_tree_is_answered(tree, tmp_path):
    for number in range(3):
        for side in (0, 1):
            write_image(tmp_path / f"{number:03d}/{side}.jpg", 2 * number + side)
    found = inference(tree).predict(mean_colours, CPU, tmp_path, {})
    assert [row[0] for row in found.rows] == ["000", "001", "002"]
    assert all(-1 <= float(row[1]) <= 1 for row in found.rows)
