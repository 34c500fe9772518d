"""What of a robot may touch nothing: capsules around its links, and the table it stands on.

Safety alone: it is no part of what data and policies agree on (`Contract.agreed`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from robot_learning.contract.base import Box, NonNegative, Positive, StrictModel, Vector3


class Capsule(StrictModel):
    """All points within `radius_m` of a line, in its body's frame; a sphere where it has no length.

    Attributes:
        from_m: one end of the line.
        to_m: the other end.
        radius_m: of the round tube and of its ends.
    """

    from_m: Vector3
    to_m: Vector3
    radius_m: Positive


class CollisionBody(StrictModel):
    """A rigid part of the robot.

    Attributes:
        name: what faults call it.
        frame: what it is fixed to: the arm's `base_frame`, a joint's name, or its `tcp_frame`.
        capsules: which together contain it.
        table_margin_m: its own distance from the table; by default `CollisionContract`'s.
    """

    name: str
    frame: str
    capsules: Annotated[tuple[Capsule, ...], Strict(False), Field(min_length=1)]
    table_margin_m: NonNegative | None = None


class HalfSpace(StrictModel):
    """Everything behind a plane, in the base frame; `normal` points to where the arm may be."""

    kind: Literal["half_space"]
    name: str
    point_m: Vector3
    normal: Vector3

    @model_validator(mode="after")
    def _unit(self) -> Self:
        if abs(math.hypot(*self.normal) - 1.0) > 1e-6:
            raise ValueError(f"{self.name}: normal {list(self.normal)} is not of length 1")
        return self


class BoxObstacle(Box):
    """An axis-aligned box in the base frame that the arm must not enter."""

    kind: Literal["box"]
    name: str


Obstacle = Annotated[HalfSpace | BoxObstacle, Field(discriminator="kind")]
Pair = Annotated[tuple[str, str], Strict(False)]


class CollisionContract(StrictModel):
    """Shapes, and the distances that commanded motions keep between them.

    Bodies that are fixed to one frame, or to frames with one joint between them, are never checked
    against each other: they touch by design.

    Attributes:
        self_margin_m: least distance between bodies of the robot.
        table_margin_m: least distance of a body from the table.
        bodies: of the robot.
        unchecked: pairs of bodies that cannot meet, or always nearly do.
        table: what stands around the arm.
    """

    self_margin_m: NonNegative
    table_margin_m: NonNegative
    bodies: Annotated[tuple[CollisionBody, ...], Strict(False), Field(min_length=1)]
    unchecked: Annotated[tuple[Pair, ...], Strict(False)] = ()
    table: Annotated[tuple[Obstacle, ...], Strict(False)] = ()

    @model_validator(mode="after")
    def _names(self) -> Self:
        bodies = [body.name for body in self.bodies]
        names = bodies + [part.name for part in self.table]
        if len(set(names)) != len(names):
            raise ValueError(f"names of bodies and of parts of the table repeat: {names}")
        for pair in self.unchecked:
            for name in pair:
                if name not in bodies:
                    raise ValueError(
                        f"unchecked names {name!r}, which is no body: {', '.join(bodies)}"
                    )
        return self

    def check_frames(self, frames: tuple[str, ...]) -> None:
        """Every body is fixed to a frame of the arm.

        Raises:
            ValueError: one is not.
        """
        for body in self.bodies:
            if body.frame not in frames:
                raise ValueError(
                    f"collision.bodies: frame {body.frame!r} of {body.name!r} is none of the "
                    f"arm's: {', '.join(frames)}"
                )

    def self_pairs(self, moved_by: dict[str, int]) -> Iterator[tuple[CollisionBody, CollisionBody]]:
        """Pairs of bodies to be kept apart, the one nearer to the base first.

        Args:
            moved_by: of every frame, how many joints move it.
        """
        left_out = {frozenset(pair) for pair in self.unchecked}
        ordered = sorted(self.bodies, key=lambda body: moved_by[body.frame])
        for first, second in combinations(ordered, 2):
            apart = moved_by[second.frame] - moved_by[first.frame]
            if apart > 1 and frozenset((first.name, second.name)) not in left_out:
                yield first, second
