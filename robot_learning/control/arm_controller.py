"""Requests in, joint points out: the one controller of the arm, in the driver and in process.

An action is a velocity of the tool centre point, held for one control period (`contract.actions`).
A request turns it into joint velocities at the commanded posture, and every tick gives these to the
safety gate. The next commanded motion depends on the present one and the action
alone, so the task stays Markov in joint position and velocity; and a steady action moves the tool
by action times speed times period, which a target that the arm must be able to stop at would not.
Without a fresh action the arm comes to rest within the limits.

Joint velocities may be asked for too, for motion that is to show how the joints themselves follow
(`identification`); they go the same way through the same gate.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.contract.actions import TwoSpeeds
from robot_learning.control.action import ActionKind, ExecutedAction, Request, Tick
from robot_learning.control.doubt import share_of_speed, why_refused
from robot_learning.control.homing import Homing
from robot_learning.control.motion import JointTarget
from robot_learning.control.tcp_servo import ServoCommand, TcpServo
from robot_learning.control.tool_command import gated_action, part_of, read_action, turned
from robot_learning.hardware import JointPoint, RobotState
from robot_learning.kinematics import ArmKinematics
from robot_learning.safety.gate import SafetyGate
from robot_learning.safety.state_machine import SafetyMode
from robot_learning.safety.state_watch import number, vector

Array = NDArray[np.float64]

# One lost action is bridged, the next one missing begins the stop (MoveIt Servo waits as long).
_ACTION_PERIODS = 2.0
# From this part of the force limit on the arm stops rather than press on: the limit itself latches.
_CONTACT_SHARE = 0.25
# Kinds whose numbers are followed.
_NUMBERED = (ActionKind.ACTION, ActionKind.JOINT_VELOCITY)
# From this part of full speed on, orientation and elbow are corrected at their full gain.
_FULL_CORRECTION = 0.2


class ArmController:
    """Composes kinematics, servo, homing and gate; see the module's text for the scheme."""

    def __init__(self, contract: Contract, kinematics: ArmKinematics | None = None) -> None:
        self.contract = contract
        self.kinematics = kinematics or ArmKinematics(contract.robot.arm)
        self.gate = SafetyGate(contract, self.kinematics)
        self._servo = TcpServo(self.gate.limits, self.kinematics)
        self._homing = Homing(self.gate.limits, self.kinematics)
        self._action = contract.task.action
        self._size = contract.task.action.size
        self._doubt = contract.robot.operation.doubt
        self._action_life_s = min(
            _ACTION_PERIODS * contract.control_period_s, contract.robot.rates.command_age_max_s
        )
        self._report_after_s = contract.robot.rates.command_age_max_s
        self._contact_n = _CONTACT_SHARE * contract.robot.operation.external_force_max_n
        self._rotation: Array | None = None  # orientation to hold; None: as it is at next use
        self._request = self._none()
        self._target: JointTarget | None = None
        self._on_way_home = False  # along the joint line
        self._request_s = -math.inf
        self._lost = True
        self._ticks = self._ticks_followed = 0
        self._tick_limits: list[str] = []

    @property
    def mode(self) -> SafetyMode:
        """Mode of the safety gate."""
        return self.gate.machine.mode

    @property
    def reason(self) -> str:
        """Why the mode is not ARMED; one line."""
        return self.gate.machine.reason

    @property
    def orderly(self) -> bool:
        """See `SafetyStateMachine.orderly`."""
        return self.gate.machine.orderly

    @property
    def commanded_position_rad(self) -> Array:
        """Commanded joint position, shape (7,); NaN before the first arming."""
        motion = self.gate.motion
        return np.full(7, math.nan) if motion is None else motion.position

    @property
    def at_rest(self) -> bool:
        """True when the command does not move."""
        return self.gate.at_rest

    @property
    def at_home(self) -> bool:
        """True when the command is at the home position and at rest."""
        motion = self.gate.motion
        return motion is not None and motion.at_rest and self._homing.arrived(motion.position)

    @property
    def limit_counts(self) -> dict[str, int]:
        """How often each limit acted since the controller was made, by name."""
        return dict(self.gate.limit_counts)

    @property
    def refused_count(self) -> int:
        """Requests refused since the controller was made."""
        return self.gate.refused_count

    def arm(self, state: RobotState, now_s: float) -> None:
        """Arms at the measured position; nothing of an earlier motion is kept.

        Raises:
            SafetyError: not DISARMED, state unusable, or the arm moves.
        """
        self.gate.arm(state, now_s)
        self._rotation = None
        self._request, self._request_s, self._lost = self._none(), -math.inf, True
        self._target, self._on_way_home = None, False
        self._ticks = self._ticks_followed = 0
        self._tick_limits = []

    def disarm(self, reason: str = "disarmed") -> None:
        """Orderly stop into DISARMED."""
        self.gate.disarm(reason)

    def fault(self, reason: str) -> None:
        """Latches a fault and begins the controlled stop."""
        self.gate.fault(reason)

    def estop(self, reason: str = "emergency stop") -> None:
        """Latches the emergency stop and begins the controlled stop."""
        self.gate.estop(reason)

    def reset(self, now_s: float) -> None:
        """Clears a latched fault or emergency stop into DISARMED.

        Raises:
            SafetyError: the arm moves, or the cause still holds.
        """
        self.gate.reset(now_s)

    def request(
        self,
        kind: ActionKind,
        action: Any,
        state: RobotState | None,
        now_s: float,
        doubt: float = 0.0,
    ) -> Request:
        """Takes what a source asks for the coming control period.

        Args:
            kind: what is asked.
            action: for ACTION, numbers in action units, shape (size,); values beyond 1 are clipped
                and reported, anything not finite or of another length is refused. For
                JOINT_VELOCITY rad/s, shape (7,), clipped at the limits.
            state: newest measured state, or None for no news.
            now_s: steady clock, the one that `tick` gets.
            doubt: of the policy's model about it, see `control.doubt`; it slows or stops.
        """
        self.gate.observe(state, now_s)
        size = self._size_of(kind)
        asked = vector(action, size) if kind in _NUMBERED else np.zeros(size)
        now = number(now_s)
        request = self._judge(kind, asked, now, doubt)
        self._request, self._request_s, self._lost = request, now, False
        self._ticks = self._ticks_followed = 0
        self._tick_limits = []
        self.gate.limit_counts.update(request.limits if request.accepted else ())
        return request

    def tick(self, now_s: float, state: RobotState | None, received_s: float | None = None) -> Tick:
        """The next commanded point, for one command period after `now_s`.

        Args:
            now_s: steady clock; simulated time in lockstep.
            state: newest measured state, or None; one seen before is no news.
            received_s: when `state` was received; default now.
        """
        now = number(now_s)
        target = self._target
        if not now - self._request_s <= self._action_life_s + 1e-6:
            target = None
        pressed = target is not None and self._presses(target, state)
        if pressed:
            target = None
        output = self.gate.step(now_s, state, target, received_s)
        self._ticks += 1
        self._ticks_followed += output.followed or (target is None and not pressed)
        limits = output.limits + (("contact",) if pressed else ())
        for name in limits:
            if name not in self._tick_limits:
                self._tick_limits.append(name)
        if not self._lost and now - self._request_s > self._report_after_s:
            self._lost = True
            self.gate.limit_counts["action_timeout"] += 1
            limits += ("action_timeout",)
        point = None
        if output.send and output.motion is not None:
            point = JointPoint(
                self.contract.command_period_s, output.motion.position, output.motion.velocity
            )
        machine = self.gate.machine
        return Tick(point, machine.mode, machine.reason, limits, self.gate.at_rest)

    def executed_action(self) -> ExecutedAction:
        """What became of the newest request, as far as it was carried out.

        `executed` is `gated`, its motion times the part of the ticks since then that followed it.
        """
        request = self._request
        executed = request.gated
        if not request.accepted:
            executed = np.zeros_like(request.gated)
        elif self._ticks_followed < self._ticks:
            share = self._ticks_followed / self._ticks
            if request.kind is ActionKind.JOINT_VELOCITY:
                executed = share * request.gated
            else:
                executed = part_of(self._action, request.gated, share)
        extra = tuple(name for name in self._tick_limits if name not in request.limits)
        return ExecutedAction(
            request.kind,
            request.requested,
            request.gated,
            executed,
            request.limits + extra,
            not request.accepted,
        )

    def stop_points(self) -> list[JointPoint]:
        """The verified stop behind the newest point, for the wire; see `SafetyGate`."""
        return self.gate.stop_points(self.contract.control_period_s)

    def _presses(self, target: JointTarget, state: RobotState | None) -> bool:
        """Whether the target would move the tool further against something that it touches."""
        if state is None or target.velocity_rad_s is None:
            return False
        force = np.asarray(state.wrench[:3], float)
        size = math.hypot(*force.tolist())
        if not size > self._contact_n:
            return False
        velocity = self.gate.tcp.jacobian[:3] @ target.velocity_rad_s
        return bool(velocity @ force < 0.0)

    def _size_of(self, kind: ActionKind) -> int:
        """Of a request's numbers."""
        joints = kind is ActionKind.JOINT_VELOCITY
        return len(self.contract.robot.arm.joints) if joints else self._size

    def _none(self) -> Request:
        zeros = np.zeros(self.contract.task.action.size)
        return Request(ActionKind.HOLD, True, zeros, zeros, ())

    def _judge(self, kind: ActionKind, asked: Array | None, now: float, doubt: float) -> Request:
        on_way_home, self._on_way_home = self._on_way_home, False
        home, self._target = self._target, None
        zeros = np.zeros(self._size_of(kind))
        if self.mode is not SafetyMode.ARMED:
            shown = zeros if asked is None else asked
            return Request(kind, False, shown, zeros, (f"mode_{self.mode.name.lower()}",))
        if asked is None or not math.isfinite(now):
            name = "action_malformed" if asked is None else "clock_malformed"
            self.gate.refuse(name)
            return Request(kind, False, zeros, zeros, (name,))
        share = share_of_speed(self._doubt, doubt) if kind in _NUMBERED else 1.0
        if not share:
            self.gate.refuse("doubt", why_refused(self._doubt, doubt))
            return Request(kind, False, asked, zeros, ("doubt",))
        self.gate.accept()
        if kind is ActionKind.HOLD:
            return Request(kind, True, zeros, zeros, ())
        if kind is ActionKind.HOME:
            limits = self._plan_home(home if on_way_home else None)
            return Request(kind, True, zeros, zeros, limits)
        if kind is ActionKind.JOINT_VELOCITY:
            return self._plan_joints(asked, share)
        clipped = np.clip(asked, -1.0, 1.0)
        names = ("action_range",) if (clipped != asked).any() else ()
        if share < 1.0:
            clipped, names = part_of(self._action, clipped, share), (*names, "doubt")
        if self._rotation is None:
            self._rotation = self.gate.tcp.rotation
        height_m = float(self.gate.tcp.position_m[2])
        wanted = read_action(self._action, clipped, height_m)
        command = self._plan_tool(wanted.velocity_m_s, self._rotation, wanted.spin_rad_s)
        if command.spin_rad_s:
            angle_rad = command.spin_rad_s * self.contract.control_period_s
            self._rotation = turned(self._rotation, angle_rad)
        gated = clipped
        if command.limits:
            gated = gated_action(
                self._action, clipped, command.followed_m_s, command.spin_rad_s, height_m
            )
        return Request(kind, True, asked, gated, names + command.limits)

    def _plan_joints(self, asked: Array, share: float) -> Request:
        """Joint velocities within the limits, as slow as the doubt demands."""
        self._rotation = None
        top = self.gate.limits.velocity_rad_s
        velocity = share * np.clip(asked, -top, top)
        self._target = JointTarget(velocity_rad_s=velocity)
        names = ("action_range",) if (np.abs(asked) > top).any() else ()
        if share < 1.0:
            names = (*names, "doubt")
        return Request(ActionKind.JOINT_VELOCITY, True, asked, velocity, names)

    def _plan_tool(
        self, velocity_m_s: Array, rotation: Array, spin_rad_s: float = 0.0
    ) -> ServoCommand:
        command = self._servo.plan(
            velocity_m_s,
            self.commanded_position_rad,
            self.gate.tcp,
            rotation,
            _FULL_CORRECTION * self._action.speed_max_m_s,
            spin_rad_s,
        )
        if command.joint_velocity_rad_s is not None:
            self._target = JointTarget(velocity_rad_s=command.joint_velocity_rad_s)
        return command

    def _plan_home(self, line: JointTarget | None) -> tuple[str, ...]:
        """Straight up where it is low; then along the joint line, begun at rest, or by the tool."""
        self._rotation = None
        clear_m, low_m = self.contract.clear_height_m, float(self.gate.tcp.position_m[2])
        if clear_m is not None and low_m < clear_m and isinstance(self._action, TwoSpeeds):
            up = np.array([0.0, 0.0, self._action.speed_m_s(low_m)])
            return self._plan_tool(up, self.gate.tcp.rotation).limits
        blocked = self.at_rest and not self.at_home and self._ticks_followed < self._ticks
        if line is None and not blocked:
            line = self._homing.joint_line(self.commanded_position_rad)
            if line is not None and not self.at_rest:
                return ()  # the line begins at rest
        if line is not None and not blocked:
            self._target, self._on_way_home = line, True
            return ()
        velocity = self._homing.tool_velocity(self.gate.tcp.position_m)
        return self._plan_tool(velocity, self._homing.rotation).limits
