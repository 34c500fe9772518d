"""What a robot is: joints, kinematics, the maker's limits, how it is operated, cameras, rates."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, Strict, model_validator

from robot_learning.contract.base import (
    Box,
    Fraction,
    Positive,
    StrictModel,
    Transform,
    Vector3,
)
from robot_learning.contract.calibration import CameraCalibration
from robot_learning.contract.collision import CollisionContract
from robot_learning.contract.simulation import SimulationContract

WRAP_ROOM_RAD = 0.1
"""Least distance of a continuous joint's limits from the half turn, where its angle jumps."""


class JointContract(StrictModel):
    """One revolute joint: where it sits and the maker's limits for it.

    `origin` goes from the previous joint's frame to this one; the joint turns about its own z.

    A `continuous` joint has no stops: its driver says every angle within half a turn of zero, so
    that at the half turn it jumps by a whole one. Its limits here keep the arm away from there.
    """

    name: str
    origin: Transform
    position_min_rad: float
    position_max_rad: float
    velocity_max_rad_s: Positive
    acceleration_max_rad_s2: Positive
    jerk_max_rad_s3: Positive
    effort_max_nm: Positive
    home_position_rad: float
    continuous: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.position_min_rad >= self.position_max_rad:
            raise ValueError(
                f"{self.name}: position_min_rad {self.position_min_rad} is not below "
                f"position_max_rad {self.position_max_rad}"
            )
        if not self.position_min_rad < self.home_position_rad < self.position_max_rad:
            raise ValueError(
                f"{self.name}: home_position_rad {self.home_position_rad} is outside "
                f"{self.position_min_rad} to {self.position_max_rad}"
            )
        furthest = math.pi - WRAP_ROOM_RAD
        if self.continuous and max(-self.position_min_rad, self.position_max_rad) > furthest:
            raise ValueError(
                f"{self.name}: a continuous joint's angle jumps by a whole turn at half a turn; "
                f"its limits {self.position_min_rad} to {self.position_max_rad} must be within "
                f"{-furthest:.4f} to {furthest:.4f}"
            )
        return self


class CartesianLimits(StrictModel):
    """The maker's limits of the tool centre point."""

    velocity_max_m_s: Positive
    acceleration_max_m_s2: Positive
    jerk_max_m_s3: Positive
    angular_velocity_max_rad_s: Positive
    angular_acceleration_max_rad_s2: Positive
    angular_jerk_max_rad_s3: Positive


