"""The configuration of a landmarks run: its data, crops, network, heatmaps and augmentation."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from kryptui.config import Settings, TaskSettings, Text, words_or_block

MAX_PIXELS = 178_956_970
"""Where Pillow refuses a picture as a decompression bomb, whatever a configuration says."""


class ValidationSettings(Settings):
    """How validation people are taken from data that have no split for them."""

    identities: float = Field(0.1, gt=0, lt=1, description="share of the people")
    split_seed: int = Field(0, ge=0, lt=2**31, description="of who is taken")


class CropSettings(Settings):
    """What of a picture the network sees."""

    around: Literal["face", "picture"] = Field(
        "face", description="the square around the box that a detector would draw, or the whole picture"
    )
    margin: float = Field(1.2, gt=0, le=4, description="face: side of the square, in sides of the box")
    jitter: float = Field(
        0.08,
        ge=0,
        le=0.5,
        description="how far the square lies off, share of its side; as much in every evaluation, where it stays",
    )


class NetworkSettings(Settings):
    """The stacked hourglass."""

    stacks: int = Field(2, ge=1, le=16, description="hourglasses, each of which corrects the one before")
    channels: int = Field(16, ge=1, le=1024, description="features of a cell")
    depth: int = Field(4, ge=1, le=8, description="how often an hourglass halves the picture")
    stride: Literal[2, 4, 8] = Field(4, description="pixels of the picture to a cell of the heatmap, a side")


class AugmentSettings(Settings):
    """How far training pictures are changed at random; 0 leaves a property as it is."""

    flip: float = Field(0.5, ge=0, le=1, description="probability of a mirror image, its points changing sides")
    rotate: float = Field(20.0, ge=0, le=180, description="degrees to either side")
    scale: float = Field(0.15, ge=0, lt=1, description="largest relative change of the size")
    grey: float = Field(0.1, ge=0, le=1, description="probability of grey")
    brightness: float = Field(0.3, ge=0, lt=1, description="largest relative change")
    contrast: float = Field(0.3, ge=0, lt=1, description="likewise")
    saturation: float = Field(0.3, ge=0, le=1, description="likewise")


class SampleSettings(Settings):
    """The pictures on which each evaluation draws what was found."""

    count: int = Field(8, ge=0, le=64, description="of each sheet: the same faces every time, and the worst")
    folder: Text = Field("checkpoints/samples", description="where they are written")


Validation = Annotated[
    Annotated[Text, Tag("words")] | Annotated[ValidationSettings, Tag("block")],
    Discriminator(words_or_block),
]


class LandmarkSettings(TaskSettings):
    """The part of a run's configuration that is about the points of a face."""

    per_stage: ClassVar[frozenset[str]] = frozenset({"batch", "augment", "sigma"})
    reads: ClassVar[frozenset[str] | None] = frozenset({"train", "validation"})
    dataset: ClassVar[str | None] = "train"

    kind: Literal["landmarks"] = Field(description="what is trained for")
    train: Text = Field(
        "data/landmarks", description="a csv with landmarks, a folder with one, or CelebA's folder"
    )
    validation: Validation = Field(
        "auto",
        description="auto: the split validation, else a tenth of the people; another such source; or how to split",
    )
    max_pixels: int = Field(MAX_PIXELS, ge=1, le=MAX_PIXELS, description="larger pictures are left out, as bombs")
    image_size: int = Field(128, ge=16, le=1024, description="side of what the network sees, in pixels")
    crop: CropSettings = CropSettings()
    network: NetworkSettings = NetworkSettings()
    sigma: float = Field(2.0, gt=0, le=16, description="of the Gaussian that stands for a point, in cells")
    batch: int = Field(32, ge=2, description="pictures in a batch")
    evaluate_batch: int = Field(64, ge=1, description="pictures in a batch without training")
    augment: AugmentSettings = AugmentSettings()
    samples: SampleSettings = SampleSettings()

    @model_validator(mode="after")
    def _size_fits(self) -> LandmarkSettings:
        step = self.network.stride * 2**self.network.depth
        if self.image_size % step:
            raise ValueError(f"image_size must be a multiple of {step} = network.stride x 2^network.depth")
        return self


class AnswerSettings(Settings):
    """What is done about pictures that cannot be read."""

    skip_broken: bool = Field(False, description="leave broken pictures out; else they are refused")
