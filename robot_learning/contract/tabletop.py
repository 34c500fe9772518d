"""Tasks on the table with one object, a target or both: lifting, pushing, a peg in a hole."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from robot_learning.contract.actions import TcpPick, TcpTouch
from robot_learning.contract.base import Box, NonNegative, Positive, StrictModel, Vector3
from robot_learning.contract.grasp import HeldWidth, ImageContract, Randomisation, Range, Vector2
from robot_learning.contract.task_base import StateTask

TIP_CLEARANCE_M = 0.002
"""A held peg stays so far above the table."""


class Region(StrictModel):
    """A rectangle on the table, base frame."""

    min_m: Vector2
    max_m: Vector2

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for axis, low, high in zip("xy", self.min_m, self.max_m, strict=True):
            if low >= high:
                raise ValueError(f"min_m {low} is not below max_m {high} on axis {axis}")
        return self


class BlockContract(StrictModel):
    """A block that lies on the table; `yaw_max_rad` either way from the base frame's axes."""

    size_m: Vector3
    mass_kg: Positive
    region: Region
    yaw_max_rad: NonNegative


class PegContract(StrictModel):
    """A round peg held between the fingers, upright: `below_tcp_m` of it stand out below them."""

    radius_m: Positive
    below_tcp_m: Positive
    above_tcp_m: NonNegative
    mass_kg: Positive


class SocketContract(StrictModel):
    """A block with a square hole through it, on a base that is somewhat high, fixed to the table.

    `yaw_max_rad` either way; `base_height_m` is the range of heights of the base. What the peg
    meets gives way like a compliant hand: `stiffness_n_m` and `damping_n_s_m`.
    """

    hole_width_m: Positive
    height_m: Positive
    side_m: Positive
    region: Region
    yaw_max_rad: NonNegative
    base_height_m: Range
    stiffness_n_m: Positive
    damping_n_s_m: Positive


class TabletopRandomisation(Randomisation):
    """What also differs from one simulated episode to the next.

    `position_error_m`: how far off a measured position of object or target is, each axis, the
    same for an episode, as after a calibration.
    """

    position_error_m: NonNegative = 0.0


class HeldSuccess(HeldWidth):
    """The object is held above the table, as far as the robot can tell.

    For `hold_s` its measured position is at least `height_min_m` above the table and within
    `reach_m` of the tool centre point, and the fingers rest between `width_min_m` and
    `width_max_m` apart: an empty hand closes further, an open one is wider.
    """

    height_min_m: Positive
    reach_m: Positive
    hold_s: NonNegative


class PushSuccess(StrictModel):
    """The object's measured position stays within a distance of the target for the last steps."""

    distance_max_m: Positive
    hold_steps: Annotated[int, Field(ge=1)]


class InsertedSuccess(StrictModel):
    """For `hold_s` the peg's tip is `depth_min_m` or more below the hole's measured mouth.

    And it is within `offset_max_m` of the hole's axis, so that beside the socket counts nothing.
    """

    depth_min_m: Positive
    offset_max_m: Positive
    hold_s: NonNegative


class TabletopTask(StateTask):
    """What these tasks share.

    `workspace` is a part of the robot's. On its way home the arm goes straight up first where the
    tool is below `clear_height_m`, so that it neither sweeps the table nor bends what it is in.
    `success_image` is the picture by which a classifier may judge success in the place of measured
    positions (`rewards.pixels`).
    """

    workspace: Box
    clear_height_m: float
    randomisation: TabletopRandomisation
    success_image: ImageContract | None = None


class LiftTask(TabletopTask):
    """Picking an object up from the table."""

    kind: Literal["lift"]
    action: TcpPick
    object: BlockContract
    success: HeldSuccess


class PushTask(TabletopTask):
    """Pushing an object over the table to a target, with closed fingers.

    Targets are at least `target_distance_min_m` from where the object lies at first.
    """

    kind: Literal["push"]
    action: TcpTouch
    object: BlockContract
    target: Region
    target_distance_min_m: NonNegative
    success: PushSuccess

    @property
    def has_goal(self) -> bool:
        """The target."""
        return True

    @property
    def scene(self) -> frozenset[str]:
        """Where the object is, also where no field shows it, and where it is to go."""
        return super().scene | {"object_position_m", "target_position_m"}

    @property
    def hold_steps(self) -> int:
        """Steps in a row for which the success condition must hold."""
        return self.success.hold_steps


class InsertionTask(TabletopTask):
    """Putting a held peg into a hole."""

    kind: Literal["insertion"]
    action: TcpTouch
    peg: PegContract
    socket: SocketContract
    success: InsertedSuccess

    @property
    def scene(self) -> frozenset[str]:
        """Where the hole's mouth is, also where no field shows it."""
        return super().scene | {"target_position_m"}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        peg, socket = self.peg, self.socket
        if 2 * peg.radius_m >= socket.hole_width_m:
            raise ValueError(
                f"a peg of peg.radius_m {peg.radius_m} does not fit into socket.hole_width_m "
                f"{socket.hole_width_m}"
            )
        if socket.hole_width_m >= socket.side_m:
            raise ValueError(
                f"socket.hole_width_m {socket.hole_width_m} is not below socket.side_m "
                f"{socket.side_m}"
            )
        if not 0.0 <= socket.base_height_m[0] <= socket.base_height_m[1]:
            raise ValueError(f"socket.base_height_m {socket.base_height_m} is no range from 0 up")
        if self.success.depth_min_m >= socket.height_m:
            raise ValueError(
                f"success.depth_min_m {self.success.depth_min_m} is not below socket.height_m "
                f"{socket.height_m}"
            )
        if self.randomisation.mass_factor != (1.0, 1.0):
            raise ValueError(
                f"randomisation.mass_factor {self.randomisation.mass_factor}: a held peg is part "
                "of the hand, and its mass does not vary; leave it out"
            )
        lowest = self.workspace.min_m[2] - peg.below_tcp_m
        if lowest < TIP_CLEARANCE_M:
            raise ValueError(
                f"workspace.min_m lets the peg's tip down to {lowest:.4f} m, below "
                f"{TIP_CLEARANCE_M} m above the table"
            )
        return self
