"""Robot and task together: the one thing that data, policies and running nodes must agree on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Self

from pydantic import model_validator

from robot_learning.contract.base import StrictModel
from robot_learning.contract.errors import ContractError
from robot_learning.contract.robot import RobotContract
from robot_learning.contract.task import TaskContract


class Contract(StrictModel):
    """A robot doing a task."""

    robot: RobotContract
    task: TaskContract

    @model_validator(mode="after")
    def _task_fits_robot(self) -> Self:
        goal, workspace = self.task.goal.box, self.robot.operation.workspace
        for axis in range(3):
            if not (
                workspace.min_m[axis] <= goal.min_m[axis]
                and goal.max_m[axis] <= workspace.max_m[axis]
            ):
                raise ValueError(
                    f"task.goal.box leaves robot.operation.workspace on axis {'xyz'[axis]}: "
                    f"{goal.min_m[axis]} to {goal.max_m[axis]} against "
                    f"{workspace.min_m[axis]} to {workspace.max_m[axis]}"
                )
        if self.task.action.speed_max_m_s > self.robot.operation.tcp_speed_max_m_s:
            raise ValueError(
                f"task.action.speed_max_m_s {self.task.action.speed_max_m_s} is above "
                f"robot.operation.tcp_speed_max_m_s {self.robot.operation.tcp_speed_max_m_s}"
            )
        ratio = self.robot.rates.command_hz / self.task.control_hz
        if ratio < 1 or abs(ratio - round(ratio)) > 1e-9:
            raise ValueError(
                f"robot.rates.command_hz {self.robot.rates.command_hz} is not a whole multiple of "
                f"task.control_hz {self.task.control_hz}"
            )
        return self

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical JSON: sorted keys, no spaces, shortest exact floats."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def control_period_s(self) -> float:
        """Time between two actions of the policy."""
        return 1.0 / self.task.control_hz

    @property
    def command_period_s(self) -> float:
        """Time between two commanded points on the wire."""
        return 1.0 / self.robot.rates.command_hz

    @property
    def commands_per_action(self) -> int:
        """Commanded points during one action."""
        return round(self.robot.rates.command_hz / self.task.control_hz)


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walks nested mappings and lists; yields (dotted key, leaf value)."""
    if isinstance(value, dict):
        for key in sorted(value):
            yield from flatten(value[key], f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for index, item in enumerate(value):
            yield from flatten(item, f"{prefix}.{index}")
    else:
        yield prefix, value


def differences(left: Contract, right: Contract) -> list[tuple[str, Any, Any]]:
    """Keys on which two contracts differ: (dotted key, left value, right value), sorted."""
    a = dict(flatten(left.model_dump(mode="json")))
    b = dict(flatten(right.model_dump(mode="json")))
    return [(key, a.get(key), b.get(key)) for key in sorted(a | b) if a.get(key) != b.get(key)]


def require_same(expected: Contract, found: Contract, what: str) -> None:
    """Refuses data or a policy made for another contract.

    Args:
        expected: the contract in force.
        found: the contract that `what` was made for.
        what: what carries the other contract, for the message.

    Raises:
        ContractError: naming up to six keys that differ.
    """
    if expected.sha256 == found.sha256:
        return
    rows = differences(expected, found)
    shown = "; ".join(f"{key}: {ours!r} here, {theirs!r} there" for key, ours, theirs in rows[:6])
    more = f" and {len(rows) - 6} more" if len(rows) > 6 else ""
    raise ContractError(
        f"{what} was made for another contract ({found.sha256[:12]}, here "
        f"{expected.sha256[:12]}): {shown}{more}"
    )
