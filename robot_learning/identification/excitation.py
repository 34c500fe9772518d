"""Motion that tells of an arm what it hides: one joint after the other, through the safety gate.

Each joint goes through a sum of sines of random phase (Schoukens and Pintelon, System
Identification, 2012, chapter 5) with equal speed at every frequency: slow parts show friction,
fast ones delay and stiffness. Its size is what the contract's limits and workspace leave.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.control.motion import JointTarget
from robot_learning.hardware import Hardware, JointPoint
from robot_learning.identification.recording import Command, MotionError, MotionRecording
from robot_learning.kinematics import ArmKinematics
from robot_learning.safety.gate import SafetyGate
from robot_learning.safety.limits import MotionLimits
from robot_learning.safety.state_machine import SafetyMode

Array = NDArray[np.float64]

FREQUENCIES_HZ = (0.25, 0.45, 0.8, 1.4, 2.4, 3.8)
SECONDS_PER_JOINT = 6.0
SHARE = 0.8
"""Part of every limit that the plan uses; the gate has the last word."""
_RAMP_S = 0.6
_PAUSE_S = 0.4
_PHASES = 40  # draws, of which the flattest is taken
_RETURN_HZ = 3.0  # how fast what the gate held back is made up for
_INSET_M = 0.02


@dataclass(frozen=True)
class Excitation:
    """A plan: position and velocity, each (n, 7), one row a command period."""

    position_rad: Array
    velocity_rad_s: Array


def plan_excitation(
    contract: Contract, *, seconds_per_joint: float = SECONDS_PER_JOINT, seed: int = 0
) -> Excitation:
    """Plans the motion, beginning and ending at rest at home.

    Raises:
        MotionError: it is too short to say anything.
    """
    if seconds_per_joint < 4.0 * _RAMP_S:
        raise MotionError(
            f"excite: {seconds_per_joint} s a joint is too short; give {4.0 * _RAMP_S} s or more"
        )
    kinematics = ArmKinematics(contract.robot.arm)
    limits = MotionLimits.from_robot(contract.robot, contract.workspace)
    home, period_s = kinematics.home_position_rad, contract.command_period_s
    rng = np.random.default_rng(seed)
    times: Array = np.arange(round(seconds_per_joint / period_s), dtype=float) * period_s
    pause = np.zeros(round(_PAUSE_S / period_s))
    rows = []
    for joint in range(len(home)):
        shape = _flattest(times, rng)
        size = _fitting(shape, joint, home, kinematics, limits, period_s)
        row = np.zeros((len(times) + len(pause), len(home)))
        row[:, joint] = np.concatenate((size * shape, pause))
        rows.append(row)
    position = home + np.concatenate(rows)
    return Excitation(position, np.gradient(position, period_s, axis=0))


def excite(
    hardware: Hardware,
    plan: Excitation,
    *,
    seed: int = 0,
    on_tick: Callable[[], object] = lambda: None,
) -> MotionRecording:
    """Carries a plan out, every point through a gate of its own, and records it.

    Between two looks at the state passes one command period. Times are on the clock of the
    states, whose first after a reset is taken for new.

    Raises:
        MotionError: the gate stopped the arm; says why.
        SafetyError: the arm cannot be armed.
    """
    contract = hardware.contract
    period_s = contract.command_period_s
    gate = SafetyGate(contract, ArmKinematics(contract.robot.arm))
    hardware.reset(seed)
    state = hardware.read_state()
    now_s = begins_s = state.stamp_s
    gate.arm(state, now_s)
    stamps, received, positions = [state.stamp_s], [now_s], [state.position_rad]
    commands = []
    for position, velocity in zip(plan.position_rad, plan.velocity_rad_s, strict=True):
        assert gate.motion is not None
        wanted = velocity + _RETURN_HZ * (position - gate.motion.position)
        output = gate.step(now_s, state, JointTarget(velocity_rad_s=wanted))
        if gate.machine.mode is not SafetyMode.ARMED or output.motion is None:
            hardware.write_joint_trajectory(gate.stop_points(period_s) or [_hold(gate)])
            hardware.step(contract.robot.rates.stop_time_max_s)
            raise MotionError(
                f"excite: the gate stopped the arm after {now_s - begins_s:.2f} s: "
                f"{gate.machine.reason}"
            )
        motion = output.motion
        behind = [
            JointPoint(period_s + p.time_from_start_s, p.position_rad, p.velocity_rad_s)
            for p in gate.stop_points(contract.control_period_s)
        ]
        points = (JointPoint(period_s, motion.position, motion.velocity), *behind)
        hardware.write_joint_trajectory(points)
        commands.append(Command(now_s - begins_s, points))
        hardware.step(period_s)
        now_s += period_s
        state = hardware.read_state()
        if state.stamp_s > stamps[-1]:
            stamps.append(state.stamp_s)
            received.append(now_s)
            positions.append(state.position_rad)
        on_tick()
    return MotionRecording(
        robot=contract.robot.name,
        joint_names=contract.robot.arm.joint_names,
        commands=tuple(commands),
        stamp_s=np.array(stamps) - begins_s,
        received_s=np.array(received) - begins_s,
        position_rad=np.stack(positions),
        contract=contract.model_dump(mode="json"),
        origin="sysid excite",
    )


def _hold(gate: SafetyGate) -> JointPoint:
    assert gate.motion is not None
    return JointPoint(0.1, gate.motion.position, np.zeros_like(gate.motion.position))


def _flattest(times: Array, rng: np.random.Generator) -> Array:
    """A windowed sum of sines of the least peak speed for its mean, of speed about 1 rad/s."""
    edge = np.minimum(times, times[-1] - times) / _RAMP_S
    window = np.sin(np.clip(edge, 0.0, 1.0) * np.pi / 2.0) ** 2
    frequencies = 2.0 * np.pi * np.array(FREQUENCIES_HZ)
    best, least = np.zeros_like(times), np.inf
    for _ in range(_PHASES):
        phases = rng.uniform(0.0, 2.0 * np.pi, len(frequencies))
        waves = np.sin(np.outer(times, frequencies) + phases) / frequencies
        shape = window * waves.sum(axis=1)
        speed = np.gradient(shape, times)
        crest = float(np.abs(speed).max() / np.sqrt(np.mean(speed**2)))
        if crest < least:
            best, least = shape / np.abs(speed).max(), crest
    return best


def _fitting(
    shape: Array,
    joint: int,
    home: Array,
    kinematics: ArmKinematics,
    limits: MotionLimits,
    period_s: float,
) -> float:
    """How large a joint's shape may be: speed in rad/s at its peak."""
    speed = np.gradient(shape, period_s)
    jerk_free = np.abs(np.gradient(speed, period_s)).max()
    size = SHARE * float(
        min(limits.velocity_rad_s[joint], limits.acceleration_rad_s2[joint] / jerk_free)
    )
    for _ in range(12):
        if _within(size * shape, size * speed, joint, home, kinematics, limits):
            return size
        size *= 0.8
    return size


def _within(
    shape: Array,
    speed: Array,
    joint: int,
    home: Array,
    kinematics: ArmKinematics,
    limits: MotionLimits,
) -> bool:
    low, high = limits.box_min_m + _INSET_M, limits.box_max_m - _INSET_M
    for offset, fast in zip(shape[::4], speed[::4], strict=True):
        position = home.copy()
        position[joint] += offset
        if not limits.position_min_rad[joint] < position[joint] < limits.position_max_rad[joint]:
            return False
        tool = kinematics.tcp(position)
        twist = tool.jacobian[:, joint] * fast
        if np.linalg.norm(twist[:3]) > SHARE * limits.tcp_speed_m_s:
            return False
        if np.linalg.norm(twist[3:]) > SHARE * limits.tcp_angular_speed_rad_s:
            return False
        if (tool.position_m < low).any() or (tool.position_m > high).any():
            return False
    return True
