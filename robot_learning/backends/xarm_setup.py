"""Is this the right xArm, and what keeps it from moving: questions to its controller.

`arm` is the SDK's `XArmAPI` throughout.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from robot_learning.backends.base import BackendError
from robot_learning.backends.xarm_sdk import DONE, Address, describe
from robot_learning.contract import RobotContract

FIRMWARE_MIN = (1, 9, 0)
"""A velocity's duration needs 1.8.0, the state of the joints in one answer 1.9.0."""
VELOCITY_MODE = 4
STREAM_TIMEOUT_S, SETUP_TIMEOUT_S = 0.1, 2.0
"""How long an answer may take: while the arm moves, and while its motors are switched on."""
_MIRRORED_TYPE = 13  # an xArm 7 with other joint limits
_STATES = {3: "paused", 4: "stopped", 5: "reconfigured", 6: "being stopped"}
_LOOK_AGAIN_S = 0.05


def check_arm(arm: Any, robot: RobotContract, address: Address) -> None:
    """Refuses an arm that the contract does not describe.

    Raises:
        BackendError: another number of joints, mirrored ones, or a firmware without watchdog.
    """
    joints, where = len(robot.arm.joints), f"the controller at {address}"
    if arm.axis != joints or arm.device_type == _MIRRORED_TYPE:
        raise BackendError(
            f"{where} drives an arm of {arm.axis} joints (type {arm.device_type}); contract "
            f"{robot.name} is for {joints} joints, type 7: use that arm's own contract"
        )
    if (found := tuple(arm.version_number)) < FIRMWARE_MIN:
        has, needs = (".".join(map(str, version)) for version in (found, FIRMWARE_MIN))
        raise BackendError(
            f"{where} has firmware {has}; at least {needs} is needed, for its velocity "
            "watchdog among others: update it"
        )
    arm.set_timeout(STREAM_TIMEOUT_S)


def error_of(arm: Any) -> str | None:
    """The controller's error in one line; empty where it has none; None: it does not answer."""
    code, answer = arm.get_err_warn_code()
    if code != DONE:
        return None
    return describe(answer[0]) if answer[0] else ""


def not_ready(arm: Any) -> str:
    """Why it would not follow velocities though it has no error; empty where it would."""
    code, state = arm.get_state()
    if code == DONE and state in _STATES:
        return f"the xArm controller is {_STATES[state]} (state {state}): by UFACTORY Studio?"
    if arm.mode != VELOCITY_MODE:
        return f"the xArm controller is in mode {arm.mode}, not {VELOCITY_MODE}: by whom?"
    return ""


def make_ready(arm: Any) -> str:
    """Switches the motors on in velocity mode, at rest; why that did not succeed, or nothing."""
    steps: tuple[tuple[str, Callable[[], int]], ...] = (
        ("switch its motors on", lambda: arm.motion_enable(True)),
        ("go to velocity mode", lambda: arm.set_mode(VELOCITY_MODE)),
        ("get ready for motion", lambda: arm.set_state(0)),
    )
    arm.set_timeout(SETUP_TIMEOUT_S)
    try:
        for what, step in steps:
            if (code := step()) != DONE:
                return error_of(arm) or f"the xArm controller does not {what} (SDK code {code})"
        end_s = time.monotonic() + SETUP_TIMEOUT_S
        while True:  # its mode is known from the next report on
            error, reason = error_of(arm), not_ready(arm)
            if error is None:
                reason = "the xArm controller does not answer"
            if error or not reason or time.monotonic() > end_s:
                return error or reason
            time.sleep(_LOOK_AGAIN_S)
    finally:
        arm.set_timeout(STREAM_TIMEOUT_S)
