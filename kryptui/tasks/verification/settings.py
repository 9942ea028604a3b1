"""The configuration of a verification run: its data, batches, augmentation, embedding and losses."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from kryptui.config import Settings, TaskSettings, Text, words_or_block
from kryptui.errors import nearest
from kryptui.preprocess import Template

MAX_PIXELS = 178_956_970
"""Where Pillow refuses a picture as a decompression bomb, whatever a configuration says."""


class ValidationSettings(Settings):
    """How validation people and pairs are taken from a dataset that is not split yet."""

    identities: float = Field(0.2, gt=0, lt=1, description="share of the people")
    split_seed: int = Field(0, ge=0, lt=2**31, description="of who is taken, and of the pairs")
    pairs: int = Field(2000, ge=10, le=1_000_000, description="most pairs of each kind")


class BatchSettings(Settings):
    """What a batch is made of: people with so many real and fake images, or classes with so many images."""

    identities: int | None = Field(None, ge=2, description="people in a batch")
    real: int | None = Field(None, ge=1, description="real images of each")
    fake: int | None = Field(None, ge=0, description="fake images of each")
    classes: int | None = Field(None, ge=2, description="or: classes in a batch, real and fake ones alike")
    images: int | None = Field(None, ge=1, description="images of each class")

    @model_validator(mode="after")
    def _one_of_two_forms(self) -> BatchSettings:
        people = [self.identities, self.real, self.fake]
        classes = [self.classes, self.images]
        whole = (None not in people and classes == [None, None]) or (None not in classes and people == [None] * 3)
        if not whole:
            raise ValueError(
                "must give identities, real and fake, or else classes and images (null takes a value back)"
            )
        return self


class AugmentSettings(Settings):
    """How far training images are changed at random; 0 leaves a property as it is."""

    flip: float = Field(0.5, ge=0, le=1, description="probability of a mirror image")
    grey: float = Field(0.0, ge=0, le=1, description="probability of grey")
    brightness: float = Field(0.0, ge=0, lt=1, description="largest relative change")
    contrast: float = Field(0.0, ge=0, lt=1, description="likewise")
    saturation: float = Field(0.0, ge=0, le=1, description="likewise")
    zoom: float = Field(0.0, ge=0, lt=1, description="largest relative change of the size")
    shift: float = Field(0.0, ge=0, le=0.5, description="share of the side")
    rotate: float = Field(0.0, ge=0, le=180, description="degrees to either side")


class AlignSettings(Settings):
    """Faces are turned, scaled and shifted so that their five points lie on a template."""

    template: Template = Field("arcface", description="where the points come to lie")
    landmarks: Text | None = Field(
        None, description="the csv of kryptui data landmarks; null: the points in the manifest"
    )
    which: Literal["central", "largest"] = Field(
        "central", description="which face is meant where a new picture shows several"
    )
    detector: Text | None = Field(
        None, description="YuNet's file, for new pictures; null: as kryptui weights get yunet left it"
    )
    missing: Literal["as-is", "leave-out"] = Field(
        "as-is", description="training images in which no face was found; validation takes them as they are"
    )


def _check_align(text: Any) -> Any:
    if text != "done":
        hint = nearest(text, ["done"], 1) if isinstance(text, str) else ""
        raise ValueError(f"must be done, a block such as {{template: arcface}}, or null{hint}")
    return text


_Done = Annotated[Literal["done"], BeforeValidator(_check_align), Tag("words")]
Align = Annotated[_Done | Annotated[AlignSettings, Tag("block")], Discriminator(words_or_block)]


class EmbeddingSettings(Settings):
    """What the model makes of a picture."""

    size: int | None = Field(None, ge=2, le=8192, description="null: the backbone's own")
    normalize: bool = Field(True, description="embeddings get length one, so that distances are of angles")


def _check_oml_name(text: Any) -> Any:
    if not isinstance(text, str) or not text.removeprefix("oml:").isidentifier() or not text.startswith("oml:"):
        raise ValueError("must name a class of open-metric-learning, such as oml:ArcFaceLoss")
    return text


def _check_mining(text: Any) -> Any:
    known = ("all", "hard", "semi-hard")
    if text in known:
        return text
    try:
        return _check_oml_name(text)
    except ValueError:
        hint = nearest(text, known, 1) if isinstance(text, str) else ""
        raise ValueError(f"must be all, hard, semi-hard, oml:NAME or a block with kind: oml:NAME{hint}") from None


OmlName = Annotated[str, BeforeValidator(_check_oml_name)]


class OmlMinerSettings(Settings):
    """A miner of open-metric-learning by its class name; further keys are its constructor's."""

    model_config = ConfigDict(extra="allow")

    kind: OmlName = Field(description="the miner", examples=["oml:HardTripletsMiner"])


