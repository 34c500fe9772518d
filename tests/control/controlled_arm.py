"""A controller with a perfect arm behind it, driven one control period at a time."""

from __future__ import annotations

from functools import cache

import numpy as np

from robot_learning.contract import load_contract
from robot_learning.control.action import ActionKind
from robot_learning.control.arm_controller import ArmController
from robot_learning.hardware import RobotState
from robot_learning.kinematics import InverseKinematicsError


@cache
def contract_of(robot, task):
    return load_contract(robot, task)


class ControlledArm:
    """The arm stands for one that cannot be here; it is where its command is."""

    def __init__(self, robot="panda", start=None, task="reach"):
        self.contract = contract_of(robot, task)
        self.controller = ArmController(self.contract)
        self.kinematics = self.controller.kinematics
        home = self.kinematics.home_position_rad
        self.position, self.velocity = np.array(home if start is None else start), np.zeros(7)
        self.now_s = 0.0
        self.wrench = np.zeros(6)
        self.tools, self.tool_velocities = [], []

    def state(self):
        return RobotState(
            self.now_s + 1.0,
            self.position,
            self.velocity,
            np.zeros(7),
            0.0,
            0.0,
            0.0,
            self.wrench,
        )

    def arm(self):
        self.controller.arm(self.state(), self.now_s)
        return self

    def ticks(self, count):
        limits = ()
        for _ in range(count):
            tick = self.controller.tick(self.now_s, self.state())
            if tick.point is not None:
                self.position, self.velocity = tick.point.position_rad, tick.point.velocity_rad_s
            tcp = self.kinematics.tcp(self.position)
            self.tools.append(tcp.position_m)
            self.tool_velocities.append(tcp.jacobian @ self.velocity)
            self.now_s += self.contract.command_period_s
            limits += tick.limits
        return limits

    def period(self, action=None, kind=ActionKind.ACTION):
        """One control period; returns what was executed."""
        self.controller.request(kind, action, self.state(), self.now_s)
        self.ticks(self.contract.commands_per_action)
        return self.controller.executed_action()

    def hold(self, periods=10):
        for _ in range(periods):
            self.period(kind=ActionKind.HOLD)

    def go_home(self, periods_max):
        for count in range(periods_max):
            if self.controller.at_home:
                return count
            self.period(kind=ActionKind.HOME)
        raise AssertionError(f"not at home after {periods_max} periods")

    def posture(self, place):
        """Joint position with the tool at `place`, pointing as at home; None when out of reach."""
        home = self.kinematics.home_position_rad
        rotation = self.kinematics.tcp_pose(home)[1]
        try:
            q = self.kinematics.inverse(np.array(place), rotation, home, iterations_max=80)
        except InverseKinematicsError:
            return None
        limits = self.controller.gate.limits
        inside = (q >= limits.position_min_rad).all() and (q <= limits.position_max_rad).all()
        return q if inside else None
