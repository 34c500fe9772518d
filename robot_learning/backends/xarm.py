"""The UFACTORY xArm 7 by its maker's Python SDK: joint velocity mode with the firmware's watchdog.

A thread at the contract's command rate samples what the driver sent (`VelocityStream`), sends a
velocity, and asks for the joints' state. Every velocity is for `WATCHDOG_PERIODS` command periods:
when no other follows, the controller itself sets the speed to zero, so the arm stops when this
process dies or the cable is pulled.

What the SDK (1.18.4) cannot give:

- a stamp of the measurement: the middle between question and answer is taken for it;
- measured velocities in its reports, nor positions and errors in the same one: hence the question,
  as in the maker's own ROS 2 driver. Reports, five a second, are for what changes at the controller
  (errors, state, mode, connection); while the arm moves, every answer tells that as well;
- a measured joint torque: efforts are the controller's estimates from motor currents;
- the gripper's force: always 0; its width is read ten times a second;
- the force at the flange: the optional six-axis sensor is not read, its axes and signs could not be
  tried on one. `wrench` is always 0, so no force limit acts here: set the arm's own collision
  sensitivity;
- the acceleration that velocity mode brakes with when the watchdog ends a motion.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from robot_learning.backends.base import BackendError, BackendListener
from robot_learning.backends.velocity_stream import VelocityStream
from robot_learning.backends.xarm_gripper import XArmGripper
from robot_learning.backends.xarm_sdk import DONE, open_arm, read_address
from robot_learning.backends.xarm_setup import (
    SETUP_TIMEOUT_S,
    check_arm,
    error_of,
    make_ready,
    not_ready,
)
from robot_learning.contract import RobotContract
from robot_learning.hardware import Array, JointPoint, RobotState

WATCHDOG_PERIODS = 3.0
"""Command periods for which a velocity is valid. The SDK's default, and 0, would be for ever."""
_MISSES_MAX = 3
_SETTLED_S = 0.1