Mining = Annotated[
    Annotated[str, BeforeValidator(_check_mining), Tag("words")] | Annotated[OmlMinerSettings, Tag("block")],
    Discriminator(words_or_block),
]


def _check_loss_kind(text: Any) -> Any:
    if text != "triplet":
        hint = nearest(text, ["triplet"]) if isinstance(text, str) else ""
        raise ValueError(f"is not a loss; it must be triplet or oml:NAME{hint}")
    return text


class TripletSettings(Settings):
    """d(anchor, positive) + margin should stay below d(anchor, negative)."""

    kind: Annotated[Literal["triplet"], BeforeValidator(_check_loss_kind)] = Field(
        description="triplet, or oml:NAME for a loss of open-metric-learning"
    )
    weight: float = Field(1.0, gt=0, description="factor of this loss in the sum of all")
    margin: float | None = Field(0.1, gt=0, description="null: the soft margin log(1 + exp(.))")
    mining: Mining = Field(
        "all",
        description="all, hard, semi-hard, oml:NAME, or a block for a miner's arguments",
        examples=["all", "hard", "semi-hard"],
    )
    average: Literal["all", "active"] = Field("all", description="mean over all mined triplets, or those above 0")


def _loss_form(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return "oml" if isinstance(kind, str) and kind.startswith("oml:") else "triplet"


class OmlLossSettings(Settings):
    """A loss of open-metric-learning by its class name; further keys are its constructor's."""

    model_config = ConfigDict(extra="allow")

    kind: OmlName = Field(description="the loss", examples=["oml:ArcFaceLoss"])
    weight: float = Field(1.0, gt=0, description="factor of this loss in the sum of all")


Loss = Annotated[
    Annotated[TripletSettings, Tag("triplet")] | Annotated[OmlLossSettings, Tag("oml")],
    Discriminator(_loss_form),
]

Validation = Annotated[
    Annotated[Text, Tag("words")] | Annotated[ValidationSettings, Tag("block")],
    Discriminator(words_or_block),
]


class VerificationSettings(TaskSettings):
    """The part of a run's configuration that is about faces."""

    per_stage: ClassVar[frozenset[str]] = frozenset({"batch", "augment", "losses"})
    reads: ClassVar[frozenset[str] | None] = frozenset(
        {"train", "validation", "fakes", "min_real", "min_class", "align"}
    )
    dataset: ClassVar[str | None] = "train"

    kind: Literal["verification"] = Field(description="what is trained for")
    train: Text = Field(
        "data/train", description="a contest tree, class folders, a prepared folder, a manifest csv"
    )
    validation: Validation = Field(
        "auto",
        description="auto: the prepared pairs, else a fifth of the people; a pair list csv; or how to split",
    )
    fakes: Literal["own-class", "negatives", "unique", "drop"] = Field(
        "own-class", description="what class the fakes of a person are in"
    )
    min_real: int = Field(2, ge=0, description="people with fewer real photos are pruned")
    min_class: int = Field(1, ge=1, description="classes with fewer images are pruned after that")
    max_pixels: int = Field(MAX_PIXELS, ge=1, le=MAX_PIXELS, description="larger images are left out, as bombs")
    align: Align | None = Field(
        None, description="how faces come onto a template; done: kryptui data align did it; null: not at all"
    )
    batch: BatchSettings = BatchSettings(identities=16, real=3, fake=1)
    evaluate_batch: int = Field(64, ge=1, description="images in a batch when embedding without training")
    augment: AugmentSettings = AugmentSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    losses: list[Loss] = Field(min_length=1, description="their weighted sum is what gets smaller")


class AnswerSettings(Settings):
    """What is done about a test tree that is not whole."""

    fill_missing: float | None = Field(None, description="similarity for pairs that lack an image; else refused")
