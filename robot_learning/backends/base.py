"""What the driver needs of an arm that is reached by its maker's own interface.

The safety gate stands in front of it as it stands in front of a topic: a backend gets points that
the gate has admitted, with the verified stop behind them, and follows them; it asks for no motion
of its own. It must bring the arm to rest by means of the arm's controller when this process dies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from robot_learning.hardware import JointPoint, RobotState


class BackendError(RuntimeError):
    """The arm cannot be used; one line: what, where, what to do."""


class BackendListener(Protocol):
    """Whom a backend tells; called from its threads, so it must be quick and take its own locks."""

    def on_state(self, state: RobotState) -> None:
        """A new measurement, its stamp on the system's clock."""

    def on_fault(self, reason: str) -> None:
        """The arm does not follow any more; one line, with the maker's code where there is one."""


class ArmBackend(Protocol):
    """One arm with its gripper, behind its maker's interface.

    `connect` comes first and `close` last; nothing moves before `follow`.
    """

    def connect(self, listener: BackendListener) -> None:
        """Finds the arm, refuses a wrong one, and begins to measure. Clears no error.

        Raises:
            BackendError: no such arm, or one that the contract does not describe.
        """

    def read(self) -> RobotState | None:
        """The newest measurement; None before the first."""

    def follow(self, points: Sequence[JointPoint], stamp_s: float) -> None:
        """Replaces what the arm follows; returns at once.

        Args:
            points: as of a joint trajectory controller; past the last one it holds that point.
            stamp_s: when their time begins, on the system's clock; 0 for now.

        Raises:
            ValueError: no point, times that do not rise, or a number that is not finite.
        """

    def set_gripper(self, width_m: float, force_n: float | None) -> None:
        """Sets the gripper's target; returns at once. Without a force, the gripper's own."""

    def stop(self) -> None:
        """Waits until the arm has followed its points to their end, then sends nothing more."""

    def fault(self) -> str:
        """Why the arm does not follow; empty when nothing is wrong."""

    def clear(self) -> None:
        """Asks for the fault to be cleared and the arm made ready; returns at once.

        Only ever on a person's word. `fault` tells what came of it.
        """

    def close(self) -> None:
        """Lets go of the arm, which stays where it is; safe to call twice."""
