"""The preprocessing contract: what a picture goes through before a model sees it, in training and ever after.

It travels in every checkpoint; inference takes it from there and from nowhere else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from kryptui.errors import InputError

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
Colour = Literal["rgb", "bgr"]
Template = Literal["arcface"]

POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
"""The points of a face in their order everywhere; left as seen in the picture."""

_TEMPLATES: dict[Template, tuple[tuple[float, float], ...]] = {
    "arcface": (
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ),
}
"""Where the points lie in an aligned face of 112 x 112 (insightface, also of ArcFace and AdaFace), x and y."""

_SIDE = 112


@dataclass(frozen=True)
class Preprocessing:
    """Resize so that the crop fits, cut the centre, reorder the colours, scale to [0, 1], normalise.

    `size` is (height, width) in pixels; `crop` the share of the shorter side that the centre crop keeps;
    `mean` and `std` are three numbers each on the scale 0 to 1, in the order of `colour`. With a `template` a face
    is aligned onto it instead of resized and cut: its five points then lie where `template_points` says.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    crop: float = 1.0
    interpolation: Interpolation = "bicubic"
    colour: Colour = "rgb"
    template: Template | None = None

    def to_json(self) -> dict[str, Any]:
        """The contract as plain JSON types."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any], where: str) -> Preprocessing:
        """The contract that `to_json` wrote; raises InputError naming `where` if it is incomplete or unknown."""
        data = {"template": None, **data}  # written before faces were aligned
        known = {field.name for field in fields(cls)}
        wrong = known.symmetric_difference(data)
        if wrong:
            raise InputError(
                f"{where}: the preprocessing contract does not match this version: {', '.join(sorted(wrong))}"
            )
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**values)


def template_points(template: Template, size: tuple[int, int]) -> list[tuple[float, float]]:
    """Where the five points lie in an aligned face of `size` (height, width): x and y, 0 amid the first pixel.

    The template is scaled to the height; a width that is not the height cuts or widens both sides alike.
    """
    height, width = size
    scale = height / _SIDE
    return [((x - _SIDE / 2) * scale + width / 2, y * scale) for x, y in _TEMPLATES[template]]
