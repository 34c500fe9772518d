"""What a task is: control rate, action, observation, success, episode length; one model a kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from robot_learning.contract.actions import TcpGrasp, TcpTranslation
from robot_learning.contract.base import Box, Positive, StrictModel
from robot_learning.contract.grasp import (
    BinContract,
    ImageContract,
    LiftSuccess,
    ObjectsContract,
    Randomisation,
)

ObservationField = Literal[
    "joint_position_rad",
    "joint_velocity_rad_s",
    "tcp_position_m",
    "tcp_velocity_m_s",
    "tcp_heading",
    "gripper_width_m",
    "gripper_speed_m_s",
]


class GoalContract(StrictModel):
    """Where goals are drawn from, uniformly; positions of the tool centre point."""

    box: Box


class ReachSuccess(StrictModel):
    """The tool centre point stays within a distance of the goal for the last steps."""

    distance_max_m: Positive
    hold_steps: Annotated[int, Field(ge=1)]


class Task(StrictModel):
    """What every task has, whatever robot does it.

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


class ReachTask(Task):
    """Moving the tool centre point to a goal."""

    kind: Literal["reach"]
    action: TcpTranslation
    goal: GoalContract
    success: ReachSuccess

    @property
    def hold_steps(self) -> int:
        """Steps in a row for which the success condition must hold."""
        return self.success.hold_steps


class BinGraspTask(Task):
    """Lifting any object out of a bin, by what one camera shows.

    `workspace` is a part of the robot's: where the open fingers stay clear of the bin's walls.
    """

    kind: Literal["bin_grasp"]
    action: TcpGrasp
    workspace: Box
    image: ImageContract
    bin: BinContract
    objects: ObjectsContract
    success: LiftSuccess
    randomisation: Randomisation

    @property
    def hold_steps(self) -> int:
        """Steps in a row for which the success condition must hold: it is judged at the end."""
        return 1


TASKS: dict[str, type[ReachTask] | type[BinGraspTask]] = {
    "reach": ReachTask,
    "bin_grasp": BinGraspTask,
}
"""The model of each kind of task."""

TaskContract = Annotated[ReachTask | BinGraspTask, Field(discriminator="kind")]
