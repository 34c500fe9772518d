"""What a task is: control rate, action, observation, success, episode length; one model a kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from robot_learning.contract.actions import TcpGrasp, TcpTranslation
from robot_learning.contract.base import Box, Positive, StrictModel
from robot_learning.contract.grasp import (
    BinContract,
    ImageContract,
    LiftSuccess,
    ObjectsContract,
    Randomisation,
)
from robot_learning.contract.tabletop import InsertionTask, LiftTask, PushTask, TabletopTask
from robot_learning.contract.task_base import SCENE_FIELDS, ObservationField, StateTask, Task

__all__ = [
    "SCENE_FIELDS",
    "TASKS",
    "BinGraspTask",
    "InsertionTask",
    "LiftTask",
    "ObservationField",
    "PushTask",
    "ReachTask",
    "StateTask",
    "TabletopTask",
    "Task",
    "TaskContract",
]


class GoalContract(StrictModel):
    """Where goals are drawn from, uniformly; positions of the tool centre point."""

    box: Box


class ReachSuccess(StrictModel):
    """The tool centre point stays within a distance of the goal for the last steps."""

    distance_max_m: Positive
    hold_steps: Annotated[int, Field(ge=1)]


class ReachTask(StateTask):
    """Moving the tool centre point to a goal."""

    kind: Literal["reach"]
    action: TcpTranslation
    goal: GoalContract
    success: ReachSuccess

    @property
    def has_goal(self) -> bool:
        """The target."""
        return True

    @property
    def touches(self) -> bool:
        """Targets are in the air."""
        return False

    @property
    def scene(self) -> frozenset[str]:
        """Where the target is."""
        return super().scene | {"target_position_m"}

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


TaskContract = Annotated[
    ReachTask | BinGraspTask | LiftTask | PushTask | InsertionTask, Field(discriminator="kind")
]

TASKS: dict[str, type[ReachTask | BinGraspTask | LiftTask | PushTask | InsertionTask]] = {
    "reach": ReachTask,
    "bin_grasp": BinGraspTask,
    "lift": LiftTask,
    "push": PushTask,
    "insertion": InsertionTask,
}
"""The model of each kind of task."""
