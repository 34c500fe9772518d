"""The strict base of every contract model, and the small types that several of them share."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator


class StrictModel(BaseModel):
    """Refuses unknown keys, type coercion, NaN and infinity; immutable once made."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, validate_default=True
    )


Positive = Annotated[float, Field(gt=0.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Fraction = Annotated[float, Field(gt=0.0, le=1.0)]
Vector3 = Annotated[tuple[float, float, float], Strict(False)]


class Transform(StrictModel):
    """A fixed transform, parent to child (URDF convention: roll, pitch, yaw about fixed axes)."""

    xyz_m: Vector3
    rpy_rad: Vector3 = (0.0, 0.0, 0.0)


class Box(StrictModel):
    """An axis-aligned box in the robot's base frame."""

    min_m: Vector3
    max_m: Vector3

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for axis, low, high in zip("xyz", self.min_m, self.max_m, strict=True):
            if low >= high:
                raise ValueError(f"min_m {low} is not below max_m {high} on axis {axis}")
        return self
