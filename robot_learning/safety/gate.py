"""The safety gate: last before the wire, in the driver's process; works when the network dies.

The gate owns the commanded motion. Every tick it asks the joint stream for the next point on
the way to the target and admits it only with a stop from there that keeps every limit
(`Envelope`) and every distance (`CollisionGuard`); otherwise the arm goes on along the stop that
was admitted before. So at every instant there is a verified way to rest, and no target, however
wrong, can do more than stop the arm. The gate is total: any floats, shapes, clock jumps and gaps
give a lawful output.

Ending without a fault: no target (rest, stays ARMED). Latched faults: state missing, stale, not
finite or far from the command; external force; clock not advancing; a stalled loop; five refused
targets in a row.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.control.joint_stream import JointStream
from robot_learning.control.motion import JointTarget, Motion
from robot_learning.hardware import JointPoint, RobotState
from robot_learning.kinematics import ArmKinematics, TcpState
from robot_learning.kinematics.collision_model import CollisionModel
from robot_learning.safety.collision_guard import CollisionGuard
from robot_learning.safety.envelope import Envelope
from robot_learning.safety.limits import MotionLimits
from robot_learning.safety.state_machine import SafetyError, SafetyMode, SafetyStateMachine
from robot_learning.safety.state_watch import StateWatch, number, vector
from robot_learning.safety.stop_profile import StopProfile

Array = NDArray[np.float64]

REFUSALS_MAX = 5  # refused requests or targets in a row that latch a fault
REST_SPEED_RAD_S = 0.05  # measured joint speed below which an arm counts as at rest
_ELAPSED_MIN_S = 1e-6
_STALL_PERIODS = 3.0
_LATE_PERIODS = 1.5


@dataclass(frozen=True, slots=True)
class GateOutput:
    """What the gate lets onto the wire at one tick.

    Attributes:
        motion: commanded motion at the tick's time plus one command period; None when disarmed.
        elapsed_s: time on the commanded curve since the point before.
        send: whether the point belongs on the wire.
        followed: whether the point heads for the target; False when it is on a stop or a hold.
        limits: names of the limits that acted in this tick.
    """

    motion: Motion | None
    elapsed_s: float
    send: bool
    followed: bool
    limits: tuple[str, ...]


class SafetyGate:
    """See the module's text.

    Attributes:
        machine: the latched state machine; the gate drives it.
        limits: the operating limits in force.
        limit_counts: how often each limit acted, by name, since the gate was made.
        refused_count: refused requests and targets since the gate was made.
    """

    def __init__(self, contract: Contract, kinematics: ArmKinematics) -> None:
        self.limits = MotionLimits.from_robot(contract.robot, contract.workspace)
        self.machine = SafetyStateMachine()
        self.limit_counts: Counter[str] = Counter()
        self.refused_count = 0
        self._kinematics = kinematics
        self._envelope = Envelope(self.limits, kinematics)
        self._guard = CollisionGuard(self.limits, CollisionModel(contract.robot, kinematics))
        self._stream = JointStream(self.limits)
        self._watch = StateWatch(contract.robot, contract.control_period_s)
        self._period_s = contract.command_period_s
        self._stall_s = max(_STALL_PERIODS * self._period_s, contract.robot.rates.state_age_max_s)
        self._refusals = 0
        self._motion: Motion | None = None
        self._tcp: TcpState | None = None
        self._stop: StopProfile | None = None
        self._stop_time_s = 0.0  # where on the stop profile the motion is
        self._wire_s = 0.0  # clock time for which the newest point was commanded
        self._active: list[str] = []

    @property
    def motion(self) -> Motion | None:
        """The commanded motion; None before the first arming."""
        return self._motion

    @property
    def tcp(self) -> TcpState:
        """The tool at the commanded motion.

        Raises:
            SafetyError: before the first arming.
        """
        if self._motion is None:
            raise SafetyError("the gate was never armed: nothing is commanded")
        if self._tcp is None:
            self._tcp = self._kinematics.tcp(self._motion.position)
        return self._tcp

    @property
    def collision_pair(self) -> str:
        """What would have met when `self_collision` or `table_collision` acted last, in words."""
        return self._guard.refused

    @property
    def at_rest(self) -> bool:
        """True when the command does not move."""
        return self._motion is None or self._motion.at_rest

    def arm(self, state: RobotState, now_s: float) -> None:
        """Arms, with the command re-seeded from the measured position.

        Raises:
            SafetyError: not DISARMED, state unusable, or the arm moves.
        """
        if self._armed:
            raise SafetyError("already armed")
        now = number(now_s)
        if not math.isfinite(now):
            raise SafetyError(f"cannot arm: the clock reads {now_s}")
        self._watch.forget()
        self._watch.update(state, now, None)
        if (problem := self._watch.problem(now, None)) is not None:
            raise SafetyError(f"cannot arm: {problem}")
        at_rest = self.at_rest and not self._watch.moving(REST_SPEED_RAD_S)
        self.machine.arm(at_rest=at_rest)
        position = np.array(state.position_rad, dtype=np.float64)
        self._hold(Motion(position, np.zeros_like(position), np.zeros_like(position)))
        self._wire_s = now
        self._refusals = 0

    def observe(self, state: RobotState | None, now_s: float) -> None:
        """Takes a state outside a tick; a bad one faults at once."""
        now = number(now_s)
        self._watch.update(state, now, None)
        self._check_state(now)

    def step(
        self,
        now_s: float,
        state: RobotState | None,
        target: JointTarget | None,
        received_s: float | None = None,
    ) -> GateOutput:
        """One tick.

        Args:
            now_s: steady clock (simulated time in lockstep), seconds.
            state: newest measured state, or None for no news.
            target: where to head for; None comes to rest.
            received_s: when `state` was received, on the clock of `now_s`; default now.
        """
        self._active = []
        now = number(now_s)
        elapsed = self._elapsed(now)
        # While nothing moves, a robot that restarted may begin its stamps anew.
        self._watch.update(state, now, received_s, restart=not self._armed and self.at_rest)
        if self._motion is None:
            return GateOutput(None, 0.0, False, False, ())
        self._check_state(now)

        followed = False
        resting = self.at_rest
        if self.machine.mode is SafetyMode.ARMED and target is not None:
            followed = self._follow(target, elapsed)
        else:
            self._brake(elapsed)
        if self.at_rest:
            self.machine.came_to_rest()
        if self._active:
            self.limit_counts.update(self._active)
        send = self.machine.mode is SafetyMode.ARMED or not resting
        return GateOutput(self._motion, elapsed, send, followed, tuple(self._active))

    def fault(self, reason: str) -> None:
        """Latches a fault and begins the controlled stop."""
        self.machine.fault(reason, at_rest=self.at_rest)

    def estop(self, reason: str) -> None:
        """Latches the emergency stop and begins the controlled stop."""
        self.machine.estop(reason)

    def disarm(self, reason: str) -> None:
        """Orderly stop into DISARMED."""
        self.machine.stop(reason, at_rest=self.at_rest)

    def reset(self, now_s: float) -> None:
        """Clears a latched fault or emergency stop into DISARMED; motion never resumes.

        Raises:
            SafetyError: the arm moves, or the state stream is not healthy.
        """
        at_rest = self.at_rest and not self._watch.moving(REST_SPEED_RAD_S)
        self.machine.reset(at_rest=at_rest, uncleared=self._watch.problem(number(now_s), None))
        self._refusals = 0

    def refuse(self, name: str, why: str = "check what sends them") -> None:
        """Counts a refused request or target; several in a row latch a fault, which says why."""
        self._refusals += 1
        self.refused_count += 1
        self.limit_counts[name] += 1
        if self._refusals >= REFUSALS_MAX:
            self.fault(
                f"{self._refusals} refused requests in a row, the last one for {name}: {why}"
            )

    def accept(self) -> None:
        """Ends a row of refusals."""
        self._refusals = 0

    def stop_points(self, spacing_s: float) -> list[JointPoint]:
        """The verified stop from the newest point, to put on the wire behind it.

        With it the arm comes to rest even when this process dies. Times count from the newest
        point; the list is empty when the command is at rest.
        """
        if self._stop is None or self.at_rest:
            return []
        points, left = [], self._stop.duration_s - self._stop_time_s
        count = max(1, math.ceil(left / spacing_s))
        for index in range(1, count + 1):
            motion = self._stop.at(self._stop_time_s + left * index / count)
            if index == count:
                motion = self._stop.at(math.inf)
            points.append(JointPoint(left * index / count, motion.position, motion.velocity))
        return points

    def _elapsed(self, now: float) -> float:
        """Advances the commanded curve's clock; faults when time does not pass as it should."""
        elapsed = now + self._period_s - self._wire_s
        if not elapsed >= _ELAPSED_MIN_S:  # also NaN
            if self._armed:
                self.fault(
                    f"the driver's clock did not advance (by {elapsed - self._period_s:.6f} s): "
                    "check the clock source"
                )
            elapsed = self._period_s  # some time did pass; the stop must go on
        elif elapsed > self._stall_s + _ELAPSED_MIN_S and self._armed:
            self.fault(
                f"the driver's loop stalled for {elapsed:.3f} s (limit {self._stall_s:.3f} s): "
                "check the load of the machine"
            )
        if math.isfinite(now):
            self._wire_s = now + self._period_s
        return elapsed

    @property
    def _armed(self) -> bool:
        return self.machine.mode is SafetyMode.ARMED

    def _check_state(self, now: float) -> None:
        if self._armed and self._motion is not None:
            problem = self._watch.problem(now, self._motion.position)
            if problem is not None:
                self.fault(problem)

    def _follow(self, target: JointTarget, elapsed_s: float) -> bool:
        lawful = self._lawful(target)
        if lawful is None:
            self._active.append("target_refused")
            self.refuse("target_refused")
            self._brake(elapsed_s)
            return False
        if elapsed_s > _LATE_PERIODS * self._period_s:
            # The wire carried the stop meanwhile; go on from where that has brought the arm.
            if not self.at_rest:
                self._active.append("late")
            self._brake(elapsed_s - self._period_s)
            elapsed_s = self._period_s
        assert self._motion is not None
        after = self._stream.next(self._motion, lawful, elapsed_s)
        if after is None:
            self._active.append("no_trajectory")
            self._brake(elapsed_s)
            return False
        stop = StopProfile(after, self.limits)
        there = self._kinematics.tcp(after.position)
        reason = self._envelope.refuse(
            self._motion, self.tcp, after, there, stop, elapsed_s
        ) or self._guard.refuse(self._motion, after, stop, elapsed_s)
        if reason is not None:
            self._active.append(reason)
            self._brake(elapsed_s)
            return False
        self._motion, self._tcp, self._stop, self._stop_time_s = after, there, stop, 0.0
        return True

    def _lawful(self, target: JointTarget) -> JointTarget | None:
        """The target within the joint limits; None when it is not made of finite numbers."""
        joints = len(self.limits.velocity_rad_s)
        if target.velocity_rad_s is not None:
            velocity = vector(target.velocity_rad_s, joints)
            if velocity is None:
                return None
            top = self.limits.velocity_rad_s
            if not (np.abs(velocity) <= top).all():
                self._active.append("joint_velocity")
                velocity = np.clip(velocity, -top, top)
            return JointTarget(velocity_rad_s=velocity)
        position, fraction = vector(target.position_rad, joints), number(target.speed_fraction)
        if position is None or not 0.0 < fraction <= 1.0:
            return None
        low, high = self.limits.position_min_rad, self.limits.position_max_rad
        if (position < low).any() or (position > high).any():
            self._active.append("joint_position")
            position = np.clip(position, low, high)
        return JointTarget(position_rad=position, speed_fraction=fraction)

    def _brake(self, elapsed_s: float) -> None:
        """Goes on along the stop that was verified with the newest admitted motion."""
        if self._stop is None or self.at_rest:
            return
        self._stop_time_s += elapsed_s
        self._motion, self._tcp = self._stop.at(self._stop_time_s), None

    def _hold(self, motion: Motion) -> None:
        self._motion, self._tcp = motion, None
        self._stop, self._stop_time_s = StopProfile(motion, self.limits), 0.0
