"""What a task is: control rate, action, observation, goal, success, episode length."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from robot_learning.contract.base import Box, NonNegative, Positive, StrictModel

ObservationField = Literal[
    "joint_position_rad", "joint_velocity_rad_s", "tcp_position_m", "tcp_velocity_m_s"
]


class ActionContract(StrictModel):
    """What one unit of action means.

    `tcp_translation`: three numbers in [-1, 1], a displacement of the tool centre point in the
    base frame over one control period; 1 is `speed_max_m_s` times the period. The gripper is held
    at `gripper_width_m`.
    """

    type: Literal["tcp_translation"]
    speed_max_m_s: Positive
    gripper_width_m: NonNegative

    @property
    def size(self) -> int:
        """Length of the action vector."""
        return 3


class GoalContract(StrictModel):
    """Where goals are drawn from, uniformly; positions of the tool centre point."""

    box: Box


class SuccessContract(StrictModel):
    """The tool centre point stays within a distance of the goal for the last steps."""

    distance_max_m: Positive
    hold_steps: Annotated[int, Field(ge=1)]


class TaskContract(StrictModel):
    """A task, independent of the robot that does it.

    `terminates` says whether the task itself can end an episode before its last step; where it
    cannot, an actor need not wait for the judgement of a state before it acts on it.
    """

    name: str
    instruction: str
    control_hz: Positive
    episode_steps: Annotated[int, Field(ge=1)]
    terminates: bool
    action: ActionContract
    observation: Annotated[tuple[ObservationField, ...], Strict(False), Field(min_length=1)]
    goal: GoalContract
    success: SuccessContract
    action_age_max_s: Positive
