"""What every task has, whatever robot does it and whatever it is about."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from robot_learning.contract.actions import TcpPick, TcpTouch, TcpTranslation
from robot_learning.contract.base import Positive, StrictModel

ObservationField = Literal[
    "joint_position_rad",
    "joint_velocity_rad_s",
    "tcp_position_m",
    "tcp_velocity_m_s",
    "tcp_heading",
    "gripper_width_m",
    "gripper_speed_m_s",
    "wrench",
    "object_position_m",
    "object_offset_m",
    "object_offset_near",
    "target_offset_m",
    "target_offset_near",
]

SCENE_FIELDS: dict[str, str] = {
    "object_position_m": "object_position_m",
    "object_offset_m": "object_position_m",
    "object_offset_near": "object_position_m",
    "target_offset_m": "target_position_m",
    "target_offset_near": "target_position_m",
}
"""Fields that are not of the robot alone, and what must be known of the scene to tell them."""


class Task(StrictModel):
    """What every task has.

    `terminates` says whether the task itself can end an episode before its last step; where it
    cannot, an actor need not wait for the judgement of a state before it acts on it.
    """

    name: str
    instruction: str
    control_hz: Positive
    episode_steps: Annotated[int, Field(ge=1)]
    terminates: bool
    observation: Annotated[tuple[ObservationField, ...], Strict(False), Field(min_length=1)]
    action_age_max_s: Positive

    @property
    def has_goal(self) -> bool:
        """An episode has a goal, a position; observations then come with it."""
        return False

    @property
    def touches(self) -> bool:
        """The arm is meant to touch something, so it must feel it soon."""
        return True

    @property
    def scene(self) -> frozenset[str]:
        """What of the scene must be known beside the robot's state, by name."""
        return frozenset(SCENE_FIELDS[name] for name in self.observation if name in SCENE_FIELDS)


class StateTask(Task):
    """A task whose observation is a vector of numbers, and no picture."""

    action: TcpTranslation | TcpTouch | TcpPick

    @property
    def hold_steps(self) -> int:
        """Steps in a row at the end of an episode for which its success condition must hold.

        1 where a hold time is part of the condition.
        """
        return 1
