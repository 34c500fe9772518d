"""The parts of a grasping task: picture, bin, objects, success, what simulation varies."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from robot_learning.contract.base import Fraction, NonNegative, Positive, StrictModel

Range = Annotated[tuple[float, float], Strict(False)]
Vector2 = Annotated[tuple[float, float], Strict(False)]
_Pixels = Annotated[int, Field(ge=16, le=1024)]


class ImageContract(StrictModel):
    """The picture that a policy sees: a square of a camera's image, resized.

    `crop_centre` is in parts of the image's width and height, from the top left; `crop_side` in
    parts of its height.
    """

    camera: str
    size_px: _Pixels
    crop_centre: Vector2
    crop_side: Fraction

    def crop_px(self, width_px: int, height_px: int) -> tuple[float, float, float]:
        """Left and top edge, and side, of the square in an image of this size."""
        side = self.crop_side * height_px
        u, v = self.crop_centre
        return u * width_px - side / 2, v * height_px - side / 2, side


class BinContract(StrictModel):
    """An open box on the table; sizes are of the inside."""

    centre_m: Vector2
    size_m: Vector2
    wall_height_m: Positive


class ObjectsContract(StrictModel):
    """What lies in the bin.

    `random_urdfs`: the 1000 objects in PyBullet's data; those whose number ends in 0 are never
    seen in training (Quillen et al. 2018, arXiv 1802.10264). `scale` is of their size, at the same
    mass.
    """

    source: Literal["random_urdfs"]
    scale: Positive = 1.0
    count_min: Annotated[int, Field(ge=1)]
    count_max: Annotated[int, Field(ge=1, le=10)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.count_min > self.count_max:
            raise ValueError(f"count_min {self.count_min} is above count_max {self.count_max}")
        return self


class HeldWidth(StrictModel):
    """How far apart fingers rest that hold something."""

    width_min_m: Positive
    width_max_m: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.width_min_m >= self.width_max_m:
            raise ValueError(
                f"width_min_m {self.width_min_m} is not below width_max_m {self.width_max_m}"
            )
        return self


class LiftSuccess(HeldWidth):
    """Something is held above the bin, as far as the robot can tell.

    The tool is at least `height_min_m` above the table, the closed fingers stay between
    `width_min_m` and `width_max_m` apart, and the picture of the bin differs from the one at the
    beginning in at least `changed_min` of its pixels.
    """

    height_min_m: Positive
    changed_min: NonNegative
    step_penalty: NonNegative


class Randomisation(StrictModel):
    """What differs from one simulated episode to the next, each uniform in its range.

    Ranges named `_factor` multiply; a range of one value leaves a property as it is.
    """

    camera_position_m: NonNegative = 0.0
    camera_look_at_m: NonNegative = 0.0
    camera_fov_factor: Range = (1.0, 1.0)
    light_direction_rad: NonNegative = 0.0
    light_ambient: Range = (0.6, 0.6)
    colours: bool = False
    mass_factor: Range = (1.0, 1.0)
    friction: Range = (1.0, 1.0)
    latency_s: Range = (0.0, 0.0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("camera_fov_factor", "light_ambient", "mass_factor", "friction", "latency_s"):
            low, high = getattr(self, name)
            if not 0.0 <= low <= high:
                raise ValueError(f"{name}: {low} to {high} is no range from 0 up")
        return self
