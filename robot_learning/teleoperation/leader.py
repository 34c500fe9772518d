"""A leader arm: the arm's tool follows the leader's, once the leader is where the arm is.

A leader that stands elsewhere when the dead-man is pressed moves nothing: the arm would set off
for a pose that nobody looked at. It is brought to where the arm is first, joint by joint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robot_learning.contract import Contract
from robot_learning.contract.actions import TcpGrasp
from robot_learning.control.tool_command import Grip
from robot_learning.kinematics import ArmKinematics
from robot_learning.kinematics.arm_kinematics import turn
from robot_learning.teleoperation.deadman import DeadMan
from robot_learning.teleoperation.leader_bindings import LeaderBindings
from robot_learning.teleoperation.reading import DeviceError, PersonEvent, Reading, Wish

Array = NDArray[np.float64]


class Leader:
    """Joint states of leader and arm in, readings out."""

    def __init__(self, bindings: LeaderBindings, contract: Contract) -> None:
        """Makes one.

        Raises:
            DeviceError: the bindings have another number of joints than the arm.
        """
        names = contract.robot.arm.joint_names
        if len(bindings.joints) != len(names):
            raise DeviceError(
                f"the bindings have {len(bindings.joints)} joints, the arm {len(names)}: give one "
                "for each, in the arm's order"
            )
        self.bindings = bindings
        self._joint_names = list(names)
        self._kinematics = ArmKinematics(contract.robot.arm)
        self._action = contract.task.action
        self._deadman = DeadMan(bindings.still_max_s)
        self._leader: Array | None = None  # as the arm's joints, rad
        self._heard_s = -math.inf
        self._arm: Array | None = None
        self._engaged = False
        self._grip = Grip.LEAVE
        self._buttons: tuple[int, ...] = ()
        self._events: list[PersonEvent] = []

    def on_arm(self, position_rad: Array) -> None:
        """Where the arm is measured, rad, shape (7,)."""
        self._arm = position_rad

    def feed(self, names: Sequence[str], position_rad: Sequence[float], now_s: float) -> None:
        """The leader's joint states, in any order.

        Raises:
            DeviceError: a joint is missing, or is not finite; the leader then counts as let go.
        """
        bound = self.bindings
        extra = [part.joint for part in (bound.trigger, bound.gripper) if part is not None]
        wanted = [joint.name for joint in bound.joints] + extra
        values = dict(zip(names, position_rad, strict=False))
        missing = [name for name in wanted if name not in values]
        bad = [name for name in wanted if not math.isfinite(values.get(name, math.nan))]
        if bad:
            what = f"lacks {', '.join(missing)}" if missing else f"has no number for {bad[0]}"
            text = f"the leader's joint states {what}; they have {', '.join(names) or 'no joint'}"
            self._deadman.lose(text)
            raise DeviceError(text)
        scale = np.array([joint.scale for joint in bound.joints], np.float64)
        offset = np.array([joint.offset_rad for joint in bound.joints])
        leader = scale * np.array([values[joint.name] for joint in bound.joints]) + offset
        alive = self._leader is None or bool((leader != self._leader).any())
        self._leader, self._heard_s = leader, now_s
        if bound.gripper is not None:
            self._grip = _grip(values[bound.gripper.joint], bound.gripper.close_below,
                               bound.gripper.open_above)  # fmt: skip
        if bound.trigger is not None:
            self._hold(values[bound.trigger.joint] > bound.trigger.above, alive, now_s)
        elif alive:
            self._hold(self._pressed(), True, now_s)

    def feed_buttons(self, buttons: Sequence[int], now_s: float) -> None:
        """Pedals and buttons, as of a sensor_msgs/Joy."""
        keys = tuple(map(int, buttons))
        before = self._buttons or keys
        alive, self._buttons = keys != self._buttons, keys
        for name, button in self.bindings.events.items():
            if button < len(keys) and keys[button] and not before[button]:
                self._events.append(PersonEvent(name))
        if self.bindings.pedal is not None:
            self._hold(self._pressed(), alive, now_s)

    def reading(self, now_s: float) -> Reading:
        """See `Device`."""
        connected = 0.0 <= now_s - self._heard_s <= self.bindings.state_max_s
        if not connected and self._leader is not None:
            self._deadman.lose("the leader's joint states stopped")
        held = connected and self._deadman.held(now_s)
        if held and self._arm is None:
            self._deadman.refuse("the arm's own joint_states are not there")
            held = False
        if held and not self._engaged:
            reason = self._misaligned()
            if reason:
                self._deadman.refuse(reason)
                held = False
        self._engaged = held
        if not held:
            return Reading(False, connected and not self._deadman.silent, note=self._deadman.note)
        return self._follow(connected)

    def take_events(self) -> list[PersonEvent]:
        """See `Device`."""
        events, self._events = self._events, []
        return events

    def _pressed(self) -> bool:
        pedal = self.bindings.pedal
        return pedal is not None and pedal < len(self._buttons) and bool(self._buttons[pedal])

    def _hold(self, pressed: bool, alive: bool, now_s: float) -> None:
        self._deadman.update(pressed, alive, now_s)
        if not pressed:
            self._engaged = False

    def _misaligned(self) -> str:
        """Where the leader is not where the arm is; empty when it is."""
        assert self._leader is not None and self._arm is not None
        away = self._leader - self._arm
        worst = int(np.abs(away).argmax())
        if abs(away[worst]) > self.bindings.align_joint_rad:
            return (
                f"the leader is not where the arm is: {self._joint_names[worst]} is "
                f"{away[worst]:+.2f} rad off (at most {self.bindings.align_joint_rad}); bring it "
                "there, let the dead-man go, and press it again"
            )
        gap_m = float(np.linalg.norm(self._way()))
        if gap_m > self.bindings.align_tool_m:
            return (
                f"the leader is not where the arm is: its tool is {gap_m:.3f} m off (at most "
                f"{self.bindings.align_tool_m}); bring it there, let the dead-man go, and press "
                "it again"
            )
        return ""

    def _way(self) -> Array:
        """From the arm's tool to the leader's, m, base frame."""
        assert self._leader is not None and self._arm is not None
        tool = self._kinematics.tcp_position
        way: Array = tool(self._leader) - tool(self._arm)
        return way

    def _follow(self, connected: bool) -> Reading:
        assert self._leader is not None and self._arm is not None
        way = self._way()
        gap_m = float(np.linalg.norm(way))
        if gap_m > self.bindings.gap_max_m:
            self._engaged = False
            self._deadman.refuse(
                f"the leader ran {gap_m:.2f} m ahead (at most {self.bindings.gap_max_m}): bring it "
                "to where the arm is, let the dead-man go, and press it again"
            )
            return Reading(False, connected, note=self._deadman.note)
        part = self.bindings.gain_hz * way / self._action.speed_max_m_s
        part /= max(1.0, float(np.abs(part).max()))
        x, y, z = part.tolist()
        return Reading(True, connected, Wish((x, y, z), self._turn(), self._grip))

    def _turn(self) -> float:
        """Part of the fastest turn towards the leader's, where the task can turn."""
        if not isinstance(self._action, TcpGrasp):
            return 0.0
        assert self._leader is not None and self._arm is not None
        pose = self._kinematics.tcp_pose
        about_z = float(turn(pose(self._arm)[1], pose(self._leader)[1])[2])
        part = self.bindings.gain_hz * about_z / self._action.turn_speed_max_rad_s
        return max(-1.0, min(1.0, part))


def _grip(value: float, close_below: float, open_above: float) -> Grip:
    if value < close_below:
        return Grip.CLOSE
    return Grip.OPEN if value > open_above else Grip.LEAVE
