"""The action server of the stand-in's gripper: moves, stalls on what it holds, can be cancelled.

As franka_gripper's it ends a goal only once the fingers stand, and what it does with a second goal
meanwhile nobody should rely on: here it is refused.
"""

from __future__ import annotations

from typing import Any

from control_msgs.action import GripperCommand
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.task import Future

from robot_learning.kinematics.gripper_joints import GripperJoints

_THERE_M = 1e-4


class GripperActionServer:
    """One goal at a time, for the stand-in arm's fingers.

    Attributes:
        refused: goals that came while another was under way.
        max_effort_n: of the newest goal.
    """

    def __init__(self, node: Node, name: str, arm: Any, joints: GripperJoints) -> None:
        """Serves.

        Args:
            node: whose action it is.
            name: of the action.
            arm: the stand-in arm (`sim/stand_in.py`).
            joints: of its gripper.
        """
        self.refused, self.max_effort_n = 0, 0.0
        self._arm, self._joints = arm, joints
        self._busy = False
        self._goal: Any = None
        self._over: Future | None = None
        self._server = ActionServer(
            node,
            GripperCommand,
            name,
            self._execute,
            goal_callback=self._asked,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )

    def close(self) -> None:
        """Serves no more."""
        self._server.destroy()

    def look(self) -> None:
        """Ends the goal under way once the fingers stand, or it is to be cancelled."""
        if self._over is None or self._over.done():
            return
        state = self._arm.state(0.0)
        if self._goal.is_cancel_requested:
            self._arm.command_gripper(state.gripper_width_m)
        elif state.gripper_speed_m_s != 0.0 or not self._arm.gripper_told:
            return
        self._over.set_result(state.gripper_width_m)

    def _asked(self, _goal: GripperCommand.Goal) -> GoalResponse:
        if self._busy:
            self.refused += 1
            return GoalResponse.REJECT
        self._busy = True
        return GoalResponse.ACCEPT

    async def _execute(self, handle: Any) -> GripperCommand.Result:
        wanted = handle.request.command.position
        self.max_effort_n = handle.request.command.max_effort
        joints = [wanted] * len(self._joints.names)
        target_m = self._joints.width_m(joints)
        self._arm.command_gripper(target_m)
        self._goal, self._over = handle, Future()
        width_m = await self._over
        reached = abs(width_m - target_m) < _THERE_M
        if handle.is_cancel_requested:
            handle.canceled()
        elif reached:
            handle.succeed()
        else:
            handle.abort()
        self._goal = self._over = None
        self._busy = False
        position = float(self._joints.positions(width_m)[0])
        return GripperCommand.Result(
            position=position, effort=0.0, stalled=not reached, reached_goal=reached
        )
