"""What the numbers of an action mean; each in [-1, 1], held for one control period."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from robot_learning.contract.base import NonNegative, Positive, StrictModel


class TcpTranslation(StrictModel):
    """Three numbers: a displacement of the tool centre point in the base frame.

    1 is `speed_max_m_s` times the period. The gripper is held at `gripper_width_m`.
    """

    type: Literal["tcp_translation"]
    speed_max_m_s: Positive
    gripper_width_m: NonNegative

    @property
    def size(self) -> int:
        """Length of the action vector."""
        return 3


class TwoSpeeds(StrictModel):
    """A displacement of the tool centre point in the base frame, slower near what may be touched.

    1 is `speed_max_m_s` times the period. Sideways and downwards it is `near_speed_m_s` up to the
    height `near_height_m` above the base, faster with the height from there, and `speed_max_m_s`
    from `far_height_m` on. A vector longer than 1 is shortened to 1.
    """

    speed_max_m_s: Positive
    near_speed_m_s: Positive
    near_height_m: float
    far_height_m: float

    def speed_m_s(self, height_m: float) -> float:
        """What 1 stands for sideways and downwards, at this height above the base."""
        share = (height_m - self.near_height_m) / (self.far_height_m - self.near_height_m)
        faster = self.speed_max_m_s - self.near_speed_m_s
        return self.near_speed_m_s + min(1.0, max(0.0, share)) * faster

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for low, high in (("near_speed_m_s", "speed_max_m_s"), ("near_height_m", "far_height_m")):
            if not getattr(self, low) < getattr(self, high):
                raise ValueError(
                    f"{low} {getattr(self, low)} is not below {high} {getattr(self, high)}"
                )
        return self


class TcpTouch(TwoSpeeds):
    """Three numbers: a displacement, see `TwoSpeeds`. The gripper stays at `gripper_width_m`."""

    type: Literal["tcp_touch"]
    gripper_width_m: NonNegative

    @property
    def size(self) -> int:
        """Length of the action vector."""
        return 3


class TcpPick(TwoSpeeds):
    """Four numbers: a displacement, see `TwoSpeeds`, and the gripper.

    3: from 0.5 on the gripper closes, with `gripper_force_n`; down to -0.5 it opens; in between it
    stays as it is.
    """

    type: Literal["tcp_pick"]
    gripper_force_n: Positive

    @property
    def size(self) -> int:
        """Length of the action vector."""
        return 4


class TcpGrasp(TwoSpeeds):
    """Eight numbers, the action of QT-Opt (Kalashnikov et al. 2018, arXiv 1806.10293, section 3).

    0 to 2: displacement of the tool centre point, see `TwoSpeeds`. 3 and 4:
    sine and cosine of a turn about the vertical, of which half a circle stands for
    `turn_speed_max_rad_s` times the period; both 0 is no turn. 5 and 6: close and open the gripper;
    whichever is larger, where it is above 0. 7: above 0 ends the episode, and the arm stays where
    it is.
    """

    type: Literal["tcp_grasp"]
    turn_speed_max_rad_s: Positive
    gripper_force_n: Positive

    @property
    def size(self) -> int:
        """Length of the action vector."""
        return 8