class XArmBackend:
    """An `ArmBackend`. One at a time in a process: the SDK holds the port for all of them."""

    def __init__(self, robot: RobotContract, address: str) -> None:
        """Prepares it.

        Args:
            robot: the contract's.
            address: see `read_address`.

        Raises:
            BackendError: the address is none.
        """
        self._robot, self._address = robot, read_address(address)
        self._period_s = 1.0 / robot.rates.command_hz
        self._stream = VelocityStream(robot)
        self._gripper = XArmGripper(robot.gripper)
        self._arm: Any = None
        self._listener: BackendListener | None = None
        self._state: RobotState | None = None
        self._fault = ""
        self._misses: dict[str, int] = {}  # in a row, by what was asked
        self._lock = threading.Lock()  # of the stream and the fault; never held while the SDK waits
        self._idle = threading.Event()  # nothing is followed, and the last velocity was sent
        self._look = threading.Event()  # something changed at the controller
        self._clearing = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="xarm", daemon=True)

    def connect(self, listener: BackendListener) -> None:
        """See `ArmBackend`. Enables the motors where the controller has no error."""
        self._listener = listener
        try:
            self._attach()
        except BaseException:
            self.close()
            raise
        if reason := error_of(self._arm) or make_ready(self._arm):
            self._trip(reason)
        self._look.clear()
        self._thread.start()

    def read(self) -> RobotState | None:
        """See `ArmBackend`."""
        return self._state

    def follow(self, points: Sequence[JointPoint], stamp_s: float) -> None:
        """See `ArmBackend`. Does nothing while there is a fault, or no measurement yet."""
        with self._lock:
            if not self._fault and self._state is not None:
                self._idle.clear()
                self._stream.follow(points, stamp_s or time.time(), self._state.position_rad)

    def set_gripper(self, width_m: float, force_n: float | None) -> None:
        """See `ArmBackend`; the force is the gripper's own."""
        if not self._fault:
            self._gripper.set_width(width_m)

    def stop(self) -> None:
        """See `ArmBackend`."""
        while self._thread.is_alive() and not self._idle.wait(self._period_s):
            with self._lock:
                if time.time() > self._stream.end_s + _SETTLED_S:
                    self._stream.finish()

    def fault(self) -> str:
        """See `ArmBackend`."""
        return self._fault

    def clear(self) -> None:
        """See `ArmBackend`."""
        if self._fault:
            self._clearing.set()

    def close(self) -> None:
        """See `ArmBackend`; the controller is left stopped (state 4), its motors holding."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=SETUP_TIMEOUT_S)
        self._gripper.close()
        if self._arm is not None and self._arm.connected:
            if self._thread.ident is not None:
                self._arm.set_state(4)
            self._arm.disconnect()

    # The thread that speaks to the arm.

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._ending.wait(max(0.0, due_s - time.monotonic())):
            try:
                self._cycle()
            except Exception as error:
                # Whatever it was: the watchdog stops the arm now, and the driver must know.
                self._trip(f"xArm backend: {type(error).__name__}: {error}")
            due_s = max(due_s + self._period_s, time.monotonic())

    def _cycle(self) -> None:
        if self._clearing.is_set():
            self._recover()
        if self._look.is_set():
            self._look.clear()
            self._examine("", DONE)
        elif self._gripper.fault:
            self._trip(self._gripper.fault)
        with self._lock:
            following = self._stream.following and not self._fault
            velocity = self._stream.velocity(time.time())
        if following:
            self._send(velocity)
        with self._lock:
            if not self._stream.following:
                self._idle.set()
        self._measure()

    def _send(self, velocity: Array) -> None:
        code = self._arm.vc_set_joint_velocity(
            velocity.tolist(),
            is_radian=True,
            is_sync=True,
            duration=WATCHDOG_PERIODS * self._period_s,
        )
        self._answered("take a velocity", code)

    def _measure(self) -> None:
        asked_s = time.time()
        code, values = self._arm.get_joint_states(is_radian=True, num=3)
        stamp_s = (asked_s + time.time()) / 2.0
        if code == DONE and not np.isfinite(values).all():
            code = "numbers that are not finite"
        if not self._answered("say where the arm is", code):
            return
        position, velocity, effort = np.array(values, dtype=np.float64)
        state = RobotState(
            stamp_s=stamp_s,
            position_rad=position,
            velocity_rad_s=velocity,
            effort_nm=effort,
            gripper_width_m=self._gripper.width_m,
            gripper_speed_m_s=self._gripper.speed_m_s,
            gripper_force_n=0.0,
            wrench=np.zeros(6),
        )
        with self._lock:
            self._state = state
            self._stream.measured(stamp_s, position)
        assert self._listener is not None
        self._listener.on_state(state)

    def _answered(self, what: str, code: Any) -> bool:
        """Whether the controller did it; where not, looks for the reason."""
        if code == DONE:
            self._misses[what] = 0
        else:
            self._examine(what, code)
        return bool(code == DONE)

    def _examine(self, what: str, code: Any) -> None:
        """Looks for what is wrong; after `_MISSES_MAX` refusals in a row anything is."""
        if self._fault:
            return
        if not self._arm.connected:
            self._trip(f"the connection to the xArm controller at {self._address} is lost")
            return
        reason = error_of(self._arm)
        if reason is None:
            what, code = "answer", "no error code"
            self._look.set()  # or a stop would be reported without its cause
        elif not reason:
            reason = not_ready(self._arm)
        if not reason and code != DONE:
            self._misses[what] = self._misses.get(what, 0) + 1
            if self._misses[what] >= _MISSES_MAX:
                reason = f"the xArm controller at {self._address} does not {what} (SDK: {code})"
        if reason:
            self._trip(reason)

    def _trip(self, reason: str) -> None:
        with self._lock:
            if self._fault:
                return
            self._fault = reason
            self._stream.drop()
        assert self._listener is not None
        self._listener.on_fault(reason)

    def _changed(self, _: dict[str, Any]) -> None:
        """From the SDK's thread: error, state, mode or connection are others."""
        self._look.set()

    # Getting ready.

    def _attach(self) -> None:
        self._arm = arm = open_arm(self._address, reports=True)
        check_arm(arm, self._robot, self._address)
        for register in (
            arm.register_error_warn_changed_callback,
            arm.register_state_changed_callback,
            arm.register_mode_changed_callback,
            arm.register_connect_changed_callback,
        ):
            register(self._changed)
        self._gripper.connect(self._address)

    def _recover(self) -> None:
        """Clears the fault on a person's word; one that holds becomes the fault again."""
        self._clearing.clear()
        try:
            if not self._arm.connected:
                self._attach()
            elif self._gripper.fault:
                self._gripper.restore()
            self._arm.clean_error()
            self._arm.clean_warn()
            reason = make_ready(self._arm)
        except BackendError as error:
            reason = str(error)
        with self._lock:
            self._fault, self._misses = "", {}
        self._look.clear()
        if reason:
            self._trip(reason)
