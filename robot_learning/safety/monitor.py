"""The second layer of safety: watches everything from its own process, and can only stop.

It never moves the arm. Its word (`mode`) is heard by the driver, whose own gate works without it;
a monitor that falls silent stops the arm as well. Watchdogs count receipt on a steady clock;
stamps are a second, separate check (moveit2#772: a watchdog on stamps never fired).

Software only: not safety-rated. The certified emergency stop is the robot's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.hardware import Array, JointPoint, RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.kinematics.collision_model import CollisionModel
from robot_learning.safety.incidents import IncidentLog
from robot_learning.safety.state_machine import SafetyMode, SafetyStateMachine

# The gate keeps the limits; the monitor sees measurements, with noise and tracking error.
WORKSPACE_SLACK_M = 0.02
COLLISION_SLACK_M = 0.01
VELOCITY_SLACK = 1.1
TCP_SPEED_SLACK = 1.5
POSITION_SLACK_RAD = 0.01
CONTINUITY_MAX_RAD = 0.3
AT_REST_RAD_S = 0.02
# The driver arms, and arms again after an orderly stop of its own, within this.
DRIVER_ARMS_WITHIN_S = 2.0


@dataclass(frozen=True)
class Timeouts:
    """How long each stream may be silent, by receipt on the steady clock."""

    state_s: float
    driver_s: float

    @classmethod
    def of(cls, contract: Contract, *, lockstep: bool) -> Timeouts:
        """Real time: twice the contract's age of a state, and three reports of the driver.

        In lockstep the world stands still while nothing is commanded and the processes share the
        machine with the learner: a second is early enough.
        """
        if lockstep:
            return cls(state_s=1.5, driver_s=1.5)
        return cls(state_s=2 * contract.robot.rates.state_age_max_s, driver_s=0.35)


class SafetyMonitor:
    """Judges what it is told; `check` goes first through the watchdogs."""

    def __init__(
        self,
        contract: Contract,
        timeouts: Timeouts,
        incidents: IncidentLog,
        *,
        needs_self_test: bool = False,
    ) -> None:
        self.contract = contract
        self.timeouts = timeouts
        self.incidents = incidents
        self.machine = SafetyStateMachine()
        self._kinematics = ArmKinematics(contract.robot.arm)
        joints = contract.robot.arm.joints
        self._position_min = np.array([j.position_min_rad for j in joints]) - POSITION_SLACK_RAD
        self._position_max = np.array([j.position_max_rad for j in joints]) + POSITION_SLACK_RAD
        self._velocity_max = np.array([j.velocity_max_rad_s for j in joints]) * VELOCITY_SLACK
        box = contract.workspace
        self._box_min = np.array(box.min_m) - WORKSPACE_SLACK_M
        self._box_max = np.array(box.max_m) + WORKSPACE_SLACK_M
        self._collisions = CollisionModel(contract.robot, self._kinematics)
        self._distances = self._collisions.workspace()
        self._was_apart = np.zeros(len(self._collisions.pairs), dtype=bool)
        self._state: RobotState | None = None
        self._state_s = self._driver_s = -np.inf
        self._driver_mode = SafetyMode.DISARMED
        self._driver_reason = ""
        self._driver_armed_s = 0.0
        self._was_inside = False
        self._publishers: list[str] = []
        self._untested = "its self-test was not heard" if needs_self_test else ""

    @property
    def mode(self) -> SafetyMode:
        """What the driver may do."""
        return self.machine.mode

    def missing(self, now_s: float) -> list[str]:
        """Streams that are silent beyond their timeout."""
        late = []
        if now_s - self._state_s > self.timeouts.state_s:
            late.append("joint_states")
        if now_s - self._driver_s > self.timeouts.driver_s:
            late.append("arm_driver/state")
        return late

    # What it is told.

    def on_state(self, state: RobotState, now_s: float) -> None:
        """A measurement of the arm, finite (what is not is told by `on_bad_state`)."""
        before, self._state = self._state, state
        self._state_s = now_s
        self.incidents.add(now_s, "state", state.position_rad, state.velocity_rad_s)
        if self.mode is not SafetyMode.ARMED:
            return
        if before is not None and state.stamp_s < before.stamp_s - 1e-9:
            back_s = before.stamp_s - state.stamp_s
            self._fault(now_s, f"joint_states: the clock went back by {back_s:.3f} s; restart sim?")
            return
        reason = self._judge(state)
        if reason:
            self._fault(now_s, reason)

    def on_bad_state(self, reason: str, now_s: float) -> None:
        """A measurement that cannot be used: not finite, joints missing."""
        if self.mode is SafetyMode.ARMED:
            self._fault(now_s, reason)

    def on_wrench(self, force_n: float, now_s: float) -> None:
        """Magnitude of the external force at the flange."""
        limit = self.contract.robot.operation.external_force_max_n
        if self.mode is SafetyMode.ARMED and not force_n <= limit:
            self._fault(now_s, f"external force {force_n:.0f} N is above {limit:.0f} N: contact?")

    def on_command(self, points: Sequence[JointPoint], now_s: float) -> None:
        """A trajectory on the wire to the arm."""
        first, last = points[0].position_rad, points[-1].position_rad
        self.incidents.add(now_s, "command", first, points[0].velocity_rad_s)
        if self.mode is not SafetyMode.ARMED:
            return
        for position in (first, last):
            if not ((position >= self._position_min) & (position <= self._position_max)).all():
                self._fault(now_s, f"command beyond the maker's position limits: {_show(position)}")
                return
        if self._state is not None:
            jump = float(np.abs(first - self._state.position_rad).max())
            if jump > CONTINUITY_MAX_RAD:
                self._fault(now_s, f"command jumps {jump:.2f} rad from the measured position")

    def on_bad_command(self, reason: str, now_s: float) -> None:
        """A trajectory on the wire that no arm should get."""
        if self.mode is SafetyMode.ARMED:
            self._fault(now_s, f"on the command topic: {reason}")

    def on_driver(self, mode: SafetyMode, reason: str, now_s: float) -> None:
        """State of the driver and its gate."""
        self._driver_s = now_s
        self._driver_mode, self._driver_reason = mode, reason
        if self.mode is not SafetyMode.ARMED:
            return
        if mode is SafetyMode.ARMED:
            self._driver_armed_s = now_s
        elif mode in (SafetyMode.FAULT, SafetyMode.ESTOP):
            self._fault(now_s, f"arm_driver: {reason}")
        elif now_s - self._driver_armed_s > DRIVER_ARMS_WITHIN_S:
            self._fault(now_s, f"arm_driver does not arm: {reason or 'restarted?'}")

    def on_publishers(self, names: Sequence[str], now_s: float) -> None:
        """Who publishes on the command topic, by the graph: a slow check, never the only one."""
        self._publishers = sorted(names)
        if self.mode is SafetyMode.ARMED and len(names) > 1:
            self._fault(
                now_s,
                f"{len(names)} publishers on the command topic ({', '.join(self._publishers)}); "
                "only the driver may command the arm: stop the other one",
            )

    def on_self_test(self, failed: str) -> None:
        """The self-test of a physical arm: what failed; empty when it passed."""
        self._untested = f"the self-test failed: {failed}" if failed else ""

    def check(self, now_s: float) -> None:
        """The watchdogs; call at the driver's rate."""
        if self.mode is SafetyMode.ARMED and (late := self.missing(now_s)):
            self._fault(now_s, f"silent: {', '.join(late)}")

    # What people call.

    def estop(self, reason: str, now_s: float) -> None:
        """Stops, in every state, and latches."""
        self.machine.estop(reason)
        self.incidents.write(now_s, f"estop: {reason}")

    def disarm(self, reason: str) -> None:
        """Takes the permission to move, in good order."""
        self.machine.stop(reason, at_rest=True)

    def reset(self, now_s: float) -> str | None:
        """Clears a latched fault into DISARMED; None, or why not."""
        if self.mode not in (SafetyMode.FAULT, SafetyMode.ESTOP):
            return f"nothing to reset: the state is {self.mode.name}"
        if reason := self._not_ready(now_s):
            return reason
        self.machine.reset(at_rest=True, uncleared=None)
        return None

    def arm(self, now_s: float) -> str | None:
        """Allows motion, from DISARMED only; None, or why not."""
        if self.mode is not SafetyMode.DISARMED:
            return f"arming needs DISARMED, the state is {self.mode.name}: reset first"
        if reason := self._untested or self._not_ready(now_s):
            return reason
        if self._driver_mode in (SafetyMode.FAULT, SafetyMode.ESTOP, SafetyMode.STOPPING):
            return f"arm_driver is in {self._driver_mode.name}: {self._driver_reason}"
        assert self._state is not None
        self.machine.arm(at_rest=True)
        self._driver_armed_s = now_s
        self._was_inside = self._inside(self._state.position_rad)
        self._was_apart = self._apart(self._state.position_rad)
        return None

    def _not_ready(self, now_s: float) -> str | None:
        if late := self.missing(now_s):
            return f"not heard: {', '.join(late)}"
        assert self._state is not None
        speed = float(np.abs(self._state.velocity_rad_s).max())
        if speed > AT_REST_RAD_S:
            return f"the arm moves at {speed:.3f} rad/s; wait until it rests"
        if len(self._publishers) > 1:
            return (
                f"several publishers on the command topic: {', '.join(self._publishers)}; stop all "
                "but the driver (one that was killed is listed for some seconds)"
            )
        return None

    # Judgement.

    def _judge(self, state: RobotState) -> str:
        q, v = state.position_rad, state.velocity_rad_s
        if not ((q >= self._position_min) & (q <= self._position_max)).all():
            return f"measured position beyond the maker's limits: {_show(q)}"
        if (np.abs(v) > self._velocity_max).any():
            return f"measured velocity beyond the maker's limits: {_show(v)}"
        inside = self._inside(q)
        if self._was_inside and not inside:
            return f"the tool left the workspace: {_show(self._kinematics.tcp_position(q))} m"
        self._was_inside = inside
        apart = self._apart(q)
        met = self._was_apart & ~apart
        if met.any():
            pair = int(np.where(met, self._distances.clearance(), np.inf).argmin())
            distance = self._distances.clearance_of(pair) + self._collisions.pairs[pair].margin_m
            return f"{self._collisions.describe(pair)} are measured {distance * 1e3:.0f} mm apart"
        self._was_apart = apart
        speed = float(np.linalg.norm(self._kinematics.jacobian(q)[:3] @ v))
        limit = self.contract.robot.operation.tcp_speed_max_m_s * TCP_SPEED_SLACK
        if speed > limit:
            return f"the tool moves at {speed:.2f} m/s, above {limit:.2f} m/s"
        return ""

    def _inside(self, q: Array) -> bool:
        tcp = self._kinematics.tcp_position(q)
        return bool(((tcp >= self._box_min) & (tcp <= self._box_max)).all())

    def _apart(self, q: Array) -> NDArray[np.bool_]:
        """Which pairs of shapes keep their distance, with slack for what is measured."""
        self._distances.update(q)
        apart: NDArray[np.bool_] = self._distances.clearance() >= -COLLISION_SLACK_M
        return apart

    def _fault(self, now_s: float, reason: str) -> None:
        # The monitor's word has no stopping phase: it takes the permission, the driver stops.
        self.machine.fault(reason, at_rest=True)
        self.incidents.write(now_s, reason)


def _show(values: Array) -> str:
    return "[" + ", ".join(f"{value:.3f}" for value in values) + "]"