class ArmContract(StrictModel):
    """A serial arm of seven revolute joints."""

    base_frame: str
    tcp_frame: str
    joints: Annotated[tuple[JointContract, ...], Strict(False), Field(min_length=7, max_length=7)]
    flange: Transform
    tcp: Transform
    cartesian: CartesianLimits

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names in kinematic order: the order of every joint array in this project."""
        return tuple(joint.name for joint in self.joints)

    @property
    def frames(self) -> dict[str, int]:
        """Of every frame that something can be fixed to, how many joints move it."""
        count = len(self.joints)
        joints = {name: index for index, name in enumerate(self.joint_names, start=1)}
        return {self.base_frame: 0, **joints, self.tcp_frame: count}

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if len(set(self.joint_names)) != len(self.joints):
            raise ValueError(f"joint names repeat: {list(self.joint_names)}")
        return self


class KnuckleContract(StrictModel):
    """The linkage of a gripper that one turning knuckle closes, as Robotiq's 2F grippers have it.

    Each finger hangs on two parallel links, so that it shifts and does not turn.

    Attributes:
        link_m: from the knuckle's axis to the finger's, the length of such a link.
        open_angle_rad: between a link and the way that a finger goes outwards, when it is open
            and the knuckle's joint says 0.
    """

    link_m: Positive
    open_angle_rad: Annotated[float, Field(gt=0.0, lt=math.pi)]


class GripperContract(StrictModel):
    """A parallel gripper. Everywhere but on the wire it is a width in metres between its fingers.

    On the wire it is two mirrored finger joints, each with half of the width, or with `knuckle`
    one turning joint, at 0 where the width is `width_max_m` (`GripperJoints`).
    """

    joint_names: Annotated[tuple[str, ...], Strict(False), Field(min_length=1, max_length=2)]
    width_max_m: Positive
    speed_max_m_s: Positive
    force_max_n: Positive
    knuckle: KnuckleContract | None = None

    @model_validator(mode="after")
    def _joints_fit(self) -> Self:
        wanted = 2 if self.knuckle is None else 1
        if len(self.joint_names) != wanted:
            what = "two finger joints" if wanted == 2 else "with `knuckle` one joint"
            raise ValueError(f"joint_names {list(self.joint_names)}: a gripper has {what}")
        if len(set(self.joint_names)) != wanted:
            raise ValueError(f"joint_names repeat: {list(self.joint_names)}")
        if self.knuckle is not None:
            most = 2.0 * self.knuckle.link_m * (1.0 + math.cos(self.knuckle.open_angle_rad))
            if self.width_max_m >= most:
                raise ValueError(
                    f"width_max_m {self.width_max_m}: this knuckle's links close {most:.4f} m at "
                    "most"
                )
        return self


class DoubtLimits(StrictModel):
    """What becomes of an action that its policy's model doubts.

    Doubt is a ratio: how far the members of the model disagree about what the action does, against
    what is usual on data that they were not fitted to. A policy without a model claims none.

    Attributes:
        slow_above: ratio from which on the arm is slower: at twice this, half as fast.
        stop_above: ratio above which the action is refused; in a row that latches a fault.
    """

    slow_above: Annotated[float, Field(ge=1.0)] = 3.0
    stop_above: Annotated[float, Field(ge=1.0)] = 10.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.slow_above >= self.stop_above:
            raise ValueError(
                f"slow_above {self.slow_above} is not below stop_above {self.stop_above}"
            )
        return self


class OperationContract(StrictModel):
    """How this software operates the robot: never beyond the maker's limits, always on.

    A fraction multiplies the maker's joint limit. `tcp_speed_max_m_s` is 0.25 by default, the
    reduced speed of ISO 10218-1 for work near people; this software is not safety-rated.
    """

    position_margin_rad: Positive
    velocity_fraction: Fraction
    acceleration_fraction: Fraction
    jerk_fraction: Fraction
    tcp_speed_max_m_s: Positive = 0.25
    tcp_angular_speed_max_rad_s: Positive = 1.0
    workspace: Box
    external_force_max_n: Positive
    doubt: DoubtLimits = DoubtLimits()


class RatesContract(StrictModel):
    """Rates of the hardware side and the age at which its data is no longer used."""

    command_hz: Positive
    state_hz: Positive
    state_age_max_s: Positive
    command_age_max_s: Positive
    stop_time_max_s: Positive


class CameraContract(StrictModel):
    """A fixed camera, nominally with square pixels and posed by a look-at in the base frame.

    `calibration` is what was measured of the physical one (`robot-learning calibrate`). Where it is
    given, points are projected by it, and the simulated camera has its lens, less the distortion,
    and its pose.
    """

    name: str
    width_px: Annotated[int, Field(ge=16, le=4096)]
    height_px: Annotated[int, Field(ge=16, le=4096)]
    rate_hz: Positive
    vertical_fov_rad: Annotated[float, Field(gt=0.0, lt=3.14)]
    position_m: Vector3
    look_at_m: Vector3
    age_max_s: Positive
    calibration: CameraCalibration | None = None

    @model_validator(mode="after")
    def _lens_belongs_to_this_image(self) -> Self:
        if self.calibration is None:
            return self
        lens = self.calibration.lens
        for name, middle, size in (
            ("cx_px", lens.cx_px, self.width_px),
            ("cy_px", lens.cy_px, self.height_px),
        ):
            if not 0.0 <= middle <= size - 1:
                raise ValueError(
                    f"{self.name}: calibration.lens.{name} {middle} is outside its image of "
                    f"{self.width_px} x {self.height_px} px: was it measured at another resolution?"
                )
        return self


class RobotContract(StrictModel):
    """Everything the software knows of one robot; without `collision` it sees none coming."""

    name: str
    maker: str
    limits_source: str
    arm: ArmContract
    gripper: GripperContract
    operation: OperationContract
    rates: RatesContract
    cameras: Annotated[tuple[CameraContract, ...], Strict(False)]
    simulation: SimulationContract
    collision: CollisionContract | None = None

    @model_validator(mode="after")
    def _collision_fits_arm(self) -> Self:
        if self.collision is not None:
            self.collision.check_frames(tuple(self.arm.frames))
        return self

    @model_validator(mode="after")
    def _operation_within_makers_limits(self) -> Self:
        operation, maker = self.operation, self.arm.cartesian
        if operation.tcp_speed_max_m_s > maker.velocity_max_m_s:
            raise ValueError(
                f"operation.tcp_speed_max_m_s {operation.tcp_speed_max_m_s} is above the maker's "
                f"arm.cartesian.velocity_max_m_s {maker.velocity_max_m_s}"
            )
        if operation.tcp_angular_speed_max_rad_s > maker.angular_velocity_max_rad_s:
            raise ValueError(
                "operation.tcp_angular_speed_max_rad_s "
                f"{operation.tcp_angular_speed_max_rad_s} is above the maker's "
                f"arm.cartesian.angular_velocity_max_rad_s {maker.angular_velocity_max_rad_s}"
            )
        for joint in self.arm.joints:
            margin = operation.position_margin_rad
            low, high = joint.position_min_rad + margin, joint.position_max_rad - margin
            if not low <= joint.home_position_rad <= high:
                raise ValueError(
                    f"{joint.name}: home_position_rad {joint.home_position_rad} is outside the "
                    f"limits less operation.position_margin_rad: {low} to {high}"
                )
        names = [camera.name for camera in self.cameras]
        if len(set(names)) != len(names):
            raise ValueError(f"camera names repeat: {names}")
        return self
