"""What must hold before a physical arm may be armed, as seen on its wire for a few seconds.

The arm does not move for it. What it finds is said as checks: what was looked at, what was found,
and what to do.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from robot_learning.contract import Contract
from robot_learning.diagnosis.check import Check, Status, fail, ok, warn
from robot_learning.hardware import RobotState
from robot_learning.kinematics import ArmKinematics

OBSERVE_S = 2.0
_RATE_SHARE_MIN = 0.5
_STAMP_OFF_MAX_S = 0.05
_AT_REST_RAD_S = 0.02
_DISK_MIN_BYTES = 1_000_000_000


class SelfTest:
    """Collects what comes for `OBSERVE_S`, then judges it.

    Args:
        contract: robot and task.
        begins_s: the present, on the steady clock.
        out: folder of the run, which must have room; None: nothing is written.
        needs_camera: whether the run acts on pictures.
    """

    def __init__(
        self, contract: Contract, begins_s: float, out: Path | None, *, needs_camera: bool
    ) -> None:
        self._contract = contract
        self._begins_s = begins_s
        self._out = out
        self._needs_camera = needs_camera
        self._received: list[float] = []
        self._stamp_off: list[float] = []
        self._stamps: list[float] = []
        self._newest: RobotState | None = None
        self._trouble = ""
        self._forces = 0
        self._pictures = 0
        self._publishers: Mapping[str, Sequence[str]] = {}

    def over(self, now_s: float) -> bool:
        """Whether it has seen enough."""
        return now_s - self._begins_s >= OBSERVE_S

    # What it is told.

    def on_state(self, state: RobotState, received_s: float, wall_s: float) -> None:
        """A measurement, by steady and system clock at its receipt."""
        self._received.append(received_s)
        self._stamps.append(state.stamp_s)
        self._stamp_off.append(wall_s - state.stamp_s)
        self._newest = state

    def on_bad_state(self, reason: str) -> None:
        """A measurement that cannot be used."""
        self._trouble = reason

    def on_wrench(self) -> None:
        """An external force was measured."""
        self._forces += 1

    def on_picture(self) -> None:
        """A usable picture of the task's camera."""
        self._pictures += 1

    def on_publishers(self, names: Mapping[str, Sequence[str]]) -> None:
        """Who publishes, by topic: `joint_states` and the arm's command topic."""
        self._publishers = names

    # What it finds.

    def checks(self) -> list[Check]:
        """Every finding, in the order in which a person would mend them."""
        found = [self._states(), self._stamps_true(), *self._arm(), *self._who(), self._force()]
        if self._needs_camera:
            found.append(self._camera())
        if self._out is not None:
            found.append(self._room(self._out))
        return found

    def _states(self) -> Check:
        name, rates = "joint states", self._contract.robot.rates
        if self._trouble:
            return fail(name, self._trouble, "mend what publishes joint_states")
        if len(self._received) < 2:
            return fail(name, "none came", "start the robot's own drivers; check the namespace")
        hz = (len(self._received) - 1) / (self._received[-1] - self._received[0] + 1e-9)
        gap_s = float(np.diff(self._received).max())
        fact = f"{hz:.0f} Hz, longest gap {gap_s * 1e3:.0f} ms"
        if hz < _RATE_SHARE_MIN * rates.state_hz or gap_s > rates.state_age_max_s:
            mend = (
                f"the contract says {rates.state_hz:.0f} Hz, {rates.state_age_max_s * 1e3:.0f} ms"
            )
            return fail(name, fact, f"{mend}: check the network, or the load of this machine")
        return ok(name, fact)

    def _stamps_true(self) -> Check:
        name = "clocks"
        if not self._stamps:
            return fail(name, "no stamps came", "start the robot's own drivers")
        off_s = float(np.median(self._stamp_off))
        if (np.diff(self._stamps) < 0.0).any():
            return fail(name, "stamps go back", "there may be two publishers of joint_states")
        fact = f"stamps are {off_s * 1e3:+.1f} ms from this machine's clock"
        if abs(off_s) > _STAMP_OFF_MAX_S:
            return fail(name, fact, "synchronise both clocks (chrony), or actions count as stale")
        return ok(name, fact)

    def _arm(self) -> list[Check]:
        state, robot = self._newest, self._contract.robot
        if state is None:
            return []
        found = []
        fastest = float(np.abs(state.velocity_rad_s).max())
        if fastest > _AT_REST_RAD_S:
            mend = "wait until it rests; who moves it?"
            found.append(fail("at rest", f"a joint moves at {fastest:.3f} rad/s", mend))
        else:
            found.append(ok("at rest", f"fastest joint {fastest:.3f} rad/s"))
        margin = robot.operation.position_margin_rad
        for joint, at in zip(robot.arm.joints, state.position_rad, strict=True):
            if not joint.position_min_rad + margin <= at <= joint.position_max_rad - margin:
                limits = f"{joint.position_min_rad} to {joint.position_max_rad}, margin {margin}"
                mend = "free-drive it back; a sign or unit that is wrong looks the same"
                found.append(fail("joint range", f"{joint.name} at {at:.3f} of {limits} rad", mend))
        tool = ArmKinematics(robot.arm).tcp_position(state.position_rad)
        box = self._contract.workspace
        where = "tool at " + ", ".join(f"{x:.3f}" for x in tool) + " m"
        if ((tool < box.min_m) | (tool > box.max_m)).any():
            mend = "it will only be let back in; free-drive it into the box, or check the contract"
            found.append(warn("workspace", f"{where}, outside", mend))
        else:
            found.append(ok("workspace", where))
        return found

    def _who(self) -> list[Check]:
        found = []
        for topic, names in self._publishers.items():
            if len(names) == 1:
                found.append(ok(f"publishers of {topic}", names[0]))
            else:
                listed = ", ".join(names) or "none"
                mend = "exactly one may: stop the others (a killed one is listed for some seconds)"
                found.append(fail(f"publishers of {topic}", listed, mend))
        return found

    def _force(self) -> Check:
        if self._forces:
            return ok("external force", f"{self._forces} measurements")
        mend = "nothing here watches contact: rely on the robot's own collision detection"
        return warn("external force", "no wrench comes", mend)

    def _camera(self) -> Check:
        if self._pictures:
            return ok("camera", f"{self._pictures} pictures")
        return fail("camera", "no usable picture came", "see the camera node's diagnostics")

    def _room(self, out: Path) -> Check:
        folder = next(path for path in (out, *out.absolute().parents) if path.exists())
        free = shutil.disk_usage(folder).free
        fact = f"{free / 1e9:.1f} GB free at {folder}"
        if free < _DISK_MIN_BYTES:
            return fail("disk", fact, "make room: incidents and episodes could not be written")
        return ok("disk", fact)


def passed(checks: Sequence[Check]) -> bool:
    """Whether an arm may be armed."""
    return all(check.status is not Status.FAIL for check in checks)
