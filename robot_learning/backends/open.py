"""Backends by name."""

from __future__ import annotations

from collections.abc import Callable

from robot_learning.backends.base import ArmBackend, BackendError
from robot_learning.contract import RobotContract


def _xarm(robot: RobotContract, address: str) -> ArmBackend:
    from robot_learning.backends.xarm import XArmBackend  # the maker's SDK, only where it is used

    return XArmBackend(robot, address)


BACKENDS: dict[str, Callable[[RobotContract, str], ArmBackend]] = {"xarm": _xarm}
"""By the name that a driver's parameter has."""


def open_backend(name: str, robot: RobotContract, address: str) -> ArmBackend:
    """A backend, not yet connected.

    Args:
        name: a key of `BACKENDS`.
        robot: the contract's.
        address: where the arm's controller is, as its backend understands it.

    Raises:
        BackendError: the name or the address is not known here, or the maker's SDK is missing.
    """
    if name not in BACKENDS:
        raise BackendError(f"no backend is called {name!r}; known: {', '.join(BACKENDS)}")
    return BACKENDS[name](robot, address)
