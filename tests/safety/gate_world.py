"""An arm that follows perfectly, and the ruler that measures what the gate let through."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np

from robot_learning.contract import load_contract
from robot_learning.hardware import RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.kinematics.arm_kinematics import turn
from robot_learning.safety.gate import SafetyGate

ROBOTS = ("panda", "fr3", "iiwa7", "gen3", "xarm7")


@cache
def contract_of(robot):
    return load_contract(robot)


@cache
def kinematics_of(robot):
    return ArmKinematics(contract_of(robot).robot.arm)


def state_at(position, stamp_s, velocity=None, wrench=None):
    velocity = np.zeros(7) if velocity is None else velocity
    wrench = np.zeros(6) if wrench is None else wrench
    return RobotState(stamp_s, position, velocity, np.zeros(7), 0.0, 0.0, 0.0, wrench)


class World:
    """A gate with a perfect arm behind it. The arm stands for one that cannot be here."""

    def __init__(self, robot="panda", start=None, contract=None):
        self.contract = contract or contract_of(robot)
        self.kinematics = kinematics_of(robot)
        self.gate = SafetyGate(self.contract, self.kinematics)
        self.period_s = self.contract.command_period_s
        self.now_s = 0.0
        self.stamps = 0
        self.points = []  # (position, elapsed_s) since the last arming
        start = self.kinematics.home_position_rad if start is None else start
        self.position, self.velocity = np.array(start), np.zeros(7)

    def state(self):
        self.stamps += 1
        return state_at(self.position, float(self.stamps), self.velocity)

    def arm(self):
        self.gate.arm(self.state(), self.now_s)
        self.points = [(self.gate.motion.position, 0.0)]

    def tick(self, target=None, dt_s=None, state="fresh", now_s=None):
        if now_s is None:
            self.now_s += self.period_s if dt_s is None else dt_s
            now_s = self.now_s
        state = self.state() if isinstance(state, str) else state
        output = self.gate.step(now_s, state, target)
        if output.motion is not None:
            # After 10 s any stop has long ended; less of the rest is still the same curve.
            self.points.append((output.motion.position, min(output.elapsed_s, 10.0)))
            self.position, self.velocity = output.motion.position, output.motion.velocity
        return output

    def rest_time_s(self):
        """Ticks without a target until the command rests; the time that takes."""
        taken = 0.0
        while not self.gate.at_rest:
            taken += self.tick(dt_s=self.period_s).elapsed_s
            assert taken < 2.0, "the arm does not come to rest"
        return taken


def measure(world):
    """Asserts every limit on the points alone, by finite differences; only rounding is allowed.

    n-th divided differences of samples of a curve, times n!, are values of its n-th derivative.
    """
    limits, kinematics = world.gate.limits, world.kinematics
    points = world.points
    tools = [kinematics.tcp_pose(q) for q, _ in points]
    for index, (q, _) in enumerate(points):
        assert np.isfinite(q).all()
        assert (q <= limits.position_max_rad + 1e-12).all()
        assert (q >= limits.position_min_rad - 1e-12).all()
        assert (tools[index][0] <= limits.box_max_m + 1e-12).all()
        assert (tools[index][0] >= limits.box_min_m - 1e-12).all()
    for index in range(1, len(points)):
        h = points[index][1]
        moved = np.linalg.norm(tools[index][0] - tools[index - 1][0])
        assert moved <= limits.tcp_speed_m_s * h + 1e-12
        turned = np.linalg.norm(turn(tools[index - 1][1], tools[index][1]))
        assert turned <= limits.tcp_angular_speed_rad_s * h + 1e-7  # log3 near 0
    tops = (limits.velocity_rad_s, limits.acceleration_rad_s2, limits.jerk_rad_s3)
    table = [q for q, _ in points]
    for order, top in enumerate(tops, start=1):
        table = [
            (b - a) / sum(h for _, h in points[i + 1 : i + 1 + order])
            for i, (a, b) in enumerate(itertools.pairwise(table))
        ]
        for i, value in enumerate(table):
            shortest = min(h for _, h in points[i + 1 : i + 1 + order])
            if shortest < 1e-5:
                continue  # nothing but rounding is left of a difference over so short a time
            rounding = 1e-14 / shortest**order * 4**order
            assert (math.factorial(order) * np.abs(value) <= top * (1 + 1e-9) + rounding).all()
